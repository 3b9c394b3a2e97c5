"""What the spool gave out is taken in: each message is fetched, a few side by side, and enters the window.

A message that cannot be read costs no other its turn, and no claim is kept for it. One whose content is lost enters
as an outline, so that its attempt fails and its sender is told; of what has lost even that, the deliveries are held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from smtpeter.message.identifier import MessageId, show
from smtpeter.relay.contents import Contents, Entrant
from smtpeter.relay.faults import caught, warn
from smtpeter.relay.patience import Patience, together
from smtpeter.spool.interface import Spool
from smtpeter.spool.model import Claim, QueueFilter
from smtpeter.spool.states import Step

_FETCH = 8  # messages fetched side by side
_PUT_ASIDE = 3600.0  # seconds until what cannot be tried, or settled, for a fault of ours is looked at again


@dataclass(frozen=True, slots=True)
class Admission:
    """The way into the window, which `enter` leads into. `pump` begins what may begin; `now` gives Unix seconds."""

    spool: Spool
    contents: Contents
    patience: Patience
    now: Callable[[], float]
    enter: Callable[[Entrant], None]
    pump: Callable[[], None]

    async def admit(self, claims: Sequence[Claim]) -> None:
        """Take over claims; raises nothing but CancelledError."""
        by_message: dict[MessageId, list[Claim]] = {}
        for claim in claims:
            by_message.setdefault(claim.delivery.message, []).append(claim)
        waiting = list(by_message.items())
        for start in range(0, len(waiting), _FETCH):
            await together(self._admit_message(*each) for each in waiting[start : start + _FETCH])
            self.pump()

    async def _admit_message(self, message: MessageId, claims: Sequence[Claim]) -> None:
        what = f"taking in message {show(message)}"
        if isinstance(await caught(self._take_in(message, claims), what), Exception):
            await caught(self.put_aside(claims), what)

    async def _take_in(self, identifier: MessageId, claims: Sequence[Claim]) -> None:
        if held := self.contents.known(identifier):
            self.enter(Entrant(held.message, claims, is_whole=held.is_whole))
            return
        message, is_whole = None, not self.contents.is_full
        if is_whole:
            message = await self.patience.insist(partial(self.spool.message, identifier))
        if message is None:  # there is no room for its content; or that is lost, which the attempt will find
            is_whole = False
            message = await self.patience.insist(partial(self.spool.outline, identifier))
        if message is not None:
            self.enter(Entrant(message, claims, is_whole=is_whole))
            return
        warn(f"message {show(identifier)} is lost: its deliveries are held")
        await self._hold(claims)

    async def put_aside(self, claims: Iterable[Claim]) -> None:
        """Release claims on what cannot be tried now."""
        release, due_at = self.spool.release, self.now() + _PUT_ASIDE
        await together(self.patience.insist(partial(release, claim, due_at)) for claim in claims)

    async def _hold(self, claims: Sequence[Claim]) -> None:
        """Hold what nobody can be told of: an operator decides."""
        await self.put_aside(claims)
        for claim in claims:
            wanted = QueueFilter(delivery=claim.delivery.id)
            hold = partial(self.spool.alter, wanted, Step.HOLD, self.now(), 1, "smtpeter")
            await self.patience.insist(hold)
