"""smtpeter beside Postfix as relays: smtp-source -> peer (its own durable queue) -> smtp-sink, all on loopback.

Both run all the time, and take turns; the figures are medians of the repetitions. Neither AUTH nor TLS (smtp-source
speaks neither): smtpeter takes the load from a trusted network, Postfix from mynetworks.
It needs Debian's postfix, and root, which Postfix's master needs. It ends what it started, and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.load import CountingSink, Figures, Load, measure
from bench.machine import machine
from bench.processes import Usage
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.postfix import Postfix, relaying

COLUMNS = {
    "accepted": "accepted/s",
    "end_to_end": "end to end/s",
    "cpu_ms": "CPU ms/message",
    "memory": "memory MB",
}
OTHERS = 0.3  # processors busy with something else, above which a run is not to be trusted


@dataclasses.dataclass(frozen=True, slots=True)
class Peer:
    """A relay that runs: where it listens, and what its processes use."""

    name: str
    port: int
    usage: Usage


def main() -> None:
    arguments = _arguments()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smtpeter-bench-")))
        sink = stack.enter_context(CountingSink())
        peers = [
            stack.enter_context(_smtpeter(directory, sink, arguments.workers)),
            stack.enter_context(_postfix(sink)),
        ]
        loads = [
            Load(arguments.messages, arguments.octets, sessions, way == "kept")
            for way in arguments.ways
            for sessions in arguments.sessions
        ]
        for peer in peers:
            measure(peer.port, sink, Load(500, arguments.octets, 10, kept=True), peer.usage)  # warm up
        results = [
            (load, _compare(load, peers, sink, arguments.repetitions, arguments.tries)) for load in loads
        ]
    about = machine("postfix")
    _print(about, results)
    if arguments.json:
        arguments.json.write_text(json.dumps(_report(about, results), indent=2) + "\n")


def _compare(
    load: Load, peers: Sequence[Peer], sink: CountingSink, repetitions: int, tries: int
) -> dict[str, list[Figures]]:
    """The figures of each peer, run by run in turn."""
    runs: dict[str, list[Figures]] = {peer.name: [] for peer in peers}
    for _ in range(repetitions):
        for peer in peers:
            runs[peer.name].append(_undisturbed(load, peer, sink, tries))
    return runs


def _undisturbed(load: Load, peer: Peer, sink: CountingSink, tries: int) -> Figures:
    """One run, made again when the machine was busy with something else, `tries` times at most: the least disturbed."""
    made: list[Figures] = []
    while len(made) < tries and (not made or made[-1].others > OTHERS):
        figures = measure(peer.port, sink, load, peer.usage)
        made.append(figures)
        shown = ", ".join(f"{getattr(figures, key):.4g} {title}" for key, title in COLUMNS.items())
        print(f"  {load}: {peer.name}: {shown}; {figures.others:.2f} others", file=sys.stderr, flush=True)
    return min(made, key=lambda figures: figures.others)


@contextlib.contextmanager
def _smtpeter(directory: Path, sink: CountingSink, workers: int) -> Iterator[Peer]:
    daemon = Daemon(
        directory,
        Authority(directory),
        server={"workers": workers},
        submission={"trusted_networks": {"127.0.0.0/8": "bench"}},
        relay={
            "mode": "smarthost",
            "smarthost": f"127.0.0.1:{sink.port}",
            "allow_private_addresses": True,
        },
    )
    daemon.login(username="bench")
    with daemon:
        try:
            yield Peer("smtpeter", daemon.starttls, Usage(daemon.pid))
        except AssertionError:
            print(daemon.log()[-4000:], file=sys.stderr)
            raise


@contextlib.contextmanager
def _postfix(sink: CountingSink) -> Iterator[Peer]:
    with Postfix(relaying("127.0.0.1", sink.port)) as postfix:
        yield Peer("postfix", postfix.port, Usage(postfix.pid))


def _medians(runs: Sequence[Figures]) -> dict[str, float]:
    return {key: statistics.median(getattr(run, key) for run in runs) for key in COLUMNS}


def _ratios(runs: dict[str, list[Figures]]) -> dict[str, float]:
    """smtpeter's medians over Postfix's."""
    ours, theirs = _medians(runs["smtpeter"]), _medians(runs["postfix"])
    return {key: ours[key] / theirs[key] for key in COLUMNS}


def _print(about: dict[str, str], results: Sequence[tuple[Load, dict[str, list[Figures]]]]) -> None:
    print(", ".join(f"{name}: {value}" for name, value in about.items()))
    for load, runs in results:
        print(f"\n{load}; medians of {len(runs['smtpeter'])} runs in turn (least to most)\n")
        print(f"| | {' | '.join(COLUMNS.values())} |\n|---|{'---|' * len(COLUMNS)}")
        for name, figures in runs.items():
            print(
                f"| {name} | {' | '.join(_cell([getattr(run, key) for run in figures]) for key in COLUMNS)} |"
            )
        print(f"| ratio | {' | '.join(f'{ratio:.2f}' for ratio in _ratios(runs).values())} |")
        others = max(run.others for figures in runs.values() for run in figures)
        warning = ": too much, run it again on a quiet machine" if others > OTHERS else ""
        print(f"\nAt most {others:.2f} processors were busy with something else{warning}.")


def _cell(values: Sequence[float]) -> str:
    def shown(value: float) -> str:
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}"

    return f"{shown(statistics.median(values))} ({shown(min(values))} to {shown(max(values))})"


def _report(
    about: dict[str, str], results: Sequence[tuple[Load, dict[str, list[Figures]]]]
) -> dict[str, object]:
    return {
        "machine": about,
        "results": [
            {
                "load": dataclasses.asdict(load),
                "medians": {name: _medians(figures) for name, figures in runs.items()},
                "ratio": _ratios(runs),
                "runs": {
                    name: [dataclasses.asdict(run) for run in figures] for name, figures in runs.items()
                },
            }
            for load, runs in results
        ],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=4000, help="messages a run (default %(default)s)")
    parser.add_argument("--octets", type=int, default=2048, help="size of a message (default %(default)s)")
    parser.add_argument(
        "--sessions", type=int, nargs="+", default=[20], help="sessions at a time (default 20)"
    )
    parser.add_argument(
        "--ways", nargs="+", choices=["kept", "new"], default=["kept", "new"], help="connections"
    )
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each (default %(default)s)")
    parser.add_argument(
        "--tries", type=int, default=3, help="of a run that other work disturbs (default %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=1, help="smtpeter's processes (default %(default)s)")
    parser.add_argument("--json", type=Path, help="write all figures to this file, too")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except pytest.skip.Exception as reason:
        sys.exit(f"cannot run: {reason}")
