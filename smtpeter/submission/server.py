"""Puts the door together: settings and neighbours in, one SessionFactory a listener out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime

from smtpeter.accounts.model import Login
from smtpeter.accounts.passwords import Randomness
from smtpeter.session.conversation import Setup
from smtpeter.session.factory import SessionFactory
from smtpeter.session.limits import Limits, Quota
from smtpeter.session.mechanisms import LoginCredentials, PlainCredentials
from smtpeter.submission.authentication import LoginChecker, TrustedNetworks, portal
from smtpeter.submission.delivery import Rules, Submitter
from smtpeter.submission.direct import DirectSubmission, Sizes
from smtpeter.submission.guessing import Guard
from smtpeter.submission.interface import HashPool, Neighbours
from smtpeter.submission.settings import Settings

_MECHANISMS = {b"PLAIN": PlainCredentials, b"LOGIN": LoginCredentials}


@dataclass(frozen=True, slots=True)
class Means:
    """What the machine gives: the reactor's clock, a pool for slow hashes, secure randomness, certificates."""

    reactor: IReactorTime
    hash_pool: HashPool
    token_bytes: Randomness
    tls: IOpenSSLServerConnectionCreator | None


class SubmissionServer:
    """All submission listeners of a process; they share quotas, guards and verified passwords."""

    def __init__(self, settings: Settings, rules: Rules, neighbours: Neighbours, means: Means) -> None:
        self._settings = settings
        self._rules = rules
        self._neighbours = neighbours
        self._means = means
        self._quota = Quota(
            maximum_connections=settings.maximum_connections,
            maximum_per_address=settings.maximum_connections_per_address,
            maximum_memory=settings.maximum_memory,
        )
        guard = Guard(means.reactor.seconds)
        checker = LoginChecker(
            neighbours.accounts, guard, means.hash_pool, means.token_bytes, neighbours.clock
        )
        self._portal = portal(checker, self._authenticated)
        self._proxies = tuple(map(ip_network, settings.proxies))
        self._trusted = TrustedNetworks(settings.trusted_networks, self._trusted_submitter)
        self.direct = DirectSubmission(
            neighbours, rules, Sizes(settings.maximum_size, settings.maximum_recipients)
        )

    def listeners(self) -> tuple[tuple[str, SessionFactory], ...]:
        """Each endpoint string of the settings, and the factory to listen with."""
        return (
            *((endpoint, self.factory(endpoint, implicit_tls=False)) for endpoint in self._settings.starttls),
            *(
                (endpoint, self.factory(endpoint, implicit_tls=True))
                for endpoint in self._settings.implicit_tls
            ),
        )

    def factory(self, endpoint: str, *, implicit_tls: bool) -> SessionFactory:
        setup = Setup(
            hostname=self._rules.hostname,
            limits=limits(self._settings),
            quota=self._quota,
            admission=self._trusted,
            clock=self._means.reactor,
            tls=self._means.tls,
            implicit_tls=implicit_tls,
            portal=self._portal,
            mechanisms=_MECHANISMS,
        )
        proxied = endpoint in self._settings.proxy_protocol
        return SessionFactory(setup, proxies=self._proxies if proxied else None)

    def trust(self, networks: Mapping[str, str]) -> None:
        """Who may submit without AUTH and TLS, from the next connection on."""
        self._trusted.trust(networks)

    def _authenticated(self, login: Login) -> Submitter:
        return Submitter(self._neighbours, self._rules, login.username, login.password_hash)

    def _trusted_submitter(self, username: str) -> Submitter:
        return Submitter(self._neighbours, self._rules, username, None)


def limits(settings: Settings) -> Limits:
    """The part of the settings that each session keeps to."""
    return Limits(
        maximum_size=settings.maximum_size,
        maximum_recipients=settings.maximum_recipients,
        maximum_errors=settings.maximum_errors,
        maximum_junk=settings.maximum_junk,
        minimum_rate=settings.minimum_rate,
        command_timeout=settings.command_timeout,
        session_timeout=settings.session_timeout,
        error_delay=settings.error_delay,
    )
