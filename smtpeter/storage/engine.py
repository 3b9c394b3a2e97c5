"""The database behind the store: opened by its URL, on SQLite or PostgreSQL; and who may open it.

What an engine has of its own is in `sqlite` and `postgresql`; this picks between them. What cannot be opened raises
StoreUnusable or StoreInUse, whose text is for the sysadmin.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from smtpeter.storage import postgresql, sqlite


class StoreUnusable(Exception):
    """The store cannot be opened; the text says why."""


class StoreInUse(Exception):
    """Another server works on this data directory."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the store could not do something; `full`: for want of disk space."""

    cause: str
    full: bool = False


def open_engine(url: str, directory: Path) -> Engine:
    """The engine for `url`; a relative SQLite path counts from `directory`. Raises StoreUnusable."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreUnusable(f"{url}: no database URL, such as sqlite:///smtpeter.db") from None
    engine = _sqlite(parsed, directory) if parsed.drivername.startswith("sqlite") else _postgresql(parsed)
    try:
        engine.connect().close()
    except DBAPIError as error:
        raise StoreUnusable(f"{shown(engine)}: {error.orig}") from error
    return engine


def _sqlite(url: URL, directory: Path) -> Engine:
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreUnusable(f"{url.drivername}: the store is kept in sqlite or postgresql+psycopg")
    if not url.database or url.database == ":memory:" or url.query:
        raise StoreUnusable(f"{url}: the store must be a file")
    path = directory / url.database
    try:
        return sqlite.engine(path)
    except OSError as error:
        raise StoreUnusable(f"{path}: {error.strerror}") from error


def _postgresql(url: URL) -> Engine:
    if url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise StoreUnusable(f"{url.drivername}: the store is kept in sqlite or postgresql+psycopg")
    if not url.database:
        raise StoreUnusable(f"{url}: it names no database")
    try:
        return postgresql.engine(url)
    except ModuleNotFoundError:
        raise StoreUnusable("a store in PostgreSQL needs psycopg: install smtpeter[postgresql]") from None


def shown(engine: Engine) -> str:
    """The database's name for messages: SQLite's path, or PostgreSQL's URL without its password."""
    url = engine.url
    return str(url.database) if engine.dialect.name == "sqlite" else url.render_as_string(hide_password=True)


def for_writing(engine: Engine) -> Engine:
    """The same database, for transactions that write."""
    if engine.dialect.name == postgresql.NAME:
        return postgresql.for_writing(engine)
    return sqlite.for_writing(engine)


def trouble(error: DBAPIError) -> Trouble:
    """What a database error means to those who wanted something from the store."""
    return Trouble(str(error.orig), full=sqlite.is_full(error) or postgresql.is_full(error))


def is_store_wide(error: DBAPIError) -> bool:
    """Whether every statement would fail now, so that trying the rest one by one is vain."""
    return sqlite.is_store_wide(error) or postgresql.is_store_wide(error)


def transaction_name(connection: Connection) -> str | None:
    """What `was_committed` asks by, of the transaction that is open; None where a commit that fails did nothing."""
    return postgresql.transaction_name(connection) if connection.dialect.name == postgresql.NAME else None


def was_committed(connection: Connection, name: str) -> bool:
    """Whether the transaction of that name, whose end was not seen, has been committed."""
    return postgresql.was_committed(connection, name)


class FreeSpace:
    """The floor of free disk space below which nothing new is taken. `clock` gives seconds, and is never set."""

    def __init__(
        self,
        directory: Path,
        floor: int,
        statvfs: Callable[[Path], os.statvfs_result],
        clock: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._floor = floor
        self._statvfs = statvfs
        self._clock = clock
        # When, and how many octets were free: one value, since threads share it.
        self._seen = (float("-inf"), 0)

    def lack(self, needed: int = 0, *, share: float = 1.0, age: float = 0.0) -> Trouble | None:
        """Trouble when `needed` octets would leave less than `share` of the floor free, or the disk cannot tell.

        What was seen up to `age` seconds ago is good enough.
        """
        now = self._clock()
        seen_at, free = self._seen
        if now - seen_at >= age:
            try:
                disk = self._statvfs(self._directory)
            except OSError as error:
                return Trouble(f"{self._directory}: {error.strerror}")
            free = disk.f_bavail * disk.f_frsize
            self._seen = now, free
        if free - needed >= self._floor * share:
            return None
        return Trouble(f"only {free >> 20} MB of disk space are free", full=True)


class DirectoryLock:
    """The right to be the server on a data directory; the kernel takes it back when the process dies."""

    def __init__(self, directory: Path) -> None:
        """Take it; raises StoreInUse when another process has it, StoreUnusable when there is no way to ask."""
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnusable(f"{directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise StoreInUse(f"{directory}: another server works on this data directory") from error

    def fileno(self) -> int:
        """The open file that holds the lock: a process that inherits it holds the lock, too."""
        return self._file

    def release(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.release()
