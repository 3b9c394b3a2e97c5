"""For those who watch the server: /metrics, /healthz (it runs) and /readyz (it can take and keep mail now)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.journal.interface import JournalUnavailable
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.web.visit import Answer, Visit, text_answer

_PATIENCE = 5.0  # seconds for the store to answer
_NOT_FOUND = text_answer(404, "Not found: there are /metrics, /healthz and /readyz.")
_NOT_ALLOWED = text_answer(405, "Only GET and HEAD are understood here.", (b"Allow", b"GET, HEAD"))
_FINE = text_answer(200, "ok", (b"Cache-Control", b"no-store"))
_UNAVAILABLE = (SpoolUnavailable, JournalUnavailable, AccountsUnavailable)


class Monitor:
    """The handler. `metrics` writes the figures; `ready` asks the store, and fails as it does."""

    def __init__(
        self,
        metrics: Callable[[], Awaitable[bytes]],
        content_type: str,
        ready: Callable[[], Awaitable[object]],
        clock: IReactorTime,
    ) -> None:
        self._metrics = metrics
        self._content_type = content_type.encode("ascii")
        self._ready = ready
        self._clock = clock

    def answer(self, visit: Visit) -> Answer | Awaitable[Answer]:
        if visit.method not in {b"GET", b"HEAD"}:
            return _NOT_ALLOWED
        match visit.target.partition(b"?")[0]:
            case b"/healthz":
                return _FINE
            case b"/readyz":
                return self._within(self._ready, _FINE)
            case b"/metrics":
                return self._within(self._metrics, None)
            case _:
                return _NOT_FOUND

    async def _within(self, ask: Callable[[], Awaitable[object]], fine: Answer | None) -> Answer:
        """`fine`, or what was asked for; 503 with the reason when the store does not answer."""
        asking = Deferred.fromCoroutine(_of(ask()))
        try:
            told = await asking.addTimeout(_PATIENCE, self._clock)
        except DeferredTimeout:
            return text_answer(503, f"The store does not answer within {_PATIENCE:g} seconds.")
        except _UNAVAILABLE as error:
            return text_answer(503, f"The store: {error}")
        if fine is not None:
            return fine
        assert isinstance(told, bytes)
        return Answer(200, ((b"Content-Type", self._content_type), (b"Cache-Control", b"no-store")), told)


async def _of(asked: Awaitable[object]) -> object:
    return await asked
