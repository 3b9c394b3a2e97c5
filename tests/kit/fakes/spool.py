"""The spool in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from twisted.internet.defer import Deferred

from smtpeter.journal.events import Event, Operated
from smtpeter.message.edit import Report, Template
from smtpeter.message.encoded import decoded
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.message.mailboxes import mailboxes
from smtpeter.spool.finding import Found, Page, Sought, words
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import Accepted, Claim, Delivery, Message, QueueFilter, Settlement, Visited
from smtpeter.spool.states import ALTERABLE, State, Step, after
from tests.kit.fakes.answering import Fake
from tests.kit.fakes.journal import FakeJournal


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


class FakeSpool(Fake):
    """A spool in memory, for one worker; `another_worker()` is the same spool for another one."""

    def __init__(self, journal: FakeJournal | None = None, shelf: _Shelf | None = None) -> None:
        super().__init__()
        self.journal = journal if journal is not None else FakeJournal()
        self.shelf = shelf if shelf is not None else _Shelf()

    is_full = False

    def can_record(self) -> bool:
        return not self.is_full

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
