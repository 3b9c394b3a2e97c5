"""What is tried next: the window of claimed deliveries, fair over logins and sites, first tries before retries.

Claims of one message to one domain form a batch, for one transaction. What cannot be kept waiting is handed back, to
be released. Pure: nothing here asks, waits or knows the time; `now` is a clock for intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from smtpeter.message.identifier import DeliveryId
from smtpeter.message.status import Outcome
from smtpeter.relay.contents import Contents, Held
from smtpeter.relay.interface import MAXIMUM_GROUP
from smtpeter.relay.lane import Batch, Lane
from smtpeter.relay.pacing import Limits, Paces, Reason, Signal, judge
from smtpeter.relay.shares import Shares
from smtpeter.spool.model import Claim, Delivery, Message
from smtpeter.spool.states import State

_RETRY_TURN = 8
_UNKNOWN = 16  # content whose size is not known yet counts as this part of all copies


class Window:
    """The bounded part of the spool that this process works on.

    `site_of` names the site of a domain; `per_recipient` says whether each delivery of a message goes alone.
    """

    def __init__(
        self, limits: Limits, site_of: Callable[[str], str], per_recipient: Callable[[Message], bool]
    ) -> None:
        self.contents = Contents(limits.octets, limits.greed)
        self.claimed = 0  # deliveries
        self.fetched = 0  # of these, claimed from the spool, not born claimed
        self._limits = limits
        self._paces = Paces(limits)
        self._site_of = site_of
        self._per_recipient = per_recipient
        self._first = Lane()
        self._again = Lane()
        self._attempts = Shares(limits.attempts, limits.greed)
        self._retries = Shares(limits.retries, limits.greed)
        self._copies = Shares(limits.copies, limits.greed)
        self._turn = 0
        self._logins: dict[str, int] = {}  # deliveries claimed, by login

    @property
    def running(self) -> int:
        """Attempts under way."""
        return self._attempts.taken

    # -- room --------------------------------------------------------------------------------------------

    def has_room(self, message: Message, now: float) -> bool:
        """Whether a message may be born claimed: whether the window, its login and its sites have room."""
        born = self.claimed - self.fetched
        if (
            self.claimed >= self._limits.window
            or born >= self._most_of_a_kind
            or not self.contents.allows(message)
        ):
            return False
        contended = self._is_contended
        if contended and self._logins.get(message.login, 0) >= self._limits.share:
            return False
        for recipient in message.envelope.recipients:
            pace = self._paces.known(self._site_of(recipient.address.domain.lower()))
            if pace is not None and not pace.takes(now, contended=contended):
                return False
        return True

    @property
    def _is_contended(self) -> bool:
        return 2 * self.claimed >= self._limits.window

    def places(self) -> int:
        """How many more deliveries may be claimed from the spool."""
        return max(0, min(self._limits.window - self.claimed, self._most_of_a_kind - self.fetched))

    @property
    def _most_of_a_kind(self) -> int:
        """A quarter of the window is left to what comes from the spool, and one to what is born claimed."""
        return max(1, self._limits.window * 3 // 4)

    # -- in ----------------------------------------------------------------------------------------------

    def add(
        self,
        message: Message,
        claims: Iterable[Claim],
        now: float,
        *,
        is_born: bool = False,
        is_whole: bool = True,
    ) -> list[Batch]:
        """Take claims in. The batches that cannot wait here are returned: to be settled or released, and to leave.

        `is_born`: they were born claimed. `is_whole`: the message has its content.
        """
        refused: list[Batch] = []
        batches = self._batches(message, claims, now, is_whole=is_whole)
        contended = self._is_contended
        for batch in batches:
            batch.is_born = is_born
            self._count(batch, +1)
            if batch.pace.takes(now, contended=contended):
                (self._again if batch.is_retry else self._first).add(batch)
            else:
                batch.is_over = True
                refused.append(batch)
        return refused

    def _batches(
        self, message: Message, claims: Iterable[Claim], now: float, *, is_whole: bool
    ) -> list[Batch]:
        most = 1 if self._per_recipient(message) else MAXIMUM_GROUP
        groups: list[tuple[str, bool, list[Claim]]] = []
        open_groups: dict[tuple[str, bool], list[Claim]] = {}
        for claim in claims:
            key = claim.delivery.recipient.address.domain.lower(), claim.delivery.attempts > 0
            group = open_groups.get(key)
            if group is None or len(group) == most:
                group = open_groups[key] = []
                groups.append((*key, group))
            group.append(claim)
        held = self.contents.hold(message, len(groups), is_whole=is_whole)
        return [
            Batch(held, tuple(group), domain, self._paces.of(self._site_of(domain), now), is_retry)
            for domain, is_retry, group in groups
        ]

    def _count(self, batch: Batch, sign: int) -> None:
        deliveries = sign * len(batch.claims)
        self.claimed += deliveries
        if not batch.is_born:
            self.fetched += deliveries
        login = batch.held.message.login
        left = self._logins.get(login, 0) + deliveries
        if left:
            self._logins[login] = left
        else:
            del self._logins[login]

    # -- through -----------------------------------------------------------------------------------------

    def begin(self, now: float) -> Batch | None:
        """The batch whose attempt begins now, or None when none may."""
        if self._attempts.is_spent:
            return None
        batch = self._next()
        if batch is None:
            return None
        batch.began = now
        batch.pace.running += 1
        login = batch.held.message.login
        self._attempts.take(login)
        if batch.is_retry:
            self._retries.take(login)
        self.weigh(batch)
        return batch

    def _next(self) -> Batch | None:
        """First tries come before retries, but for an eighth of the turns: under load for days, nothing is stuck."""
        self._turn = (self._turn + 1) % _RETRY_TURN
        may_retry = not self._retries.is_spent
        if may_retry and self._turn == 0 and (batch := self._again.take(self._may)):
            return batch
        return self._first.take(self._may) or (self._again.take(self._may) if may_retry else None)

    def _may(self, batch: Batch) -> bool:
        """Whether its login may have one more attempt, of its kind and of its weight."""
        login = batch.held.message.login
        return (
            self._attempts.allows(login)
            and (not batch.is_retry or self._retries.allows(login))
            and self._has_memory(login, self._weight(batch.held))
        )

    def _has_memory(self, login: str, octets: int) -> bool:
        """At least one has it, so that no message is too big for ever."""
        return not octets or not self._copies.taken or self._copies.allows(login, octets)

    def _weight(self, held: Held) -> int:
        """Octets that an attempt has for itself: content fetched for it, content made for one recipient."""
        copies = (not held.is_whole) + 2 * self._per_recipient(held.message)  # in 8 bits and in 7
        if not copies:
            return 0
        return copies * held.size if held.size else self._limits.copies // _UNKNOWN

    def weigh(self, batch: Batch) -> None:
        """Count what a batch that is running has in memory, when it has begun and when its content is known."""
        if batch.began is not None and not batch.is_over:
            self._count_copies(batch, self._weight(batch.held))

    def _count_copies(self, batch: Batch, octets: int) -> None:
        login = batch.held.message.login
        self._copies.give_back(login, batch.octets)
        self._copies.take(login, octets)
        batch.octets = octets

    def end(self, batch: Batch, outcomes: Mapping[DeliveryId, Outcome], now: float) -> list[Batch]:
        """Its attempt is over. Batches that cannot wait for its site any longer are returned, as by `add`."""
        if batch.is_over or batch.began is None:
            return []
        batch.is_over = True
        pace = batch.pace
        pace.running -= 1
        login = batch.held.message.login
        self._attempts.give_back(login)
        if batch.is_retry:
            self._retries.give_back(login)
        self._count_copies(batch, 0)
        signal, trouble = judge(outcomes.values())
        pace.end(signal, trouble, batch.began, now)
        if signal is Signal.TROUBLE and now < pace.until:
            return self._emptied(self._first.clear(pace.name) + self._again.clear(pace.name))
        self._first.wake(pace)
        self._again.wake(pace)
        return []

    def drain(self) -> list[Batch]:
        """Take out all that waits, as by `add`."""
        return self._emptied(self._first.drain() + self._again.drain())

    def _emptied(self, batches: list[Batch]) -> list[Batch]:
        for batch in batches:
            batch.is_over = True
        return batches

    def leave(self, batch: Batch) -> None:
        """Its claims have been given back: their places are free."""
        self._count(batch, -1)
        self.contents.drop(batch.held)

    # -- told --------------------------------------------------------------------------------------------

    def why(self, delivery: Delivery) -> Reason | None:
        """Why a claimed delivery in the window waits; None when it is not in it. Searches all that waits."""
        if delivery.state is not State.CLAIMED or self.contents.known(delivery.message) is None:
            return None
        for batch in chain(self._first, self._again):
            if any(claim.delivery.id == delivery.id for claim in batch.claims):
                return self._why(batch)
        return Reason.IN_PROGRESS

    def _why(self, batch: Batch) -> Reason:
        if not batch.pace.is_open():
            return Reason.SITE_BUSY
        return Reason.TURN if self._may(batch) else Reason.ALL_BUSY

    def trouble(self, domain: str, now: float) -> tuple[Outcome, float] | None:
        """What the site of `domain` is in trouble with, and since how many seconds, while it is left alone."""
        pace = self._paces.known(self._site_of(domain.lower()))
        if pace is None or pace.trouble is None or now >= pace.until:
            return None
        return pace.trouble, now - pace.troubled_at
