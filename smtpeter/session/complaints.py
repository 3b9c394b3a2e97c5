"""Keeps the log readable where strangers decide how often something happens: one line a source and minute, with a count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_MINUTE = 60.0
_SOURCES = 10_000  # that are remembered; beyond them the one told longest ago is forgotten


@dataclass(slots=True)
class _Told:
    at: float
    since: int = 0  # how often it happened after that


class Complaints:
    """Of one kind; `seconds` is a clock of any zero."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._told: dict[str, _Told] = {}  # in the order in which they were told

    def due(self, source: str) -> int:
        """Count once more; how often it happened since the last line, or 0 while that is less than a minute old."""
        now = self._seconds()
        last = self._told.get(source)
        if last is not None and now - last.at < _MINUTE:
            last.since += 1
            return 0
        self._told.pop(source, None)
        self._told[source] = _Told(now)
        if len(self._told) > _SOURCES:
            del self._told[next(iter(self._told))]
        return 1 if last is None else last.since + 1
