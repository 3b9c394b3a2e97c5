"""Several workers on the same listeners: all of them serve, and the end of any of them loses nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.daemon import Daemon, submit
from tests.kit.loopback import until
from tests.kit.newsletters import newsletter
from tests.kit.sink import Action, Rule, Sink, Stage

SENDER = "news@sender.example"


def ready(server: Daemon, count: int) -> None:
    """Wait until so many workers have become ready since the log began."""
    until(lambda: server.log().count("smtpeter is ready") >= count, 60, server.log)


def is_there(pid: int) -> bool:
    """Whether a process runs: one that has ended and was not waited for by its parent does not."""
    with contextlib.suppress(OSError):
        return state(pid) not in "ZX"
    return False


@contextlib.contextmanager
def stopped(pid: int, server: Daemon) -> Iterator[None]:
    """Within, the process does nothing. It is not stopped in its turn to write: others would wait for it."""
    data = server.directory / "data"
    try:
        until(lambda: _stop_between_turns(pid, data), 60, server.log)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _stop_between_turns(pid: int, data: Path) -> bool:
    os.kill(pid, signal.SIGSTOP)
    until(lambda: state(pid) == "T", 60)
    if all(_is_free(data / name) for name in ("turn-next", "turn")):
        return True
    os.kill(pid, signal.SIGCONT)
    return False


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _is_free(file: Path) -> bool:
    with file.open("rb") as opened, contextlib.suppress(BlockingIOError):
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def send(server: Daemon, recipient: str) -> None:
    with smtplib.SMTP("127.0.0.1", server.starttls, timeout=60) as client:
        submit(client, newsletter(), [recipient], SENDER)


@pytest.mark.row(144)
def test_each_worker_accepts_and_delivers(staffed: Callable[..., Daemon], sink: Sink) -> None:
    with staffed(sink.port) as server:
        ready(server, 2)
        first, second = server.workers()
        for idle, busy in ((first, second), (second, first)):
            with stopped(idle, server):
                send(server, f"by-{busy}@example.net")
                assert sink.wait_for(f"by-{busy}@example.net").content.endswith(newsletter())
        server.wait_until_idle()
        assert "worker 1: smtpeter is ready" in server.log()
        assert "worker 2: smtpeter is ready" in server.log()
    assert not is_there(first)
    assert not is_there(second)


def crowding(server: Daemon) -> list[int]:
    """How many connections each of two workers says it has, as the workers see it: a pair for each listener."""
    for descriptor in Path(f"/proc/{server.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if "smtpeter-connections" in str(descriptor.readlink()):
                cells = memoryview(descriptor.read_bytes()).cast("I")
                return [sum(cells[0::2]), sum(cells[1::2])]
    return []


def test_workers_tell_each_other_how_many_connections_they_have(
    staffed: Callable[..., Daemon], sink: Sink
) -> None:
    with staffed(sink.port) as server, contextlib.ExitStack() as stack:
        ready(server, 2)
        until(lambda: crowding(server) == [0, 0], 60, server.log)
        _, second = server.workers()
        with stopped(second, server):
            for _ in range(3):  # it is waited for, and then no longer
                stack.enter_context(smtplib.SMTP("127.0.0.1", server.starttls, timeout=60))
            busy = crowding(server).index(3)
            assert crowding(server)[1 - busy] == 0
        stack.close()
        until(lambda: crowding(server) == [0, 0], 60, server.log)
        os.kill(second, signal.SIGKILL)
        until(lambda: max(crowding(server)) > 0xFFFFFFFE, 60, server.log)
        ready(server, 3)
        until(lambda: crowding(server) == [0, 0], 60, server.log)


@pytest.mark.row(137)
@pytest.mark.row(144)
def test_what_a_killed_worker_was_delivering_is_delivered_by_others(staffed: Callable[..., Daemon]) -> None:
    with Sink(Rule(Stage.CONTENT, Action.SILENCE)) as sink, staffed(sink.port) as server:
        ready(server, 2)
        busy, other = server.workers()
        with stopped(other, server):
            send(server, "reader@example.net")
            until(lambda: sink.connections and sink.connections[0].contents, 60, server.log)
        sink.rules.clear()
        os.kill(busy, signal.SIGKILL)
        [message] = sink.wait(1, 60)
        assert message.content.endswith(newsletter())
        server.wait_until_idle()
        ready(server, 3)
        assert busy not in server.workers()
        assert len(sink.messages) == 1
        assert "ended by signal 9" in server.log()


@pytest.mark.row(137)
@pytest.mark.row(144)
def test_workers_end_with_a_killed_parent_and_nothing_is_lost(staffed: Callable[..., Daemon]) -> None:
    with Sink(Rule(Stage.CONTENT, Action.SILENCE, times=2)) as sink, staffed(sink.port) as server:
        ready(server, 2)
        workers = server.workers()
        for number in range(2):
            send(server, f"reader{number}@example.net")
        until(lambda: sum(c.contents for c in sink.connections) == 2, 60, server.log)
        server.kill()
        until(lambda: not any(map(is_there, workers)), 60)
        server.start()
        recipients = {recipient for message in sink.wait(2, 60) for recipient in message.recipients}
        assert recipients == {"reader0@example.net", "reader1@example.net"}
        server.wait_until_idle()


def test_a_parent_whose_predecessors_workers_still_end_waits_for_them(
    staffed: Callable[..., Daemon], sink: Sink
) -> None:
    """They hold the lock of the directory: nobody else takes over what they may still be working on."""
    with staffed(sink.port) as server:
        ready(server, 2)
        lingering, other = server.workers()
        with stopped(lingering, server):
            server.kill()
            until(lambda: not is_there(other))
            refused = server.run()
            assert refused.returncode == 1
            assert "in use" in refused.stderr  # its ports; were they free, the directory
        until(lambda: not is_there(lingering), 60)
        server.start()
        send(server, "after@example.net")
        sink.wait_for("after@example.net")


def test_sessions_at_all_workers_are_told_of_the_end(staffed: Callable[..., Daemon], sink: Sink) -> None:
    with staffed(sink.port) as server, contextlib.ExitStack() as stack:
        ready(server, 2)
        first, second = server.workers()
        clients = []
        for idle in (first, second):
            with stopped(idle, server):
                client = smtplib.SMTP("127.0.0.1", server.starttls, timeout=60)
                clients.append(stack.enter_context(client))
        server.stop()
        assert [client.getreply()[0] for client in clients] == [421, 421]
