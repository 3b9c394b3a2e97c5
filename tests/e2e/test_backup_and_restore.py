"""A backup of a server under load is a server again: its mail leaves, and its old links still verify."""

from __future__ import annotations

import re
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.kit.certificates import Authority
from tests.kit.clients import CONTENT
from tests.kit.daemon import Daemon, Login
from tests.kit.loopback import free_port, until
from tests.kit.sink import Sink

LINKED = (
    b"From: news@sender.example\r\nTo: reader@example.net\r\nSubject: spring\r\n"
    b"Date: Sun, 22 Mar 2026 10:00:00 +0100\r\nMessage-ID: <1@sender.example>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/html\r\n\r\n"
    b'<html><body><a href="https://www.example.org/spring">more</a></body></html>\r\n'
)


class Load:
    """Somebody who submits all the time."""

    def __init__(self, server: Daemon, login: Login) -> None:
        self._server, self._login = server, login
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.accepted: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._enough.is_set():
            number = len(self.accepted)
            accepted = self._server.submit(self._login, CONTENT, [f"load-{number}@example.net"])
            self.accepted.append(accepted.id)


def follow(link: str) -> str:
    """Where a tracked link redirects to."""
    try:
        urllib.request.build_opener(Stay()).open(link, timeout=20)
    except urllib.error.HTTPError as error:
        return str(error.headers["Location"])
    raise AssertionError(link)


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@pytest.fixture
def sections() -> dict[str, dict[str, object]]:
    """Mail that nobody takes yet."""
    relay = {
        "mode": "smarthost",
        "smarthost": f"127.0.0.1:{free_port()}",
        "allow_private_addresses": True,
        "retry": ["1s"],
    }
    return {"relay": relay}


@pytest.fixture
def first(tmp_path: Path, authority: Authority, sections: dict[str, dict[str, object]]) -> Iterator[Daemon]:
    with Daemon(tmp_path / "first", authority, **sections) as server:
        yield server


def queued(server: Daemon) -> list[str]:
    return sorted(each["id"] for each in server.cli("queue", "list"))


def test_under_load(
    first: Daemon, tmp_path: Path, authority: Authority, sections: dict[str, dict[str, object]]
) -> None:
    login = first.login("--track-clicks")
    tracked = first.submit(login, LINKED).id
    archive = tmp_path / "backup.tar"
    first.configuration.chmod(0o600)
    with Load(first, first.login()) as load:
        until(lambda: len(load.accepted) >= 3, 60)
        before = set(load.accepted)
        assert 0 == first.command("backup", str(archive)).returncode
    assert 0o600 == archive.stat().st_mode & 0o777
    assert [archive] == [path for path in tmp_path.iterdir() if path.name.startswith("backup")]

    # Not over the server that runs, not even by force.
    for force in ([], ["--force"]):
        refused = first.command("restore", *force, str(archive))
        assert (1, True) == (refused.returncode, "another server works" in refused.stderr)
    first.stop()
    refused = first.command("restore", str(archive))
    assert (1, True) == (refused.returncode, "--force" in refused.stderr)

    # On another machine, as it were: with nothing but the file, and the certificate where it was.
    other = Daemon(tmp_path / "other", authority, **sections)
    other.configuration.unlink()
    ended = other.command("restore", str(archive))
    assert 0 == ended.returncode, ended.stderr
    assert "smtpeter queue hold --id ID" in ended.stdout
    assert first.configuration.read_text() == other.configuration.read_text()
    assert 0o600 == other.configuration.stat().st_mode & 0o777
    other.starttls, other.tracking = first.starttls, first.tracking
    assert {tracked, *before} <= set(queued(other)) <= {tracked, *load.accepted}
    with Sink() as sink:
        other.sections["relay"] = {**sections["relay"], "smarthost": f"127.0.0.1:{sink.port}"}
        for section in ("submission", "tracking"):
            other.sections[section] = first.sections[section]
        other.configure()
        with other:
            other.submit(login, CONTENT, ["after@example.net"])
            [link] = re.findall(
                rb'http://127\.0\.0\.1:\d+/[^"]+', sink.wait_for("reader@example.net").content
            )
            assert "https://www.example.org/spring" == follow(link.decode())
            other.cli(
                "queue", "retry", "--all"
            )  # the trouble that the first had with the site is remembered too
            other.wait_until_idle()


def test_store_that_is_there_is_put_aside_by_force(first: Daemon, tmp_path: Path) -> None:
    login = first.login()
    kept = first.submit(login, CONTENT).id
    archive = tmp_path / "backup.tar"
    first.command("backup", str(archive))
    lost = first.submit(login, CONTENT).id
    first.stop()
    assert sorted((kept, lost)) == queued(first)
    ended = first.command("restore", "--force", str(archive))
    assert 0 == ended.returncode, ended.stderr
    assert "smtpeter.db.before-1: the store that was there" in ended.stdout
    assert [kept] == queued(first)
    assert "is there already, and stays as it is" in ended.stdout


@pytest.mark.parametrize("content", [b"", b"no archive", b"\0" * 10240])
def test_file_that_is_no_backup(first: Daemon, tmp_path: Path, content: bytes) -> None:
    first.stop()
    (tmp_path / "bad.tar").write_bytes(content)
    ended = first.command("restore", "--force", str(tmp_path / "bad.tar"))
    assert (1, 1) == (ended.returncode, ended.stderr.count("\n"))
    assert [] == queued(first)


def test_postgresql_has_its_own_tools(first: Daemon, tmp_path: Path) -> None:
    first.stop()
    first.sections["store"] = {"url": "postgresql+psycopg://smtpeter@127.0.0.1/smtpeter"}
    first.configure()
    ended = first.command("backup", str(tmp_path / "backup.tar"))
    assert 1 == ended.returncode
    assert "pg_dump --format=custom" in ended.stderr
    assert str(first.configuration) in ended.stderr
