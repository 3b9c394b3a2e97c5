"""Processes that stop, files that run out or vanish, stores that go away: nothing lost, nothing stuck."""

from __future__ import annotations

import os
import resource
import signal
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.test_workers_serve_together import ready, state
from tests.kit.daemon import Daemon
from tests.kit.loopback import until
from tests.kit.newsletters import newsletter
from tests.kit.postgresql import PostgreSQL, installed
from tests.kit.sink import Sink
from tests.kit.trial import Trial


@pytest.mark.row(145)
@pytest.mark.stress
@pytest.mark.fault(
    "a worker is stopped (SIGSTOP) in its turn to write",
    "4xx at most while it is; it is killed within 40 s, and its work goes on",
)
def test_a_worker_that_hangs_in_its_turn_is_killed(staffed: Callable[..., Daemon]) -> None:
    with Sink() as sink, Trial(staffed(sink.port), sink) as trial:
        ready(trial.server, 2)
        victim = trial.server.workers()[0]
        until(lambda: _stop_in_turn(victim, trial.server.directory / "data"), 60)
        ready(trial.server, 3)
        assert victim not in trial.server.workers()
        assert "gives no sign of life for 30 s, and is killed" in trial.server.log()
        trial.takes()


def _stop_in_turn(pid: int, data: Path) -> bool:
    """Stop it; let it go on if it was not writing just then, with the other one waiting for it."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: state(pid) == "T", 60)
    held = set(_locked_by(pid))
    if (data / "turn").stat().st_ino in held and (data / "turn-next").stat().st_ino not in held:
        return True
    os.kill(pid, signal.SIGCONT)
    return False


def _locked_by(pid: int) -> list[int]:
    """Inode numbers of the files that it holds locked (proc(5), /proc/locks)."""
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return [
        int(fields[5].split(":")[2]) for fields in lines if fields[1] == "FLOCK" and fields[4] == str(pid)
    ]


@pytest.mark.row(145)
@pytest.mark.fault(
    "no more files can be opened (EMFILE)", "clients wait or are refused for now; well again by itself"
)
def test_a_lack_of_files_costs_nothing(staffed: Callable[..., Daemon]) -> None:
    with Sink() as sink, Trial(staffed(sink.port, workers=1), sink) as trial:
        pid = trial.server.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        for spare in (0, 1, 3):
            opened = len(os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (opened + spare, hard))
            arrived = len(sink.messages)
            until(partial(_is_felt, trial, arrived + 50), 60)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        trial.takes()


def _is_felt(trial: Trial, goal: int) -> bool:
    return "Too many open files" in trial.server.log() or len(trial.sink.messages) > goal


@pytest.mark.row(138)
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.stress
@pytest.mark.fault("PostgreSQL dies, and comes back", "4xx meanwhile; well again by itself")
def test_a_postgresql_that_goes_away_costs_nothing(staffed: Callable[..., Daemon], workers: int) -> None:
    server = PostgreSQL(installed(), {"fsync": "on", "full_page_writes": "on"})
    server.start()
    try:
        with (
            server.database() as name,
            Sink() as sink,
            Trial(staffed(sink.port, workers, store={"url": server.url(name)}), sink) as trial,
        ):
            for _ in range(3):
                server.kill()
                trial.takes_nothing()
                server.start()
                trial.takes()
    finally:
        server.stop()


@pytest.mark.row(143)
@pytest.mark.fault("the certificate and its key vanish", "the ones in use stay in use, TLS goes on")
def test_certificates_that_vanish_cost_nothing(staffed: Callable[..., Daemon]) -> None:
    with Sink() as sink, Trial(staffed(sink.port, workers=1), sink) as trial:
        login = trial.server.login()
        files = [Path(str(trial.server.sections["tls"][key])) for key in ("certificate", "private_key")]
        kept = [file.read_bytes() for file in files]
        for file in files:
            file.unlink()
        trial.server.signal(signal.SIGHUP)
        until(lambda: "configuration" in trial.server.log(), 20)
        for implicit in (False, True):
            with trial.server.client(implicit=implicit) as client:
                assert isinstance(client.sock, ssl.SSLSocket)
        trial.server.submit(login, newsletter(), ["tls@example.net"])
        sink.wait_for("tls@example.net")
        for file, octets in zip(files, kept, strict=True):
            file.write_bytes(octets)
        sink.messages = [message for message in sink.messages if message.recipients != ("tls@example.net",)]
