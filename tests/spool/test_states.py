"""A delivery's life: what may follow what, exhaustively."""

import itertools

import pytest

from smtpeter.spool.states import ALTERABLE, TRANSITIONS, ImpossibleStep, State, Step, after


@pytest.mark.parametrize(("state", "step"), list(itertools.product(State, Step)))
def test_each_step_is_in_the_table_or_impossible(state, step):
    if (state, step) in TRANSITIONS:
        assert TRANSITIONS[state, step] == after(state, step)
    else:
        with pytest.raises(ImpossibleStep, match=f"{state} cannot {step}"):
            after(state, step)


def test_nothing_follows_a_final_state_but_that_what_was_delivered_comes_back():
    assert {(State.DELIVERED, Step.RETURN)} == {each for each in TRANSITIONS if each[0].is_final}


def test_every_state_that_is_not_final_leads_to_a_final_one():
    for state in State:
        seen, todo = set(), [state]
        while todo:
            here = todo.pop()
            seen.add(here)
            todo += [to for (origin, _), to in TRANSITIONS.items() if origin is here and to not in seen]
        assert any(reached.is_final for reached in seen), state


def test_what_an_operator_may_alter():
    assert {
        Step.HOLD: (State.DUE,),
        Step.RELEASE: (State.DUE, State.HELD),
        Step.DELETE: (State.DUE, State.HELD),
    } == ALTERABLE


def test_only_a_claimed_delivery_gets_an_outcome():
    outcomes = {Step.DELIVER, Step.DEFER, Step.FAIL, Step.EXPIRE}
    assert {State.CLAIMED} == {state for state, step in TRANSITIONS if step in outcomes}
