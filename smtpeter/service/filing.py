"""Keeps the journal quick to search: what it got lately is filed every few seconds, behind everybody's back."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.journal.interface import Journal, JournalUnavailable

_EVERY = 2.0  # seconds
_BATCH = 5_000  # events at a time; the ledger divides them into transactions that no mail has to wait for


class Filing:
    """While the store is away nothing is filed, and nothing is lost: searches read on from the mark."""

    _log = Logger()

    def __init__(self, journal: Journal, clock: IReactorTime) -> None:
        self._journal = journal
        self._is_away = False  # the store did not answer last time
        self._loop = LoopingCall(self._file)
        self._loop.clock = clock

    def start(self) -> None:
        self._loop.start(_EVERY, now=False)

    def stop(self) -> None:
        if self._loop.running:
            self._loop.stop()

    def _file(self) -> Deferred[None]:
        filing = Deferred.fromCoroutine(self._digest())
        return filing.addErrback(self._failed)

    async def _digest(self) -> None:
        await self._journal.digest(_BATCH)
        self._is_away = False

    def _failed(self, failure: Failure) -> None:
        if not failure.check(JournalUnavailable):
            self._log.failure("the journal could not be filed for searches", failure=failure)
        elif not self._is_away:
            self._is_away = True
            self._log.warn("the journal is not filed for searches now: {why}", why=failure.getErrorMessage())
