"""Wall clocks that jump by a day, alone and together: no claim is stolen, nothing expires, nobody runs in circles."""

from __future__ import annotations

import os
import smtplib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.e2e.test_workers_serve_together import ready, stopped
from tests.kit.daemon import Daemon, submit
from tests.kit.loopback import until
from tests.kit.newsletters import newsletter
from tests.kit.sink import Action, Rule, Sink, Stage

DAY = 86_400.0
TICKS = os.sysconf("SC_CLK_TCK")


class Clocks:
    """The wall clocks of a server's processes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()

    def move(self, seconds: float, *pids: int) -> None:
        """Set the clocks of these processes, of all others when none is named, so far from the right time."""
        for name in map(str, pids or ("all",)):
            unfinished = self.directory / "unfinished"
            unfinished.write_text(str(seconds))
            unfinished.rename(self.directory / name)


@pytest.fixture
def clocks(tmp_path: Path) -> Clocks:
    return Clocks(tmp_path / "clocks")


def cpu_seconds(pids: Sequence[int]) -> float:
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / TICKS


def send(server: Daemon, recipient: str) -> None:
    with smtplib.SMTP("127.0.0.1", server.starttls, timeout=60) as client:
        submit(client, newsletter(), [recipient], "news@sender.example")


@pytest.mark.row(142)
@pytest.mark.fault(
    "wall clocks jump by a day, alone and together", "nothing expires, no claim is stolen, no busy loop"
)
def test_no_claim_is_stolen_and_nothing_expires(staffed: Callable[..., Daemon], clocks: Clocks) -> None:
    """Two deliveries are under way, one at each worker, while the clocks jump; then both are taken, once each."""
    more = {"path": [Path(__file__).parent / "clocks"], "environment": {"CLOCKS": str(clocks.directory)}}
    with Sink() as sink, staffed(sink.port, **more) as server:
        ready(server, 2)
        first, second = server.workers()
        sink.rules.append(Rule(Stage.CONTENT, Action.SILENCE, recipient="held"))
        for idle, busy in ((first, second), (second, first)):
            with stopped(idle, server):
                send(server, f"held-{busy}@example.net")
        until(lambda: sum(c.contents for c in sink.connections) == 2, 60, server.log)

        for moved in ((first,), (second,), (first, second), ()):
            for seconds in (DAY, -DAY, 0.0):
                clocks.move(seconds, *moved)
                send(server, f"reader{seconds:g}-{'-'.join(map(str, moved))}@example.net")
        sent = 12
        sink.wait(sent, 60)
        before, begun = cpu_seconds([server.pid, first, second]), time.monotonic()
        clocks.move(DAY, first)
        clocks.move(-DAY, second)
        time.sleep(2.5)  # longer than the relay waits before it looks for work
        used, passed = cpu_seconds([server.pid, first, second]) - before, time.monotonic() - begun
        assert used < passed / 2  # of the two processors that a circle at each worker would take
        clocks.move(0.0, first, second)

        held = [c for c in sink.connections if c.contents and not c.messages and not c.over]
        assert len(held) == 2
        assert sum(c.contents for c in sink.connections) == sent + 2
        events = [event["event"] for event in server.events()]
        assert events.count("delivery") == sent
        assert set(events) <= {"attempt", "delivery"}
        assert [first, second] == server.workers()
