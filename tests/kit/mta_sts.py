"""MTA-STS policies in memory, and a host that publishes them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from twisted.internet.defer import Deferred, fail, succeed

from smtpeter.spool.mta_sts import Policy
from tests.kit.certificates import Certificate
from tests.kit.loopback import free_port


class FakePolicies:
    """As the store keeps them; `trouble` is what every verb fails with."""

    def __init__(self) -> None:
        self.rows: dict[str, Policy] = {}
        self.trouble: Exception | None = None

    def policy(self, domain: str, /) -> Deferred[Policy | None]:
        return succeed(self.rows.get(domain)) if self.trouble is None else fail(self.trouble)

    def keep(self, policy: Policy, now: float, /) -> Deferred[None]:
        if self.trouble is not None:
            return fail(self.trouble)
        self.rows = {name: one for name, one in self.rows.items() if one.expires_at > now}
        self.rows[policy.domain] = policy
        return succeed(None)

    def used(self, domain: str, identifier: str, now: float, /) -> Deferred[None]:
        if self.trouble is not None:
            return fail(self.trouble)
        row = self.rows.get(domain)
        if row is not None and row.id == identifier:
            self.rows[domain] = replace(row, used_at=max(row.used_at, now))
        return succeed(None)

    def aged(self, now: float, used_since: float, limit: int, /) -> Deferred[tuple[Policy, ...]]:
        if self.trouble is not None:
            return fail(self.trouble)
        found = [one for one in self.rows.values() if one.is_aged(now) and one.used_at >= used_since]
        return succeed(tuple(sorted(found, key=lambda one: one.fetched_at)[:limit]))


@dataclass(frozen=True, slots=True)
class Shown:
    """What the policy host answers."""

    body: str = ""
    status: int = 200
    kind: str = "text/plain"
    location: str = ""


@dataclass
class PolicyHost:
    """The policy host of all domains, by HTTPS on loopback: `shown` by domain. A context manager.

    `asked` are the domains whose policies were asked for, in order.
    """

    certificate: Certificate
    shown: dict[str, Shown] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", self.port), _Request)
        self._server.host = self
        self._server.socket = self.certificate.server_context().wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    host: PolicyHost

    def handle_error(self, *_: object) -> None:
        """A client that does not like the certificate goes away."""


class _Request(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        domain = self.headers["Host"].partition(":")[0].removeprefix("mta-sts.")
        self.server.host.asked.append(domain)
        shown = self.server.host.shown.get(domain, Shown(status=404))
        if self.path != "/.well-known/mta-sts.txt":
            shown = Shown(status=404)
        body = shown.body.encode()
        self.send_response(shown.status)
        self.send_header("Content-Type", shown.kind)
        self.send_header("Content-Length", str(len(body)))
        if shown.location:
            self.send_header("Location", shown.location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not on the tests' own output."""
