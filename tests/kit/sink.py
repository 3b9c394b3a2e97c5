"""A receiving mail host with moods: plain sockets and threads, none of the project's own code.

It records every connection, command, envelope and content octet, and answers as its rules say: the first rule
that fits the stage (and recipient) and is not used up gives the answer; without one the host is willing.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from tests.kit.loopback import free_port
from tests.kit.moods import Action, Answer, Dripping, Rule, Slow, Stage, greylisted, is_positive

__all__ = ["Action", "Answer", "Dripping", "Received", "Rule", "Sink", "Slow", "Stage", "greylisted"]

EXTENSIONS = ("PIPELINING", "SIZE 20971520", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8")
WILLING = {
    "greeting": "220 sink.example ESMTP",
    "helo": "250 sink.example",
    "mail": "250 2.1.0 Sender ok",
    "rcpt": "250 2.1.5 Recipient ok",
    "data": "354 Go ahead",
    "content": "250 2.0.0 Taken",
    "rset": "250 2.0.0 Reset",
    "noop": "250 2.0.0 Ok",
    "vrfy": "252 2.5.2 Try it",
    "quit": "221 2.0.0 Bye",
    "starttls": "220 2.0.0 Go ahead",
}


@dataclass(frozen=True, slots=True)
class Received:
    """One message taken with 250. `mail` and `rcpt` are the commands' arguments, parameters included."""

    return_path: str
    recipients: tuple[str, ...]
    content: bytes
    mail: str
    rcpt: tuple[str, ...]
    helo: str
    tls: str | None
    connection: Connection


@dataclass(eq=False)
class Connection:
    """What one client did, as it happens."""

    peer: tuple[str, int]
    number: int
    commands: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    messages: list[Received] = field(default_factory=list)
    tls: str | None = None
    contents: int = 0  # how many times a whole content arrived, whatever was answered
    over: bool = False


class Sink:
    """The host. A context manager; `port` is chosen unless given; `messages` and `connections` in order of arrival."""

    def __init__(
        self,
        *rules: Rule,
        extensions: Sequence[str] = EXTENSIONS,
        tls: ssl.SSLContext | None = None,
        address: str = "127.0.0.1",
        port: int | None = None,
    ) -> None:
        self.rules = list(rules)
        self.extensions = tuple(extensions)
        self.tls = tls
        self.address = address
        self.port = port or free_port(address)
        self.connections: list[Connection] = []
        self.messages: list[Received] = []
        self.most_at_once = 0
        self._changed = threading.Condition()
        self._used: Counter[tuple[int, str]] = Counter()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._conversations: set[_Conversation] = set()

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.address, self.port), backlog=100)
        self._accepting = threading.Thread(target=self._accept, name=f"sink {self.port}", daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(5)
        self._listener.close()
        with self._changed:
            for conversation in self._conversations:
                conversation.cut()
        for thread in self._threads:
            thread.join(5)

    def wait(self, count: int = 1, within: float = 60.0) -> list[Received]:
        """The messages, once there are `count` of them."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.messages) >= count, within):
                raise AssertionError(
                    f"{len(self.messages)} of {count} messages came within {within} s\n{self.transcript()}"
                )
            return list(self.messages)

    def wait_for(self, recipient: str, within: float = 60.0) -> Received:
        """The first message for this recipient, once it is there."""

        def found() -> Received | None:
            return next((message for message in self.messages if recipient in message.recipients), None)

        with self._changed:
            message = self._changed.wait_for(found, within)
        if message is None:
            raise AssertionError(f"nothing for {recipient} came within {within} s\n{self.transcript()}")
        return message

    def used_up(self) -> bool:
        """Whether all rules that are for so many times have been used so often."""
        with self._changed:
            return all(
                rule.times is None or self._used[number, ""] >= rule.times
                for number, rule in enumerate(self.rules)
            )

    def transcript(self) -> str:
        """All that was said, a line each."""
        return "\n".join(
            f"[{connection.number}] {line}"
            for connection in self.connections
            for line in (*connection.commands, *(f"-> {reply}" for reply in connection.replies))
        )

    # What the conversations call.

    def answer_to(self, stage: Stage, recipients: Sequence[str]) -> Answer:
        with self._changed:
            for number, rule in enumerate(self.rules):
                text = " ".join(recipients)
                if rule.stage is not stage or (rule.recipient and not re.search(rule.recipient, text)):
                    continue
                key = (number, text if rule.each else "")
                if rule.times is None or self._used[key] < rule.times:
                    self._used[key] += 1
                    return rule.answer
        return WILLING.get(stage.value, "")

    def take(self, message: Received) -> None:
        with self._changed:
            self.messages.append(message)
            message.connection.messages.append(message)
            self._changed.notify_all()

    def pause(self, seconds: float | None) -> None:
        """Wait, but not beyond the sink's own end."""
        self._stopping.wait(seconds)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                accepted, peer = self._listener.accept()
            except OSError:
                return
            with self._changed:
                connection = Connection(peer, len(self.connections))
                self.connections.append(connection)
                conversation = _Conversation(self, accepted, connection)
                self._conversations.add(conversation)
                at_once = sum(not other.over for other in self.connections)
                self.most_at_once = max(self.most_at_once, at_once)
            thread = threading.Thread(target=self._serve, args=(conversation, connection), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, conversation: _Conversation, connection: Connection) -> None:
        try:
            conversation.run()
        except (_Over, OSError):
            pass  # the client's or the sink's end: both are recorded
        finally:
            with self._changed:
                self._conversations.discard(conversation)
                connection.over = True
                self._changed.notify_all()
            conversation.close()


class _Over(Exception):
    """The conversation ends here."""


class _Conversation:
    """One connection's dialogue, straight down."""

    def __init__(self, sink: Sink, accepted: socket.socket, connection: Connection) -> None:
        self._sink = sink
        self._socket = accepted
        self._connection = connection
        self._buffer = b""
        self._helo = ""
        self._reset()

    def close(self) -> None:
        self._socket.close()

    def cut(self) -> None:
        """End it from another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        self._answer(Stage.GREETING)
        while True:
            line = self._line().decode("utf-8", "surrogateescape")
            self._connection.commands.append(line)
            verb, _, argument = line.partition(" ")
            handler = getattr(self, f"_on_{verb.lower()}", None)
            if handler is None:
                self._reply("500 5.5.2 What?")
            else:
                handler(argument)

    def _reset(self) -> None:
        self._mail: str | None = None
        self._rcpt: list[str] = []

    def _on_ehlo(self, argument: str) -> None:
        self._helo = argument
        self._reset()
        offered = list(self._sink.extensions)
        if self._sink.tls and not self._connection.tls:
            offered.append("STARTTLS")
        self._answer(
            Stage.EHLO, willing="\n".join(["250 sink.example", *(f"250 {each}" for each in offered)])
        )

    def _on_helo(self, argument: str) -> None:
        self._helo = argument
        self._reset()
        self._answer(Stage.HELO)

    def _on_starttls(self, _: str) -> None:
        if self._sink.tls is None:
            self._reply("502 5.5.1 No TLS here")
            return
        if not self._answer(Stage.STARTTLS):
            return
        answer = self._sink.answer_to(Stage.HANDSHAKE, ())
        if answer:
            self._give(answer)
            raise _Over
        wrapped = self._sink.tls.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
        self._socket = wrapped
        wrapped.do_handshake()
        self._connection.tls = wrapped.version()
        self._buffer = b""
        self._reset()

    def _on_mail(self, argument: str) -> None:
        if self._answer(Stage.MAIL):
            self._mail, self._rcpt = argument, []

    def _on_rcpt(self, argument: str) -> None:
        if self._mail is None:
            self._reply("503 5.5.1 MAIL first")
        elif self._answer(Stage.RCPT, _path(argument)):
            self._rcpt.append(argument)

    def _on_data(self, _: str) -> None:
        recipients = tuple(map(_path, self._rcpt))
        if self._mail is None or not recipients:
            self._reply("503 5.5.1 RCPT first" if self._mail is None else "554 5.5.1 No valid recipients")
            return
        if not self._answer(Stage.DATA, *recipients):
            return
        content = self._content()
        self._connection.contents += 1
        answer = self._sink.answer_to(Stage.CONTENT, recipients)
        if is_positive(answer):
            message = Received(
                return_path=_path(self._mail),
                recipients=recipients,
                content=content,
                mail=self._mail,
                rcpt=tuple(self._rcpt),
                helo=self._helo,
                tls=self._connection.tls,
                connection=self._connection,
            )
            self._sink.take(message)
        self._reset()
        self._give(answer)

    def _on_rset(self, _: str) -> None:
        self._reset()
        self._answer(Stage.RSET)

    def _on_noop(self, _: str) -> None:
        self._answer(Stage.NOOP)

    def _on_vrfy(self, _: str) -> None:
        self._reply(WILLING["vrfy"])

    def _on_quit(self, _: str) -> None:
        self._answer(Stage.QUIT)
        raise _Over

    def _answer(self, stage: Stage, *recipients: str, willing: str = "") -> bool:
        """Answer as the rules say; whether that was a yes (2xx, 3xx)."""
        answer = self._sink.answer_to(stage, recipients) or willing
        self._give(answer)
        return is_positive(answer)

    def _give(self, answer: Answer) -> None:
        match answer:
            case Action.DROP:
                raise _Over
            case Action.RESET:
                linger = struct.pack("ii", 1, 0)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                raise _Over
            case Action.HALF_CLOSE:
                self._socket.shutdown(socket.SHUT_WR)
                while self._socket.recv(65536):
                    pass
                raise _Over
            case Action.SILENCE:
                self._sink.pause(None)
                raise _Over
            case Slow(reply, seconds):
                self._sink.pause(seconds)
                self._reply(reply)
            case Dripping(reply, seconds):
                for octet in _wire(reply):
                    self._socket.sendall(bytes([octet]))
                    self._sink.pause(seconds)
            case bytes():
                self._socket.sendall(answer)
            case str():
                self._reply(answer)

    def _reply(self, reply: str) -> None:
        self._connection.replies.extend(reply.split("\n"))
        self._socket.sendall(_wire(reply))
        if reply.startswith(("421", "521")):
            raise _Over

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._fill()
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _content(self) -> bytes:
        """Up to CRLF.CRLF, with dots taken out again (RFC 5321 4.5.2): a first line `.` ends it too."""
        gathered = bytearray(b"\r\n" + self._buffer)
        searched = 0
        while (end := gathered.find(b"\r\n.\r\n", searched)) < 0:
            searched = max(0, len(gathered) - 4)
            self._buffer = b""
            self._fill()
            gathered += self._buffer
        self._buffer = bytes(gathered[end + 5 :])
        return bytes(gathered[: end + 2]).replace(b"\r\n.", b"\r\n")[2:]

    def _fill(self) -> None:
        octets = self._socket.recv(65536)
        if not octets:
            raise _Over
        self._buffer += octets


def _path(argument: str) -> str:
    """The address of `FROM:<a@b> PARAMETERS`."""
    found = re.search(r'<((?:"(?:[^"\\]|\\.)*"|[^">])*)>', argument)
    return found.group(1) if found else argument


def _wire(reply: str) -> bytes:
    """A reply's lines with their hyphens (RFC 5321 4.2.1)."""
    lines = reply.split("\n")
    lines[:-1] = [f"{line[:3]}-{line[4:]}" for line in lines[:-1]]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")
