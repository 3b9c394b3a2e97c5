"""The key ring as it stands now, for those who cannot wait for the store."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.accounts.interface import Accounts
from smtpeter.accounts.model import TokenKey
from smtpeter.message.token import KeyRing

_EVERY = 0.9  # seconds: a change of the accounts reaches every process within a second


def ring_of(keys: Sequence[TokenKey]) -> KeyRing:
    """The ring of these keys, newest first."""
    return KeyRing({key.number: key.secret for key in keys}, keys[0].number)


class Keys:
    """Follows the store's ring; while the store is away, the ring that was read last stays."""

    _log = Logger()

    def __init__(self, accounts: Accounts, first: Sequence[TokenKey], clock: IReactorTime) -> None:
        self._accounts = accounts
        self._keys = tuple(first)
        self._ring = ring_of(self._keys)
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def ring(self) -> KeyRing:
        return self._ring

    def start(self) -> None:
        self._loop.start(_EVERY, now=False)

    def stop(self) -> None:
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._refresh()).addErrback(self._failed)

    async def _refresh(self) -> None:
        keys = tuple(await self._accounts.keys())
        if keys != self._keys:
            self._keys, self._ring = keys, ring_of(keys)

    def _failed(self, failure: Failure) -> None:
        self._log.warn("the key ring could not be read: {why}", why=failure.getErrorMessage())
