"""A PostgreSQL server of the tests' own: in a directory of its own, on a Unix socket, ended with the tests.

It never runs as root: the superuser starts it as `postgres` or `nobody`. Contract tests need no durability, so it does not
sync; a database is made for each test from a template that is migrated once.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.kit.loopback import until
from tests.kit.peers import absent

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_min_messages": "panic",
    "log_min_error_statement": "panic",
}


def binaries() -> Path | None:
    """Where the newest installed server's programs are; None when there is none."""
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = shutil.which("initdb")
    return known[-1].parent if known else Path(found).parent if found else None


def installed() -> Path:
    """The same; where there is none the test is skipped, but not in CI."""
    found = binaries()
    if found is None:
        absent("PostgreSQL is not installed (apt-get install postgresql)")
    return found


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom the superuser runs the server as."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


class PostgreSQL:
    """A server that can be stopped, killed and started again; `url` names a database of it."""

    def __init__(self, programs: Path, settings: dict[str, str] | None = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="smtpeter-postgresql-"))
        self._programs = programs
        self._settings = _SETTINGS | (settings or {})
        self._user = _unprivileged()
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            os.chown(self.directory, self._user.pw_uid, self._user.pw_gid)
        self._run(
            "initdb", "-D", "data", "-U", "smtpeter", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"
        )

    def _command(self, program: str, arguments: Sequence[str]) -> list[str]:
        """With setpriv: another user than root, and an end even when the tests are killed."""
        command = ["setpriv", "--pdeathsig", "QUIT"]
        if self._user is not None:
            command += [f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups"]
        return [*command, str(self._programs / program), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            self._command(program, arguments), cwd=self.directory, capture_output=True, text=True, check=False
        )
        assert 0 == done.returncode, done.stdout + done.stderr

    # -- the process -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Returns when it answers."""
        settings = [f"-c{name}={value}" for name, value in self._settings.items()]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", ["-D", "data", "-k", str(self.directory), *settings]),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(self._answers, 60.0, f"PostgreSQL in {self.directory} answers")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "log").read_text()
        try:
            psycopg.connect(self.dsn("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As if the machine had failed; the server's own children end when they see that it is gone."""
        assert self._process is not None
        self._process.send_signal(
            signal.SIGQUIT
        )  # "immediate shutdown": no farewell, recovery at the next start
        self._process.wait(30)

    def stop(self) -> None:
        """End it, and remove all that it kept."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory)

    # -- databases ---------------------------------------------------------------------------------------

    def dsn(self, database: str) -> str:
        return f"host={self.directory} user=smtpeter dbname={database}"

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://smtpeter@/{database}?host={self.directory}"

    def execute(self, statement: str) -> None:
        """Outside any transaction, in the server's own database."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """A database with what the template has, for as long as it is needed."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield name
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A server for all tests, that none of them may stop."""
    server = PostgreSQL(installed())
    server.start()
    yield server
    server.stop()
