"""The database behind the store: how SQLite is opened, what its errors mean, and who may open it.

The one place that knows an engine's peculiarities. SQLite keeps a write-ahead log and syncs it at each commit
(synchronous=FULL): what is committed survives a power cut. What cannot be opened raises StoreUnusable or
StoreInUse, whose text is for the sysadmin.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

_BUSY_TIMEOUT = 10.0  # seconds that a writer waits for another process's transaction
_WRITES = "smtpeter_writes"

# Measured (docs/decisions/0001): pages of 8 KB; a log of 8 MB keeps the pause of a checkpoint near 10 ms.
_PRAGMAS = (
    "page_size = 8192",
    "journal_mode = wal",
    "synchronous = full",
    "wal_autocheckpoint = 1000",
    "journal_size_limit = 67108864",
    "foreign_keys = on",
    "secure_delete = fast",  # what is forgotten is overwritten where that costs no extra writing
    "cache_size = -32768",  # KB
    "temp_store = memory",
)


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
    path = _sqlite_path(url, directory)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its log and index files the mode of the database.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnusable(f"{path}: {error.strerror}") from error
    engine = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args={"timeout": _BUSY_TIMEOUT}
    )
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "commit", _commit)
    try:
        engine.connect().close()
    except DBAPIError as error:
        raise StoreUnusable(f"{path}: {error.orig}") from error
    return engine


def for_writing(engine: Engine) -> Engine:
    """The same database; transactions on it take the write lock at once, so that none fails half-way for it."""
    return engine.execution_options(**{_WRITES: True})


def _sqlite_path(url: str, directory: Path) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreUnusable(f"{url}: no database URL, such as sqlite:///smtpeter.db") from None
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreUnusable(f"{parsed.drivername}: this version keeps its store in sqlite only")
    if not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise StoreUnusable(f"{url}: the store must be a file")
    return directory / parsed.database


def _connected(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
    for pragma in _PRAGMAS:
        answer = connection.execute(f"PRAGMA {pragma}").fetchone()
        if pragma.startswith("journal_mode") and answer != ("wal",):
            raise sqlite3.OperationalError("this file system does not allow a write-ahead log")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _commit(connection: Connection) -> None:
    """After some errors SQLite has rolled back by itself, and the driver's commit then does nothing, silently."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    if not driver.in_transaction:
        raise DBAPIError(
            "COMMIT", None, sqlite3.OperationalError("the transaction was rolled back by the store")
        )


_FULL = (sqlite3.SQLITE_FULL,)
# These concern the store as a whole, and the next transaction as much as this one.
_STORE_WIDE = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
)


def _code(error: DBAPIError) -> int:
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF  # the low octet is the primary code


def trouble(error: DBAPIError) -> Trouble:
    """What a database error means to those who wanted something from the store."""
    return Trouble(str(error.orig), full=_code(error) in _FULL)


def is_store_wide(error: DBAPIError) -> bool:
    """Whether every statement would fail now, so that trying the rest one by one is vain."""
    return _code(error) in _STORE_WIDE


class FreeSpace:
    """The floor of free disk space below which nothing new is taken."""

    def __init__(self, directory: Path, floor: int, statvfs: Callable[[Path], os.statvfs_result]) -> None:
        self._directory = directory
        self._floor = floor
        self._statvfs = statvfs

    def lack(self, needed: int = 0, *, share: float = 1.0) -> Trouble | None:
        """Trouble when `needed` octets would leave less than `share` of the floor free, or the disk cannot tell."""
        try:
            disk = self._statvfs(self._directory)
        except OSError as error:
            return Trouble(f"{self._directory}: {error.strerror}")
        free = disk.f_bavail * disk.f_frsize
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
