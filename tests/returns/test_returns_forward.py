"""The matrix of what is passed on, cell by cell; and what a recognition counts as in it."""

import itertools

import pytest

from smtpeter.message.envelope import Notify
from smtpeter.returns.forward import TABLE, Came, Way, came, way
from smtpeter.returns.recognition import Action, Confidence, Kind, Recognition

NEVER, SUCCESS, FAILURE, DELAY = Notify.NEVER, Notify.SUCCESS, Notify.FAILURE, Notify.DELAY
NOT, REPORT, AS_IT_CAME = Way.NOT, Way.REPORT, Way.AS_IT_CAME

# What came back: what becomes of it with NOTIFY absent, NEVER, and each set of the others.
ASKED = (
    None,
    NEVER,
    FAILURE,
    SUCCESS,
    DELAY,
    FAILURE | DELAY,
    FAILURE | SUCCESS,
    SUCCESS | DELAY,
    SUCCESS | FAILURE | DELAY,
)
MATRIX = {
    Came.FAILURE: (REPORT, NOT, REPORT, NOT, NOT, REPORT, REPORT, NOT, REPORT),
    Came.SUCCESS: (NOT, NOT, NOT, REPORT, NOT, NOT, REPORT, REPORT, REPORT),
    Came.DELAY: (NOT, NOT, NOT, NOT, REPORT, REPORT, NOT, REPORT, REPORT),
    Came.ANSWER: (AS_IT_CAME,) * 9,
    Came.COMPLAINT: (NOT,) * 9,
}
CELLS = [
    pytest.param(what, asked, expected, id=f"{what}-{'absent' if asked is None else asked.value}")
    for what, row in MATRIX.items()
    for asked, expected in zip(ASKED, row, strict=True)
]


@pytest.mark.parametrize(("what", "asked", "expected"), CELLS)
def test_each_cell_of_the_matrix(what, asked, expected):
    assert expected is way(what, asked, told=True)


@pytest.mark.parametrize(("what", "asked"), list(itertools.product(Came, ASKED)), ids=repr)
def test_without_a_return_path_or_a_wish_for_it_nothing_is_passed_on(what, asked):
    assert Way.NOT is way(what, asked, told=False)


def test_the_table_has_no_cell_that_nothing_leads_to():
    reports = {Came.FAILURE, Came.DELAY, Came.SUCCESS}

    assert set(TABLE) == {(what, True) for what in Came} | {(what, False) for what in reports}


@pytest.mark.parametrize(
    ("kind", "action", "confidence", "expected"),
    [
        (Kind.REPORT, Action.FAILED, Confidence.HIGH, Came.FAILURE),
        (Kind.BOUNCE, Action.FAILED, Confidence.MEDIUM, Came.FAILURE),
        (Kind.BOUNCE, Action.FAILED, Confidence.LOW, Came.ANSWER),
        (Kind.REPORT, Action.DELAYED, Confidence.HIGH, Came.DELAY),
        (Kind.REPORT, Action.DELIVERED, Confidence.HIGH, Came.SUCCESS),
        (Kind.REPORT, Action.RELAYED, Confidence.HIGH, Came.SUCCESS),
        (Kind.REPORT, Action.EXPANDED, Confidence.HIGH, Came.SUCCESS),
        (Kind.REPORT, None, Confidence.HIGH, Came.ANSWER),
        (Kind.RESPONSE, None, Confidence.HIGH, Came.ANSWER),
        (Kind.CHALLENGE, None, Confidence.HIGH, Came.ANSWER),
        (Kind.RECEIPT, None, Confidence.HIGH, Came.ANSWER),
        (Kind.UNKNOWN, None, Confidence.LOW, Came.ANSWER),
        (Kind.COMPLAINT, None, Confidence.HIGH, Came.COMPLAINT),
    ],
)
def test_what_a_recognition_counts_as(kind, action, confidence, expected):
    assert expected is came(Recognition(kind, "rule", confidence, action))
