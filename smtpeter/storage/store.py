"""The store, opened: the three ledgers over one database, for the server or for a command.

A server holds the lock of its data directory, so whatever another server claimed there was claimed by a dead one
and is due again at once. Commands come beside a server that runs; they claim nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from twisted.internet.defer import Deferred

from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.storage import migrations, workers
from smtpeter.storage.allowances import StoredAllowances, StoredUses
from smtpeter.storage.directory import StoredAccounts
from smtpeter.storage.engine import (
    DirectoryLock,
    FreeSpace,
    StoreInUse,
    StoreUnusable,
    Trouble,
    for_writing,
    open_engine,
    shown,
)
from smtpeter.storage.group import Job
from smtpeter.storage.ledgers import StoredJournal, StoredQuota, StoredSites, StoredSpool
from smtpeter.storage.mta_sts import StoredPolicies
from smtpeter.storage.operators import StoredOperators
from smtpeter.storage.returns import StoredReturns, StoredSuppressions
from smtpeter.storage.threads import Access, Inline, Reactor, Threads, Turn
from smtpeter.storage.tokens import StoredRepeats, StoredTokens
from smtpeter.storage.turns import Turns
from smtpeter.storage.webhooks import StoredWebhooks

FLOOR = 67_108_864  # octets of free disk space below which nothing new is accepted
_WAIT = 0.1  # seconds
_WAITS_FOR_A_START = 100
_WAITS_FOR_AN_END = 50
_NOBODY = 0  # no worker has this number


@dataclass(frozen=True, slots=True)
class Host:
    """What the store needs of the machine: Unix seconds, seconds since boot, secret octets, and free disk space."""

    clock: Callable[[], float]
    boot_clock: Callable[[], float]
    randbytes: Callable[[int], bytes]
    statvfs: Callable[[Path], os.statvfs_result]


class Store:
    """The ledgers. Each keeps the promises of the interface of its name."""

    def __init__(
        self,
        access: Access,
        host: Host,
        space: FreeSpace,
        worker: int = _NOBODY,
        lock: DirectoryLock | None = None,
    ) -> None:
        self.spool = StoredSpool(access, worker, space)
        self.journal = StoredJournal(access)
        self.quota = StoredQuota(access, worker)
        self.sites = StoredSites(access, worker)
        self.accounts = StoredAccounts(access, host.boot_clock, host.clock, host.randbytes)
        self.webhooks = StoredWebhooks(access, worker)
        self.tokens = StoredTokens(access, host.boot_clock)
        self.repeats = StoredRepeats(access)
        self.returns = StoredReturns(access, space)
        self.suppressions = StoredSuppressions(access, host.boot_clock)
        self.operators = StoredOperators(access)
        self.allowances = StoredAllowances(access)
        self.uses = StoredUses(access)
        self.policies = StoredPolicies(access)
        self._access = access
        self._worker = worker
        self._lock = lock

    @property
    def worker(self) -> int:
        """The number under which this process holds claims."""
        return self._worker

    def stop(self) -> Deferred[None]:
        """Refuse what comes; fires when all that came before is written."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._worker != _NOBODY:
            with suppress(SpoolUnavailable):  # the next server takes back what is still claimed
                await self._access.write(workers.leave, self._worker, _unavailable)
        await self._access.stop()
        if self._lock is not None:
            self._lock.release()


def _unavailable(trouble: Trouble) -> Exception:
    return SpoolUnavailable(trouble.cause, full=trouble.full)


def open_for_server(url: str, directory: Path, reactor: Reactor, host: Host, floor: int = FLOOR) -> Store:
    """Open, create or migrate the store, and start its threads: after the last fork.

    Raises StoreInUse when another server has the directory, and StoreUnusable.
    """
    lock = DirectoryLock(directory)
    try:
        engine = open_engine(url, directory)
        migrations.upgrade(engine)
        turn = _turn(engine, directory)
        worker = _take_over(engine, host)
    except StoreUnusable:
        lock.release()
        raise
    access = _threads(engine, reactor, host, worker, turn)
    return Store(access, host, FreeSpace(directory, floor, host.statvfs, host.boot_clock), worker, lock)


def _threads(
    engine: Engine,
    reactor: Reactor,
    host: Host,
    worker: int,
    turn: Turn,
) -> Threads:
    return Threads(
        engine,
        reactor,
        lambda: Job(workers.beat, (worker, host.boot_clock()), _unavailable),
        workers.BEAT_EVERY,
        host.boot_clock,
        turn,
    )


def _turn(engine: Engine, directory: Path) -> Turn:
    if engine.dialect.name != "sqlite":
        return nullcontext
    try:
        return Turns(directory).taken
    except OSError as error:
        raise StoreUnusable(f"{error.filename}: {error.strerror}") from error


def _commands_turn(engine: Engine, directory: Path) -> Turn:
    """Commands leave no files of whoever gave them behind: the server's user might not be able to open them."""
    if engine.dialect.name != "sqlite":
        return nullcontext
    try:
        return Turns(directory, stands=False).taken
    except OSError:
        return nullcontext


def _take_over(engine: Engine, host: Host) -> int:
    try:
        with for_writing(engine).begin() as connection:
            return workers.succeed(connection, host.boot_clock())
    except DBAPIError as error:
        raise StoreUnusable(f"{shown(engine)}: {error.orig}") from error


def take_directory(url: str, directory: Path, host: Host) -> DirectoryLock:
    """Make the store ready for workers that are still to start; whoever has the lock open keeps others away.

    Creates or migrates it, and, where it is one host's, makes due again what was claimed. Workers that lost their parent a moment ago may
    still be ending: they are waited for. Raises StoreInUse when another server has the directory, StoreUnusable.
    """
    lock = _wait_for_lock(directory)
    try:
        engine = open_engine(url, directory)
        migrations.upgrade(engine)
        with for_writing(engine).begin() as connection:
            workers.leave(connection, [workers.succeed(connection, host.boot_clock())])
    except DBAPIError as error:
        lock.release()
        raise StoreUnusable(f"{shown(engine)}: {error.orig}") from error
    except StoreUnusable:
        lock.release()
        raise
    return lock


def _wait_for_lock(directory: Path) -> DirectoryLock:
    for _ in range(_WAITS_FOR_AN_END):
        with suppress(StoreInUse):
            return DirectoryLock(directory)
        time.sleep(_WAIT)
    return DirectoryLock(directory)


def open_for_worker(
    url: str,
    directory: Path,
    reactor: Reactor,
    host: Host,
    predecessor: int | None = None,
    floor: int = FLOOR,
) -> Store:
    """Open the store that `take_directory` has made ready, beside the other workers, and start its threads.

    `predecessor`: a worker that is known to be dead; what it held is due again at once. Raises StoreUnusable.
    """
    engine = open_engine(url, directory)
    turn = _turn(engine, directory)
    try:
        with turn(), for_writing(engine).begin() as connection:
            if predecessor is not None:
                workers.leave(connection, [predecessor])
            worker = workers.register(connection, host.boot_clock())
    except DBAPIError as error:
        raise StoreUnusable(f"{shown(engine)}: {error.orig}") from error
    access = _threads(engine, reactor, host, worker, turn)
    return Store(access, host, FreeSpace(directory, floor, host.statvfs, host.boot_clock), worker)


def open_for_command(url: str, directory: Path, host: Host, floor: int = FLOOR) -> Store:
    """Open the store beside whoever works on it; every answer is there at once, in the caller's thread.

    Creates or migrates it only while no server has it; a server that is just starting does so itself, and is
    waited for. Raises StoreInUse, StoreUnusable.
    """
    engine = open_engine(url, directory)
    patience = _WAITS_FOR_A_START
    while not migrations.is_current(engine):
        try:
            with DirectoryLock(directory):
                migrations.upgrade(engine)
        except StoreInUse:
            if not patience:
                raise
            patience -= 1
            time.sleep(_WAIT)
    return Store(
        Inline(engine, _commands_turn(engine, directory)),
        host,
        FreeSpace(directory, floor, host.statvfs, host.boot_clock),
    )
