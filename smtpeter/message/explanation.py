"""The part of a DSN that people read: what happened, to whom, what the other server said, what to do now."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from smtpeter.message.delivery_report import Action, DeliveryReport, RecipientReport
from smtpeter.message.status import Outcome, Result
from smtpeter.message.trace import date

_WIDTH = 72
_LONGEST_REPLY = 1_000  # characters; the Diagnostic-Code field has more
_NOT_PRINTABLE = re.compile(r"[^ -~]")

SUBJECTS = {
    Action.FAILED: "Your message could not be delivered",
    Action.DELAYED: "Your message is delayed",
    Action.RELAYED: "Your message was passed on",
    Action.DELIVERED: "Your message was delivered",
}

_OPENINGS = {
    Action.FAILED: "could not be delivered to:",
    Action.DELAYED: "could not be delivered yet to:",
    Action.RELAYED: "was passed on to a server that sends no reports of its own, for:",
    Action.DELIVERED: "was delivered to:",
}

_CLOSINGS = {
    Action.DELAYED: "You need not send it again: we keep trying, and tell you if we have to give up.",
    Action.RELAYED: "This is the last you hear of it, unless it fails further on.",
    Action.DELIVERED: "This report was asked for when the message was sent.",
}

# What helps, by the enhanced status code (RFC 3463) from the second number on; the first that fits.
_ADVICE = (
    (
        ("1.1", "1.3", "1.6"),
        "Please check the address for a typing error. The mailbox does not seem to exist.",
    ),
    (("1.2", "1.10"), "Please check what follows the @. That domain does not exist or takes no mail."),
    (("2.1",), "The mailbox is out of use. Please reach the recipient in another way."),
    (("2.2",), "The mailbox is full. Please try again later, or reach the recipient in another way."),
    (("2.3", "3.4"), "The message is too large for the recipient's server. Please send a smaller one."),
    (("4.6",), "The message went round in a circle between servers. Please tell your postmaster."),
    (("6.7",), "The recipient's server cannot take addresses or header fields in this alphabet."),
    (("7",), "The recipient's server refuses it by its rules. What it said may tell why, and whom to ask."),
    (("4",), "The recipient's server could not be reached. Please try again later."),
)
_ADVICE_OTHERWISE = "If that does not help you, please show this report to your postmaster."


def printable(text: str, longest: int) -> str:
    """A stranger's words on one line: runs of white space and control characters are one blank, the rest is ASCII."""
    words = re.sub(r"[\x00-\x20\x7f]+", " ", text[:longest]).strip()
    return _NOT_PRINTABLE.sub("?", words) + (" [...]" if len(text) > longest else "")


def explain(report: DeliveryReport, subject: str) -> str:
    """The text, its lines ended by LF; `subject` is the reported message's, "" when it has none."""
    titled = f', with the subject "{subject}",' if subject else ""
    paragraphs = [f"This is the mail server at {report.hostname}."]
    for action, opening in _OPENINGS.items():
        concerned = [each for each in report.recipients if each.action is action]
        if concerned:
            paragraphs.append(_filled(f"Your message of {date(report.arrived_at)}{titled} {opening}"))
            paragraphs.extend(_about(each) for each in concerned)
        if concerned and action in _CLOSINGS:
            paragraphs.append(_filled(_CLOSINGS[action]))
    return "\n\n".join((*paragraphs, _filled(_attachments(report)))) + "\n"


def _about(each: RecipientReport) -> str:
    lines = [f"  <{each.recipient.address}>"]
    lines.extend(_filled(line, indent) for indent, line in _details(each))
    return "\n".join(lines)


def _details(each: RecipientReport) -> Iterator[tuple[int, str]]:
    """Sentences with their indentation."""
    outcome = each.outcome
    said = printable(str(outcome.reply), _LONGEST_REPLY)
    yield 4, _happening(each)
    if said:
        yield 6, said
    if each.retry_until is not None:
        yield 4, f"We keep trying until {date(each.retry_until)}."
    if each.action is Action.FAILED:
        yield 4, advice(outcome)


def _happening(each: RecipientReport) -> str:
    outcome = each.outcome
    server = printable(outcome.host or outcome.address, 255)
    if each.action is Action.FAILED and outcome.result is Result.EXPIRED:
        who = f"The server {server} did not take it" if server else "No server could be reached"
        return f"{who} in all the time we tried. The last thing we learned was:"
    if each.action in {Action.DELIVERED, Action.RELAYED}:
        return f"The server {server} took it:" if server else "It was taken:"
    return f"The server {server} answered:" if each.is_quoted else "The reason is:"


def advice(outcome: Outcome) -> str:
    """What the sender can do about a failure, by its enhanced status code."""
    detail = outcome.reply.enhanced.partition(".")[2]
    for prefixes, text in _ADVICE:
        if any(detail == prefix or detail.startswith(f"{prefix}.") for prefix in prefixes):
            return text
    return _ADVICE_OTHERWISE


def _attachments(report: DeliveryReport) -> str:
    others = ["what the other server sent us"] if report.attached else []
    if report.original is not None:
        others.append("your message" if report.returns_all else "the header of your message")
    if not others:
        return "Attached is this report in a form for programs."
    return (
        ", ".join(("Attached are this report in a form for programs", *others[:-1])) + f", and {others[-1]}."
    )


def _filled(text: str, indent: int = 0) -> str:
    """In lines of at most 72 characters; a word that is longer stays whole unless it could not travel."""
    pieces = " ".join(word[i : i + 500] for word in text.split() for i in range(0, len(word), 500))
    margin = " " * indent
    return textwrap.fill(
        pieces,
        _WIDTH,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
