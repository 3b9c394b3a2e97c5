"""The ledgers in memory: they keep the promises of the interfaces (the contract suites run on them too) and forget all else.

Every verb answers at once, by a Deferred, as the real ones do. Set `trouble` to an exception and each verb fails with it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from smtpeter.accounts.allowance import Allowance, Stretch, beginning, longest, wait
from smtpeter.accounts.interface import (
    KeyRingFull,
    LoginExists,
    NoSuchLogin,
    NoSuchSenderDomain,
    SenderDomainExists,
)
from smtpeter.accounts.model import Login, SenderDomain, TokenKey
from smtpeter.accounts.suppression import Suppression
from smtpeter.accounts.tokens import AccessToken, NoSuchToken
from smtpeter.accounts.uses import Kind
from smtpeter.accounts.webhooks import Aside, Health, NoSuchWebhook, Webhook, WebhookId
from smtpeter.journal.events import Event, Operated
from smtpeter.journal.interface import Entry, Query, Tally
from smtpeter.message.edit import Report, Template
from smtpeter.message.encoded import decoded
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.message.mailboxes import mailboxes
from smtpeter.spool.finding import Found, Page, Sought, words
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import Accepted, Claim, Delivery, Message, QueueFilter, Settlement, Visited
from smtpeter.spool.quota import Share, Want, grant
from smtpeter.spool.repeats import KEPT_FOR, Repeat
from smtpeter.spool.returned import MAXIMUM_OF_A_DELIVERY, LateFailure, Portion, Returned
from smtpeter.spool.sites import SiteSummary, Standing
from smtpeter.spool.states import ALTERABLE, State, Step, after
from smtpeter.spool.waiting import SiteState


class _Fake:
    """`trouble`: what every verb fails with, None when all is well; `calls`: the names of the verbs asked for."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.calls: list[str] = []

    def _answer(self, verb: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        self.calls.append(verb.__name__.strip("_"))
        if self.trouble is not None:
            return fail(self.trouble)
        try:
            return succeed(verb(*arguments))
        except Exception as error:  # any: it belongs to who asked
            return fail(error)


class FakeJournal(_Fake):
    """Keeps events in a list; `events` shows them."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self._last = 0

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self.entries]

    def keep(self, events: Iterable[Event]) -> None:
        for event in events:
            self._last += 1
            self.entries.append(Entry(self._last, event))

    def append(self, events: Sequence[Event], /) -> Deferred[None]:
        return self._answer(self.keep, tuple(events))

    def since(self, cursor: int, query: Query, limit: int, /) -> Deferred[tuple[Entry, ...]]:
        return self._answer(self._since, cursor, query, limit)

    def _since(self, cursor: int, query: Query, limit: int) -> tuple[Entry, ...]:
        wanted = (e for e in self.entries if e.cursor > cursor and _is_meant(e.event, query))
        return tuple(itertools.islice(wanted, limit))

    def before(self, cursor: int | None, query: Query, limit: int, /) -> Deferred[tuple[Entry, ...]]:
        return self._answer(self._before, cursor, query, limit)

    def _before(self, cursor: int | None, query: Query, limit: int) -> tuple[Entry, ...]:
        old = (e for e in reversed(self.entries) if cursor is None or e.cursor < cursor)
        return tuple(itertools.islice((e for e in old if _is_meant(e.event, query)), limit))

    def end(self) -> Deferred[int]:
        return self._answer(self._end)

    def _end(self) -> int:
        return self.entries[-1].cursor if self.entries else 0

    def tallies(self, start: float, end: float, /) -> Deferred[tuple[Tally, ...]]:
        return self._answer(self._tallies, start, end)

    def minutes(self, start: float, end: float, /) -> Deferred[tuple[Tally, ...]]:
        return self._answer(self._tallies, start, end, 60)

    def _tallies(self, start: float, end: float, length: int = 3600) -> tuple[Tally, ...]:
        counted: Counter[tuple[int, str]] = Counter()
        for entry in self.entries:
            begins = int(entry.event.time // length) * length
            if start - length < begins < end:
                counted[begins, entry.event.kind] += 1
        return tuple(Tally(*key, count) for key, count in sorted(counted.items()))

    def count(self, cursor: int, /) -> Deferred[tuple[int, dict[str, int]]]:
        return self._answer(self._count, cursor)

    def _count(self, cursor: int) -> tuple[int, dict[str, int]]:
        return self._end() or cursor, dict(Counter(e.event.kind for e in self.entries if e.cursor > cursor))

    def digest(self, limit: int, /) -> Deferred[int]:
        return self._answer(self._digest, limit)

    def _digest(self, _limit: int) -> int:
        return 0

    def forget(self, before: float, kinds: Sequence[str], limit: int, /) -> Deferred[int]:
        return self._answer(self._forget, before, kinds, limit)

    def _forget(self, before: float, kinds: Sequence[str], limit: int) -> int:
        old = [e for e in self.entries if e.event.time < before and e.event.kind in kinds][:limit]
        self.entries = [e for e in self.entries if e not in old]
        return len(old)


def _is_meant(event: Event, query: Query) -> bool:
    return (
        query.delivery in (None, event.delivery)
        and query.message in (None, event.message)
        and query.recipient in (None, event.recipient)
        and query.login in (None, event.login)
        and set(query.tags) <= set(event.tags)
        and (query.kinds is None or event.kind in query.kinds)
        and (query.start is None or query.start <= event.time)
        and (query.end is None or event.time < query.end)
    )


@dataclass
class _Row:
    delivery: Delivery
    epoch: int = 0
    worker: object = None


@dataclass
class _Shelf:
    """What several workers' spools share."""

    messages: dict[MessageId, Message] = field(default_factory=dict)
    rows: dict[DeliveryId, _Row] = field(default_factory=dict)
    outlined: set[MessageId] = field(default_factory=set)


class FakeSpool(_Fake):
    """A spool in memory, for one worker; `another_worker()` is the same spool for another one."""

    def __init__(self, journal: FakeJournal | None = None, shelf: _Shelf | None = None) -> None:
        super().__init__()
        self.journal = journal if journal is not None else FakeJournal()
        self.shelf = shelf if shelf is not None else _Shelf()

    def another_worker(self) -> FakeSpool:
        return FakeSpool(self.journal, self.shelf)

    def presume_dead(self) -> None:
        """This worker's heartbeat stopped: what it holds is due again, and may be claimed by others."""
        for row in self.shelf.rows.values():
            if row.worker is self:
                row.delivery, row.worker = replace(row.delivery, state=State.DUE), None

    @property
    def states(self) -> dict[DeliveryId, State]:
        """Every delivery's state, for assertions."""
        return {identifier: row.delivery.state for identifier, row in self.shelf.rows.items()}

    # -- the verbs ---------------------------------------------------------------------------------------

    def accept(self, accepted: Accepted, /) -> Deferred[tuple[Claim, ...]]:
        return self._answer(self._accept, accepted)

    def _accept(self, accepted: Accepted) -> tuple[Claim, ...]:
        taken = {d.id for d in accepted.deliveries} & self.shelf.rows.keys()
        if taken or accepted.message.id in self.shelf.messages:
            raise SpoolUnavailable("an identifier is taken")
        self.shelf.messages[accepted.message.id] = accepted.message
        for delivery in accepted.deliveries:
            self.shelf.rows[delivery.id] = _Row(delivery)
        self.journal.keep(accepted.events)
        if not accepted.claimed:
            return ()
        return tuple(self._take(self.shelf.rows[d.id]) for d in accepted.deliveries if d.state is State.DUE)

    def _take(self, row: _Row) -> Claim:
        row.delivery = replace(row.delivery, state=after(row.delivery.state, Step.CLAIM))
        row.epoch += 1
        row.worker = self
        return Claim(row.delivery, row.epoch)

    def claim(
        self, limit: int, now: float, avoid: frozenset[str] = frozenset(), /
    ) -> Deferred[tuple[Claim, ...]]:
        return self._answer(self._claim, limit, now, avoid)

    def _claim(self, limit: int, now: float, avoid: frozenset[str]) -> tuple[Claim, ...]:
        due = [r for r in self._waiting(avoid) if r.delivery.due_at <= now]
        due.sort(key=lambda row: row.delivery.due_at)
        return tuple(self._take(row) for row in due[:limit])

    def _waiting(self, avoid: frozenset[str]) -> list[_Row]:
        return [
            row
            for row in self._all()
            if row.delivery.state is State.DUE
            and row.delivery.recipient.address.domain.lower() not in avoid - {""}
        ]

    def settle(
        self, settlements: Sequence[Settlement], reports: Sequence[Accepted] = (), /
    ) -> Deferred[tuple[Claim, ...]]:
        return self._answer(self._settle, tuple(settlements), tuple(reports))

    def _settle(self, settlements: Sequence[Settlement], reports: Sequence[Accepted]) -> tuple[Claim, ...]:
        stale = tuple(s.claim for s in settlements if not self._holds(s.claim))
        if stale:
            return stale
        if len({s.claim.delivery.id for s in settlements}) != len(settlements):
            raise ValueError("a claim cannot be given back twice at once")
        settled = [(settlement, settlement.delivery()) for settlement in settlements]
        if {r.message.id for r in reports} & self.shelf.messages.keys():
            raise SpoolUnavailable("an identifier is taken")
        for settlement, delivery in settled:
            self._give_back(settlement.claim, delivery)
            self.journal.keep(settlement.events)
        for report in reports:
            self._accept(replace(report, claimed=False))
        return ()

    def _holds(self, claim: Claim) -> bool:
        row = self.shelf.rows.get(claim.delivery.id)
        return row is not None and row.epoch == claim.epoch

    def _give_back(self, claim: Claim, delivery: Delivery) -> None:
        self.shelf.rows[claim.delivery.id] = _Row(delivery, claim.epoch + 1)

    def release(self, claim: Claim, due_at: float, /) -> Deferred[bool]:
        return self._answer(self._release, claim, due_at)

    def _release(self, claim: Claim, due_at: float) -> bool:
        if not self._holds(claim):
            return False
        self._give_back(claim, replace(claim.delivery, state=State.DUE, due_at=due_at))
        return True

    def message(self, identifier: MessageId, /) -> Deferred[Message | None]:
        return self._answer(self._message, identifier)

    def _message(self, identifier: MessageId) -> Message | None:
        return None if identifier in self.shelf.outlined else self.shelf.messages.get(identifier)

    def amend(self, identifier: MessageId, template: Template, report: Report, /) -> Deferred[bool]:
        return self._answer(self._amend, identifier, template, report)

    def _amend(self, identifier: MessageId, template: Template, report: Report) -> bool:
        kept = self.shelf.messages.get(identifier)
        if kept is None or not kept.pending:
            return False
        self.shelf.messages[identifier] = replace(kept, template=template, report=report, pending=False)
        return True

    def outline(self, identifier: MessageId, /) -> Deferred[Message | None]:
        return self._answer(self._outline, identifier)

    def _outline(self, identifier: MessageId) -> Message | None:
        message = self.shelf.messages.get(identifier)
        return message and replace(message, content=b"", template=Template((), message.template.targets))

    def delivery(self, identifier: DeliveryId, /) -> Deferred[Delivery | None]:
        return self._answer(self._delivery, identifier)

    def _delivery(self, identifier: DeliveryId) -> Delivery | None:
        row = self.shelf.rows.get(identifier)
        return None if row is None else row.delivery

    def deliveries(self, wanted: QueueFilter, limit: int, /) -> Deferred[tuple[Delivery, ...]]:
        return self._answer(self._deliveries, wanted, limit)

    def _deliveries(self, wanted: QueueFilter, limit: int) -> tuple[Delivery, ...]:
        return tuple(row.delivery for row in self._all() if self._is_meant(row.delivery, wanted))[:limit]

    def _all(self) -> list[_Row]:
        return sorted(self.shelf.rows.values(), key=lambda row: row.delivery.id)

    def _is_meant(self, delivery: Delivery, wanted: QueueFilter) -> bool:
        return (
            (wanted.states is None or delivery.state in wanted.states)
            and (wanted.domain or "").lower() in ("", delivery.recipient.address.domain.lower())
            and wanted.recipient in (None, str(delivery.recipient.address))
            and (wanted.login is None or wanted.login == self.shelf.messages[delivery.message].login)
            and wanted.message in (None, delivery.message)
            and wanted.delivery in (None, delivery.id)
            and wanted.site in (None, delivery.recipient.address.domain.lower())
            and (wanted.accepted_before is None or delivery.accepted_at < wanted.accepted_before)
            and (wanted.after is None or delivery.id > wanted.after)
            and (wanted.sender is None or wanted.sender == self._sender(delivery))
        )

    def _sender(self, delivery: Delivery) -> str:
        return_path = self.shelf.messages[delivery.message].envelope.return_path
        return "" if return_path is None else str(return_path)

    def target(self, identifier: DeliveryId, number: int, /) -> Deferred[str | None]:
        return self._answer(self._target, identifier, number)

    def _target(self, identifier: DeliveryId, number: int) -> str | None:
        row = self.shelf.rows.get(identifier)
        if row is None:
            return None
        targets = self.shelf.messages[row.delivery.message].template.targets
        return targets[number].url if 0 <= number < len(targets) else None

    def draw_near(self, now: float, longest: float, limit: int, /) -> Deferred[int]:
        return self._answer(self._draw_near, now, longest, limit)

    def _draw_near(self, now: float, longest: float, limit: int) -> int:
        latest = now + longest
        far = [r for r in self._all() if r.delivery.state is State.DUE and r.delivery.due_at > latest]
        far.sort(key=lambda row: row.delivery.due_at)
        for row in far[:limit]:
            row.delivery = replace(row.delivery, due_at=now + int(row.delivery.due_at) % max(1, int(longest)))
        return len(far[:limit])

    def visited(self, identifiers: Sequence[DeliveryId], /) -> Deferred[dict[DeliveryId, Visited]]:
        return self._answer(self._visited, identifiers)

    def _visited(self, identifiers: Sequence[DeliveryId]) -> dict[DeliveryId, Visited]:
        found = {}
        for identifier in identifiers:
            if identifier in self.shelf.rows:
                delivery = self.shelf.rows[identifier].delivery
                message = self.shelf.messages[delivery.message]
                told = self._entries(delivery.id, "delivery")
                found[identifier] = Visited(
                    message.id,
                    message.login,
                    str(delivery.recipient.address),
                    message.tags,
                    tuple(target.url for target in message.template.targets),
                    min(told, default=None),
                )
        return found

    def _entries(self, delivery: DeliveryId, kind: str) -> list[float]:
        return [e.time for e in self.journal.events if e.delivery == delivery and e.kind == kind]

    def counts(self) -> Deferred[dict[str, int]]:
        return self._answer(self._counts)

    def _counts(self) -> dict[str, int]:
        states = (row.delivery.state for row in self.shelf.rows.values())
        return dict(Counter(state.value for state in states if not state.is_final))

    def next_due(self, avoid: frozenset[str] = frozenset(), /) -> Deferred[float | None]:
        return self._answer(self._next_due, avoid)

    def _next_due(self, avoid: frozenset[str]) -> float | None:
        return min((row.delivery.due_at for row in self._waiting(avoid)), default=None)

    def find(self, sought: Sought, before: int | None, limit: int, /) -> Deferred[Page]:
        return self._answer(self._find, sought, before, limit)

    def _find(self, sought: Sought, before: int | None, limit: int) -> Page:
        """Through all that was accepted, the last first."""
        accepted = [e for e in reversed(self.journal.entries) if e.event.kind == "attempt"]
        old = [e for e in accepted if before is None or e.cursor < before]
        wanted = [(e.cursor, found) for e in old if (found := self._sought(e.event, sought)) is not None]
        further = wanted[limit - 1][0] if len(wanted) > limit else None
        return Page(tuple(found for _, found in wanted[:limit]), further)

    def _sought(self, event: Event, sought: Sought) -> Found | None:
        row, message = self.shelf.rows.get(event.delivery), self.shelf.messages.get(event.message)
        facts = {} if message is None else message.facts
        subject = decoded(facts.get("subject", ""))
        senders = {str(one).lower() for one in mailboxes(facts.get("from", "")) if one is not None}
        if message is not None and message.envelope.return_path is not None:
            senders.add(str(message.envelope.return_path).lower())
        is_meant = (
            sought.recipient in {"", event.recipient}
            and sought.login in {"", event.login}
            and (not sought.tag or sought.tag in event.tags)
            and (sought.state is None or (row is not None and row.delivery.state is sought.state))
            and (sought.start is None or event.time >= sought.start)
            and (sought.end is None or event.time < sought.end)
            and set(words(sought.subject)) <= set(words(subject))
            and (not sought.sender or sought.sender.lower() in senders)
        )
        if not is_meant:
            return None
        state = None if row is None else row.delivery.state
        return Found(
            event.delivery,
            event.time,
            event.recipient,
            event.login,
            event.tags,
            state,
            subject,
            decoded(facts.get("from", "")),
        )

    def alter(
        self, wanted: QueueFilter, step: Step, now: float, limit: int, by: str = "", /
    ) -> Deferred[int]:
        return self._answer(self._alter, wanted, step, now, limit, by)

    def _alter(self, wanted: QueueFilter, step: Step, now: float, limit: int, by: str) -> int:
        states = ALTERABLE[step]
        rows = [
            row
            for row in self._all()
            if row.delivery.state in states
            and self._is_meant(row.delivery, wanted)
            and not (step is Step.RELEASE and row.delivery.state is State.DUE and row.delivery.due_at <= now)
        ][:limit]
        for row in rows:
            due_at = now if step is Step.RELEASE else row.delivery.due_at
            row.delivery = replace(row.delivery, state=after(row.delivery.state, step), due_at=due_at)
            row.epoch += 1
            self.journal.keep((self._operated(row.delivery, step, now, by),))
        return len(rows)

    def _operated(self, delivery: Delivery, step: Step, now: float, by: str) -> Operated:
        message = self.shelf.messages.get(delivery.message)  # held, and deleted, even when that is lost
        return Operated(
            time=now,
            delivery=delivery.id,
            message=delivery.message,
            login="" if message is None else message.login,
            recipient=str(delivery.recipient.address),
            tags=() if message is None else message.tags,
            step=step.value,
            by=by,
        )

    # -- retention ---------------------------------------------------------------------------------------

    def forget_content(self, before: float, limit: int, /) -> Deferred[int]:
        return self._answer(self._forget_content, before, limit)

    def _forget_content(self, before: float, limit: int) -> int:
        old = [m for m in self._old(before) if m not in self.shelf.outlined][:limit]
        self.shelf.outlined.update(old)
        return len(old)

    def forget_messages(self, before: float, limit: int, /) -> Deferred[int]:
        return self._answer(self._forget_messages, before, limit)

    def _forget_messages(self, before: float, limit: int) -> int:
        old = self._old(before)[:limit]
        for identifier in old:
            del self.shelf.messages[identifier]
        self.shelf.rows = {i: r for i, r in self.shelf.rows.items() if r.delivery.message not in old}
        return len(old)

    def _old(self, before: float) -> list[MessageId]:
        alive = {r.delivery.message for r in self.shelf.rows.values() if not r.delivery.state.is_final}
        return sorted(i for i, m in self.shelf.messages.items() if m.accepted_at < before and i not in alive)


class FakeQuota(_Fake):
    """Leases in memory, for one worker; `another_worker()` shares them, `die()` ends this one's."""

    def __init__(self, rows: dict[str, dict[int, Share]] | None = None, worker: int = 1) -> None:
        super().__init__()
        self.rows = {} if rows is None else rows
        self.worker = worker

    def another_worker(self) -> FakeQuota:
        return FakeQuota(self.rows, self.worker + 1)

    def lease(self, wants: Sequence[Want], /) -> Deferred[tuple[int, ...]]:
        return self._answer(self._lease, tuple(wants))

    def _lease(self, wants: Sequence[Want]) -> tuple[int, ...]:
        return tuple(map(self._lease_one, wants))

    def _lease_one(self, want: Want) -> int:
        others = dict(self.rows.get(want.name, {}))
        mine = others.pop(self.worker, Share(0, 0))
        held = grant(want, mine.held, tuple(others.values()))
        if held or want.wanted:
            others[self.worker] = Share(held, want.wanted)
        self.rows[want.name] = others
        return held

    def die(self) -> None:
        for shares in self.rows.values():
            shares.pop(self.worker, None)


class FakeSites(_Fake):
    """The book of sites in memory, over the deliveries of a FakeSpool, for one worker."""

    def __init__(self, spool: FakeSpool) -> None:
        super().__init__()
        self._spool = spool
        self.states: dict[str, SiteState] = {}
        self.domains: dict[str, str] = {}
        self.lifts: list[str] = []

    def tell(self, states: Sequence[SiteState], domains: Mapping[str, str], now: float, /) -> Deferred[None]:
        return self._answer(self._tell, states, domains, now)

    def _tell(self, states: Sequence[SiteState], domains: Mapping[str, str], now: float) -> None:
        del now
        self.states = {state.site: state for state in states}
        self.domains.update(domains)

    def standings(self, domains: Collection[str], /) -> Deferred[Mapping[str, Standing]]:
        return self._answer(self._standings, domains)

    def _standings(self, domains: Collection[str]) -> Mapping[str, Standing]:
        sites = {domain: self.domains.get(domain, domain) for domain in domains}
        return {domain: Standing(site, self.states.get(site)) for domain, site in sites.items()}

    def sites(self, limit: int, /) -> Deferred[tuple[SiteSummary, ...]]:
        return self._answer(self._sites, limit)

    def _sites(self, limit: int) -> tuple[SiteSummary, ...]:
        found: dict[str, list[Delivery]] = {}
        for row in self._spool.shelf.rows.values():
            if not row.delivery.state.is_final:
                domain = row.delivery.recipient.address.domain.lower()
                found.setdefault(self.domains.get(domain, domain), []).append(row.delivery)
        ordered = sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))
        return tuple(self._summary(site, deliveries) for site, deliveries in ordered[:limit])

    def _summary(self, site: str, deliveries: Sequence[Delivery]) -> SiteSummary:
        number = {state: sum(d.state is state for d in deliveries) for state in State}
        return SiteSummary(
            site,
            len({d.recipient.address.domain.lower() for d in deliveries}),
            number[State.DUE],
            number[State.CLAIMED],
            number[State.HELD],
            min(d.accepted_at for d in deliveries),
            min(d.due_at for d in deliveries),
            self.states.get(site),
        )

    def lift(self, sites: Collection[str], now: float, /) -> Deferred[None]:
        return self._answer(lambda: self.lifts.extend(sorted(set(sites))))

    def lifted(self, cursor: int, /) -> Deferred[tuple[int, tuple[str, ...]]]:
        return self._answer(lambda: (len(self.lifts), tuple(self.lifts[cursor:])))


class FakeReturns(_Fake):
    """What came back, beside a fake spool and suppression list."""

    def __init__(self, spool: FakeSpool, suppressions: FakeSuppressions) -> None:
        super().__init__()
        self._spool = spool
        self._suppressions = suppressions
        self.originals: dict[int, tuple[float, bytes]] = {}
        self.counts: dict[int, tuple[float, int]] = {}

    def keep(self, returned: Returned, /) -> Deferred[None]:
        return self._answer(self._keep, returned)

    def _keep(self, returned: Returned) -> None:
        if returned.number in self.originals:
            raise SpoolUnavailable("an identifier is taken")
        self._spool.journal.keep(returned.events)
        portions = [portion for portion in returned.portions if self._has_room(portion, returned.time)]
        self._spool.journal.keep(
            [portion.withheld for portion in returned.portions if portion not in portions]
        )
        if returned.original and (portions or not returned.portions):
            self.originals[returned.number] = (returned.time, returned.original)
        for late in returned.failures:
            self._fail(late)
        for forward in itertools.chain(returned.forwards, *(portion.forwards for portion in portions)):
            self._spool._accept(replace(forward, claimed=False))
        self._suppressions._add(returned.suppressions)

    def _has_room(self, portion: Portion, now: float) -> bool:
        since, number = self.counts.get(portion.delivery, (now, 0))
        if number >= MAXIMUM_OF_A_DELIVERY:
            return False
        self.counts[portion.delivery] = (since, number + 1)
        return True

    def _fail(self, late: LateFailure) -> None:
        row = self._spool.shelf.rows.get(late.delivery)
        if row is not None and row.delivery.state is State.DELIVERED:
            failed = after(State.DELIVERED, Step.RETURN)
            row.delivery = replace(row.delivery, state=failed, last=late.outcome)
            row.epoch += 1
            self._spool.journal.keep((late.event,))

    def original(self, number: int, /) -> Deferred[bytes | None]:
        return self._answer(lambda: self.originals[number][1] if number in self.originals else None)

    def forget(self, before: float, limit: int, /) -> Deferred[int]:
        return self._answer(self._forget, before, limit)

    def _forget(self, before: float, limit: int) -> int:
        old = sorted(number for number, (time, _) in self.originals.items() if time < before)[:limit]
        for number in old:
            del self.originals[number]
        counts = sorted(one for one, (since, _) in self.counts.items() if since < before)[:limit]
        for one in counts:
            del self.counts[one]
        return max(len(old), len(counts))


class FakeSuppressions(_Fake):
    """A suppression list in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: dict[tuple[str, str], Suppression] = {}

    def among(
        self, scopes: Sequence[str], recipients: Sequence[str], now: float, /
    ) -> Deferred[Sequence[Suppression]]:
        return self._answer(self._among, scopes, recipients, now)

    def _among(self, scopes: Sequence[str], recipients: Sequence[str], now: float) -> Sequence[Suppression]:
        return [
            one
            for one in self.listed.values()
            if one.scope in scopes and one.recipient in recipients and _lasts(one, now)
        ]

    def add(self, entries: Sequence[Suppression], /) -> Deferred[int]:
        return self._answer(self._add, entries)

    def _add(self, entries: Sequence[Suppression]) -> int:
        new = 0
        for one in entries:
            there = self.listed.get((one.scope, one.recipient))
            new += there is None
            if there is None or _ends(one) > _ends(there):
                self.listed[one.scope, one.recipient] = one
        return new

    def remove(self, scope: str, recipients: Sequence[str], /) -> Deferred[int]:
        return self._answer(
            lambda: sum(self.listed.pop((scope, one), None) is not None for one in recipients)
        )

    def entries(
        self, scope: str | None, after: tuple[str, str], limit: int, sought: str = "", /
    ) -> Deferred[Sequence[Suppression]]:
        return self._answer(self._entries, scope, after, limit, sought)

    def _entries(
        self, scope: str | None, behind: tuple[str, str], limit: int, sought: str
    ) -> Sequence[Suppression]:
        found = sorted(place for place in self.listed if place > behind and scope in (None, place[0]))
        found = [place for place in found if sought.lower() in place[1]]
        return [self.listed[place] for place in found[:limit]]

    def forget(self, before: float, limit: int, /) -> Deferred[int]:
        return self._answer(self._forget, before, limit)

    def _forget(self, before: float, limit: int) -> int:
        old = [place for place, one in self.listed.items() if _ends(one) < before][:limit]
        for place in old:
            del self.listed[place]
        return len(old)


class FakeWebhooks(_Fake):
    """Webhooks in memory, without the posting. `healths` and `refused` are a test's to fill."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[int, Webhook] = {}
        self.healths: dict[int, Health] = {}
        self.refused: dict[int, list[Aside]] = {}
        self._last = 0

    def webhooks(self) -> Deferred[Sequence[Webhook]]:
        return self._answer(lambda: tuple(self.kept.values()))

    def create(self, webhook: Webhook, /) -> Deferred[Webhook]:
        return self._answer(self._create, webhook)

    def _create(self, webhook: Webhook) -> Webhook:
        self._last += 1
        self.kept[self._last] = replace(webhook, id=WebhookId(self._last))
        return self.kept[self._last]

    def replace(self, webhook: Webhook, /) -> Deferred[None]:
        return self._answer(self._replace, webhook)

    def _replace(self, webhook: Webhook) -> None:
        self.kept[webhook.id] = replace(webhook, cursor=self._there(webhook.id).cursor)

    def delete(self, number: WebhookId, /) -> Deferred[None]:
        return self._answer(self._delete, number)

    def _delete(self, number: WebhookId) -> None:
        del self.kept[self._there(number).id]

    def replay(self, number: WebhookId, cursor: int, /) -> Deferred[None]:
        return self._answer(self._replay, number, cursor)

    def _replay(self, number: WebhookId, cursor: int) -> None:
        self.kept[number] = replace(self._there(number), cursor=cursor)

    def health(self, number: WebhookId, /) -> Deferred[Health]:
        return self._answer(lambda: self.healths.get(self._there(number).id, Health()))

    def aside(self, number: WebhookId, limit: int, /) -> Deferred[Sequence[Aside]]:
        return self._answer(lambda: self.refused.get(number, [])[:limit])

    def _there(self, number: WebhookId) -> Webhook:
        if number not in self.kept:
            raise NoSuchWebhook(number)
        return self.kept[number]


def _ends(one: Suppression) -> float:
    return float("inf") if one.expires_at is None else one.expires_at


def _lasts(one: Suppression, now: float) -> bool:
    return _ends(one) > now


class FakeAccounts(_Fake):
    """Logins, sender domains and keys in memory; a change is seen at once."""

    def __init__(self, *logins: Login, clock: Callable[[], float] = lambda: 0.0) -> None:
        super().__init__()
        self._logins = {login.username: login for login in logins}
        self._keys: list[TokenKey] = []
        self._sender_domains: dict[str, SenderDomain] = {}
        self._clock = clock

    def login(self, username: str, /) -> Deferred[Login | None]:
        return self._answer(self._logins.get, username)

    def logins(self) -> Deferred[Sequence[Login]]:
        return self._answer(lambda: tuple(self._logins[name] for name in sorted(self._logins)))

    def create(self, login: Login, /) -> Deferred[None]:
        return self._answer(self._create, login)

    def _create(self, login: Login) -> None:
        if login.username in self._logins:
            raise LoginExists(login.username)
        self._logins[login.username] = login

    def replace(self, login: Login, was: Login | None = None, /) -> Deferred[None]:
        return self._answer(self._replace, login, was)

    def _replace(self, login: Login, was: Login | None) -> None:
        if login.username not in self._logins:
            raise NoSuchLogin(login.username)
        if was is not None:
            meant = {
                one.name: getattr(login, one.name)
                for one in fields(Login)
                if getattr(login, one.name) != getattr(was, one.name)
            }
            login = replace(self._logins[login.username], **meant)
        self._logins[login.username] = login

    def delete(self, username: str, /) -> Deferred[None]:
        return self._answer(self._delete, username)

    def _delete(self, username: str) -> None:
        if username not in self._logins:
            raise NoSuchLogin(username)
        del self._logins[username]

    def keys(self) -> Deferred[Sequence[TokenKey]]:
        return self._answer(self._all_keys)

    def _all_keys(self) -> Sequence[TokenKey]:
        if not self._keys:
            self._add_key()
        return tuple(self._keys)

    def add_key(self) -> Deferred[TokenKey]:
        return self._answer(self._add_key)

    def _add_key(self) -> TokenKey:
        number = self._keys[0].number + 1 if self._keys else 0
        if number == 256:
            raise KeyRingFull("256 keys")
        key = TokenKey(number, bytes((number,)) * 32, self._clock())
        self._keys.insert(0, key)
        return key

    def sender_domains(self) -> Deferred[Sequence[SenderDomain]]:
        return self._answer(self._all_sender_domains)

    def _all_sender_domains(self) -> Sequence[SenderDomain]:
        return tuple(
            replace(domain, keys=tuple(sorted(domain.keys, key=lambda key: key.selector)))
            for _, domain in sorted(self._sender_domains.items())
        )

    def create_sender_domain(self, domain: SenderDomain, /) -> Deferred[None]:
        return self._answer(self._create_sender_domain, domain)

    def _create_sender_domain(self, domain: SenderDomain) -> None:
        if domain.name in self._sender_domains:
            raise SenderDomainExists(domain.name)
        self._sender_domains[domain.name] = domain

    def replace_sender_domain(self, domain: SenderDomain, /) -> Deferred[None]:
        return self._answer(self._replace_sender_domain, domain)

    def _replace_sender_domain(self, domain: SenderDomain) -> None:
        if domain.name not in self._sender_domains:
            raise NoSuchSenderDomain(domain.name)
        self._sender_domains[domain.name] = replace(
            self._sender_domains[domain.name],
            click_url=domain.click_url,
            open_url=domain.open_url,
            bounce_host=domain.bounce_host,
        )

    def delete_sender_domain(self, name: str, /) -> Deferred[None]:
        return self._answer(self._delete_sender_domain, name)

    def _delete_sender_domain(self, name: str) -> None:
        if self._sender_domains.pop(name, None) is None:
            raise NoSuchSenderDomain(name)


class FakeTokens(_Fake):
    """Access tokens in memory."""

    def __init__(self, *tokens: AccessToken) -> None:
        super().__init__()
        self._tokens = {token.id: token for token in tokens}

    def token(self, identifier: str, /) -> Deferred[AccessToken | None]:
        return self._answer(self._tokens.get, identifier)

    def tokens(self) -> Deferred[Sequence[AccessToken]]:
        return self._answer(self._listed)

    def _listed(self) -> Sequence[AccessToken]:
        return tuple(sorted(self._tokens.values(), key=lambda token: (token.created_at, token.id)))

    def create(self, token: AccessToken, /) -> Deferred[None]:
        return self._answer(self._tokens.__setitem__, token.id, token)

    def delete(self, identifier: str, /) -> Deferred[None]:
        return self._answer(self._delete, identifier)

    def _delete(self, identifier: str) -> None:
        if self._tokens.pop(identifier, None) is None:
            raise NoSuchToken(identifier)


class FakeRepeats(_Fake):
    """Requests that may come twice, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[bytes, Repeat] = {}

    def first(self, asked: Repeat, /) -> Deferred[Repeat]:
        return self._answer(self._first, asked)

    def _first(self, asked: Repeat) -> Repeat:
        self._kept = {
            key: one for key, one in self._kept.items() if one.asked_at >= asked.asked_at - KEPT_FOR
        }
        return self._kept.setdefault(asked.key, asked)


class FakeAllowances(_Fake):
    """Counts in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.done: dict[str, dict[int, int]] = {}

    def take(self, name: str, number: int, allowances: Sequence[Allowance], now: float, /) -> Deferred[float]:
        return self._answer(self._take, name, number, allowances, now)

    def _take(self, name: str, number: int, allowances: Sequence[Allowance], now: float) -> float:
        done = self.done.setdefault(name, {})
        known = [Stretch(at, count) for at, count in done.items() if at < now + longest(allowances)]
        waits = wait(known, number, allowances, now)
        if not waits:
            at = beginning(allowances, now)
            done[at] = done.get(at, 0) + number
        return waits

    def give_back(
        self, name: str, number: int, allowances: Sequence[Allowance], now: float, /
    ) -> Deferred[None]:
        return self._answer(self._give_back, name, number, beginning(allowances, now))

    def _give_back(self, name: str, number: int, at: int) -> None:
        if at in self.done.get(name, {}):
            self.done[name][at] -= number


class FakeUses(_Fake):
    """Uses in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[Kind, dict[str, float]] = {kind: {} for kind in Kind}

    def used(self, kind: Kind, name: str, now: float, /) -> None:
        self.known[kind][name] = now

    def last(self, kind: Kind, /) -> Deferred[Mapping[str, float]]:
        return self._answer(lambda: dict(self.known[kind]))
