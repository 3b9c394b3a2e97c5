"""Recognises bounces and delays that are not in the form of RFC 3464: by programs' forms, then by what they look like.

Only mail that a program sent is looked at; people quote bounces, and mailings speak about them. What does not come
from a mail system's own address is never trusted highly.
"""

from __future__ import annotations

from collections.abc import Iterator

from smtpeter.returns import detectors, signs
from smtpeter.returns.classification import classify, find_diagnostic, find_status
from smtpeter.returns.detectors import Detected
from smtpeter.returns.phrases import FAILED_WORDS, RESPONSE_WORDS
from smtpeter.returns.programs import PROGRAMS, Program
from smtpeter.returns.recognition import Action, Confidence, Kind, Recognition
from smtpeter.returns.returned import Returned, addresses, one_line

_OFFICES = frozenset(("postmaster", "mailer-daemon", "abuse", "support"))


def bounce(returned: Returned) -> Recognition | None:
    """A bounce or a delay: the form of a program in the table, else what flufl.bounce finds, else what looks like one."""
    if not _may_be(returned):
        return None
    detected = detectors.detect(returned.content)
    judged = _by_program(returned) or _by_detectors(detected) or _by_looks(returned)
    if judged is None:
        return None
    rule, confidence, action = judged
    if signs.announces_delay(returned):
        action = Action.DELAYED
    diagnostic = find_diagnostic(returned.text)
    status = find_status(diagnostic) or find_status(returned.text)
    failure_class, is_certain = classify(diagnostic, status, returned.words)
    if confidence is Confidence.HIGH and not (is_certain and _is_trusted(returned)):
        confidence = Confidence.MEDIUM
    return Recognition(
        Kind.BOUNCE,
        rule,
        confidence,
        action,
        failure_class,
        status=status,
        diagnostic=diagnostic,
        reporting_host=one_line(returned.sender.rpartition("@")[2], 255),
        recipient=one_line(next(_recipients(returned, detected), "")),
    )


def _may_be(returned: Returned) -> bool:
    if signs.is_list(returned) or signs.is_answer(returned):
        return False
    if signs.is_daemon(returned) or "x-failed-recipients" in returned.fields:
        return True
    is_sent = signs.is_automatic(returned) or signs.announces_failure(returned)
    return is_sent and not _speaks_of_absence(returned)


def _is_trusted(returned: Returned) -> bool:
    return bool(returned.sender) and signs.is_daemon(returned) and not _speaks_of_absence(returned)


def _speaks_of_absence(returned: Returned) -> bool:
    return any(phrase in returned.words for phrase in RESPONSE_WORDS)


_Judged = tuple[str, Confidence, Action]


def _by_program(returned: Returned) -> _Judged | None:
    found = next((program for program in PROGRAMS if _matches(program, returned)), None)
    return None if found is None else (found.name, found.confidence, found.action)


def _by_detectors(detected: Detected) -> _Judged | None:
    if not detected.delayed and not detected.failed:
        return None
    return "flufl.bounce", Confidence.MEDIUM, Action.FAILED if detected.failed else Action.DELAYED


def _by_looks(returned: Returned) -> _Judged | None:
    """Two of: from a daemon, called a failure, speaking of one; a daemon's is a delay when it is called one."""
    is_daemon = signs.is_daemon(returned)
    if is_daemon and signs.announces_delay(returned):
        return "looks", Confidence.MEDIUM, Action.DELAYED
    is_called = signs.announces_failure(returned)
    is_spoken = any(phrase in returned.words for phrase in FAILED_WORDS)
    if is_daemon + is_called + is_spoken < 2 or not (is_daemon or returned.is_from_null):
        return None
    confidence = Confidence.MEDIUM if is_daemon and is_called and is_spoken else Confidence.LOW
    return "looks", confidence, Action.FAILED


def _matches(program: Program, returned: Returned) -> bool:
    return (
        (not program.words or any(phrase in returned.words for phrase in program.words))
        and (not program.senders or returned.sender.partition("@")[0] in program.senders)
        and (not program.field or program.field in returned.fields)
    )


def _recipients(returned: Returned, detected: Detected) -> Iterator[str]:
    """Addresses that may be the one that failed, the likeliest first; not the reporter's, nor whom it reports to."""
    known = {returned.sender, *addresses(returned.fields.get("to", "").casefold())}
    named = addresses(returned.fields.get("x-failed-recipients", ""))
    for found in (named, detected.failed or detected.delayed, addresses(returned.text)):
        for each in found:
            if each.casefold() not in known and each.casefold().partition("@")[0] not in _OFFICES:
                yield each
