"""Hours of mixed mail, most of it good, some hostile, at hosts of every mood: memory, files and the log stay as they are.

`make soak` runs an hour, or MINUTES (SMTPETER_SOAK_MINUTES); it prints what it sees each minute. How late the reactor was says
whether anything kept it from its conversations; where other programs want the processors too, that shows as well.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import smtplib
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.e2e.conftest import relay_section
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port
from tests.kit.names import StubNames
from tests.kit.sink import Action, Rule, Sink, Stage, greylisted
from tests.rewrite.corpus import NEWSLETTERS, message, multipart, part

MINUTES = float(os.environ.get("SMTPETER_SOAK_MINUTES", "60"))
PER_SECOND = float(os.environ.get("SMTPETER_SOAK_RATE", "6"))  # messages
MOODS = ("ok", "ok", "ok", "ok", "later", "gone", "drop")
GROWTH = 1.05  # of the last third's median over the middle one's
SLACK = 4 << 20  # octets
HOSTILE = (
    "<style>p{top:0}</style>" + "<div>" * 5_000,
    "<style>" + "p{top:0}" * 4_000 + "</style><p>",
    "<style>p{left:1" + "0" * 10_000 + "px}</style><p>",
    "<a href='http://x.example/" + "x" * 100_000 + "'>",
    "<a href='http://x.example/'>y</a>" * 3_000,
    "<" * 50_000,
)
PAGES = [
    *(message(page.read_text("utf-8"), encoding="quoted-printable") for page in NEWSLETTERS),
    *(message(page.read_text("utf-8"), encoding="base64") for page in NEWSLETTERS),
    *(message(page, encoding="quoted-printable") for page in HOSTILE),
    multipart("alternative", part("text/plain", "http://shop.example/"), part("text/html", "<a href='http://x.example/'>x</a>")),
    b"Subject: " + b"=?utf-8?q?\r\n " * 2_000 + b"\r\n\r\n" + b"--b\r\n" * 4_000,
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 4_000,
]  # fmt: skip
RULES = (
    greylisted(),
    Rule(Stage.RCPT, "550 5.1.1 No such user", recipient="^gone"),
    Rule(Stage.CONTENT, "452 4.2.2 Full", recipient="^later", times=1, each=True),
    Rule(Stage.CONTENT, Action.DROP, recipient="^drop", times=1, each=True),
)


class Load:
    """Sends what there is in turns, steadily; a context manager."""

    def __init__(self, server: Daemon) -> None:
        self.sent = 0
        self.refused: dict[int, int] = {}
        self._server = server
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(60)

    def _run(self) -> None:
        chance = random.Random(1)
        while not self._ending.wait(1 / PER_SECOND):
            mood, page = chance.choice(MOODS), PAGES[self.sent % len(PAGES)]
            recipients = [
                f"{mood}{self.sent}-{number}@example.net" for number in range(chance.choice((1, 1, 3)))
            ]
            lines = f"From: <news@sender.example>\r\nMessage-ID: <{self.sent}@x.example>\r\n".encode()
            try:
                with smtplib.SMTP("127.0.0.1", self._server.starttls, timeout=60) as client:
                    client.sendmail("news@sender.example", recipients, lines + page)
            except smtplib.SMTPResponseException as error:
                self.refused[error.smtp_code] = self.refused.get(error.smtp_code, 0) + 1
            self.sent += 1


def figures(port: int) -> dict[str, float]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        told = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(\w+) ([-+.\de]+)$", told, re.MULTILINE)}


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


@pytest.fixture
def soaked(tmp_path: Path, authority: Authority, names: StubNames) -> Iterator[tuple[Daemon, Sink, int]]:
    port = free_port()
    with Sink(*RULES) as sink:
        server = Daemon(
            tmp_path / "server",
            authority,
            submission={"trusted_networks": {"127.0.0.0/8": "load"}},
            relay=relay_section(names, sink.port, {"retry": ["5s"]}),
            metrics={"listen": [f"tcp:{port}:interface=127.0.0.1"]},
        )
        server.login("--track-clicks", "--track-opens", "--prevent-scam", "--inline-css", username="load")
        with server:
            yield server, sink, port


@pytest.mark.stress
@pytest.mark.row(146)
def test_memory_and_files_stay_as_they_are(soaked: tuple[Daemon, Sink, int]) -> None:
    server, sink, port = soaked
    memory, files, delays = [], [], []
    ending, step = time.monotonic() + 60 * MINUTES, min(60.0, 6 * MINUTES)
    with Load(server) as load:
        while time.monotonic() < ending:
            time.sleep(step)
            told = figures(port)
            memory.append(told["process_resident_memory_bytes"])
            files.append(told["process_open_fds"])
            delays.append(told["smtpeter_reactor_delay_seconds"])
            print(
                f"{load.sent} sent, {len(sink.connections)} connections in {step:.0f} s, {memory[-1] / 1e6:.1f} MB, "
                f"{files[-1]:.0f} files, reactor late {1000 * delays[-1]:.0f} ms at worst",
                flush=True,
            )
            with contextlib.suppress(RuntimeError):
                sink.messages.clear()
                sink.connections[:] = [one for one in sink.connections if not one.over]
    server.wait_until_idle(300)
    third = len(memory) // 3
    before, after = median(memory[third : 2 * third]), median(memory[2 * third :])
    print(
        f"memory {before / 1e6:.1f} MB, then {after / 1e6:.1f} MB; refused: {load.refused}; late: {median(delays):.3f} s"
    )
    assert [] == [code for code in load.refused if code >= 500]
    assert after <= GROWTH * before + SLACK
    assert median(files[2 * third :]) <= median(files[third : 2 * third]) + 10
