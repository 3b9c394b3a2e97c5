"""Puts the door together: settings and neighbours in, one SessionFactory a listener out."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime

from smtpeter.returns.delivery import Receiver
from smtpeter.returns.handling import Handling
from smtpeter.returns.interface import Neighbours
from smtpeter.returns.judgement import Reach
from smtpeter.returns.passing import Passing
from smtpeter.returns.settings import Settings
from smtpeter.session.conversation import Setup
from smtpeter.session.factory import SessionFactory
from smtpeter.session.limits import Limits, Quota


@dataclass(frozen=True, slots=True)
class Means:
    """What the machine gives, and what a session may use of it."""

    reactor: IReactorTime
    tls: IOpenSSLServerConnectionCreator | None
    limits: Limits
    quota: Quota
    maximum_hops: int


class ReturnsServer:
    """All listeners for what comes back; no AUTH there, STARTTLS where there is a certificate."""

    def __init__(self, settings: Settings, hostname: str, neighbours: Neighbours, means: Means) -> None:
        self._settings = settings
        self._hostname = hostname
        self._means = means
        self._neighbours = neighbours
        postmaster = settings.postmaster_address
        handling = Handling(neighbours, Passing(hostname, neighbours.identifiers), postmaster)
        self._receiver = Receiver(neighbours, handling, self._reach, means.maximum_hops)

    def listeners(self) -> tuple[tuple[str, SessionFactory], ...]:
        """Each endpoint string of the settings, and the factory to listen with."""
        return tuple((endpoint, self.factory()) for endpoint in self._settings.listeners)

    def factory(self) -> SessionFactory:
        means = self._means
        return SessionFactory(
            Setup(
                hostname=self._hostname,
                limits=means.limits,
                quota=means.quota,
                admission=self._receiver,
                clock=means.reactor,
                tls=means.tls,
                for_strangers=True,
            )
        )

    def _reach(self) -> Reach:
        settings = self._settings
        return Reach(
            hosts=self._neighbours.hosts(),
            hostname=self._hostname,
            complaints=settings.complaint_keys,
            has_postmaster=bool(settings.postmaster),
        )
