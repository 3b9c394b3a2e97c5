"""A name server for tests on loopback, UDP and TCP: it answers from a dict, or misbehaves as told.

`zone` maps a name to its records by type: `{"example.com": {"MX": ["10 mx.example.com."]}, "mx.example.com":
{"A": ["127.0.0.1"]}}`; instead of the records (or of the whole entry) stands a `Trouble`. It may change at any time.
A name that is not there does not exist; one that is, without the type asked for, answers with no data.
"""

from __future__ import annotations

import enum
import socket
import socketserver
import threading
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.kit.loopback import free_port

Zone = MutableMapping[str, "Mapping[str, list[str] | Trouble] | Trouble"]
SOA = "ns.invalid. hostmaster.invalid. 1 3600 600 86400 1"


class Trouble(enum.Enum):
    """What a name server may do to you."""

    SERVFAIL = "answers SERVFAIL"
    REFUSED = "answers REFUSED"
    NXDOMAIN = "says that the name does not exist"
    SILENCE = "does not answer"
    TRUNCATED = "answers with nothing but the TC flag by UDP, and does not answer by TCP"


@dataclass(frozen=True, slots=True)
class Query:
    """One question as it came."""

    name: str
    type: str
    transport: str


class StubNames:
    """The name server. A context manager; `nameserver` is what `[relay] nameservers` wants.

    `truncates`: names whose answers by UDP carry only the TC flag, so that they are asked again by TCP. `validates`:
    answers are marked as signed for who understands that, except where an `unsigned` name is on the way.
    """

    def __init__(self, zone: Zone | None = None, *, port: int | None = None) -> None:
        self.zone: Zone = zone if zone is not None else {}
        self.truncates: set[str] = set()
        self.validates = False
        self.unsigned: set[str] = set()
        self.port = port or free_port()
        self.queries: list[Query] = []

    @property
    def nameserver(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._stopping = threading.Event()
        self._servers = [_UdpServer(self), _TcpServer(self)]
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            for server in self._servers
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join(5)

    def host(self, domain: str, *addresses: str) -> None:
        """A domain whose mail goes to these addresses, the first preferred: mx1.DOMAIN and so on."""
        exchanges = [f"mx{number}.{domain}" for number in range(1, len(addresses) + 1)]
        self.zone[domain] = {"MX": [f"{10 * n} {name}." for n, name in enumerate(exchanges, 1)]}
        for name, address in zip(exchanges, addresses, strict=True):
            self.zone[name] = {"A": [address]}

    def asked(self, name: str, kind: str | None = None) -> list[Query]:
        """The queries for a name."""
        return [query for query in self.queries if query.name == name and kind in {None, query.type}]

    def wait_out(self) -> None:
        """Say nothing until the server's end."""
        self._stopping.wait()

    def respond(self, wire: bytes, transport: str) -> bytes | None:
        """The answer's octets; None for none."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.queries.append(Query(_shown(question.name), kind, transport))
        answer = dns.message.make_response(query, recursion_available=True)
        if transport == "udp" and _shown(question.name) in self.truncates:
            answer.flags |= dns.flags.TC
            return answer.to_wire()
        trouble = self._fill(answer, question.name, kind)
        match trouble:
            case Trouble.SILENCE:
                return None
            case Trouble.TRUNCATED:
                answer.flags |= dns.flags.TC
                return answer.to_wire() if transport == "udp" else None
            case Trouble.NXDOMAIN | Trouble.SERVFAIL | Trouble.REFUSED:
                answer.set_rcode(dns.rcode.from_text(trouble.name))
            case None:
                pass
        names = {question.name, *(found.name for found in answer.answer)}
        if self.validates and query.flags & dns.flags.AD and self.unsigned.isdisjoint(map(_shown, names)):
            answer.flags |= dns.flags.AD
        return answer.to_wire()

    def _fill(self, answer: dns.message.Message, name: dns.name.Name, kind: str) -> Trouble | None:
        """Put the records in, CNAMEs followed; the trouble, if one stands in their place."""
        for _ in range(20):
            entry = self.zone.get(_shown(name), Trouble.NXDOMAIN)
            if isinstance(entry, Trouble):
                return entry
            found = kind if kind in entry else "CNAME"
            records = entry.get(found, [])
            if isinstance(records, Trouble):
                return records
            if not records:
                answer.authority.append(dns.rrset.from_text(name, 1, "IN", "SOA", SOA))
                return None
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", found, *records))
            if found == kind:
                return None
            name = dns.name.from_text(records[0])
        return None


def _shown(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    max_packet_size = 4096

    def __init__(self, names: StubNames) -> None:
        self.names = names
        super().__init__(("127.0.0.1", names.port), _UdpQuestion)


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, names: StubNames) -> None:
        self.names = names
        super().__init__(("127.0.0.1", names.port), _TcpQuestions)


class _UdpQuestion(socketserver.BaseRequestHandler):
    request: tuple[bytes, socket.socket]
    server: _UdpServer

    def handle(self) -> None:
        wire, answering = self.request
        response = self.server.names.respond(wire, "udp")
        if response is not None:
            answering.sendto(response, self.client_address)


class _TcpQuestions(socketserver.StreamRequestHandler):
    server: _TcpServer

    def handle(self) -> None:
        while len(length := self.rfile.read(2)) == 2:
            response = self.server.names.respond(self.rfile.read(int.from_bytes(length)), "tcp")
            if response is None:
                self.server.names.wait_out()
                return
            self.wfile.write(len(response).to_bytes(2) + response)
