"""Why a delivery waits, enumerated: told by the relay that has it, or read from the spool by whoever asks. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from smtpeter.spool.model import Delivery
from smtpeter.spool.states import State


class Reason(enum.StrEnum):
    """Why a delivery that is on its way is not being tried; IN_PROGRESS when it is."""

    IN_PROGRESS = "in progress"
    HELD = "held by an operator"
    SCHEDULE = "retry later"  # deferred; its next time has not come
    NOT_DUE = "not due"  # never tried; its time has not come
    SITE_TROUBLE = "site in trouble"  # the site did not answer, and is left alone for a while
    SITE_BUSY = "site busy"  # as many attempts at the site as it takes
    SITE_LIMIT = "site limit"  # as many attempts, or messages in a time, as the operator allows there
    LOGIN_LIMIT = "login limit"  # the same for the login
    SOURCE_LIMIT = "source limit"  # the same for each of our addresses
    ALL_BUSY = "all busy"  # as many attempts as there may be in all, or as many retries
    TURN = "turn"  # others come first
    BACKLOG = "backlog"  # due, and not yet taken into the window
    SPOOL = "spool unavailable"  # nothing is tried that could not be recorded


@dataclass(frozen=True, slots=True)
class SiteState:
    """What holds up a site, as the relay of one process tells it. Times are Unix seconds.

    `said` is the reply that speaks of its trouble; `until` when it is tried again, None where that is not known.
    """

    site: str
    reason: Reason
    until: float | None = None
    said: str = ""
    running: int = 0
    limit: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Why one delivery waits, until when if that is known, and the words of the other side, if there are any."""

    reason: Reason
    until: float | None = None
    said: str = ""


def why(delivery: Delivery, state: SiteState | None, now: float) -> Wait | None:
    """Why the delivery waits, from what is written down; None when it is on its way no longer."""
    if delivery.state.is_final:
        return None
    if delivery.state is State.HELD:
        return Wait(Reason.HELD)
    said = "" if delivery.last is None else str(delivery.last.reply)
    if (
        state is not None
        and state.reason is Reason.SITE_TROUBLE
        and state.until is not None
        and now < state.until
    ):
        due = delivery.due_at if delivery.state is State.DUE else 0.0
        return Wait(Reason.SITE_TROUBLE, max(state.until, due), state.said)
    if delivery.state is State.CLAIMED:
        return Wait(Reason.IN_PROGRESS) if state is None else Wait(state.reason, state.until, state.said)
    if delivery.due_at > now:
        return Wait(Reason.SCHEDULE if delivery.attempts else Reason.NOT_DUE, delivery.due_at, said)
    return Wait(Reason.BACKLOG, None, said)
