"""What the spool promises to those who use it; `storage` keeps the promises, on SQLite and on PostgreSQL.

Every verb but `can_record`, which tells at once, returns an awaitable and raises SpoolUnavailable when the store cannot
do it now: then nothing has happened, and the caller answers 4xx or tries again. When `accept` returns, the message
survives kill -9 and a power cut.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from smtpeter.message.edit import Report, Template
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.spool.model import Accepted, Claim, Delivery, Message, QueueFilter, Settlement, Visited
from smtpeter.spool.states import Step


class SpoolUnavailable(Exception):
    """The store could not do it now; nothing has happened. `full`: for want of disk space."""

    def __init__(self, cause: str, *, full: bool = False) -> None:
        super().__init__(cause)
        self.full = full


class Spool(Protocol):
    """The durable queue."""

    def accept(self, accepted: Accepted, /) -> Awaitable[tuple[Claim, ...]]:
        """Keep message, deliveries and events durably; the claims if it was born claimed, else ()."""

    def can_record(self) -> bool:
        """Whether there is room to record what becomes of an attempt, so that one may begin."""

    def claim(
        self, limit: int, now: float, avoid: frozenset[str] = frozenset(), /
    ) -> Awaitable[tuple[Claim, ...]]:
        """Claim up to `limit` deliveries that are due at `now` for this worker, oldest due first.

        Deliveries to the domains in `avoid` (lower case) are left for later, whatever their number: they cost
        the others nothing. What cannot be read is not handed out: it is held, and logged.
        """

    def settle(
        self, settlements: Sequence[Settlement], reports: Sequence[Accepted] = (), /
    ) -> Awaitable[tuple[Claim, ...]]:
        """Give claims back, with their events and the reports (DSNs) they give rise to, all or nothing.

        Returns () when all of it is committed; else nothing was written, and the claims returned are those
        whose epoch has changed: the caller leaves them out and settles the rest. Reports are never born claimed.
        """

    def release(self, claim: Claim, due_at: float, /) -> Awaitable[bool]:
        """Give a claim back without an attempt; False when its epoch has changed, and then nothing was written."""

    def message(self, identifier: MessageId, /) -> Awaitable[Message | None]:
        """The message with its content; None when it is not (or no longer) kept."""

    def amend(self, identifier: MessageId, template: Template, report: Report, /) -> Awaitable[bool]:
        """What became of a message whose edits were pending; False, and nothing is written, when they are not."""

    def outline(self, identifier: MessageId, /) -> Awaitable[Message | None]:
        """The message without content (b"") and the template's pieces, which are forgotten earlier than the rest."""

    def delivery(self, identifier: DeliveryId, /) -> Awaitable[Delivery | None]: ...

    def deliveries(self, wanted: QueueFilter, limit: int, /) -> Awaitable[tuple[Delivery, ...]]:
        """Deliveries an operator asked for, oldest first."""

    def target(self, identifier: DeliveryId, number: int, /) -> Awaitable[str | None]:
        """The original URL of link or image `number` of this delivery's message; kept as long as the message."""

    def next_due(self, avoid: frozenset[str] = frozenset(), /) -> Awaitable[float | None]:
        """When the next unclaimed delivery falls due; None when nothing waits.

        Deliveries that a `claim` has left for later do not count while their domain is in `avoid`.
        """

    def draw_near(self, now: float, longest: float, limit: int, /) -> Awaitable[int]:
        """Up to `limit` that wait for a time more than `longest` seconds after `now` are due within it; how many.

        Nothing waits that long of its own: they were deferred by a clock that was ahead. What came at different
        times stays apart.
        """

    def visited(self, identifiers: Sequence[DeliveryId], /) -> Awaitable[Mapping[DeliveryId, Visited]]:
        """What is known of these; some hundreds at most."""

    def counts(self) -> Awaitable[Mapping[str, int]]:
        """How many deliveries are in each state that is not final, by the states' names."""

    def alter(
        self, wanted: QueueFilter, step: Step, now: float, limit: int, by: str = "", /
    ) -> Awaitable[int]:
        """HOLD, RELEASE (also: due now) or DELETE up to `limit` deliveries that are not in flight; how many.

        Each leaves an Operated event that names `by`. 0 when there is nothing left to do. Done in portions, as
        the forgetting below is: when SpoolUnavailable is raised some may be altered already; ask again.
        """

    def forget_content(self, before: float, limit: int, /) -> Awaitable[int]:
        """Forget the content of up to `limit` messages accepted before `before`, all deliveries final; how many."""

    def forget_messages(self, before: float, limit: int, /) -> Awaitable[int]:
        """Forget up to `limit` such messages with all that hangs on them but events; how many."""
