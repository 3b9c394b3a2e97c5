"""What tests of real mail clients share: a content that is easily harmed, a way to run a program, and the proof
that the message came through as it was, by the login that was given.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.kit.daemon import Daemon, Login
from tests.kit.sink import Received, Sink

SENDER = "news@sender.example"
CONTENT = (
    "From: The Harbour Letter <news@sender.example>\r\n"
    "To: Reader <reader@example.net>\r\n"
    "Subject: =?utf-8?q?d=C3=A9j=C3=A0?= vu,\r\n"
    "\tfolded with a tab\r\n"
    "X-Spaces:   kept  as they are \r\n"
    "Date: Sun, 22 Mar 2026 10:00:00 +0100\r\n"
    "Message-ID: <spring@sender.example>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "\r\n"
    ".a dot first\r\n"
    "..two\r\n"
    ".\r\n"
    "From the start of a line\r\n"
    "d\u00e9j\u00e0 vu, \u7279\u6b8a, trailing blanks  \r\n"
    "\r\n" + "x" * 998 + "\r\n"
    "\r\n"
).encode()
_RECEIVED = re.compile(rb"Received: from [^\n]*\r\n(?:[ \t][^\n]*\r\n)+")


def run(
    *command: str | Path,
    stdin: bytes = b"",
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """A client to its end; it must succeed. What it said, on both channels."""
    ended = subprocess.run(
        command,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
    )
    said = ended.stdout.decode("utf-8", "replace")
    assert ended.returncode == 0, said
    return said


def arrived(sink: Sink, server: Daemon, login: Login, recipient: str) -> Received:
    """The message for a recipient, once it is there; accepted from this login, by ESMTP with TLS and AUTH."""
    message = sink.wait_for(recipient)
    [attempt] = server.events("--kind", "attempt", "--recipient", recipient)
    assert attempt["data"]["login"] == login.username
    assert attempt["data"]["envelope"] == message.return_path == SENDER
    assert "TLSv1." in attempt["data"]["client"]
    trace = _RECEIVED.match(message.content)
    assert trace, message.content[:300]
    assert re.search(rb"\twith (?:UTF8SMTPSA|ESMTPSA) id ", trace[0]), trace[0]
    return message


def without_trace(message: Received) -> bytes:
    """The content below our own Received field."""
    return _RECEIVED.sub(b"", message.content, count=1)
