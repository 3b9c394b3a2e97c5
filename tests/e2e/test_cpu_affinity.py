"""The two threads that share a worker's interpreter run on one processor, and everything else wherever there is room."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import until
from tests.kit.sink import Sink

HTML = (
    b"From: news@sender.example\r\nContent-Type: text/html\r\n\r\n<style>p{color:red}</style><p>Hello</p>\r\n"
)
ALL = os.sched_getaffinity(0)

pytestmark = pytest.mark.skipif(len(ALL) < 2, reason="there is one processor, and nothing to choose")


def threads(pid: int) -> dict[int, set[int]]:
    """Where each thread of a process may run."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            found[int(task.name)] = os.sched_getaffinity(int(task.name))
    return found


def together(pid: int) -> list[set[int]]:
    """Where those threads may run that may not run anywhere."""
    return [processors for processors in threads(pid).values() if processors != ALL]


def has_settled(pid: int) -> bool:
    match together(pid):
        case [reactor, writer]:
            return reactor == writer and len(reactor) == 1
    return False


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_reactor_and_writer_stay_together_and_the_rewriting_process_runs_anywhere(
    tmp_path: Path, authority: Authority
) -> None:
    with Daemon(tmp_path, authority) as server:
        until(lambda: has_settled(server.pid), 60, server.log)
        server.submit(server.login("--inline-css"), HTML, ["ann@example.net"])
        [rewriting] = children(server.pid)
        assert together(rewriting) == []
        until(lambda: has_settled(server.pid), 60, server.log)  # also with the threads that came since


def test_each_of_several_workers_keeps_its_own_together(staffed: Callable[..., Daemon], sink: Sink) -> None:
    with staffed(sink.port) as server:
        until(lambda: len(server.workers()) == 2, 60, server.log)
        for worker in server.workers():
            until(lambda worker=worker: has_settled(worker), 60, server.log)
        assert together(server.pid) == []  # the parent has nothing to do


def test_they_run_anywhere_when_that_is_wanted(tmp_path: Path, authority: Authority) -> None:
    with Daemon(tmp_path, authority, server={"cpu_affinity": False}) as server:
        time.sleep(2.5)  # it would have been done after one second
        assert together(server.pid) == []
