"""CPU time and memory of a process and all its descendants, from /proc.

CPU counts what children used that have come and gone in between, as long as their parent waited for them.
Memory is the proportional set size: pages shared by several processes are counted once.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """Processor time of the whole machine that was not idle, since it began (proc(5): user to steal, without idle)."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS


class Usage:
    """What the processes below (and with) `root` use."""

    def __init__(self, root: int) -> None:
        self._root = root
        self.peak_memory = 0  # octets

    def cpu_seconds(self) -> float:
        """User and system time since each of them began."""
        return sum(sum(map(int, stat[11:15])) for _, stat in self._family()) / TICKS

    def memory(self) -> int:
        """Octets now."""
        return sum(_proportional_size(pid) for pid, _ in self._family())

    @contextlib.contextmanager
    def sampled(self) -> Iterator[None]:
        """Within, `peak_memory` follows the memory, twice a second."""
        self.peak_memory = 0
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

    def _family(self) -> list[tuple[int, list[str]]]:
        """Process ids with the fields of their stat from the state on (proc(5): field 3 is the first)."""
        stats = dict(_stats())
        children: dict[int, list[int]] = {}
        for pid, stat in stats.items():
            children.setdefault(int(stat[1]), []).append(pid)
        found, waiting = [], [self._root]
        while waiting:
            pid = waiting.pop()
            if pid in stats:
                found.append((pid, stats[pid]))
                waiting.extend(children.get(pid, ()))
        return found


def _stats() -> Iterator[tuple[int, list[str]]]:
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
