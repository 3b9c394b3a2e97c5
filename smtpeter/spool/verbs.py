"""What operators do to what waits, by the words that the command, the API and the screen share. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from smtpeter.spool.model import QueueFilter
from smtpeter.spool.sites import SiteSummary, Standing
from smtpeter.spool.states import State, Step
from smtpeter.spool.waiting import Reason

WAITING = (State.DUE, State.CLAIMED, State.HELD)


@dataclass(frozen=True, slots=True)
class Verb:
    """A step, and to deliveries in which states it is done; `lifts`: also at sites in trouble, which are tried now."""

    name: str
    step: Step
    states: tuple[State, ...]

    @property
    def lifts(self) -> bool:
        return self.step is Step.RELEASE

    def meant(self, wanted: QueueFilter, asked_at: float) -> QueueFilter:
        """Without what is accepted while the work goes on, which nobody has seen: trying that does no harm, all else might."""
        if self.step is Step.RELEASE or wanted.delivery is not None:
            return wanted
        before = int(asked_at) + 1.0  # forms tell whole seconds
        return replace(wanted, accepted_before=min(before, wanted.accepted_before or before))


VERBS = {
    one.name: one
    for one in (
        Verb("retry", Step.RELEASE, (State.DUE,)),
        Verb("hold", Step.HOLD, (State.DUE,)),
        Verb("release", Step.RELEASE, (State.HELD,)),
        Verb("delete", Step.DELETE, (State.DUE, State.HELD)),
    )
}


def troubled(known: Iterable[Standing | SiteSummary]) -> frozenset[str]:
    """The sites of these that are left alone for a while."""
    return frozenset(
        each.site for each in known if each.state is not None and each.state.reason is Reason.SITE_TROUBLE
    )
