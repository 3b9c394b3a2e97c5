"""The keys as they stand now, for those who cannot wait for the store: the ring for tokens, the sender domains' for mail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.accounts.interface import Accounts, AccountsUnavailable
from smtpeter.accounts.model import SenderDomain, TokenKey
from smtpeter.accounts.signing_keys import KeyUnusable
from smtpeter.message import header
from smtpeter.message.author import author_domain, closest
from smtpeter.message.token import KeyRing
from smtpeter.rewrite.signature import Signatures, Signer

_EVERY = 0.9  # seconds: a change of the accounts reaches every process within a second


def ring_of(keys: Sequence[TokenKey]) -> KeyRing:
    """The ring of these keys, newest first."""
    return KeyRing({key.number: key.secret for key in keys}, keys[0].number)


class Keys:
    """Follows the store; while it is away, what was read last stays."""

    _log = Logger()

    def __init__(
        self,
        accounts: Accounts,
        first: Sequence[TokenKey],
        domains: Sequence[SenderDomain],
        clock: IReactorTime,
    ) -> None:
        self._accounts = accounts
        self._keys = tuple(first)
        self._domains = tuple(domains)
        self._ring = ring_of(self._keys)
        self._learn()
        self._is_away = False  # the store did not answer last time
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def ring(self) -> KeyRing:
        return self._ring

    def signatures(self) -> Signatures:
        return self._signatures

    def sender_domain(self, content: bytes) -> SenderDomain | None:
        """The sender domain whose hosts this message uses: its author's, or the closest above it.

        None when there is none; and when no sender domain has hosts, for then nothing has to be read.
        """
        if not self._has_hosts:
            return None
        found, _ = header.fields(content)
        return closest(author_domain(content, header.find_all(found, "from")), self._by_name)

    def bounce_hosts(self) -> frozenset[str]:
        """Those that sender domains bring."""
        return frozenset(domain.bounce_host for domain in self._domains if domain.bounce_host)

    def known_as(self, author: str) -> str:
        """The sender domain that an author's domain belongs to; the domain itself when it is none of ours."""
        return getattr(closest(author, self._by_name), "name", author)

    def start(self) -> None:
        self._loop.start(_EVERY, now=False)

    def stop(self) -> None:
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._refresh()).addErrback(self._unavailable).addErrback(self._failed)

    async def _refresh(self) -> None:
        keys = tuple(await self._accounts.keys())
        self._is_away = False
        if keys != self._keys:
            self._keys, self._ring = keys, ring_of(keys)
        domains = tuple(await self._accounts.sender_domains())
        if domains != self._domains:
            self._domains = domains
            self._learn()

    def _learn(self) -> None:
        self._signatures = Signatures(self._signers())
        self._by_name = {domain.name: domain for domain in self._domains}
        self._has_hosts = any(one.click_url or one.open_url or one.bounce_host for one in self._domains)

    def _signers(self) -> Iterator[Signer]:
        for domain in self._domains:
            for key in domain.keys:
                try:
                    yield Signer(domain.name, key)
                except KeyUnusable as error:  # mail without this signature is better than none
                    self._log.error(
                        "mail of {domain} is not signed with {selector}: {why}",
                        domain=domain.name,
                        selector=key.selector,
                        why=error,
                    )

    def _unavailable(self, failure: Failure) -> None:
        failure.trap(AccountsUnavailable)
        if not self._is_away:
            self._is_away = True
            self._log.warn("the keys cannot be read now: {why}", why=failure.getErrorMessage())

    def _failed(self, failure: Failure) -> None:
        self._log.failure("the keys could not be read", failure=failure)
