"""Writes down what holds up which site, when it has changed, and hears which sites are to be tried now.

An operator may want that; and a site that answers one process again is tried by the others.
A store that is away, or slow, costs the mail nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from smtpeter.relay.dispatch import Window
from smtpeter.relay.faults import caught
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.sites import SiteBook
from smtpeter.spool.waiting import SiteState

_EVERY = 1.0  # seconds


class Notes:
    """Open or closed; `now` gives Unix seconds, `run` owns a coroutine, `pump` begins what may begin."""

    def __init__(
        self,
        book: SiteBook,
        window: Window,
        clock: IReactorTime,
        now: Callable[[], float],
        run: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._book = book
        self._window = window
        self._clock = clock
        self._now = now
        self._run = run
        self._told: tuple[SiteState, ...] = ()
        self._cursor = 0
        self._is_telling = False
        self._timer: IDelayedCall | None = None

    def open(self) -> None:
        self._timer = self._clock.callLater(_EVERY, self._rang)

    def close(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _rang(self) -> None:
        self.open()
        if not self._is_telling:
            self._run(self._tell())

    async def _tell(self) -> None:
        window = self._window
        states = window.states(self._clock.seconds(), self._now())
        domains, recovered = window.found, window.recovered
        if states == self._told and not domains and not recovered:
            return
        self._is_telling = True
        window.found, window.recovered = {}, set()
        try:
            await self._book.tell(states, domains, self._now())
            self._told = states
            if recovered:
                await self._book.lift(recovered, self._now())
        except SpoolUnavailable:
            window.found = {**domains, **window.found}
            window.recovered |= recovered
        finally:
            self._is_telling = False

    async def obey(self) -> None:
        """Lift what is to be lifted; raises nothing but CancelledError."""
        await caught(self._obey(), "hearing which sites to try now")

    async def _obey(self) -> None:
        try:
            self._cursor, sites = await self._book.lifted(self._cursor)
        except SpoolUnavailable:
            return  # the claim that follows tells of it
        for site in sites:
            self._window.lift(site)
