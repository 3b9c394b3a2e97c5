"""Recognises bounces and delays that are not in the form of RFC 3464: by programs' forms, then by what they look like.

Only mail that a program sent is looked at; people quote bounces, and mailings speak about them.
"""

from __future__ import annotations

from smtpeter.returns import detectors, signs
from smtpeter.returns.classification import classify, find_diagnostic, find_status
from smtpeter.returns.phrases import FAILED_WORDS, PROGRAMS, RESPONSE_WORDS, Program
from smtpeter.returns.recognition import Action, Confidence, Kind, Recognition
from smtpeter.returns.returned import Returned, addresses, one_line


def by_program(returned: Returned) -> Recognition | None:
    """The form of a program in the table."""
    if not _may_be(returned):
        return None
    program = next((program for program in PROGRAMS if _matches(program, returned)), None)
    if program is None:
        return None
    return _told(returned, program.name, program.confidence, program.action)


def by_detectors(returned: Returned) -> Recognition | None:
    """What flufl.bounce finds."""
    if not _may_be(returned):
        return None
    delayed, failed = detectors.find(returned.content)
    if not delayed and not failed:
        return None
    action = Action.FAILED if failed else Action.DELAYED
    return _told(returned, "flufl.bounce", Confidence.MEDIUM, action, (failed or delayed)[0])


def by_looks(returned: Returned) -> Recognition | None:
    """Two of: from a daemon, called a failure, speaking of one; a daemon's is a delay when it is called one."""
    if not _may_be(returned):
        return None
    if signs.announces_delay(returned) and signs.is_daemon(returned):
        return _told(returned, "looks", Confidence.MEDIUM, Action.DELAYED)
    is_daemon = signs.is_daemon(returned)
    is_called = signs.announces_failure(returned)
    is_spoken = any(phrase in returned.words for phrase in FAILED_WORDS)
    if is_daemon + is_called + is_spoken < 2 or not (is_daemon or returned.is_from_null):
        return None
    confidence = Confidence.MEDIUM if is_daemon and is_called and is_spoken else Confidence.LOW
    return _told(returned, "looks", confidence, Action.FAILED)


def _may_be(returned: Returned) -> bool:
    if signs.is_list(returned) or signs.is_answer(returned):
        return False
    if signs.is_daemon(returned) or "x-failed-recipients" in returned.fields:
        return True
    is_sent = signs.is_automatic(returned) or signs.announces_failure(returned)
    return is_sent and not any(phrase in returned.words for phrase in RESPONSE_WORDS)


def _matches(program: Program, returned: Returned) -> bool:
    return (
        (not program.words or any(phrase in returned.words for phrase in program.words))
        and (not program.senders or returned.sender.partition("@")[0] in program.senders)
        and (not program.field or program.field in returned.fields)
    )


def _told(
    returned: Returned, rule: str, confidence: Confidence, action: Action, recipient: str = ""
) -> Recognition:
    if signs.announces_delay(returned):
        action = Action.DELAYED
    diagnostic = find_diagnostic(returned.text)
    status = find_status(diagnostic) or find_status(returned.text)
    failure_class, is_certain = classify(diagnostic, status, returned.words)
    if not is_certain and confidence is Confidence.HIGH:
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
        recipient=recipient or _recipient(returned),
    )


def _recipient(returned: Returned) -> str:
    """The address that a field names, else the first in the text that is not the reporter's own."""
    named = next(addresses(returned.fields.get("x-failed-recipients", "")), "")
    if named:
        return one_line(named)
    others = (each for each in addresses(returned.text) if not _is_daemons(each, returned))
    return one_line(next(others, ""))


def _is_daemons(address: str, returned: Returned) -> bool:
    local = address.casefold().partition("@")[0]
    return address.casefold() == returned.sender or local in {
        "postmaster",
        "mailer-daemon",
        "abuse",
        "support",
    }
