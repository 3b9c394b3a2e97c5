"""A disk that fills up, really, and one that fails: refused for now, nothing lost, nothing stuck, well again by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from smtpeter.storage.store import FLOOR
from tests.kit.daemon import Daemon
from tests.kit.injection import failing
from tests.kit.loopback import until
from tests.kit.postgresql import installed
from tests.kit.sink import Rule, Sink, Slow, Stage
from tests.kit.small_disk import PostgreSQLOnDisk, SmallDisk
from tests.kit.trial import Trial

MEGABYTE = 1 << 20


@pytest.mark.row(136)
@pytest.mark.fault("the disk falls below the floor", "452, nothing taken; what is queued still goes out")
def test_below_the_floor_nothing_is_taken(staffed: Callable[..., Daemon], tmp_path) -> None:
    with (
        SmallDisk(tmp_path / "server" / "data", 160) as disk,
        Sink() as sink,
        Trial(staffed(sink.port, workers=1, inside=disk.inside), sink) as trial,
    ):
        disk.leave(FLOOR - MEGABYTE)
        trial.takes_nothing()
        assert set(trial.clients.refused) <= {452, 421}
        disk.empty()
        trial.takes()


@pytest.mark.row(136)
@pytest.mark.stress
@pytest.mark.fault(
    "the disk is full while mail is on its way",
    "no attempt starts; outcomes are kept until they can be recorded",
)
def test_a_full_disk_costs_nothing(staffed: Callable[..., Daemon], tmp_path) -> None:
    """The host takes its time over each message, so that some are there when the last octet is used up."""
    slow = Rule(Stage.CONTENT, Slow("250 2.0.0 Taken at last", 0.5))
    with (
        SmallDisk(tmp_path / "server" / "data", 160) as disk,
        Sink(slow) as sink,
        Trial(staffed(sink.port, workers=2, inside=disk.inside), sink) as trial,
    ):
        disk.leave(0)
        trial.takes_nothing()
        assert disk.free() < MEGABYTE
        until(lambda: all(connection.over or not _busy(connection) for connection in sink.connections), 30)
        begun = _begun(sink)
        time.sleep(3.0)  # longer than the relay waits before it looks for work
        assert begun == _begun(sink)
        sink.rules.clear()
        disk.empty()
        trial.takes()


def _busy(connection) -> bool:
    return connection.contents > sum(reply.endswith("at last") for reply in connection.replies)


def _begun(sink: Sink) -> int:
    return sum(line.startswith("MAIL") for connection in sink.connections for line in connection.commands)


@pytest.mark.row(136)
@pytest.mark.parametrize("calls", ["fdatasync", pytest.param("pwrite64", marks=pytest.mark.stress)])
@pytest.mark.fault("the disk fails (EIO at each write, at each sync)", "4xx; well again when the disk is")
def test_a_failing_disk_costs_nothing(staffed: Callable[..., Daemon], calls: str) -> None:
    """Below SQLite: the system calls themselves fail."""
    with Sink() as sink, Trial(staffed(sink.port, workers=1), sink) as trial:
        with failing(trial.server.pid, calls, "EIO"):
            trial.takes_nothing()
        trial.takes()


@pytest.mark.row(136)
@pytest.mark.stress
@pytest.mark.fault("PostgreSQL's disk is full", "4xx; well again when there is room")
def test_a_full_disk_of_postgresql_costs_nothing(staffed: Callable[..., Daemon]) -> None:
    server = PostgreSQLOnDisk(installed(), 120)
    server.start()
    try:
        with server.database() as name, Sink() as sink:
            daemon = staffed(sink.port, store={"url": server.url(name)})
            with Trial(daemon, sink) as trial:
                server.disk.leave(0)
                trial.takes_nothing()
                server.disk.empty()
                server.revive()
                trial.takes()
    finally:
        server.stop()
