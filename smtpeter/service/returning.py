"""What comes back, wired: where it comes back to, the server that takes it, and the courier that spares who gets no mail."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, execute
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.model import Bounces
from smtpeter.config import Settings
from smtpeter.message.address import Address
from smtpeter.message.identifier import DeliveryId, Identifiers
from smtpeter.message.returning import Returning
from smtpeter.message.status import Outcome, Stage
from smtpeter.relay.interface import Courier, Group
from smtpeter.returns import listing
from smtpeter.returns.interface import Neighbours
from smtpeter.returns.recognise import recognise
from smtpeter.returns.recognition import Recognition
from smtpeter.returns.server import Means, ReturnsServer
from smtpeter.returns.settings import Settings as BounceSettings
from smtpeter.service.host import now
from smtpeter.service.keys import Keys
from smtpeter.session.certificates import Certificates
from smtpeter.session.limits import Quota
from smtpeter.spool.model import Delivery, Message
from smtpeter.storage.store import Store
from smtpeter.submission.server import limits

_LARGE = 32_768  # octets of what is recognised in a thread, so that conversations go on meanwhile
_MOST_RECIPIENTS = 100  # what any host must take in one transaction (RFC 5321 4.5.3.1.8)


class ReturnPaths:
    """Where what comes back about a message comes back to: submission's ReturnPaths, by the settings and the keys."""

    def __init__(self, bounces: BounceSettings, keys: Keys) -> None:
        self._bounces = bounces
        self._keys = keys

    def __call__(self, content: bytes, reports_to: Address | None, /) -> Returning | None:
        domain = self._keys.sender_domain(content)
        own = self._bounces.host
        if not own:
            return None
        host = own if domain is None else domain.bounce_host or own
        return Returning(host, self._keys.ring().newest, reports_to if self._bounces.forwarding else None)


class Sparing:
    """A courier that brings nothing to recipients on the suppression list, whom submission has marked.

    Who is refused because there is no such user is put on the list, if the login wants so. Whatever becomes of that,
    the end of the grace time included, changes nothing about the outcomes: they would be tried again.
    """

    _log = Logger()

    def __init__(self, courier: Courier, store: Store, keys: Keys) -> None:
        self._courier = courier
        self._store = store
        self._keys = keys

    async def attempt(self, group: Group) -> Mapping[DeliveryId, Outcome]:
        outcomes = {
            delivery.id: delivery.last
            for delivery in group.deliveries
            if delivery.last is not None and delivery.last.stage is Stage.SUPPRESSION
        }
        rest = group.deliveries
        if outcomes:
            rest = tuple(delivery for delivery in rest if delivery.id not in outcomes)
            group = replace(group, deliveries=rest)
        if rest:
            outcomes.update(await self._courier.attempt(group))
            await self._list(group.message, rest, outcomes)
        return outcomes

    def kept(self, site: str) -> int:
        return self._courier.kept(site)

    async def _list(
        self, message: Message, tried: Sequence[Delivery], outcomes: Mapping[DeliveryId, Outcome]
    ) -> None:
        """Put on the list whom it concerns; raises nothing."""
        try:
            why = {one: listing.why_refused(outcomes[one.id]) for one in tried if one.id in outcomes}
            gone = {one: reason for one, reason in why.items() if reason}
            if gone:
                await self._put(message, gone)
        except (AccountsUnavailable, CancelledError) as unavailable:
            self._log.warn("the suppression list cannot be reached: {why}", why=str(unavailable))
        except Exception:  # noqa: BLE001 - whatever it is: what the hosts have said must be settled
            self._log.failure("recipients could not be put on the suppression list")

    async def _put(self, message: Message, gone: Mapping[Delivery, str]) -> None:
        login = await self._store.accounts.login(message.login)
        wishes = Bounces() if login is None else login.bounces
        found = (
            listing.entry(message, one, reason, now(), wishes, self._keys.known_as)
            for one, reason in gone.items()
        )
        if entries := [entry for entry in found if entry is not None]:
            await self._store.suppressions.add(entries)

    def stop(self) -> Awaitable[None]:
        return self._courier.stop()


class Recognising:
    """The recogniser: beside the conversations where that takes long."""

    def __init__(self, reactor: Any, pool: ThreadPool) -> None:
        self._reactor = reactor
        self._pool = pool

    def __call__(self, content: bytes, /) -> Deferred[Recognition]:
        if len(content) <= _LARGE:
            return execute(recognise, content)
        return deferToThreadPool(self._reactor, self._pool, recognise, content)


def server(
    settings: Settings,
    reactor: Any,
    store: Store,
    keys: Keys,
    made: Identifiers,
    pool: ThreadPool,
    certificates: Certificates | None,
) -> ReturnsServer:
    """The door for what comes back."""

    def pause(seconds: float) -> Deferred[None]:
        return deferLater(reactor, seconds)

    own = settings.bounces.host
    neighbours = Neighbours(
        spool=store.spool,
        returns=store.returns,
        accounts=store.accounts,
        identifiers=made,
        recognise=Recognising(reactor, pool),
        ring=keys.ring,
        hosts=lambda: keys.bounce_hosts() | {own},
        sender_domain=keys.known_as,
        now=now,
        pause=pause,
    )
    submitted = settings.submission
    means = Means(
        reactor,
        certificates,
        replace(
            limits(submitted),
            maximum_size=settings.bounces.maximum_size,
            maximum_recipients=min(submitted.maximum_recipients, _MOST_RECIPIENTS),
        ),
        Quota(  # of its own: what the Internet sends keeps nobody from submitting
            maximum_connections=submitted.maximum_connections,
            maximum_per_address=submitted.maximum_connections_per_address,
            maximum_memory=max(submitted.maximum_memory, settings.bounces.maximum_size),
        ),
        submitted.maximum_hops,
    )
    return ReturnsServer(settings.bounces, settings.server.hostname, neighbours, means)
