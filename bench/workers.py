"""The rate of one server with 1, 2 and 4 workers: smtp-source -> smtpeter (its own durable queue) -> smtp-sink.

All of them run at once, on SQLite, and take turns under the load; the figures are medians of the repetitions. More workers
must not be slower than one; what they gain depends on how many processors the load's own tools leave them.
It needs Debian's postfix package for the tools. It ends what it started, and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.load import CountingSink, Figures, Load, measure
from bench.machine import machine
from bench.processes import Usage
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon

COLUMNS = {
    "accepted": "accepted/s",
    "end_to_end": "end to end/s",
    "cpu_ms": "CPU ms/message",
    "memory": "memory MB",
    "others": "others' processors",
}


def main() -> None:
    arguments = _arguments()
    load = Load(arguments.messages, arguments.octets, arguments.sessions, kept=True)
    runs: dict[int, list[Figures]] = {workers: [] for workers in arguments.workers}
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smtpeter-bench-")))
        sink = stack.enter_context(CountingSink())
        authority = Authority(directory)
        daemons = {
            workers: stack.enter_context(_server(directory / str(workers), authority, workers, sink))
            for workers in runs
        }
        for daemon in daemons.values():
            measure(
                daemon.starttls, sink, Load(300, arguments.octets, 10, kept=True), Usage(daemon.pid)
            )  # warm up
        for _ in range(arguments.repetitions):
            for workers, daemon in daemons.items():
                figures = measure(daemon.starttls, sink, load, Usage(daemon.pid))
                runs[workers].append(figures)
                print(f"  {workers}: {figures}", file=sys.stderr, flush=True)
    print(", ".join(f"{name}: {value}" for name, value in machine("postfix").items()))
    print(f"\n{load}; medians of {arguments.repetitions} runs in turn\n")
    print(f"| workers | {' | '.join(COLUMNS.values())} |\n|---|{'---|' * len(COLUMNS)}")
    for workers, figures in runs.items():
        medians = (statistics.median(getattr(run, key) for run in figures) for key in COLUMNS)
        print(
            f"| {workers} | {' | '.join(f'{median:.3g}' if median < 100 else f'{median:.0f}' for median in medians)} |"
        )


@contextlib.contextmanager
def _server(directory: Path, authority: Authority, workers: int, sink: CountingSink) -> Iterator[Daemon]:
    daemon = Daemon(
        directory,
        authority,
        server={"workers": workers},
        submission={"trusted_networks": {"127.0.0.0/8": "bench"}},
        relay={"mode": "smarthost", "smarthost": f"127.0.0.1:{sink.port}", "allow_private_addresses": True},
    )
    daemon.login(username="bench")
    with daemon:
        try:
            yield daemon
        except AssertionError:
            print(daemon.log()[-4000:], file=sys.stderr)
            raise


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="how many (default 1 2 4)")
    parser.add_argument("--messages", type=int, default=3000, help="messages a run (default %(default)s)")
    parser.add_argument("--octets", type=int, default=2048, help="size of a message (default %(default)s)")
    parser.add_argument("--sessions", type=int, default=20, help="sessions at a time (default %(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each (default %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except pytest.skip.Exception as reason:
        sys.exit(f"cannot run: {reason}")
