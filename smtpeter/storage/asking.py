"""One question at a time: who asks what is being asked already waits for the same answer.

When what is remembered grows old, every session asks at once; the store need not hear it more than once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


class Asking:
    """The questions under way. `monotonic` never jumps; none is joined that was asked `good_for` seconds ago."""

    def __init__(self, monotonic: Callable[[], float], good_for: float) -> None:
        self._monotonic = monotonic
        self._good_for = good_for
        self._waiting: dict[Hashable, tuple[float, list[Deferred[Any]]]] = {}

    def ask(self, question: Hashable, ask: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        """The answer; `ask` is called unless somebody has asked just now."""
        mine: Deferred[Any] = Deferred()
        now = self._monotonic()
        asked_at, waiting = self._waiting.get(question, (float("-inf"), []))
        if now - asked_at < self._good_for:
            waiting.append(mine)
            return mine
        waiting = [mine]
        self._waiting[question] = now, waiting
        ask().addBoth(self._answer, question, waiting)
        return mine

    def _answer(self, answer: Any, question: Hashable, waiting: list[Deferred[Any]]) -> None:
        known = self._waiting.get(question)
        if known is not None and known[1] is waiting:
            del self._waiting[question]
        for each in waiting:
            if each.called:  # nobody waits any longer
                continue
            if isinstance(answer, Failure):
                each.errback(answer)
            else:
                each.callback(answer)

    def forget(self) -> None:
        """Something has changed: who asks from now on must hear of it."""
        self._waiting.clear()
