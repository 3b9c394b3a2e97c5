"""What an awaitable that answers at once has answered: the store as commands open it needs no reactor."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def answered(awaitable: Awaitable[T]) -> T:
    """Its answer; raises what it failed with."""

    async def wait() -> T:
        return await awaitable

    ended: list[Any] = []
    Deferred.fromCoroutine(wait()).addBoth(ended.append)
    if isinstance(ended[0], Failure):
        ended[0].raiseException()
    answer: T = ended[0]
    return answer
