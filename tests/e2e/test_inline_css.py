"""Inline CSS through the running server: by a worker process, whose troubles cost the feature and never the message."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import relay_section
from tests.kit.certificates import Authority
from tests.kit.daemon import Accepted, Daemon, Login
from tests.kit.loopback import until
from tests.kit.names import StubNames
from tests.kit.newsletters import newsletter
from tests.kit.sink import Sink

HEAD = b"From: news@sender.example\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
PLAIN = HEAD + b"<style>p{color:red}</style><p>Hello, %b</p>\r\n"
# Four thousand rules that each climb from two thousand elements to the root.
RULES = b"".join(b"p %b b.x%d{top:0}\r\n" % (b"* " * 12, number) for number in range(4_000))
ELEMENTS = b"<div>\r\n" * 300 + b"<p>" + b"<b class=x1>x</b>\r\n" * 2_000
HOSTILE = HEAD + b"<style>\r\n" + RULES + b"</style>" + ELEMENTS
OVERRUN = "inline css: took more than 1 s of CPU"


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, names: StubNames, sink: Sink
) -> Iterator[Daemon]:
    section = relay_section(names, sink.port, {})
    directory = tmp_path_factory.mktemp("server")
    with Daemon(directory, authority, relay=section, rewrite={"cpu_time": "1s"}) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def inlining(server: Daemon) -> Login:
    return server.login("--inline-css")


def workers(server: Daemon) -> list[int]:
    """The process ids of the server's workers."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError):
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            if parent == str(server.pid) and b"smtpeter.rewrite.worker" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def report(server: Daemon, accepted: Accepted) -> str:
    return str(server.cli("message", "show", accepted.id)["report"])


def test_rules_are_copied_and_the_report_says_so(server: Daemon, inlining: Login, sink: Sink) -> None:
    for name in ("ann", "bob"):
        accepted = server.submit(inlining, PLAIN % name.encode(), [f"{name}@example.net"])
        content = sink.wait_for(f"{name}@example.net").content

        assert content.endswith(
            b'<style>p{color:red}</style><p style="color:red">Hello, %b</p>\r\n' % name.encode()
        )
        assert "1 of 1 rules, copied 1 times" in report(server, accepted)


def test_without_the_switch_nothing_is_copied(server: Daemon, login: Login, sink: Sink) -> None:
    server.submit(login, PLAIN % b"cid", ["cid@example.net"])

    assert sink.wait_for("cid@example.net").content.endswith(PLAIN.partition(b"\r\n\r\n")[2] % b"cid")


def test_one_message_may_ask_for_it(server: Daemon, login: Login, sink: Sink) -> None:
    server.submit(login, b"x-smtpeter-inlinecss: true\r\n" + PLAIN % b"dan", ["dan@example.net"])

    assert b'<p style="color:red">' in sink.wait_for("dan@example.net").content


def test_a_newsletter_goes_through(server: Daemon, inlining: Login, sink: Sink) -> None:
    server.submit(inlining, newsletter(), ["eve@example.net"])

    assert sink.wait_for("eve@example.net").content


@pytest.mark.row(82, 145)
def test_hostile_mail_costs_its_feature_and_leaves_the_others_alone(
    server: Daemon, inlining: Login, sink: Sink
) -> None:
    accepted: list[Accepted] = []
    hostile = threading.Thread(
        target=lambda: accepted.append(server.submit(inlining, HOSTILE, ["fay@example.net"]))
    )
    times = []
    with server.client() as other:
        other.ehlo()
        hostile.start()
        while hostile.is_alive() and len(times) < 80:  # more would count as junk
            begun = time.monotonic()
            other.noop()
            times.append(time.monotonic() - begun)
            time.sleep(0.02)
    hostile.join()

    assert sink.wait_for("fay@example.net").content.endswith(ELEMENTS)
    assert OVERRUN in report(server, accepted[0])
    assert sorted(times)[len(times) * 9 // 10] < 0.05  # the server answers others meanwhile
    server.submit(inlining, PLAIN % b"gil", ["gil@example.net"])
    assert b'<p style="color:red">' in sink.wait_for("gil@example.net").content


@pytest.mark.row(145)
def test_a_killed_worker_is_replaced(server: Daemon, inlining: Login, sink: Sink) -> None:
    server.submit(inlining, PLAIN % b"hal", ["hal@example.net"])
    (worker,) = workers(server)
    os.kill(worker, signal.SIGKILL)
    server.submit(inlining, PLAIN % b"ida", ["ida@example.net"])

    assert b'<p style="color:red">' in sink.wait_for("ida@example.net").content
    assert [worker] != workers(server)


@pytest.mark.row(145)
def test_a_worker_dies_with_its_server(server: Daemon, inlining: Login) -> None:
    server.submit(inlining, PLAIN % b"jim", ["jim@example.net"])
    (worker,) = workers(server)
    server.kill()

    until(
        lambda: (
            not Path(f"/proc/{worker}/cmdline").exists() or not Path(f"/proc/{worker}/cmdline").read_bytes()
        ),
        10,
    )
    server.start()


@pytest.mark.row(145)
def test_edits_that_were_pending_at_a_kill_are_made_after_the_restart(
    tmp_path: Path, authority: Authority, names: StubNames, sink: Sink
) -> None:
    """The 250 does not wait for a worker that is busy; what is kept is made after the restart."""
    section = relay_section(names, sink.port, {})
    with Daemon(tmp_path / "pending", authority, relay=section, rewrite={"cpu_time": "2s"}) as server:
        login = server.login("--inline-css")
        server.submit(login, HOSTILE, ["busy@example.net"])
        accepted = server.submit(login, PLAIN % b"pen", ["pen@example.net"])
        server.kill()
        story = server.cli("message", "show", accepted.id)
        assert "pending" in str(story["report"])
        server.start()
        content = sink.wait_for("pen@example.net").content
        assert content.endswith(b'<p style="color:red">Hello, pen</p>\r\n')
        assert "1 of 1 rules, copied 1 times" in report(server, accepted)
        assert "pending" not in report(server, accepted)
