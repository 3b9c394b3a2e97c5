"""Who is put on the suppression list: whose host says for certain that there is no such user, and who complains. Pure.

Never for a full mailbox, a policy, or a reputation, and never on a guess: a recipient who is lost by mistake hears
nothing more, and nobody notices.
"""

from __future__ import annotations

from collections.abc import Callable

from smtpeter.accounts.model import Bounces
from smtpeter.accounts.suppression import Breadth, Suppression, key, of_domain, of_login
from smtpeter.message.address import AddressSyntax, ascii_domain
from smtpeter.message.classification import classify as judged
from smtpeter.message.mailboxes import mailboxes
from smtpeter.message.refusal import FailureClass
from smtpeter.message.status import Outcome, Result, Stage
from smtpeter.returns.classification import classify
from smtpeter.returns.recognition import Recognition
from smtpeter.spool.model import Delivery, Message

_GONE = "no such user"
_COMPLAINED = "complaint"


def why(recognition: Recognition) -> str:
    """The reason that something which came back gives; "" is none."""
    if recognition.is_complaint:
        return _COMPLAINED
    return _GONE if recognition.proves_no_such_user else ""


def why_refused(outcome: Outcome) -> str:
    """The reason that an attempt gives: only what the recipient's own host said of this recipient can be one.

    There are two tables of what hosts say, one for reports and one for replies, which operators see and pacing obeys:
    both must find that there is no such user, so that nobody is lost by the fault of one.
    """
    if outcome.result is not Result.FAILED or outcome.stage is not Stage.RCPT or not outcome.host:
        return ""
    failure_class, is_certain = classify(outcome.reply.text, outcome.reply.enhanced, "")
    shown = judged(outcome.reply).failure
    is_agreed = failure_class is shown is FailureClass.NO_SUCH_USER
    return _GONE if is_certain and is_agreed else ""


def entry(
    message: Message,
    delivery: Delivery,
    reason: str,
    now: float,
    wishes: Bounces,
    sender_domain: Callable[[str], str],
) -> Suppression | None:
    """The entry for this delivery's recipient, as the login wants it; None when it wants none, or there is no reason.

    Where the author's domain cannot be read, the list is the login's own.
    """
    domain = author(message)
    scopes = {
        Breadth.LOGIN: of_login(message.login),
        Breadth.DOMAIN: of_domain(sender_domain(domain)) if domain else of_login(message.login),
    }
    scope = scopes.get(wishes.suppress)
    if scope is None or not reason:
        return None
    expires = now + wishes.suppress_for if wishes.suppress_for else None
    return Suppression(scope, key(delivery.recipient.address), reason, now, expires, delivery.id)


def author(message: Message) -> str:
    """The domain of its author in lower case and A-labels, "" when it cannot be read."""
    first = next(iter(mailboxes(message.facts.get("from", ""))), None)
    try:
        return "" if first is None else ascii_domain(first.domain)
    except AddressSyntax:
        return ""
