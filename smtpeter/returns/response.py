"""Recognises what programs answer in people's stead: automatic replies (RFC 3834) and challenges.

Whatever may be an answer is tried before anything is taken for a bounce: a wrong "out of office" costs a line in a
report, a wrong "failed" costs the customer a reader.
"""

from __future__ import annotations

from smtpeter.returns import signs
from smtpeter.returns.phrases import (
    RESPONSE_FIELDS,
    RESPONSE_PRECEDENCES,
    RESPONSE_SUBJECTS,
    RESPONSE_WORDS,
)
from smtpeter.returns.programs import CHALLENGERS, Challenger
from smtpeter.returns.recognition import Confidence, Kind, Recognition
from smtpeter.returns.returned import Returned


def challenge(returned: Returned) -> Recognition | None:
    """A program asks the sender to prove himself."""
    if signs.is_list(returned):
        return None
    for challenger in CHALLENGERS:
        if _is_from(challenger, returned):
            return Recognition(Kind.CHALLENGE, challenger.name, challenger.confidence)
    return None


def declared(returned: Returned) -> Recognition | None:
    """An answer that says so in its header section, or in a subject that mail programs write."""
    fields = returned.fields
    said = next((name for name in RESPONSE_FIELDS if fields.get(name, "no").lower() != "no"), "")
    if said or fields.get("precedence", "").lower() in RESPONSE_PRECEDENCES:
        return Recognition(Kind.RESPONSE, said or "precedence", Confidence.HIGH)
    if signs.is_list(returned):
        return None
    has_subject = signs.begins_with(returned.subject, RESPONSE_SUBJECTS)
    submitted = signs.auto_submitted(returned)
    if has_subject and (submitted or signs.is_automatic(returned)):
        confidence = Confidence.HIGH if submitted else Confidence.MEDIUM
        return Recognition(Kind.RESPONSE, "subject", confidence)
    if submitted and not signs.is_daemon(returned) and not signs.announces_failure(returned):
        confidence = Confidence.HIGH if submitted == "auto-replied" else Confidence.MEDIUM
        return Recognition(Kind.RESPONSE, "RFC 3834", confidence)
    if "x-ms-exchange-inbox-rules-loop" in fields or _is_from_rules_agent(returned):
        return Recognition(Kind.RESPONSE, "exchange inbox rule", Confidence.HIGH)
    return None


def told(returned: Returned) -> Recognition | None:
    """An answer by its words, from a program that leaves out the fields; or one that is neither this nor a bounce."""
    if signs.is_list(returned):
        return None
    is_told = any(phrase in returned.words for phrase in RESPONSE_WORDS)
    has_subject = signs.begins_with(returned.subject, RESPONSE_SUBJECTS)
    if signs.is_automatic(returned) and is_told:
        return Recognition(Kind.RESPONSE, "words", Confidence.MEDIUM)
    if has_subject and (is_told or ":" in returned.subject):
        return Recognition(Kind.RESPONSE, "subject", Confidence.LOW)
    if signs.auto_submitted(returned):
        return Recognition(Kind.RESPONSE, "RFC 3834, nothing else", Confidence.LOW)
    return None


def _is_from(challenger: Challenger, returned: Returned) -> bool:
    if challenger.field and challenger.field in returned.fields:
        return True
    if not signs.is_automatic(returned) and not signs.is_from_service(returned, challenger.phrases):
        return False
    return any(phrase in returned.words or phrase in returned.subject for phrase in challenger.phrases)


def _is_from_rules_agent(returned: Returned) -> bool:
    source = returned.fields.get("x-ms-exchange-generated-message-source", "").lower()
    return source.startswith("mailbox rules agent")
