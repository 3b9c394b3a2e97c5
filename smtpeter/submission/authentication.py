"""cred for submission: a checker over the accounts, a realm that gives out Submitters, and trusted networks.

Every refused password costs one slow hash, whatever it was refused for, so that time tells nobody which logins
exist; the Guard keeps that cheap. Trouble of the store is not a wrong password: it passes through, and the session
answers 454. A lock holds up guesses only: a generated password cannot be guessed, so the right one always opens.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import replace

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.mail.interfaces import IMessageDeliveryFactory
from zope.interface import Interface, implementer

from smtpeter.accounts.interface import Accounts
from smtpeter.accounts.model import Login
from smtpeter.accounts.passwords import Randomness, is_slow, stand_in, verify
from smtpeter.message.status import Refusal, Reply
from smtpeter.session.interface import IAddressedPassword
from smtpeter.session.limits import Network
from smtpeter.submission.delivery import Submitter
from smtpeter.submission.guessing import Guard
from smtpeter.submission.interface import HashPool
from smtpeter.submission.verified import VerifiedPasswords

_LOCKED = Reply(454, "4.7.0", "Too many failed logins, try again later")
_BUSY = Reply(454, "4.7.0", "Too many logins at once, try again later")
_MOST_WAITING = 32  # slow hashes that may wait; above it we are being tried, or overrun


@implementer(ICredentialsChecker)
class LoginChecker:
    """Gives the Login whose username and password these are, with what is kept of that password: it may be the previous one."""

    credentialInterfaces = (IAddressedPassword,)  # noqa: N815
    _log = Logger()

    def __init__(
        self,
        accounts: Accounts,
        guard: Guard,
        pool: HashPool,
        token_bytes: Randomness,
        clock: Callable[[], float],
    ) -> None:
        """`clock` gives Unix seconds."""
        self._accounts = accounts
        self._guard = guard
        self._pool = pool
        self._verified = VerifiedPasswords(token_bytes(32))
        self._stand_in = stand_in(token_bytes)
        self._waiting = 0
        self._clock = clock

    # An avatar's identity is what checker and realm agree on (cred passes it on untouched): here, the Login.

    def requestAvatarId(self, credentials: IAddressedPassword) -> Deferred[Login]:  # type: ignore[override]  # noqa: N802
        return Deferred.fromCoroutine(
            self._check(credentials.username, credentials.password, credentials.address)
        )

    async def _check(self, username: str, password: bytes, address: str) -> Login:
        login = await self._accounts.login(username)
        locked = self._guard.is_locked(address, username)
        kept = login.kept(self._clock()) if login is not None else (self._stand_in,)
        right = await self._right(username, password, kept, locked=locked)
        if right and login is not None and login.enabled:
            self._guard.succeeded(address, username)
            return replace(login, password_hash=right)
        self._guard.failed(address, username)
        self._log.info("{address}: login failed for {username!r}", address=address, username=username[:100])
        raise UnauthorizedLogin

    async def _right(self, username: str, password: bytes, kept: tuple[str, ...], *, locked: bool) -> str:
        """Which of these was made of the password; "" when none was.

        A password that takes the place of another is a generated one, so that at most one of them is slow.
        """
        for fast in (one for one in kept if not is_slow(one)):
            if verify(password, fast):
                return fast
        stored = next(filter(is_slow, kept), self._stand_in)  # cost what the others cost
        if locked:
            raise Refusal(_LOCKED)
        if self._verified.knows(username, password, stored):
            return stored
        right = await self._verify_slowly(password, stored)
        if right:
            self._verified.remember(username, password, stored)
        return stored if right else ""

    async def _verify_slowly(self, password: bytes, stored: str) -> bool:
        if self._waiting >= _MOST_WAITING:
            raise Refusal(_BUSY)
        self._waiting += 1
        try:
            return await self._pool(verify, password, stored)
        finally:
            self._waiting -= 1


@implementer(IRealm)
class SubmissionRealm:
    """Gives a Login its Submitter."""

    def __init__(self, submitter: Callable[[Login], Submitter]) -> None:
        self._submitter = submitter

    def requestAvatar(  # type: ignore[override]  # noqa: N802
        self,
        avatarId: Login,  # noqa: N803
        mind: object,  # noqa: ARG002
        *interfaces: type[Interface],
    ) -> tuple[type[Interface], Submitter, Callable[[], None]]:
        if IMessageDeliveryFactory not in interfaces:
            raise NotImplementedError("this realm knows message deliveries only")  # cred's contract
        return IMessageDeliveryFactory, self._submitter(avatarId), _log_out


def _log_out() -> None:
    """A Submitter holds nothing."""


def portal(checker: LoginChecker, submitter: Callable[[Login], Submitter]) -> Portal:
    return Portal(SubmissionRealm(submitter), [checker])


class TrustedNetworks:
    """Who may submit without AUTH and without TLS: networks, each as a login."""

    def __init__(self, networks: Mapping[str, str], submitter: Callable[[str], Submitter]) -> None:
        self._submitter = submitter
        self.trust(networks)

    def trust(self, networks: Mapping[str, str]) -> None:
        """These and no others from the next connection on; the narrowest that holds an address decides."""
        self._networks: list[tuple[Network, str]] = sorted(
            ((ipaddress.ip_network(network), login) for network, login in networks.items()),
            key=lambda entry: -entry[0].prefixlen,
        )

    def admit(self, address: str) -> Submitter | None:
        if not self._networks or not address:
            return None
        client = ipaddress.ip_address(address)
        for network, login in self._networks:
            if client in network:  # False for the other version
                return self._submitter(login)
        return None
