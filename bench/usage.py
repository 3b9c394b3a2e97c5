"""CPU time and memory of a server: of its process and all its descendants, those that came and went included.

CPU is what a control group of the server's own counts. Where none can be made it is the sum over /proc, which misses
children whose parents do not wait for them, as Exim's deliveries.
Memory is the proportional set size: pages shared by several processes are counted once.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")
_GROUPS = Path("/sys/fs/cgroup")
_numbers = itertools.count(1)


def busy_seconds() -> float:
    """Processor time of the whole machine that was not idle, since it began (proc(5): user to steal, without idle)."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS


class Usage:
    """What the processes below (and with) `roots` use; a context manager, outside of which there is no control group."""

    def __init__(self, *roots: int) -> None:
        self._roots = roots
        self._group: Group | None = None
        self.peak_memory = 0  # octets

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):
            self._group = Group(self._pids())
        return self

    def __exit__(self, *_: object) -> None:
        if self._group:
            self._group.remove()

    def cpu_seconds(self) -> float:
        """User and system time; only differences tell something."""
        if self._group:
            return self._group.cpu_seconds()
        stats = dict(_stats())
        return sum(sum(map(int, stats[pid][11:15])) for pid in self._pids() if pid in stats) / TICKS

    def memory(self) -> int:
        """Octets now."""
        return sum(map(_proportional_size, self._group.pids() if self._group else self._pids()))

    @contextlib.contextmanager
    def sampled(self) -> Iterator[None]:
        """Within, `peak_memory` follows the memory, twice a second."""
        self.peak_memory = self.memory()
        ended = threading.Event()

        def sample() -> None:
            while not ended.wait(0.5):
                self.peak_memory = max(self.peak_memory, self.memory())

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.peak_memory = max(self.peak_memory, self.memory())

    def _pids(self) -> list[int]:
        children: dict[int, list[int]] = {}
        for pid, stat in _stats():
            children.setdefault(int(stat[1]), []).append(pid)
        found, waiting = [], list(self._roots)
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting.extend(children.get(pid, ()))
        return found


class Group:
    """A control group below our own, version 2 or version 1 with cpuacct, of these processes; OSError where that cannot be."""

    def __init__(self, pids: Iterable[int]) -> None:
        own = Path("/proc/self/cgroup").read_text()
        v1 = re.search(r"(?m)^\d+:(?:.*,)?cpuacct(?:,.*)?:(.*)$", own)
        v2 = re.search(r"(?m)^0::(.*)$", own)
        if v1 and (_GROUPS / "cpuacct").is_dir():
            self._parent = _GROUPS / "cpuacct" / v1[1].lstrip("/")
            self._told, self._unit = ("cpuacct.usage", r"(\d+)"), 1e9
        elif v2 and (_GROUPS / "cgroup.procs").exists():
            self._parent = _GROUPS / v2[1].lstrip("/")
            self._told, self._unit = ("cpu.stat", r"usage_usec (\d+)"), 1e6
        else:
            raise FileNotFoundError("no control groups that count processor time")
        self._path = self._parent / f"smtpeter-bench-{os.getpid()}-{next(_numbers)}"
        self._path.mkdir()
        try:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    (self._path / "cgroup.procs").write_text(str(pid))
        except OSError:
            self.remove()
            raise

    def pids(self) -> list[int]:
        return [int(pid) for pid in (self._path / "cgroup.procs").read_text().split()]

    def cpu_seconds(self) -> float:
        name, pattern = self._told
        found = re.search(pattern, (self._path / name).read_text())
        assert found
        return int(found[1]) / self._unit

    def remove(self) -> None:
        """What still runs goes back to our own group."""
        for pid in self.pids():
            with contextlib.suppress(OSError):
                (self._parent / "cgroup.procs").write_text(str(pid))
        with contextlib.suppress(OSError):
            self._path.rmdir()


def _stats() -> Iterator[tuple[int, list[str]]]:
    """Process ids with the fields of their stat from the state on (proc(5): field 3 is the first)."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                yield (
                    int(entry.name),
                    (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split(),
                )


def _proportional_size(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
