"""What is done while the spool is away: the same again, ever less often, until it is back."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, gatherResults

from smtpeter.spool.interface import SpoolUnavailable

T = TypeVar("T")

_LONGEST_PAUSE = 15.0


def pause(failures: int) -> float:
    """Seconds to wait when a spool that is away has failed so often before."""
    return min(2.0 ** min(failures, 10), _LONGEST_PAUSE)


def together(coroutines: Iterable[Coroutine[Any, Any, Any]]) -> Deferred[list[Any]]:
    """Fires when all have ended, or one has failed; they run side by side, so that the spool takes their writes together."""
    return gatherResults([Deferred.fromCoroutine(each) for each in coroutines], consumeErrors=True)


class Patience:
    """Knows whether the spool is away; `on_change` is called whenever that changes (with None: it is back)."""

    def __init__(
        self,
        sleep: Callable[[float], Awaitable[None]],
        on_change: Callable[[SpoolUnavailable | None], None],
    ) -> None:
        self.is_away = False
        self._sleep = sleep
        self._on_change = on_change

    async def insist(self, verb: Callable[[], Awaitable[T]]) -> T:
        """The verb's result, however long the spool is away."""
        for failures in itertools.count():
            try:
                result = await verb()
            except SpoolUnavailable as trouble:
                self.failed(trouble)
                await self._sleep(pause(failures))
            else:
                self.answered()
                return result
        raise AssertionError  # it counts for ever

    def failed(self, trouble: SpoolUnavailable) -> None:
        if not self.is_away:
            self.is_away = True
            self._on_change(trouble)

    def answered(self) -> None:
        if self.is_away:
            self.is_away = False
            self._on_change(None)
