"""A report as a page of Markdown: what it holds for, one table of all servers, the goals, and every figure with its plot."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence

from bench.plot import shown
from bench.record import QUIET, Comparison, Measured, Report


def plot_name(measured: Measured) -> str:
    return f"{measured.name.replace(' ', '-')}.svg"


def page(report: Report) -> str:
    lines = [f"# Performance of smtpeter {report.version}", "", *_made(report)]
    lines += [
        "Every run: [results.json](results.json).",
        "",
        *_servers(report),
        *_overview(report),
        *_goals(report),
    ]
    for measured in report.measured:
        lines += _measured(measured)
    return "\n".join(lines)


def recorded(document: str, report: Report, link: str) -> str:
    """A document with the outline of a report between the marks that it has for it; `link` leads to the page."""
    head, begin, rest = document.partition("<!-- record -->\n")
    _, end, tail = rest.partition("<!-- /record -->")
    assert begin, "the document has no marks"
    assert end, "the document has no mark of an end"
    outline = [*_made(report), f"All figures with their plots: [{report.version}]({link}).", ""]
    outline += [*_servers(report), *_overview(report), *_goals(report)]
    return "".join((head, begin, "\n".join(outline), end, tail))


def _made(report: Report) -> Iterator[str]:
    yield f"Made by `{report.command}` on {report.when}."
    yield "; ".join(f"{name}: {value}" for name, value in report.machine.items()) + "."
    yield (
        "Client, server and sink share the processors. "
        "Rates drift by 10 to 25 percent from run to run: trust the ratios of one run."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
    yield ""


def _servers(report: Report) -> Iterator[str]:
    yield from ("## Servers", "")
    rows = [
        (name, about.get("version", "absent"), about.get("durable", about.get("absent", "")))
        for name, about in report.servers.items()
    ]
    yield from _table(("", "version", "on the disk before the 250"), rows)


def _overview(report: Report) -> Iterator[str]:
    """Every comparison of whole servers in one table."""
    names = list(report.servers)

    def cell(comparison: Comparison, figure: str, name: str) -> str:
        median = comparison.median(name, figure)
        if median is None:
            return "failed" if name in comparison.failed else ""
        ratio = comparison.ratio(figure, comparison.ours, name)
        return shown(median) + (f" ({ratio:.2f})" if ratio and name != comparison.ours else "")

    rows = [
        (measured.name, comparison.load, figure, *(cell(comparison, figure, name) for name in names))
        for measured in report.measured
        for comparison in measured.comparisons
        if sum(name in comparison.runs for name in names) > 1
        for figure in dict.fromkeys((comparison.figure, "CPU ms/message", "memory MB"))
    ]
    yield from ("## The servers side by side", "", "Medians; in brackets smtpeter's divided by it.", "")
    yield from _table(("", "load", "figure", *names), rows)


def _goals(report: Report) -> Iterator[str]:
    said = {True: "yes", False: "**no**", None: "not measured"}
    rows = [
        (
            measured.name,
            comparison.load,
            str(goal),
            "" if (reached := comparison.reached(goal)) is None else f"{reached:.3g}",
            said[comparison.is_met(goal)],
        )
        for measured in report.measured
        for comparison in measured.comparisons
        for goal in comparison.goals
    ]
    yield from ("## Goals", "")
    yield from _table(("", "load", "goal", "reached", "met"), rows)


def _measured(measured: Measured) -> Iterator[str]:
    yield from (f"## {measured.name.capitalize()}", "", measured.about, "")
    if measured.trouble:
        yield from (f"Not whole: {' '.join(measured.trouble.split())}", "")
    if measured.comparisons:
        yield from (f"![{measured.name}]({plot_name(measured)})", "")
    for comparison in measured.comparisons:
        yield from _comparison(comparison)


def _comparison(comparison: Comparison) -> Iterator[str]:
    figures = comparison.figures()
    ours = comparison.ours if len(comparison.runs) > 1 else ""
    counts = sorted({len(runs) for runs in comparison.runs.values()})
    yield from (
        f"{comparison.load}; medians of {counts[-1] if counts else 0} runs in turn (least to most).",
        "",
    )
    rows = []
    for row in comparison.runs:
        cells = [row, *(_cell(comparison.values(row, figure)) for figure in figures)]
        if ours:
            ratio = comparison.ratio(comparison.figure, ours, row)
            cells.append("" if ratio is None or row == ours else f"{ratio:.2f}")
        rows.append(cells)
    yield from _table(("", *figures, *([f"{ours} to it"] if ours else [])), rows)
    for row, trouble in comparison.failed.items():
        yield from (f"{row} did not get through: {' '.join(trouble.split())}", "")
    if comparison.remark:
        yield from (comparison.remark, "")
    others = comparison.others()
    if others > QUIET:
        yield from (
            f"Up to {others:.2f} processors were busy with something else: do not trust the rates.",
            "",
        )


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    return shown(statistics.median(values)) + (
        f" ({shown(min(values))} to {shown(max(values))})" if len(values) > 1 else ""
    )
