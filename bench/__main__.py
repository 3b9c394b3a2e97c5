"""smtpeter beside its peers, on one machine in one run, taking turns: `make bench`, or `python -m bench --help`.

Everything is on 127.0.0.1; what is started ends with it, and nothing of the system's own mail servers is touched. It
needs Debian's postfix, sasl2-bin, libsasl2-modules, gcc, libssl-dev and nodejs, and root; nginx-light and postgresql
for what they are measured in; what is missing is named in the report. Exit status 1 when smtpeter did not get through.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.harness import FULL, SHORT, TINY, Harness
from bench.machine import machine
from bench.measurements import MEASUREMENTS, SERVERS, Measurement
from bench.page import page, plot_name, recorded
from bench.plot import bars
from bench.record import OURS, Measured, Report
from smtpeter import __version__

KEPT = Path("docs/performance")
DOCUMENT = Path("docs/performance.md")
MOST, GRACE = 360.0, 60.0  # seconds: of one measurement, and beyond the time in which one may begin
SCALES = {"full": FULL, "short": SHORT, "tiny": TINY}


def main() -> int:
    arguments = _arguments()
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM")
    )  # so that what was started is ended, too
    ends = time.monotonic() + arguments.minutes * 60
    chosen = [
        each
        for each in MEASUREMENTS
        if (each.name in arguments.only if arguments.only else each.is_short or arguments.scale == "full")
    ]
    scale = SCALES[arguments.scale]
    measured: list[Measured] = []
    with (
        tempfile.TemporaryDirectory(prefix="smtpeter-bench-") as name,
        Harness(scale, Path(name), SERVERS, arguments.servers) as harness,
    ):
        for measurement in chosen:
            measured.append(_measured(measurement, harness, ends))
            report = _report(measured, harness, arguments)
            _write(report, arguments)  # each time: what comes then, or the end of the servers, may fail
        print(page(report))
    is_broken = any(each.is_broken for each in measured)
    return 1 if is_broken or OURS in harness.absent else 0


def _report(measured: list[Measured], harness: Harness, arguments: argparse.Namespace) -> Report:
    return Report(
        version=__version__,
        when=dt.datetime.now(dt.UTC).strftime("%d %B %Y, %H:%M UTC"),
        command=" ".join(["python -m bench", *sys.argv[1:]]),
        machine=machine(),
        servers=_servers(harness, arguments.servers),
        measured=measured,
    )


def _measured(measurement: Measurement, harness: Harness, ends: float) -> Measured:
    """All that could be measured of it within its time; what went wrong is told, and the rest goes on."""
    made = Measured(measurement.name, measurement.about)
    began = time.monotonic()
    if began > ends:
        made.trouble = "there was no time left for it"
        return made
    print(measurement.name, file=sys.stderr, flush=True)
    try:
        with _within(min(MOST, ends - began + GRACE)):
            for comparison in measurement.measure(harness):
                made.comparisons.append(comparison)
    except (pytest.skip.Exception, pytest.fail.Exception) as absent:
        made.trouble = str(absent)
    except Exception as trouble:
        traceback.print_exc()
        made.trouble = f"{type(trouble).__name__}: {str(trouble)[-300:]}"
        made.is_broken = True
    made.is_broken |= any(OURS in comparison.failed for comparison in made.comparisons)
    made.seconds = time.monotonic() - began
    print(f"  {made.seconds:.1f} s", file=sys.stderr, flush=True)
    return made


class Overdue(Exception):
    """A measurement took longer than it may."""


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Overdue in whatever hangs."""

    def overdue(*_: object) -> None:
        raise Overdue(f"after {seconds:.0f} s")

    signal.signal(signal.SIGALRM, overdue)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _servers(harness: Harness, wanted: list[str]) -> dict[str, dict[str, str]]:
    told = {name: {"version": one.version, "durable": one.durable} for name, one in harness.started.items()}
    absent = {name: {"absent": reason} for name, reason in harness.absent.items()}
    left_out = {name: {"absent": "not asked for"} for name in SERVERS if name not in wanted}
    everything = told | absent | left_out
    return {name: everything.get(name, {"absent": "not needed"}) for name in SERVERS}


def _write(report: Report, arguments: argparse.Namespace) -> None:
    directory = KEPT / report.version if arguments.keep else arguments.directory
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(json.dumps(report.told(), indent=1) + "\n")
    (directory / "README.md").write_text(page(report))
    for measured in report.measured:
        if measured.comparisons:
            (directory / plot_name(measured)).write_text(bars(measured.comparisons))
    if arguments.keep:
        link = f"{KEPT.name}/{report.version}/README.md"
        DOCUMENT.write_text(recorded(DOCUMENT.read_text(), report, link))
    print(f"  written to {directory}", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [each.name for each in MEASUREMENTS]
    parser.add_argument("--scale", choices=SCALES, default="full", help="how much (default %(default)s)")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS), help="default: all")
    parser.add_argument(
        "--minutes", type=float, default=13.0, help="begin nothing after that (default %(default)s)"
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path("var/bench"),
        help="of the page and the JSON (default %(default)s)",
    )
    parser.add_argument(
        "--keep", action="store_true", help=f"write to {KEPT}/VERSION instead, and an outline into {DOCUMENT}"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
