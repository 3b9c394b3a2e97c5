"""The three ledgers as the other rooms see them: each verb is sent to the store, and its answer awaited.

They keep the promises of spool.interface, journal.interface and accounts.interface.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from smtpeter.journal.events import Event
from smtpeter.journal.interface import Entry, JournalUnavailable, Query, Tally
from smtpeter.message.edit import Report, Template
from smtpeter.message.identifier import DeliveryId, MessageId, show
from smtpeter.spool.finding import Page, Sought
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import Accepted, Claim, Delivery, Message, QueueFilter, Settlement, Visited
from smtpeter.spool.quota import Want
from smtpeter.spool.sites import SiteSummary, Standing
from smtpeter.spool.states import Step
from smtpeter.spool.waiting import SiteState
from smtpeter.storage import claims, finding, journal, pending, queue, quotas, search, sites, spool, visits
from smtpeter.storage.engine import FreeSpace, Trouble
from smtpeter.storage.threads import Access

_T = TypeVar("_T")

# What retention and operators change in one transaction: it takes the writer some 10 ms (measured).
_ALTER_DELIVERIES = 250
_FORGET_MESSAGES = 100
_FORGET_OCTETS = 4_194_304
_FORGET_EVENTS = 250
_DIGEST_EVENTS = 500
# Seconds: asked before each attempt, the disk need not be looked at each time; meanwhile some MB come in at most.
_LATELY = 0.1


def _spool_refuses(trouble: Trouble) -> SpoolUnavailable:
    return SpoolUnavailable(trouble.cause, full=trouble.full)


def _journal_refuses(trouble: Trouble) -> JournalUnavailable:
    return JournalUnavailable(trouble.cause)


class StoredSpool:
    """The spool, for the worker with this number."""

    _log = Logger()

    def __init__(self, access: Access, worker: int, space: FreeSpace) -> None:
        self._access = access
        self._worker = worker
        self._space = space

    def accept(self, accepted: Accepted, /) -> Deferred[tuple[Claim, ...]]:
        return self._access.write(self._accept, accepted, _spool_refuses, claims.disown)

    def _accept(self, connection: Connection, batch: Sequence[Accepted]) -> list[tuple[Claim, ...]]:
        lack = self._space.lack(sum(len(one.message.content) for one in batch))
        if lack is not None:
            raise _spool_refuses(lack)
        return spool.accept(connection, self._worker, batch)

    def can_record(self) -> bool:
        return self._lack_to_record() is None

    def _lack_to_record(self) -> Trouble | None:
        # What is tried must be recorded: attempts end before the space for that does, and after acceptance.
        return self._space.lack(share=0.5, age=_LATELY)

    def claim(
        self, limit: int, now: float, avoid: frozenset[str] = frozenset(), /
    ) -> Deferred[tuple[Claim, ...]]:
        return Deferred.fromCoroutine(self._claim(claims.Wanted(limit, now, avoid)))

    async def _claim(self, wanted: claims.Wanted) -> tuple[Claim, ...]:
        while True:
            claimed = await self._access.write(
                self._claim_portion, wanted, _spool_refuses, claims.disown_claimed
            )
            for delivery, why in claimed.unreadable:
                self._log.error(
                    "{delivery}: cannot be read, and is held: {why}", delivery=show(delivery), why=why
                )
            if claimed.claims or claimed.is_all:
                return claimed.claims

    def _claim_portion(self, connection: Connection, batch: Sequence[claims.Wanted]) -> list[claims.Claimed]:
        lack = self._lack_to_record()
        if lack is not None:
            raise _spool_refuses(lack)
        return claims.claim(connection, self._worker, batch)

    def settle(
        self, settlements: Sequence[Settlement], reports: Sequence[Accepted] = (), /
    ) -> Deferred[tuple[Claim, ...]]:
        asked = spool.GivenBack(tuple(settlements), tuple(reports))
        return self._access.write(self._settle, asked, _spool_refuses, urgent=False)

    def _settle(self, connection: Connection, batch: Sequence[spool.GivenBack]) -> list[tuple[Claim, ...]]:
        return spool.settle(connection, self._worker, batch)

    def release(self, claim: Claim, due_at: float, /) -> Deferred[bool]:
        stale = self._access.write(spool.release, (claim, due_at), _spool_refuses, urgent=False)
        return stale.addCallback(lambda stale_claims: not stale_claims)

    def message(self, identifier: MessageId, /) -> Deferred[Message | None]:
        return self._read(queue.message, identifier)

    def amend(self, identifier: MessageId, template: Template, report: Report, /) -> Deferred[bool]:
        asked = pending.Amendment(identifier, template, report)
        return self._access.write(pending.amend, asked, _spool_refuses)

    def outline(self, identifier: MessageId, /) -> Deferred[Message | None]:
        return self._read(queue.outline, identifier)

    def delivery(self, identifier: DeliveryId, /) -> Deferred[Delivery | None]:
        return self._read(queue.delivery, identifier)

    def deliveries(self, wanted: QueueFilter, limit: int, /) -> Deferred[tuple[Delivery, ...]]:
        return self._read(queue.found, wanted, limit)

    def target(self, identifier: DeliveryId, number: int, /) -> Deferred[str | None]:
        return self._read(queue.target, identifier, number)

    def visited(self, identifiers: Sequence[DeliveryId], /) -> Deferred[dict[DeliveryId, Visited]]:
        return self._read(visits.visited, tuple(identifiers))

    def next_due(self, avoid: frozenset[str] = frozenset(), /) -> Deferred[float | None]:
        return self._read(claims.next_due, avoid)

    def _read(self, read: Callable[..., _T], *arguments: Any) -> Deferred[_T]:
        return self._access.read(read, *arguments, refuse=_spool_refuses)

    def draw_near(self, now: float, longest: float, limit: int, /) -> Deferred[int]:
        return Deferred.fromCoroutine(self._draw_near(now, longest, limit))

    async def _draw_near(self, now: float, longest: float, limit: int) -> int:
        far = iter(await self._read(queue.far, now + longest, limit))
        near = 0
        while portion := tuple(islice(far, _ALTER_DELIVERIES)):
            near += await self._access.write(
                spool.draw_near, spool.Drawing(portion, now, longest), _spool_refuses
            )
        return near

    def alter(
        self, wanted: QueueFilter, step: Step, now: float, limit: int, by: str = "", /
    ) -> Deferred[int]:
        return Deferred.fromCoroutine(self._alter(wanted, step, now, limit, by))

    async def _alter(self, wanted: QueueFilter, step: Step, now: float, limit: int, by: str) -> int:
        # Searched for by a reader, so that a search through a long queue keeps nobody from writing.
        found = iter(await self._read(queue.alterable, wanted, step, now, limit))
        altered = 0
        while portion := tuple(islice(found, _ALTER_DELIVERIES)):
            asked = spool.Altering(portion, step, now, by)
            altered += await self._access.write(spool.alter, asked, _spool_refuses)
        return altered

    def find(self, sought: Sought, before: int | None, limit: int, /) -> Deferred[Page]:
        """See spool.finding."""
        return self._access.read(finding.find, sought, before, limit, refuse=_spool_refuses)

    def counts(self) -> Deferred[dict[str, int]]:
        return self._access.read(queue.counts, refuse=_spool_refuses)

    def forget_content(self, before: float, limit: int, /) -> Deferred[int]:
        return Deferred.fromCoroutine(
            self._forget(queue.with_old_content, queue.forget_content, before, limit)
        )

    def forget_messages(self, before: float, limit: int, /) -> Deferred[int]:
        return Deferred.fromCoroutine(self._forget(queue.old_messages, queue.forget_messages, before, limit))

    async def _forget(
        self,
        find: Callable[[Connection, float, int], queue.Sizes],
        forget: Callable[[Connection, Sequence[Sequence[MessageId]]], list[int]],
        before: float,
        limit: int,
    ) -> int:
        forgotten = 0
        for portion in _portions(await self._read(find, before, limit)):
            forgotten += await self._access.write(forget, portion, _spool_refuses)
        return forgotten


def _portions(sizes: Iterable[tuple[MessageId, int]]) -> Generator[list[MessageId], None, None]:
    """Messages that are forgotten in one transaction, at least one."""
    portion: list[MessageId] = []
    octets = 0
    for identifier, size in sizes:
        if portion and (len(portion) == _FORGET_MESSAGES or octets + size > _FORGET_OCTETS):
            yield portion
            portion, octets = [], 0
        portion.append(identifier)
        octets += size
    if portion:
        yield portion


class StoredJournal:
    """The journal."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def append(self, events: Sequence[Event], /) -> Deferred[None]:
        return self._access.write(journal.append, tuple(events), _journal_refuses)

    def since(self, cursor: int, query: Query, limit: int, /) -> Deferred[tuple[Entry, ...]]:
        return self._access.read(journal.since, cursor, query, limit, refuse=_journal_refuses)

    def before(self, cursor: int | None, query: Query, limit: int, /) -> Deferred[tuple[Entry, ...]]:
        return self._access.read(journal.before, cursor, query, limit, refuse=_journal_refuses)

    def end(self) -> Deferred[int]:
        return self._access.read(journal.end, refuse=_journal_refuses)

    def tallies(self, start: float, end: float, /) -> Deferred[tuple[Tally, ...]]:
        return self._access.read(search.tallies, start, end, refuse=_journal_refuses)

    def minutes(self, start: float, end: float, /) -> Deferred[tuple[Tally, ...]]:
        return self._access.read(search.minutes, start, end, refuse=_journal_refuses)

    def count(self, cursor: int, /) -> Deferred[tuple[int, Mapping[str, int]]]:
        return self._access.read(journal.count, cursor, refuse=_journal_refuses)

    def digest(self, limit: int, /) -> Deferred[int]:
        return Deferred.fromCoroutine(self._digest(limit))

    async def _digest(self, limit: int) -> int:
        end = await self.end()
        done = 0
        while done < limit:
            portion = min(_DIGEST_EVENTS, limit - done)
            filed = await self._access.write(search.digest, (portion, end), _journal_refuses, urgent=False)
            done += filed
            if filed < portion:
                break
        return done

    def forget(self, before: float, kinds: Sequence[str], limit: int, /) -> Deferred[int]:
        return Deferred.fromCoroutine(self._forget(before, tuple(kinds), limit))

    async def _forget(self, before: float, kinds: Sequence[str], limit: int) -> int:
        old = iter(
            await self._access.read(journal.forgettable, before, kinds, limit, refuse=_journal_refuses)
        )
        forgotten = 0
        while portion := list(islice(old, _FORGET_EVENTS)):
            forgotten += await self._access.write(journal.forget, portion, _journal_refuses)
        return forgotten


class StoredQuota:
    """What this worker leases of what is limited."""

    def __init__(self, access: Access, worker: int) -> None:
        self._access = access
        self._worker = worker

    def lease(self, wants: Sequence[Want], /) -> Deferred[tuple[int, ...]]:
        return self._access.write(self._lease, tuple(wants), _spool_refuses)

    def _lease(self, connection: Connection, batch: Sequence[Sequence[Want]]) -> list[tuple[int, ...]]:
        return quotas.lease(connection, self._worker, batch)


class StoredSites:
    """The book of sites, as this worker writes it."""

    def __init__(self, access: Access, worker: int) -> None:
        self._access = access
        self._worker = worker

    def tell(self, states: Sequence[SiteState], domains: Mapping[str, str], now: float, /) -> Deferred[None]:
        told = sites.Told(tuple(states), dict(domains), now)
        return self._access.write(self._tell, told, _spool_refuses)

    def _tell(self, connection: Connection, batch: Sequence[sites.Told]) -> list[None]:
        return sites.tell(connection, self._worker, batch)

    def standings(self, domains: Collection[str], /) -> Deferred[Mapping[str, Standing]]:
        return self._access.read(sites.standings, domains, refuse=_spool_refuses)

    def sites(self, limit: int, /) -> Deferred[tuple[SiteSummary, ...]]:
        return self._access.read(sites.summary, limit, refuse=_spool_refuses)

    def lift(self, names: Collection[str], now: float, /) -> Deferred[None]:
        return self._access.write(sites.lift, (tuple(names), now), _spool_refuses)

    def lifted(self, cursor: int, /) -> Deferred[tuple[int, tuple[str, ...]]]:
        return self._access.read(sites.lifted, cursor, refuse=_spool_refuses)
