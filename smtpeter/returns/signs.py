"""Signs by which a message is weighed before its words are: who sends it, to whom it answers, what it is called."""

from __future__ import annotations

import re

from smtpeter.returns.phrases import DELAYED_SUBJECTS, FAILED_SUBJECTS
from smtpeter.returns.programs import DAEMON_NAMES, DAEMONS, SERVICES
from smtpeter.returns.returned import Returned

_ANSWER = re.compile(
    r"(?:(?:re|aw|sv|vs|antw|res|rif|odp|ynt|ref|fwd?|wg|tr|rv|i|enc|vb|doorst|pd|回复|答复|转发|返信|转)(?:\[\d{1,3}\])? ?[:\uff1a] ?)+"
)
_BULK = frozenset(("bulk", "junk"))


def auto_submitted(returned: Returned) -> str:
    """Say "auto-replied" or "auto-generated" (RFC 3834 5), "" when people sent it or it does not say."""
    said = returned.fields.get("auto-submitted", "").partition(";")[0].partition("(")[0].strip().lower()
    return said if said.startswith("auto-") else "auto-generated" if said == "yes" else ""


def is_daemon(returned: Returned) -> bool:
    """Whether it comes from where mail systems report from."""
    local = returned.sender.partition("@")[0]
    name = returned.fields.get("from", "").casefold().partition("<")[0]
    return (
        local in DAEMONS
        or local.startswith("mailer-daemon")
        or returned.fields.get("from") == "<>"
        or any(each in name for each in DAEMON_NAMES)
        or returned.report_type in {"delivery-status", "global-delivery-status"}
    )


def is_automatic(returned: Returned) -> bool:
    """Whether a program sent it, of whatever kind."""
    local = returned.sender.partition("@")[0]
    return (
        returned.is_from_null
        or bool(auto_submitted(returned))
        or is_daemon(returned)
        or local in SERVICES
        or returned.fields.get("precedence", "").lower() in _BULK
        or "x-auto-response-suppress" in returned.fields
    )


def is_list(returned: Returned) -> bool:
    """Whether it is a mailing (RFC 2369, RFC 2919): neither a bounce nor an answer."""
    return (
        not returned.is_from_null
        and not is_daemon(returned)
        and any(name in returned.fields for name in ("list-id", "list-unsubscribe", "list-post"))
    )


def is_answer(returned: Returned) -> bool:
    """Whether it may be a person's answer: called so, and sent with a return path by no daemon."""
    return (
        not returned.is_from_null and not is_daemon(returned) and _ANSWER.match(returned.subject) is not None
    )


def announces_failure(returned: Returned) -> bool:
    return not _ANSWER.match(returned.subject) and any(each in returned.subject for each in FAILED_SUBJECTS)


def announces_delay(returned: Returned) -> bool:
    return not _ANSWER.match(returned.subject) and any(each in returned.subject for each in DELAYED_SUBJECTS)


def begins_with(subject: str, phrases: tuple[str, ...]) -> bool:
    """Whether a subject begins with one of the phrases, "Re:" and its like aside."""
    answer = _ANSWER.match(subject)
    return subject[answer.end() if answer else 0 :].lstrip(" *[(\"'").startswith(phrases)


def is_from_service(returned: Returned, names: tuple[str, ...]) -> bool:
    """Whether the sender's domain has one of these names."""
    domain = returned.sender.rpartition("@")[2]
    return any(name == domain or domain.endswith(f".{name}") for name in names)
