"""A copy of the store while servers work on it, and a store from such a copy.

SQLite only: its backup takes one snapshot, and nobody waits for it. A store in PostgreSQL has its own tools.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy.engine import make_url

from smtpeter.storage.engine import DirectoryLock, StoreUnusable

_BESIDE = ("", "-wal", "-shm")


class NotEmpty(StoreUnusable):
    """There is a store already where one should be restored."""


def file_of(url: str, directory: Path) -> Path | None:
    """The store's file; None when it is no file of ours."""
    parsed = make_url(url)
    return directory / (parsed.database or "") if parsed.drivername.startswith("sqlite") else None


def copy_out(store: Path, target: Path) -> None:
    """Copy the store as it stands now to a new file that only its owner reads; raises StoreUnusable."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        # Read-only, so that a store that is not there is not made.
        with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)) as source:
            with closing(sqlite3.connect(target)) as copy:
                source.backup(copy)  # in one step: the snapshot of one transaction
            _check(target)
    except sqlite3.Error as error:
        raise StoreUnusable(f"{store}: {error}") from error


def put_in(copy: Path, store: Path, directory: Path, *, force: bool) -> Path | None:
    """Make `copy`, in the store's own directory, the store; where the one before is now kept, if there was one.

    Raises StoreInUse while a server runs, NotEmpty when there is a store and `force` is not given, StoreUnusable.
    """
    with DirectoryLock(directory):
        _check(copy)
        before = None
        if store.exists():
            if not force:
                raise NotEmpty(f"{store}: there is a store already; --force puts it aside")
            before = _aside(store)
        copy.rename(store)
        _sync(store.parent)
    return before


def _aside(store: Path) -> Path:
    """What the store was called is free; it may be broken, so it is not opened."""
    number = 1
    while (kept := store.with_name(f"{store.name}.before-{number}")).exists():
        number += 1
    for suffix in _BESIDE:
        with suppress(FileNotFoundError):
            Path(f"{store}{suffix}").rename(f"{kept}{suffix}")
    return kept


def _check(copy: Path) -> None:
    try:
        # Immutable: nobody else has it, and nothing is to be made beside it.
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            [said] = connection.execute("PRAGMA quick_check(1)").fetchone()
            connection.execute("SELECT 1 FROM deliveries LIMIT 1")
    except sqlite3.Error as error:
        raise StoreUnusable(f"{copy}: {error}") from error
    if said != "ok":
        raise StoreUnusable(f"{copy}: {said}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
