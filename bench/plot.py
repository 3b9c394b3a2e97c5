"""Bars as SVG: one group for each comparison, one bar for each row, as long as its figure is to the group's largest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

from bench.record import Comparison

WIDTH, LABELS, BAR, GAP = 760, 230, 20, 34
ROOM = WIDTH - LABELS - 110  # behind the longest bar its figure has room
STYLE = (
    "text{font:13px sans-serif;fill:#1f2328}.title{font-weight:bold}.paper{fill:#fff}.ours{fill:#1a7f64}.theirs{fill:#9aa4af}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#0d1117}.theirs{fill:#59636e}.ours{fill:#2ea886}}"
)


def bars(comparisons: Iterable[Comparison]) -> str:
    drawn: list[str] = []
    y = 10
    for comparison in comparisons:
        drawn.append(
            f'<text class="title" x="10" y="{y + 14}">{escape(comparison.load)}: {escape(comparison.figure)}</text>'
        )
        y += BAR + 4
        for line in _rows(comparison, y):
            drawn.append(line)
            y += BAR
        y += GAP - BAR
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}">'
        f'<style>{STYLE}</style><rect class="paper" width="{WIDTH}" height="{y}"/>{"".join(drawn)}</svg>\n'
    )


def _rows(comparison: Comparison, y: int) -> Iterator[str]:
    medians = {row: comparison.median(row, comparison.figure) for row in comparison.runs}
    largest = max((median for median in medians.values() if median), default=1.0)
    for row, median in medians.items():
        if median is None:
            continue
        kind = "ours" if row == comparison.ours else "theirs"
        length = max(1.0, median / largest * ROOM)
        yield (
            f'<text x="{LABELS - 8}" y="{y + 14}" text-anchor="end">{escape(row)}</text>'
            f'<rect class="{kind}" x="{LABELS}" y="{y + 2}" width="{length:.1f}" height="{BAR - 5}"/>'
            f'<text x="{LABELS + length + 6:.1f}" y="{y + 14}">{shown(median)}</text>'
        )
        y += BAR


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
