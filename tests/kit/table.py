"""A pytest plugin: after the run, a table of all scenarios of trouble, what is promised in each, and what came of it.

A scenario is a test marked `fault("what happens", "what is promised")`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

_results: dict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if marker := item.get_closest_marker("fault"):
            item.user_properties.append(("fault", marker.args))


def pytest_runtest_logreport(report: Any) -> None:
    for name, value in report.user_properties:
        if name == "fault" and (report.when == "call" or report.outcome != "passed"):
            _results[tuple(value)].append((report.outcome, report.duration))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    rows = [
        (scenario, promise, _summary([outcome for outcome, _ in told]), f"{sum(t for _, t in told):.0f} s")
        for (scenario, promise), told in _results.items()
    ]
    heading = ("scenario", "promise", "result", "time")
    widths = [max(len(row[column]) for row in [heading, *rows]) for column in range(4)]
    terminalreporter.section("faults")
    for row in [heading, tuple("-" * width for width in widths), *rows]:
        line = " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line(f"| {line} |")


def _summary(outcomes: list[str]) -> str:
    if "failed" in outcomes:
        return "BROKEN"
    return "skipped" if "skipped" in outcomes else "held"
