"""What waits for one worker: each login's in its order, the logins in turn, so that who sends much delays himself."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Turns(Generic[_T]):
    """A queue of queues; its length is what waits in all of them."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[_T]] = {}  # the next one's first
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, login: str, one: _T) -> None:
        self._waiting.setdefault(login, deque()).append(one)
        self._count += 1

    def take(self) -> _T:
        """The next; KeyError when nothing waits."""
        try:
            login = next(iter(self._waiting))
        except StopIteration:
            raise KeyError("nothing waits") from None
        waiting = self._waiting.pop(login)
        one = waiting.popleft()
        if waiting:
            self._waiting[login] = waiting  # behind the others
        self._count -= 1
        return one
