"""Recognises reports in a standard's form: delivery status (RFC 3464, also broken ones), receipts, complaints.

Of several recipients in one report the worst news counts: the message concerned one delivery, and the others are
what an alias made of it.
"""

from __future__ import annotations

import re

from smtpeter.message.refusal import FailureClass
from smtpeter.returns.classification import classify, find_diagnostic, find_status
from smtpeter.returns.programs import COMPLAINT_SENDERS, COMPLAINT_SUBJECTS
from smtpeter.returns.recognition import Action, Confidence, Kind, Recognition
from smtpeter.returns.returned import Group, Returned, addresses, groups, one_line

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}", re.ASCII)
_PRECEDENCE = (Action.FAILED, Action.DELAYED, Action.RELAYED, Action.DELIVERED, Action.EXPANDED)
_ACTIONS = {
    "fail": Action.FAILED,
    "error": Action.FAILED,  # an old OpenSMTPD
    "delay": Action.DELAYED,
    "relay": Action.RELAYED,
    "deliver": Action.DELIVERED,
    "expand": Action.EXPANDED,
}
_BY_CLASS = {"5": Action.FAILED, "4": Action.DELAYED, "2": Action.DELIVERED}
_LONGEST_HOST = 255


def complaint(returned: Returned) -> Recognition | None:
    """A feedback report (RFC 5965), or one of the form that came before it."""
    if returned.feedback is not None:
        said = returned.feedback
        return Recognition(
            Kind.COMPLAINT,
            "RFC 5965",
            Confidence.HIGH if "feedback-type" in said else Confidence.MEDIUM,
            reporting_host=_host(said.get("reporting-mta", "")),
            recipient=_recipient(said.get("original-rcpt-to", "")),
            feedback=one_line(said.get("feedback-type", ""), 50).lower(),
        )
    if returned.report_type == "feedback-report":
        return Recognition(Kind.COMPLAINT, "RFC 5965, broken", Confidence.LOW)
    if returned.sender in COMPLAINT_SENDERS and returned.subject.startswith(COMPLAINT_SUBJECTS):
        return Recognition(Kind.COMPLAINT, "provider's form", Confidence.MEDIUM, feedback="abuse")
    return None


def receipt(returned: Returned) -> Recognition | None:
    """A disposition notification (RFC 8098); a recipient's filter refuses by one, too (RFC 5429 2.1.3)."""
    if returned.receipt is None:
        return None
    disposition = returned.receipt.get("disposition", "").lower()
    recipient = _recipient(returned.receipt.get("final-recipient", ""))
    if "deleted" not in disposition or "automatic" not in disposition:
        return Recognition(Kind.RECEIPT, "RFC 8098", Confidence.HIGH, recipient=recipient)
    diagnostic = find_diagnostic(returned.text)
    found = classify(diagnostic, "", returned.words)
    failure_class = (
        found.failure_class if found.failure_class is not FailureClass.OTHER else FailureClass.POLICY
    )
    return Recognition(
        Kind.BOUNCE,
        "RFC 5429",
        Confidence.MEDIUM,
        Action.FAILED,
        failure_class,
        diagnostic=diagnostic,
        reporting_host=_host(returned.receipt.get("reporting-ua", "")),
        recipient=recipient,
    )


def delivery_status(returned: Returned) -> Recognition | None:
    """A DSN (RFC 3464), its status part in its place, or its fields somewhere in the text."""
    found = returned.status
    is_whole = found is not None and returned.content_type == "multipart/report"
    if found is None:
        found = groups(returned.text)
        found = found if any("action" in each and "final-recipient" in each for each in found) else ()
    acted = [(action, group) for group in found if (action := _action(group)) is not None]
    if not acted:
        return None
    action, group = min(acted, key=lambda each: _PRECEDENCE.index(each[0]))
    host = next((each["reporting-mta"] for each in found if "reporting-mta" in each), "")
    is_whole = is_whole and "action" in group and "status" in group and bool(host)
    rule = "RFC 3464" if is_whole else "RFC 3464, broken"
    confidence = Confidence.HIGH if is_whole else Confidence.MEDIUM
    return _told(returned, group, action, host, rule, confidence)


def _told(
    returned: Returned, group: Group, action: Action, host: str, rule: str, confidence: Confidence
) -> Recognition:
    diagnostic = one_line(_after_type(group.get("diagnostic-code", "")))
    diagnostic = diagnostic or find_diagnostic(returned.text)
    status = _status(group, diagnostic)
    failure_class = None
    if action in {Action.FAILED, Action.DELAYED}:
        failure_class, is_certain = classify(diagnostic, status, returned.words)
        if not is_certain and confidence is Confidence.HIGH:
            confidence = Confidence.MEDIUM
    return Recognition(
        Kind.REPORT,
        rule,
        confidence,
        action,
        failure_class,
        status=status,
        diagnostic=diagnostic,
        reporting_host=_host(host),
        recipient=_recipient(group.get("original-recipient", ""))
        or _recipient(group.get("final-recipient", "")),
    )


def _action(group: Group) -> Action | None:
    """RFC 3464 2.3.3; when it is missing, or in nobody's words, the class of the status tells."""
    if "action" not in group and "final-recipient" not in group:
        return None
    said = group.get("action", "").lower()
    known = next((action for word, action in _ACTIONS.items() if said.startswith(word)), None)
    status = _STATUS.search(group.get("status", ""))
    return known or (_BY_CLASS[status[0][0]] if status else None)


def _status(group: Group, diagnostic: str) -> str:
    """The Status field, or what the diagnostic says more exactly (a bare 5.0.0 tells nothing)."""
    match = _STATUS.search(group.get("status", ""))
    status = match[0] if match else ""
    if status and not status.endswith(".0.0"):
        return status
    exact = find_status(diagnostic)
    return exact if exact and (not status or exact[0] == status[0]) else status


def _after_type(value: str) -> str:
    """What follows "smtp;" or "rfc822;" (RFC 3464 2.1.2)."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and " " not in kind.strip() else value


def _host(value: str) -> str:
    return one_line(_after_type(value), _LONGEST_HOST).partition(" ")[0].strip("[]()<>,;")


def _recipient(value: str) -> str:
    plain = one_line(_after_type(value)).strip("<>")
    return plain if plain.count("@") == 1 and " " not in plain else next(addresses(plain), "")
