"""How often somebody may try to sign in, all processes together; nobody is kept out by what others try under his name.

A browser that the operator has signed in on before has a count of its own, which no stranger reaches. Elsewhere tries
count by address (an IPv6 network of 64 bits is one), and stricter by name and address. Tries under one name from
wherever they come are never refused for their number: when they are many, each new address has fewer and waits for them.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from smtpeter.accounts.allowance import Allowance, Allowances
from smtpeter.accounts.operators import LONGEST_NAME
from smtpeter.session.limits import source_of
from smtpeter.web.api.problem import Problem

_BY_DEVICE = (Allowance(10, 60),)
_BY_ADDRESS = (Allowance(10, 60),)
_BY_NAME_THERE = (Allowance(5, 60), Allowance(20, 900))
_BY_NAME = (Allowance(50, 900),)
_BY_NAME_THERE_SLOWED = (Allowance(2, 900),)
_SLOWED = 5.0  # seconds
# Only who has the password reaches it. Were it more, who has many addresses would find a code of six digits.
_CODES = (Allowance(10, 3600),)


@dataclass(frozen=True, slots=True)
class Trier:
    """Who tries: under which name, from which address, and as what his browser is known to it, "" as nothing."""

    name: str
    client: str
    device: str


class Counted(NamedTuple):
    """A try that was counted by the name `what`, at the time `at`."""

    what: str
    allowed: tuple[Allowance, ...]
    at: float


class Tries:
    """`clock` gives Unix seconds; `pause` comes back after so many seconds."""

    def __init__(
        self,
        allowances: Allowances,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._allowances = allowances
        self._clock = clock
        self._pause = pause

    async def hold_up(self, who: Trier) -> list[Counted]:
        """Come back when the password may be looked at, with what has counted until then; raises Problem 429."""
        counted: list[Counted] = []
        if who.device:
            await self._count(f"sign-in on {who.device}", _BY_DEVICE, counted)
            return counted
        # The address, which has no space, comes first: no name can be made up that counts as another's.
        source, name = source_of(who.client), who.name[:LONGEST_NAME]  # what is longer is nobody's
        await self._count(f"sign-in from {source}", _BY_ADDRESS, counted)
        if await self._wait(f"sign-in as {name}", _BY_NAME, counted):
            await self._count(f"slow sign-in from {source} as {name}", _BY_NAME_THERE_SLOWED, counted)
            await self._pause(_SLOWED)
        else:
            await self._count(f"sign-in from {source} as {name}", _BY_NAME_THERE, counted)
        return counted

    async def forget(self, counted: Sequence[Counted]) -> None:
        """It was no guess: he has signed in."""
        for one in counted:
            await self._allowances.give_back(one.what, 1, one.allowed, one.at)

    async def may_give_code(self, who: Trier, counted: list[Counted]) -> bool:
        """Whether one more one-time code may be looked at, now that the password was right; it has `counted` then too."""
        where = f"code on {who.device}" if who.device else f"code of {who.name}"
        return not await self._wait(where, _CODES, counted)

    async def _count(self, what: str, allowed: tuple[Allowance, ...], counted: list[Counted]) -> None:
        wait = await self._wait(what, allowed, counted)
        if wait:
            minutes = math.ceil(wait / 60)
            said = "a minute" if minutes == 1 else f"{minutes} minutes"
            raise Problem(429, f"Too many tries; come back in {said}.", retry_after=math.ceil(wait))

    async def _wait(self, what: str, allowed: tuple[Allowance, ...], counted: list[Counted]) -> float:
        """0.0 when it has counted; else the seconds until it may."""
        now = self._clock()
        wait = await self._allowances.take(what, 1, allowed, now)
        if not wait:
            counted.append(Counted(what, allowed, now))
        return wait
