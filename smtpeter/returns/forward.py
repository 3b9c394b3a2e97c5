"""What of that which comes back is passed on to the customer, and how: one table, nothing else decides it.

NOTIFY (RFC 3461 4.1) steers reports only: who asked for none still gets what people and their programs answer, and
what nobody recognised. Without NOTIFY only failures are reported. Complaints are for the operator, and stay here.
"""

from __future__ import annotations

import enum

from smtpeter.message.envelope import Notify
from smtpeter.returns.recognition import Action, Confidence, Kind, Recognition


class Came(enum.StrEnum):
    """What came back, as far as it matters here."""

    FAILURE = "failure"  # a report, in any form, of
    DELAY = "delay"
    SUCCESS = "success"
    ANSWER = "answer"  # automatic replies, challenges, receipts, people's words, and what nobody recognised
    COMPLAINT = "complaint"


class Way(enum.StrEnum):
    """How it is passed on."""

    NOT = "not"
    REPORT = "report"  # as a DSN of ours, with what came back attached
    AS_IT_CAME = "as it came"


# Whether NOTIFY asks for such a report (True for what is no report), and what then happens.
TABLE: dict[tuple[Came, bool], Way] = {
    (Came.FAILURE, True): Way.REPORT,
    (Came.FAILURE, False): Way.NOT,
    (Came.DELAY, True): Way.REPORT,
    (Came.DELAY, False): Way.NOT,
    (Came.SUCCESS, True): Way.REPORT,
    (Came.SUCCESS, False): Way.NOT,
    (Came.ANSWER, True): Way.AS_IT_CAME,
    (Came.COMPLAINT, True): Way.NOT,
}

_ASKED_BY = {Came.FAILURE: Notify.FAILURE, Came.DELAY: Notify.DELAY, Came.SUCCESS: Notify.SUCCESS}
_REPORTED = {
    Action.FAILED: Came.FAILURE,
    Action.DELAYED: Came.DELAY,
    Action.DELIVERED: Came.SUCCESS,
    Action.RELAYED: Came.SUCCESS,
    Action.EXPANDED: Came.SUCCESS,
}


def came(recognition: Recognition) -> Came:
    """What it counts as; a bounce that only looks like one is no report, so that nobody's words are swallowed."""
    if recognition.kind is Kind.COMPLAINT:
        return Came.COMPLAINT
    is_report = (
        recognition.kind in {Kind.REPORT, Kind.BOUNCE} and recognition.confidence is not Confidence.LOW
    )
    if not is_report or recognition.action is None:
        return Came.ANSWER
    return _REPORTED[recognition.action]


def way(what: Came, notify: Notify | None, *, told: bool) -> Way:
    """How this is passed on to a customer who asked for `notify` (None: did not say) and is `told` anything at all."""
    if not told:
        return Way.NOT
    asked = Notify.FAILURE if notify is None else notify
    wanted = _ASKED_BY.get(what)
    return TABLE[what, wanted is None or bool(asked & wanted)]
