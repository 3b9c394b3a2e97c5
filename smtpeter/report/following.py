"""Posts events to webhooks: each follows the journal by its own cursor, so none is lost and none waits for another.

Events of one delivery are posted one after the other, those of different deliveries side by side. When nobody
answers, or all are refused, the webhook waits where it is, ever longer, for days if need be. An event that is refused
twice while others are taken is set aside with all that follow it for its delivery, tried for days, and then kept as given up.
A post is made again when its answer was not recorded; it has the same `webhook-id` then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from smtpeter.accounts.webhooks import (
    Aside,
    DutyLost,
    Health,
    NoSuchWebhook,
    Progress,
    Webhook,
    WebhookId,
    Webhooks,
)
from smtpeter.journal.events import CameBack, Event
from smtpeter.journal.interface import Entry, Journal, Query
from smtpeter.message.identifier import DeliveryId
from smtpeter.report import webhook as message

_PAGE = 100  # events that are looked at in one round
_LANES = 8  # deliveries that are told side by side
_LONGEST_RETRY_AFTER = 3600.0  # seconds that a receiver may ask us to wait
_OVERLOADED = frozenset((408, 425, 429, 502, 503, 504))
_LONGEST_PROBLEM = 300  # characters


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a request: `status` 0 when there was no answer, and then why. `retry_after` in seconds."""

    status: int
    problem: str = ""
    retry_after: float = 0.0

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_about_the_event(self) -> bool:
        """Whether the receiver itself has said no, so that it may well take others."""
        return self.status > 0 and not self.is_taken and self.status not in _OVERLOADED

    def told(self) -> str:
        return (self.problem or f"answered {self.status}")[:_LONGEST_PROBLEM]


class Post(Protocol):
    """Makes a request; never raises, and takes no longer than its time limit."""

    def __call__(self, url: str, headers: Sequence[tuple[str, str]], body: bytes, /) -> Awaitable[Posted]: ...


Gather = Callable[[Iterable[Awaitable[None]]], Awaitable[None]]


@dataclass(slots=True)
class _Round:
    """What is known in the middle of a round: events taken, and events refused with the reason."""

    taken: set[int] = field(default_factory=set)
    refused: dict[int, Posted] = field(default_factory=dict)
    weight: int = 0  # of the refusals since something was taken
    retry_after: float = 0.0
    is_gone: bool = False

    def learn(self, entry: Entry, posted: Posted) -> None:
        if posted.is_taken:
            self.taken.add(entry.cursor)
            self.weight = 0
            return
        self.refused[entry.cursor] = posted
        self.weight += 1 if posted.is_about_the_event else 4
        self.retry_after = max(self.retry_after, min(posted.retry_after, _LONGEST_RETRY_AFTER))
        self.is_gone = self.is_gone or posted.status == 410

    @property
    def is_down(self) -> bool:
        """Whether the receiver seems to take nothing at all: then no further delivery is begun."""
        return self.weight > 10


class Originals(Protocol):
    """Where the texts of what came back are kept."""

    def original(self, number: int, /) -> Awaitable[bytes | None]: ...


class Follower:
    """Follows the journal for one webhook; `work` does one round. `now` gives Unix seconds."""

    def __init__(
        self,
        ledger: Webhooks,
        journal: Journal,
        originals: Originals,
        post: Post,
        gather: Gather,
        now: Callable[[], float],
    ) -> None:
        self._originals = originals
        self._ledger = ledger
        self._journal = journal
        self._post = post
        self._gather = gather
        self._now = now
        self._cursor: int | None = None  # where this follower left the webhook
        self._done: set[int] = set()  # taken, beyond the cursor
        self._suspects: set[int] = set()  # refused in the round before
        self._has_taken = False  # others, in that round

    async def work(self, webhook: Webhook, health: Health) -> bool:
        """One round; whether there may be more to do at once. Raises what the ledgers raise, and DutyLost."""
        if webhook.cursor != self._cursor:  # somebody moved it, and wants what follows posted again
            self._done, self._suspects = set(), set()
        self._cursor = webhook.cursor
        self._done = {cursor for cursor in self._done if cursor > webhook.cursor}
        query = Query(kinds=webhook.events(), login=webhook.login or None)
        entries = await self._journal.since(webhook.cursor, query, _PAGE + len(self._done))
        waits = await self._held(webhook, entries)
        fresh = [e for e in entries if e.cursor not in self._done and e.event.delivery not in waits]
        state = _Round()
        await self._gather(self._lanes(webhook, state, fresh))
        self._done |= state.taken
        aside = self._set_aside(state, entries, waits)
        left = set(state.refused) - {one.event for one in aside}
        self._suspects = {cursor for cursor in self._suspects if cursor > webhook.cursor} | left
        self._has_taken = bool(state.taken or aside)
        again, taken = await self._try_again(webhook) if state.taken or not left else ([], [])
        cursor = self._reached(webhook.cursor, entries, aside)
        new = self._health(health, state, [state.refused[cursor].told() for cursor in sorted(left)])
        if aside or again or taken or cursor != webhook.cursor or new != health:
            every = (*aside, *again)
            await self._ledger.record(Progress(webhook.id, webhook.cursor, cursor, new, every, tuple(taken)))
            self._cursor = cursor
        if state.is_gone and not state.taken:  # Standard Webhooks: 410 asks for no more
            await self._ledger.replace(replace(webhook, enabled=False))
        return cursor != webhook.cursor or bool(state.taken)

    async def _held(self, webhook: Webhook, entries: Sequence[Entry]) -> frozenset[DeliveryId]:
        """Of which deliveries something waits apart already."""
        if not entries:
            return frozenset()
        return await self._ledger.held(webhook.id, [entry.event.delivery for entry in entries])

    def _lanes(self, webhook: Webhook, state: _Round, entries: Sequence[Entry]) -> Iterable[Awaitable[None]]:
        deliveries: dict[DeliveryId, list[Entry]] = {}
        for entry in entries:
            deliveries.setdefault(entry.event.delivery, []).append(entry)
        waiting = deque(deliveries.values())
        return [self._lane(webhook, state, waiting) for _ in range(min(_LANES, len(waiting)))]

    async def _lane(self, webhook: Webhook, state: _Round, waiting: deque[list[Entry]]) -> None:
        while waiting and not state.is_down:
            for entry in waiting.popleft():
                state.learn(entry, await self._tell(webhook, entry))
                if entry.cursor not in state.taken:
                    break

    async def _tell(self, webhook: Webhook, entry: Entry) -> Posted:
        headers, body = message.request(webhook, entry, self._now(), await self._original(entry.event))
        return await self._post(webhook.url, headers, body)

    async def _original(self, event: Event) -> str:
        """The text of what came back, for as long as it is kept."""
        if not isinstance(event, CameBack) or event.original is None:
            return ""
        text = await self._originals.original(event.original)
        return "" if text is None else text.decode("utf-8", "replace")

    def _set_aside(
        self, state: _Round, entries: Sequence[Entry], waits: frozenset[DeliveryId]
    ) -> list[Aside]:
        """What was refused twice while others were taken, and all that follows for deliveries of which something waits."""
        now = self._now()
        twice = {
            cursor
            for cursor in self._suspects & set(state.refused)
            if state.taken or (self._has_taken and state.refused[cursor].is_about_the_event)
        }
        apart = waits | {entry.event.delivery for entry in entries if entry.cursor in twice}
        aside = []
        for entry in entries:
            if entry.event.delivery in apart and entry.cursor not in self._done:
                new = Aside(entry.cursor, entry.event.delivery, now, due_at=now)
                refused = state.refused.get(entry.cursor)
                aside.append(new.tried(refused.told(), now + message.delay(1)) if refused else new)
        return aside

    def _reached(self, cursor: int, entries: Sequence[Entry], aside: Sequence[Aside]) -> int:
        """The last event before which everything is done with."""
        settled = self._done | {one.event for one in aside}
        for entry in entries:
            if entry.cursor not in settled:
                break
            cursor = entry.cursor
        return cursor

    def _health(self, health: Health, state: _Round, problems: Sequence[str]) -> Health:
        """`problems`: of events that were refused, and not set aside. While others are taken there is no waiting."""
        now = self._now()
        taken_at = now if state.taken else health.taken_at
        if problems and not state.taken:
            failures = health.failures + 1
            wait = max(message.delay(failures), state.retry_after)
            return Health(failures, problems[0], now + wait, taken_at)
        if state.retry_after:
            return Health(0, problems[0] if problems else "", now + state.retry_after, taken_at)
        return Health(taken_at=taken_at) if state.taken or state.refused or health.failures else health

    async def _try_again(self, webhook: Webhook) -> tuple[list[Aside], list[int]]:
        """Try what is due of what was set aside, the first of each delivery."""
        again: list[Aside] = []
        taken: list[int] = []
        due = await self._ledger.due(webhook.id, self._now(), _LANES)
        await self._gather([self._try_one(webhook, one, again, taken) for one in due])
        return again, taken

    async def _try_one(self, webhook: Webhook, one: Aside, again: list[Aside], taken: list[int]) -> None:
        found = await self._journal.since(one.event - 1, Query(delivery=one.delivery), 1)
        if not found or found[0].cursor != one.event:  # forgotten by now
            taken.append(one.event)
            return
        posted = await self._tell(webhook, found[0])
        if posted.is_taken:
            taken.append(one.event)
        else:
            again.append(one.tried(posted.told(), self._next(one)))

    def _next(self, one: Aside) -> float | None:
        now = self._now()
        return None if now - one.set_at > message.GIVE_UP_AFTER else now + message.delay(one.attempts + 1)


class Following:
    """All webhooks; `work` does a round of each that is not waiting for its time or still busy."""

    def __init__(
        self,
        ledger: Webhooks,
        journal: Journal,
        originals: Originals,
        post: Post,
        gather: Gather,
        now: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._now = now
        self._make = partial(Follower, ledger, journal, originals, post, gather, now)
        self._followers: dict[WebhookId, Follower] = {}
        self._busy: set[WebhookId] = set()

    async def ready(self) -> list[Webhook]:
        """The webhooks that may be worked on now; empty while another process has the duty."""
        every = {one.id: one for one in await self._ledger.webhooks() if one.enabled}
        self._followers = {number: one for number, one in self._followers.items() if number in every}
        if not every or not await self._ledger.take_duty():
            return []
        return [one for number, one in every.items() if number not in self._busy]

    async def work(self, webhook: Webhook) -> bool:
        """One round of this webhook; whether there may be more to do at once."""
        self._busy.add(webhook.id)
        try:
            health = await self._ledger.health(webhook.id)
            # A wall clock that was set back must not make it wait for longer than it ever would.
            if self._now() < health.retry_at <= self._now() + _LONGEST_RETRY_AFTER:
                return False
            follower = self._followers.setdefault(webhook.id, self._make())
            return await follower.work(webhook, health)
        except (DutyLost, NoSuchWebhook):
            return False
        finally:
            self._busy.discard(webhook.id)
