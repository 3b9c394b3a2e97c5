"""Replies as octets (RFC 5321 4.2), and those that the session gives of itself."""

from __future__ import annotations

from smtpeter.message.status import Reply


def encode(reply: Reply) -> bytes:
    """The reply's lines; each bears the enhanced status code (RFC 2034 4)."""
    prefix = f" {reply.enhanced} " if reply.enhanced else " "
    if "\n" not in reply.text:
        return f"{reply.code}{prefix}{reply.text}\r\n".encode()
    *lines, last = reply.text.split("\n")
    prefix = prefix[1:]
    text = "".join(f"{reply.code}-{prefix}{line}\r\n" for line in lines)
    return f"{text}{reply.code} {prefix}{last}\r\n".encode()


LOCAL_TROUBLE = Reply(451, "4.3.0", "Local trouble, try again later")
BAD_SEQUENCE = Reply(503, "5.5.1", "Bad sequence of commands")
SHUTTING_DOWN = Reply(421, "4.3.2", "Shutting down, try again soon")
TIMEOUT = Reply(421, "4.4.2", "Timeout")
TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "Too many connections, try again later")
