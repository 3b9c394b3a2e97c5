"""Plots of how often something happened over time, as values that a template draws in SVG. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from smtpeter.journal.interface import Tally

MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds
WIDTH, HEIGHT = 300, 80  # of a drawing; the page stretches it
_GAP = 1.0
_LEAST = 1.5  # what a single event among thousands is still seen by


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that ends now: `number` steps of `length` seconds, and how their beginnings are written."""

    name: str
    title: str
    length: int
    number: int
    written: str

    def starts(self, now: float) -> tuple[int, ...]:
        """Where the steps begin, Unix seconds; the last is the one that `now` is in. Days are those of UTC."""
        last = int(now // self.length) * self.length
        return tuple(last - self.length * back for back in reversed(range(self.number)))

    def shown(self, start: int) -> str:
        return datetime.fromtimestamp(start, UTC).strftime(self.written)


SPANS = {
    one.name: one
    for one in (
        Span("hour", "Last hour", MINUTE, 60, "%H:%M"),
        Span("day", "Last 24 hours", HOUR, 24, "%H:%M"),
        Span("week", "Last 7 days", 6 * HOUR, 28, "%a %H:%M"),
        Span("month", "Last 30 days", DAY, 30, "%d %b"),
    )
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A step in which something happened, drawn from (x, y), and what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    said: str


@dataclass(frozen=True, slots=True)
class Plot:
    """How often one kind of event happened; `said` is the plot in a sentence, for those who do not see it."""

    kind: str
    total: int
    most: int
    bars: tuple[Bar, ...]
    said: str


def counted(tallies: Iterable[Tally], span: Span, now: float) -> dict[str, list[int]]:
    """By kind, how often in each step; what lies outside is left out."""
    starts = span.starts(now)
    found: dict[str, list[int]] = {}
    for tally in tallies:
        place = (tally.start - starts[0]) // span.length
        if 0 <= place < span.number:
            found.setdefault(tally.kind, [0] * span.number)[place] += tally.count
    return found


def plots(kinds: Sequence[str], counts: Mapping[str, Sequence[int]], span: Span, now: float) -> list[Plot]:
    """One of each kind, also of those that did not happen."""
    starts = span.starts(now)
    return [_plot(kind, counts.get(kind, [0] * span.number), starts, span) for kind in kinds]


def _plot(kind: str, numbers: Sequence[int], starts: Sequence[int], span: Span) -> Plot:
    most, total = max(numbers), sum(numbers)
    step = WIDTH / span.number
    bars = tuple(
        _bar(place * step, step, number / most, f"{span.shown(starts[place])}: {number:,}")
        for place, number in enumerate(numbers)
        if number
    )
    peak = f"; most at {span.shown(starts[list(numbers).index(most)])}: {most:,}" if most else ""
    return Plot(kind, total, most, bars, f"{span.title}: {total:,} in all{peak}.")


def _bar(x: float, step: float, share: float, said: str) -> Bar:
    height = max(_LEAST, share * HEIGHT)
    return Bar(round(x, 2), round(HEIGHT - height, 2), round(step - _GAP, 2), round(height, 2), said)
