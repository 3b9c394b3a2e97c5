"""What is left of a relay in Twisted and SQLite when all is taken away that it is for: the floor under smtpeter's figures.

It believes every command, keeps each content in one table, syncs before the 250, passes it on over connections that
it keeps, and forgets it. Nothing is checked, recorded, paced, tried again or bounded: no mail may be trusted to it. As
many processes as there are processors share the listener; each has its own store.

`python -m bench.floor PORT SINK CERTIFICATE KEY DIRECTORY`
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import sys
import threading
from collections import deque
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from OpenSSL import SSL
from twisted.internet.protocol import ClientFactory, Factory, Protocol

from smtpeter.service.prompt import prompt
from smtpeter.storage.sqlite import _PRAGMAS

CONNECTIONS = 20  # of a process, to the sink
END = b"\r\n.\r\n"
ANSWERS = {
    b"EHLO": b"250-floor.example\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
    b"AUTH": b"235 ok\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class Store:
    """Contents with a number each, kept by a thread that commits all that waits."""

    def __init__(self, path: Path, reactor: Any) -> None:
        self._path = path
        self._reactor = reactor
        self._waiting: SimpleQueue[Any] = SimpleQueue()
        self._forgotten: deque[tuple[int]] = deque()
        threading.Thread(target=self._work, daemon=True).start()

    def keep(self, number: int, content: bytes, then: Any) -> None:
        self._waiting.put((number, content, then))

    def forget(self, number: int) -> None:
        """With the next commit."""
        self._forgotten.append((number,))

    def _work(self) -> None:
        database = sqlite3.connect(self._path, isolation_level=None)
        for pragma in _PRAGMAS:
            database.execute(f"PRAGMA {pragma}")
        database.execute("CREATE TABLE contents (number INTEGER PRIMARY KEY, content BLOB)")
        while True:
            group = [self._waiting.get()]
            while not self._waiting.empty():
                group.append(self._waiting.get())
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO contents VALUES (?, ?)", [one[:2] for one in group])
            gone = [self._forgotten.popleft() for _ in range(len(self._forgotten))]
            database.executemany("DELETE FROM contents WHERE number = ?", gone)
            database.execute("COMMIT")
            self._reactor.callFromThread(self._kept, group)

    @staticmethod
    def _kept(group: list[Any]) -> None:
        for number, content, then in group:
            then(number, content)


class Taker(Protocol):
    """The server's side: answers whatever comes."""

    transport: Any

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._buffer = b""
        self._is_content = False

    def connectionMade(self) -> None:  # noqa: N802
        self.transport.setTcpNoDelay(True)
        self.transport.write(b"220 floor.example ESMTP\r\n")

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self._buffer += data
        while True:
            if self._is_content:
                content, found, rest = self._buffer.partition(END)
                if not found:
                    return
                self._buffer, self._is_content = rest, False
                self._relay.take(content + END, self)
                continue
            line, found, rest = self._buffer.partition(b"\r\n")
            if not found:
                return
            self._buffer = rest
            verb = line[:4].upper()
            if verb == b"STAR":
                self.transport.write(b"220 go on\r\n")
                self.transport.startTLS(self._relay.tls)
            else:
                self.transport.write(ANSWERS.get(verb, b"250 ok\r\n"))
                self._is_content = verb == b"DATA"


class Passer(Protocol):
    """The client's side: one content after the other."""

    transport: Any

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._buffer = b""
        self._awaited = 2  # replies: the greeting, and that to EHLO
        self._number = -1
        self._content = b""

    def connectionMade(self) -> None:  # noqa: N802
        self.transport.setTcpNoDelay(True)
        self.transport.write(b"EHLO floor.example\r\n")

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        *lines, self._buffer = (self._buffer + data).split(b"\r\n")
        self._awaited -= sum(line[3:4] != b"-" for line in lines)
        if self._awaited:
            return
        if self._content:
            self.transport.write(self._content)
            self._content, self._awaited = b"", 1
        else:
            if self._number >= 0:
                self._relay.store.forget(self._number)
            self._relay.idle.append(self)
            self._relay.look()

    def pass_on(self, number: int, content: bytes) -> None:
        self._number, self._content, self._awaited = number, content, 3
        self.transport.write(b"MAIL FROM:<sender@src.example>\r\nRCPT TO:<rcpt@dest.example>\r\nDATA\r\n")


class Relay:
    """One process."""

    def __init__(self, sink: int, tls: Any, store: Path, reactor: Any) -> None:
        self.tls = tls
        self.store = Store(store, reactor)
        self.idle: list[Passer] = []
        self._sink = sink
        self._reactor = reactor
        self._connections = 0
        self._number = 0
        self._queue: deque[tuple[int, bytes]] = deque()

    def take(self, content: bytes, taker: Taker) -> None:
        self._number += 1

        def kept(number: int, content: bytes) -> None:
            taker.transport.write(b"250 kept\r\n")
            self._queue.append((number, content))
            self.look()

        self.store.keep(self._number, content, kept)

    def look(self) -> None:
        while self._queue and self.idle:
            self.idle.pop().pass_on(*self._queue.popleft())
        if self._queue and self._connections < CONNECTIONS:
            self._connections += 1
            factory = ClientFactory()
            factory.noisy = False
            factory.buildProtocol = lambda _: Passer(self)  # type: ignore[method-assign,assignment]
            self._reactor.connectTCP("127.0.0.1", self._sink, factory)


def main() -> None:
    port, sink, certificate, key, directory = sys.argv[1:]
    listening = socket.create_server(("127.0.0.1", int(port)), backlog=200)
    listening.setblocking(False)
    children = []
    for number in range(len(os.sched_getaffinity(0))):
        child = os.fork()
        if not child:
            # Each on a processor of its own, as smtpeter's workers.
            os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[number]})
            _serve(listening, int(sink), certificate, key, Path(directory) / f"{number}.db")
        children.append(child)
    signal.signal(signal.SIGTERM, lambda *_: [os.kill(child, signal.SIGTERM) for child in children])
    for child in children:
        os.waitpid(child, 0)


def _serve(listening: socket.socket, sink: int, certificate: str, key: str, store: Path) -> None:
    from twisted.internet import reactor, ssl  # each process has a reactor of its own  # noqa: PLC0415

    running: Any = reactor
    prompt(running)
    tls = ssl.DefaultOpenSSLContextFactory(key, certificate, SSL.TLS_SERVER_METHOD)
    relay = Relay(sink, tls, store, running)
    factory = Factory()
    factory.noisy = False
    factory.buildProtocol = lambda _: Taker(relay)  # type: ignore[method-assign,assignment]
    taking: Any = running.adoptStreamPort(listening.fileno(), socket.AF_INET, factory)
    taking.numberAccepts = 1
    running.run()
    os._exit(0)


if __name__ == "__main__":
    main()
