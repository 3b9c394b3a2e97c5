"""What Prometheus is told: the queue, what happened by kind, webhooks, conversations, and how the process does.

The registry is an argument. Counters of events follow the journal, so they count what every process of the store
did, from this one's start; Prometheus makes rates of them. docs/monitoring.md has the table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, ProcessCollector, generate_latest

from smtpeter.accounts.webhooks import Webhooks
from smtpeter.journal.events import KINDS
from smtpeter.journal.interface import Journal

_STATES = ("due", "claimed", "held")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Queue(Protocol):
    """What is asked about the spool."""

    def counts(self) -> Awaitable[Mapping[str, int]]: ...

    def next_due(self) -> Awaitable[float | None]: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where figures come from: the ledgers, and callables that answer at once.

    `delay` is how late the reactor was at worst since it was last asked, `free` the octets of disk space that are
    left, both as they stand; `sessions` and `visitors` are connections that are open now.
    """

    queue: Queue
    journal: Journal
    webhooks: Webhooks
    sessions: Callable[[], int]
    visitors: Callable[[], int]
    delay: Callable[[], float]
    free: Callable[[], int]
    now: Callable[[], float]


class Metrics:
    """The figures. `text` asks for them and writes them; it raises what the ledgers raise."""

    def __init__(self, registry: CollectorRegistry, sources: Sources, version: str) -> None:
        self._registry = registry
        self._sources = sources
        self._cursor: int | None = None
        ProcessCollector(registry=registry)
        Info("smtpeter", "The server.", registry=registry).info({"version": version})
        self._queue = self._gauge("queue_deliveries", "Deliveries on their way, by state.", "state")
        self._late = self._gauge("queue_late_seconds", "How long the delivery that is most overdue is so.")
        self._events = Counter(
            "smtpeter_events", "What happened since this process began.", ["kind"], registry=registry
        )
        self._failures = self._gauge("webhook_failures", "Failures in a row.", "webhook")
        self._behind = self._gauge("webhook_behind_events", "Events of the journal not yet seen.", "webhook")
        self._aside = self._gauge(
            "webhook_aside_events", "Events that wait apart or were given up (1000 at most).", "webhook"
        )
        self._sessions = self._gauge("sessions", "SMTP conversations that are open.")
        self._visitors = self._gauge("tracking_connections", "Connections to the tracking host.")
        self._delay = self._gauge("reactor_delay_seconds", "How late the reactor was at worst, lately.")
        self._free = self._gauge("store_free_bytes", "Disk space that is left for the store.")
        for kind in KINDS:
            self._events.labels(kind)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"smtpeter_{name}", text, labels, registry=self._registry)

    async def begin(self) -> None:
        """Count events from here on."""
        self._cursor = await self._sources.journal.end()

    async def text(self) -> bytes:
        """All figures as they stand now, in Prometheus's text format."""
        sources = self._sources
        counts = await sources.queue.counts()
        for state in _STATES:
            self._queue.labels(state).set(counts.get(state, 0))
        due = await sources.queue.next_due()
        self._late.set(0.0 if due is None else max(0.0, sources.now() - due))
        await self._count_events()
        await self._ask_webhooks()
        self._sessions.set(sources.sessions())
        self._visitors.set(sources.visitors())
        self._delay.set(sources.delay())
        self._free.set(sources.free())
        return generate_latest(self._registry)

    async def _count_events(self) -> None:
        if self._cursor is None:
            await self.begin()
        self._cursor, counted = await self._sources.journal.count(self._cursor or 0)
        for kind, number in counted.items():
            self._events.labels(kind).inc(number)

    async def _ask_webhooks(self) -> None:
        ledger = self._sources.webhooks
        for gauge in (self._failures, self._behind, self._aside):
            gauge.clear()
        for webhook in await ledger.webhooks():
            name = str(webhook.id)
            self._failures.labels(name).set((await ledger.health(webhook.id)).failures)
            self._behind.labels(name).set(max(0, (self._cursor or 0) - webhook.cursor))
            self._aside.labels(name).set(len(await ledger.aside(webhook.id, 1000)))
