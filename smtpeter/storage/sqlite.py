"""SQLite: how its file is opened, and what its errors mean.

It keeps a write-ahead log and syncs it at each commit (synchronous=FULL): what is committed survives a power cut.
Writers of several processes come one after the other; each waits its turn before it begins.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

_BUSY_TIMEOUT = 10.0  # seconds that SQLite waits by itself for another process
_WRITERS_BUSY_TIMEOUT = 2  # milliseconds; the same, of a writer
_BETWEEN_TRIES = 0.001  # seconds
_TRIES = 4000  # some 10 s
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


def engine(path: Path) -> Engine:
    """The engine for the file at `path`, which is made if need be; raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its log and index files the mode of the database.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    made = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args={"timeout": _BUSY_TIMEOUT}
    )
    event.listen(made, "connect", _connected)
    event.listen(made, "begin", _begin)
    event.listen(made, "commit", _commit)
    return made


def for_writing(any_engine: Engine) -> Engine:
    """The same database; transactions on it take the write lock at once, so that none fails half-way for it."""
    return any_engine.execution_options(**{_WRITES: True})


def _connected(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
    for pragma in _PRAGMAS:
        answer = _set(connection, pragma)
        if pragma.startswith("journal_mode") and answer != ("wal",):
            raise sqlite3.OperationalError("this file system does not allow a write-ahead log")


def _set(connection: sqlite3.Connection, pragma: str) -> Any:
    """What it answers. SQLite does not wait by itself for who makes the same new file keep a log just now."""
    ends = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            return connection.execute(f"PRAGMA {pragma}").fetchone()
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= ends:
                raise
        time.sleep(_BETWEEN_TRIES)


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(_WRITES, False):
        connection.exec_driver_sql("BEGIN")
    elif not _took_turn(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # raises what is wrong, as all errors come


def _took_turn(connection: Connection) -> bool:
    """Begin to write when others have ended, looking often.

    SQLite's own waiting looks ever more seldom, up to every 0.1 s: among busy writers it may never find a gap.
    """
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    if not connection.info.get(_WRITES):
        connection.info[_WRITES] = True
        driver.execute(f"PRAGMA busy_timeout = {_WRITERS_BUSY_TIMEOUT}")
    for _ in range(_TRIES):
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                return False
            time.sleep(_BETWEEN_TRIES)
        else:
            return True
    return False


def _commit(connection: Connection) -> None:
    """After some errors SQLite has rolled back by itself, and the driver's commit then does nothing, silently."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    if not driver.in_transaction:
        raise DBAPIError(
            "COMMIT", None, sqlite3.OperationalError("the transaction was rolled back by the store")
        )


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


def _code(error: BaseException | None) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF  # the low octet is the primary code


def is_full(error: DBAPIError) -> bool:
    return _code(error.orig) == sqlite3.SQLITE_FULL


def is_store_wide(error: DBAPIError) -> bool:
    return _code(error.orig) in _STORE_WIDE
