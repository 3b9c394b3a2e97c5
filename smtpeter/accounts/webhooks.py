"""Webhooks as values, and what their ledger promises: where events are posted to, how far each has come, what waits.

A webhook follows the journal by its cursor, so an event is never lost between its commit and the post. An event that
its receiver alone refuses is set aside, with all later ones of its delivery behind it; the others go on.
"""

from __future__ import annotations

import base64
import enum
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from typing import NewType, Protocol

from smtpeter.message.identifier import DeliveryId

WebhookId = NewType("WebhookId", int)

# What can be asked for, by the product's names, and the journal's kinds that each means: whatever else comes
# back to a return path is posted as a bounce.
KINDS = {
    "bounce": ("bounce", "response"),
    "failure": ("failure",),
    "delivery": ("delivery",),
    "click": ("click",),
    "open": ("open",),
    "abuse": ("abuse",),
}
_SECRET_PREFIX = "whsec_"  # noqa: S105 - Standard Webhooks writes secrets so


class Encoding(enum.StrEnum):
    """How an event is written in a request's body."""

    JSON = "json"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where events are posted. `login` "" means those of all; `cursor` is the last event that is done with."""

    id: WebhookId
    url: str
    kinds: tuple[str, ...]  # of KINDS
    secret: bytes = field(repr=False)
    created_at: float
    login: str = ""
    encoding: Encoding = Encoding.JSON
    enabled: bool = True
    note: str = ""
    cursor: int = 0

    def events(self) -> tuple[str, ...]:
        """The journal's kinds that it follows."""
        return tuple(kind for name in self.kinds for kind in KINDS[name])

    def shown_secret(self) -> str:
        """The secret as receivers' libraries read it."""
        return _SECRET_PREFIX + base64.b64encode(self.secret).decode("ascii")


@dataclass(frozen=True, slots=True)
class Health:
    """How a webhook's receiver does: `failures` in a row and why, when it is tried again, when it last took one."""

    failures: int = 0
    problem: str = ""
    retry_at: float = 0.0
    taken_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Aside:
    """An event that waits apart, or was given up (`due_at` None). `event` is its cursor; times are Unix seconds."""

    event: int
    delivery: DeliveryId
    set_at: float
    attempts: int = 0
    due_at: float | None = 0.0
    problem: str = ""

    def tried(self, problem: str, due_at: float | None) -> Aside:
        """The same after another attempt in vain."""
        return replace(self, attempts=self.attempts + 1, problem=problem, due_at=due_at)


@dataclass(frozen=True, slots=True)
class Progress:
    """What one round of posting has changed: the new cursor, its health, what was set aside or tried, what was taken."""

    webhook: WebhookId
    seen: int  # the cursor that the round began with; when it is another by now, somebody asked for a replay
    cursor: int
    health: Health
    aside: tuple[Aside, ...] = ()
    taken: tuple[int, ...] = ()  # of those set aside


class NoSuchWebhook(KeyError):
    """There is no webhook of this number."""


class DutyLost(Exception):
    """Another process has the duty by now."""


class Webhooks(Protocol):
    """Raises AccountsUnavailable when the store cannot do it now. `create` gives the webhook its number."""

    def webhooks(self) -> Awaitable[Sequence[Webhook]]:
        """All of them by number."""

    def create(self, webhook: Webhook, /) -> Awaitable[Webhook]: ...

    def replace(self, webhook: Webhook, /) -> Awaitable[None]:
        """Change all but number and cursor; raises NoSuchWebhook."""

    def delete(self, number: WebhookId, /) -> Awaitable[None]:
        """And forget what waits for it; raises NoSuchWebhook."""

    def replay(self, number: WebhookId, cursor: int, /) -> Awaitable[None]:
        """Post again what comes after `cursor`, and at once what waits or was given up; raises NoSuchWebhook."""

    def health(self, number: WebhookId, /) -> Awaitable[Health]:
        """Raises NoSuchWebhook."""

    def aside(self, number: WebhookId, limit: int, /) -> Awaitable[Sequence[Aside]]:
        """What waits apart or was given up, oldest first."""

    def due(self, number: WebhookId, now: float, limit: int, /) -> Awaitable[Sequence[Aside]]:
        """What waits apart and may be tried: the first of each delivery."""

    def held(
        self, number: WebhookId, deliveries: Sequence[DeliveryId], /
    ) -> Awaitable[frozenset[DeliveryId]]:
        """Those of the deliveries of which an event waits apart."""

    def take_duty(self) -> Awaitable[bool]:
        """Whether this process may post: one at a time does, until it dies or stops."""

    def record(self, progress: Progress, /) -> Awaitable[None]:
        """Keep what a round has changed; raises DutyLost."""
