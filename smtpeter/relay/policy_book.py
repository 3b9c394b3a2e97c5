"""Knows the MTA-STS policy of each domain that mail goes to (RFC 8461): from memory, the store, or the domain itself.

A policy holds until it expires, whatever becomes of its TXT record or its host meanwhile; a new id fetches it anew, and
so does age, with or without mail. What cannot be fetched is not there, and mail goes as without. Nothing here raises
but CancelledError.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from smtpeter.message.address import AddressSyntax, ascii_domain
from smtpeter.relay import mta_sts
from smtpeter.relay.faults import caught
from smtpeter.relay.interface import Publications
from smtpeter.relay.limits import Site
from smtpeter.relay.mta_sts import MAXIMUM_SIZE, NoPolicy, Text
from smtpeter.relay.remembered import Known, Remembered
from smtpeter.relay.sites import Sites
from smtpeter.relay.turns import Turns
from smtpeter.request.client import NoAnswer, Response
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.mta_sts import Policies, Policy

_DAY = 86400.0
_LOOK_AGAIN = 60.0  # seconds after which the TXT record is asked for again
_TRY_AGAIN = 300.0  # after a fetch that failed (RFC 8461 3.3)
_UNUSED = 30 * _DAY  # what no mail went by so long is left to expire
_ROUND = 600.0  # between two looks for aged policies
_RESTS = 6 * 3600.0  # an aged policy that could not be had
_MOST_KNOWN = 10_000
_MOST_OCTETS = 8_000_000  # of the names in what is known
_AT_ONCE = 20  # fetches
_IN_ALL = 400  # with those that are slow
_LONGEST = 1000  # aged policies looked at in a round


class Request(Protocol):
    """As `Client.request`."""

    def __call__(self, method: str, url: str, /, *, most: int) -> Awaitable[Response]:
        """Raises NoAnswer."""


async def fetch(request: Request, domain: str, port: int = 443) -> Text:
    """The policy that the domain's policy host shows (RFC 8461 3.3); raises NoPolicy and NoAnswer."""
    where = f"mta-sts.{domain}" if port == 443 else f"mta-sts.{domain}:{port}"
    answer = await request("GET", f"https://{where}/.well-known/mta-sts.txt", most=MAXIMUM_SIZE)
    if answer.status != 200:  # redirects are not followed
        raise NoPolicy(f"its host answers {answer.status}")
    kind = answer.field("content-type").partition(";")[0].strip().lower()
    if kind != "text/plain":
        raise NoPolicy(f"it is of type {kind[:60]!r}, not text/plain")
    return mta_sts.parse(answer.body)


class PolicyBook:
    """`fetch` gets a domain's policy, raising NoPolicy and NoAnswer; `now` gives Unix seconds."""

    _log = Logger()

    def __init__(
        self,
        published: Publications,
        fetch: Callable[[str], Coroutine[Any, Any, Text]],
        kept: Policies,
        clock: IReactorTime,
        now: Callable[[], float],
    ) -> None:
        self._published = published
        self._fetch = fetch
        self._kept = kept
        self._clock = clock
        self._now = now
        self._known = Remembered(_MOST_KNOWN, _MOST_OCTETS)
        self._waiting: dict[str, list[Deferred[None]]] = {}
        self._turns = Turns(_AT_ONCE, _IN_ALL, clock)
        self._loop = LoopingCall(self._refresh)
        self._loop.clock = clock

    async def known(self, domain: str) -> Policy | None:
        """The policy in force, for mail that goes to `domain` now.

        Waits only where nothing is known of the domain, or no more; what has to be looked at again is looked at meanwhile.
        """
        found = self._known.get(domain)
        if found is None or self._is_over(found.policy):
            await self.renew(domain)
        elif self._is_stale(domain):
            self._begin(domain)
        found, now = self._known.get(domain), self._now()
        if found is None or found.policy is None or self._is_over(found.policy):
            return None
        if found.policy.used_at + _DAY <= now:
            found.policy = replace(found.policy, used_at=now)
            found.is_lasting = True
            Deferred.fromCoroutine(
                caught(self._used(found.policy), "noting that an MTA-STS policy is in use")
            )
        return found.policy

    async def renew(self, domain: str) -> None:
        """Returns when it is known what the domain says now, or that it cannot be known."""
        if self._is_stale(domain):
            waiter: Deferred[None] = Deferred()
            self._begin(domain, waiter)
            await waiter

    def _is_stale(self, domain: str) -> bool:
        found = self._known.get(domain)
        return found is None or found.looked_at + _LOOK_AGAIN <= self._clock.seconds()

    def _begin(self, domain: str, *waiters: Deferred[None]) -> None:
        """Look, if nobody does, and tell these of the end."""
        waiting = self._waiting.get(domain)
        if waiting is not None:
            waiting.extend(waiters)
            return
        self._waiting[domain] = list(waiters)
        looking = caught(self._look(domain), f"looking for the MTA-STS policy of {domain}")
        Deferred.fromCoroutine(looking).addBoth(self._looked, domain)

    def _looked(self, _result: object, domain: str) -> None:
        for waiter in self._waiting.pop(domain):
            waiter.callback(None)

    async def _look(self, domain: str) -> None:
        found = self._known.get(domain) or Known(await self._stored(domain), 0.0)
        answer = await self._published.texts(f"_mta-sts.{domain}")
        identifier = mta_sts.identifier(answer.records)
        found.is_published = identifier is not None
        if identifier is not None and self._is_outdated(found.policy, identifier):
            await self._update(found, domain, identifier)
        if self._is_over(found.policy):  # and there is no other: nobody waits for that again
            found.policy = None
        found.looked_at = self._clock.seconds()
        self._known.keep(domain, found)

    def _is_over(self, policy: Policy | None) -> bool:
        return policy is not None and policy.expires_at <= self._now()

    def _is_outdated(self, policy: Policy | None, identifier: str) -> bool:
        return policy is None or policy.id != identifier or policy.is_aged(self._now())

    async def _update(self, found: Known, domain: str, identifier: str) -> None:
        """Have the policy of this id: another process may have fetched it."""
        stored = await self._stored(domain)
        if stored is not None and not self._is_outdated(stored, identifier):
            found.policy = stored
            return
        if self._clock.seconds() < found.failed_at + _TRY_AGAIN:
            return
        try:
            text = await self._turns.run(lambda: self._fetch(domain))
        except (NoPolicy, NoAnswer) as error:
            found.failed_at = self._clock.seconds()
            self._log.warn("{domain}: its MTA-STS policy cannot be had: {why}", domain=domain, why=str(error))
            return
        now = self._now()
        used_at = now if found.policy is None else found.policy.used_at
        found.policy = await self._keep(
            Policy(domain, identifier, text.mode, text.mx, now, now + text.max_age, used_at)
        )

    async def _stored(self, domain: str) -> Policy | None:
        try:
            return await self._kept.policy(domain)
        except SpoolUnavailable:
            return None

    async def _used(self, policy: Policy) -> None:
        with suppress(SpoolUnavailable):  # tomorrow it is told again
            await self._kept.used(policy.domain, policy.id, policy.used_at)

    async def _keep(self, policy: Policy) -> Policy:
        try:
            await self._kept.keep(policy, self._now())
        except SpoolUnavailable as error:  # this process knows it all the same
            self._log.warn("{domain}: its MTA-STS policy is not kept: {why}", domain=policy.domain, why=error)
        return policy

    # -- without mail -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Fetch anew what is old, from now on: once on a host."""
        self._loop.start(_ROUND, now=False)

    def stop(self) -> None:
        if self._loop.running:
            self._loop.stop()

    def _refresh(self) -> Deferred[object]:
        return Deferred.fromCoroutine(caught(self.refresh(), "renewing MTA-STS policies"))

    async def refresh(self) -> None:
        """Fetch anew what is in use and old."""
        now = self._now()
        try:
            aged = await self._kept.aged(now, now - _UNUSED, _LONGEST)
        except SpoolUnavailable:
            return  # the next round sees to them
        turns = DeferredSemaphore(_AT_ONCE)  # mail's own fetches find places too
        renewing = [
            turns.run(lambda policy: Deferred.fromCoroutine(self._renew_aged(policy)), policy)
            for policy in aged
            if not self._rests(policy.domain)
        ]
        await DeferredList(renewing)

    async def _renew_aged(self, stored: Policy) -> None:
        known = self._known.get(stored.domain)
        if known is not None:
            policy, now = known.policy, self._now()
            if policy is not None and policy.fetched_at > stored.fetched_at and not policy.is_aged(now):
                await self._keep(policy)  # it could not be kept when it was fetched
                return
            known.looked_at = float("-inf")
        await self.renew(stored.domain)

    def _rests(self, domain: str) -> bool:
        """Whether it was tried in vain not long ago."""
        found = self._known.get(domain)
        if found is None:
            return False
        tried_at = found.failed_at if found.is_published else found.looked_at
        return self._clock.seconds() < tried_at + _RESTS


class ForewarnedSites:
    """`Sites` that have a domain's policy looked for while its mail waits by itself.

    So a policy host that does not answer holds up nobody else's mail at the MX hosts that they share.
    """

    def __init__(self, sites: Sites, book: PolicyBook) -> None:
        self._sites = sites
        self._book = book

    def known(self, domain: str, now: float, /) -> Site | None:
        return self._sites.known(domain, now)

    async def find(self, domain: str, now: float, /) -> Site:
        renewing = Deferred.fromCoroutine(self._renew(domain))
        found = await self._sites.find(domain, now)
        await renewing
        return found

    async def _renew(self, domain: str) -> None:
        try:
            name = ascii_domain(domain)
        except AddressSyntax:
            return
        if not name.startswith("["):
            await self._book.renew(name)

    def provisional(self, domain: str, /) -> Site:
        return self._sites.provisional(domain)

    def forget(self, domain: str, /) -> None:
        self._sites.forget(domain)
