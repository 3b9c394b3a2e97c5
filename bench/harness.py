"""What all measurements share: how much is measured, one sink, one generator, and the servers, each started once."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from bench.load import Generator, Load, plain, write_contents
from bench.record import Comparison
from bench.servers import Server
from bench.sink import CountingSink

TROUBLE = (
    AssertionError,
    OSError,
    subprocess.SubprocessError,
)  # what a server may be in, without ending the run
Start = Callable[[Path, int], contextlib.AbstractContextManager[Server]]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured; what has no unit here is a count.

    `seconds`: of one run of load, from which its messages follow; 0 for few messages, whatever they take.
    """

    repetitions: int
    seconds: float
    most: int  # messages of one run
    warm_up: int  # messages to each server before anything counts
    backlog: int  # deliveries queued, for what a message costs beside them
    queued: int  # deliveries that a server starts with
    requests: int  # to the tracking door
    returned: int
    idle: int  # sessions
    documents: int  # of a campaign that is rewritten
    storm: float  # seconds


FULL = Scale(3, 2.0, 20_000, 1000, 1_000_000, 100_000, 10_000, 500, 1000, 40, 6.0)
SHORT = Scale(1, 0.0, 100, 20, 20_000, 2000, 500, 50, 100, 4, 1.0)
TINY = Scale(1, 0.0, 20, 5, 2000, 100, 50, 10, 10, 2, 0.2)


class Harness:
    """A context manager; everything that it started ends with it. `started`: servers that run; `absent`: why, of those that do not."""

    def __init__(
        self, scale: Scale, directory: Path, known: Mapping[str, Start], wanted: Iterable[str]
    ) -> None:
        self.scale = scale
        self.directory = directory
        self.absent: dict[str, str] = {}
        self._known = {name: known[name] for name in wanted}
        self.started: dict[str, Server] = {}
        self._numbers = itertools.count(1)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.directory.chmod(0o755)  # the peers' own users read their certificates there
        with contextlib.ExitStack() as stack:
            self.sink = stack.enter_context(CountingSink())
            self.generator = Generator(self.directory, self.sink)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    # -- the servers -------------------------------------------------------------------------------------

    @property
    def servers(self) -> Mapping[str, Server]:
        """Those that are there, all started when they are first asked for."""
        for name, start in self._known.items():
            if name not in self.started and name not in self.absent:
                self._start(name, start)
        return self.started

    def _start(self, name: str, start: Start) -> None:
        print(f"starting {name}", file=sys.stderr, flush=True)
        contents = self.contents(plain(2048))
        try:
            server = self._stack.enter_context(start(self.place(name), self.sink.port))
            self.generator.measure(server, Load(contents, 10, 20), min(self.scale.warm_up, 5 * server.trial))
        except (pytest.skip.Exception, pytest.fail.Exception, *TROUBLE) as reason:
            traceback.print_exc(limit=-1)
            self.absent[name] = str(reason).strip()[-300:] or type(reason).__name__
        else:
            self.started[name] = server

    def place(self, name: str) -> Path:
        """A path that is not taken yet."""
        return self.directory / f"{next(self._numbers)}-{name}"

    def contents(self, *contents: bytes) -> Path:
        return write_contents(self.place("contents"), contents)

    # -- runs in turn ------------------------------------------------------------------------------------

    def compare(
        self, comparison: Comparison, servers: Iterable[Server], load: Load | Callable[[], Load]
    ) -> Comparison:
        """Runs of all servers in turn; of each as many messages as it passes on in the scale's seconds.

        `load` is called for each run where its contents must not be known from the run before.
        """

        def made() -> Load:
            return load if isinstance(load, Load) else load()

        counts: dict[str, int] = {}
        for _ in range(self.scale.repetitions):
            for server in servers:
                if server.name in comparison.failed:
                    continue
                try:
                    if server.name not in counts:
                        counts[server.name] = self._count(server, made())
                    figures = self.generator.measure(server, made(), counts[server.name])
                except TROUBLE as trouble:
                    comparison.failed[server.name] = str(trouble)[-300:]
                    self.sink.wait_until_quiet()
                    continue
                comparison.add(server.name, figures)
                shown = ", ".join(f"{value:.4g} {name}" for name, value in figures.items())
                print(f"  {comparison.load}: {server.name}: {shown}", file=sys.stderr, flush=True)
        return comparison

    def _count(self, server: Server, load: Load) -> int:
        """Messages of a run, from the rate of a small one."""
        few = min(self.scale.most, server.trial)
        if not self.scale.seconds:
            return few
        rate = self.generator.measure(server, load, few)["end to end/s"]
        return round(min(self.scale.most, max(few, rate * self.scale.seconds)))


@contextlib.contextmanager
def started(*servers: contextlib.AbstractContextManager[Server]) -> Iterator[list[Server]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(server) for server in servers]
