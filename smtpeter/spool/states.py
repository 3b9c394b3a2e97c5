"""A delivery's life: a table of twelve lines, and nothing else decides what may follow what.

Kept pure, so that one test checks it exhaustively and docs/flow.md prints it.
"""

from __future__ import annotations

import enum


class State(enum.StrEnum):
    """Where a delivery stands."""

    DUE = "due"  # waits for its time, then for a worker
    CLAIMED = "claimed"  # a worker has it
    HELD = "held"  # an operator keeps it from being tried
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    DELETED = "deleted"  # taken out by an operator

    @property
    def is_final(self) -> bool:
        return self in _FINAL


class Step(enum.StrEnum):
    """What happens to a delivery."""

    CLAIM = "claim"
    RELEASE = "release"  # given back without an attempt, let go after being held, or told not to wait
    HOLD = "hold"
    DELIVER = "deliver"
    DEFER = "defer"
    FAIL = "fail"
    EXPIRE = "expire"
    DELETE = "delete"
    RETURN = "return"  # it had been delivered, and came back: a report says that it failed further on


_FINAL = frozenset((State.DELIVERED, State.FAILED, State.EXPIRED, State.DELETED))

TRANSITIONS: dict[tuple[State, Step], State] = {
    (State.DUE, Step.CLAIM): State.CLAIMED,
    (State.DUE, Step.RELEASE): State.DUE,  # due at once
    (State.DUE, Step.HOLD): State.HELD,
    (State.DUE, Step.DELETE): State.DELETED,
    (State.CLAIMED, Step.RELEASE): State.DUE,
    (State.CLAIMED, Step.DEFER): State.DUE,
    (State.CLAIMED, Step.DELIVER): State.DELIVERED,
    (State.CLAIMED, Step.FAIL): State.FAILED,
    (State.CLAIMED, Step.EXPIRE): State.EXPIRED,
    (State.HELD, Step.RELEASE): State.DUE,
    (State.HELD, Step.DELETE): State.DELETED,
    (State.DELIVERED, Step.RETURN): State.FAILED,
}


class ImpossibleStep(ValueError):
    """A step that a delivery in this state cannot take."""


# From which states an operator may take each step: what is in flight is let be.
ALTERABLE = {
    step: tuple(state for state in (State.DUE, State.HELD) if (state, step) in TRANSITIONS)
    for step in (Step.HOLD, Step.RELEASE, Step.DELETE)
}


def after(state: State, step: Step) -> State:
    """The state that follows; raises ImpossibleStep."""
    try:
        return TRANSITIONS[state, step]
    except KeyError:
        raise ImpossibleStep(f"a delivery that is {state} cannot {step}") from None
