"""What a message that came back is: the values by which the recogniser answers.

A recognition is a judgement about a stranger's text. It never says whose delivery is meant (the token in the return
path does), and nothing in it may be trusted further than its confidence goes.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from smtpeter.message.refusal import FailureClass


class Kind(enum.StrEnum):
    """What came back."""

    REPORT = "report"  # a DSN in the form of RFC 3464
    BOUNCE = "bounce"  # the same news in another form
    RESPONSE = "response"  # out of office, vacation, "we received your message": a program's answer
    CHALLENGE = "challenge"  # a program asks the sender to prove himself
    COMPLAINT = "complaint"  # a feedback report (RFC 5965)
    RECEIPT = "receipt"  # a disposition notification (RFC 8098): displayed, deleted
    UNKNOWN = "unknown"  # anything else, people's own answers among it


class Action(enum.StrEnum):
    """What a DSN says became of the delivery (RFC 3464 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"  # still being tried: never a failure
    DELIVERED = "delivered"
    RELAYED = "relayed"  # handed to a host that makes no reports
    EXPANDED = "expanded"  # delivered to an alias of several


class Confidence(enum.StrEnum):
    """How far a recognition may be trusted."""

    HIGH = "high"  # said in a standard's form, or in the exact form of a known program
    MEDIUM = "medium"  # said in words that hardly anything else uses
    LOW = "low"  # it looks like it


_COMPLAINTS = frozenset(("abuse", "fraud", "opt-out", "opt-out-list"))


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a message that came back is.

    `action` is None for all that is no REPORT or BOUNCE; `failure_class` is None unless the action is FAILED or
    DELAYED. `status` is the enhanced status code (RFC 3463) or "". `diagnostic` is what the refusing host said,
    `reporting_host` who reports it, `recipient` the address that the report names: strangers' text, printable, on one
    line and bounded, "" when not said. `feedback` is a complaint's type (RFC 5965 7.3: "abuse", "not-spam", …).
    `rule` names the rule that decided.
    """

    kind: Kind
    rule: str
    confidence: Confidence
    action: Action | None = None
    failure_class: FailureClass | None = None
    status: str = ""
    diagnostic: str = ""
    reporting_host: str = ""
    recipient: str = ""
    feedback: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether it says that the delivery failed for good."""
        return self.kind in {Kind.REPORT, Kind.BOUNCE} and self.action is Action.FAILED

    @property
    def is_complaint(self) -> bool:
        """Whether a recipient complains: "not-spam" is the contrary, "auth-failure" (RFC 6591) is no person's."""
        return self.kind is Kind.COMPLAINT and self.feedback in _COMPLAINTS

    @property
    def proves_no_such_user(self) -> bool:
        """Whether it may put the recipient on a suppression list: no such user, at the highest confidence."""
        return (
            self.is_failure
            and self.failure_class is FailureClass.NO_SUCH_USER
            and self.confidence is Confidence.HIGH
        )


@dataclass(frozen=True, slots=True)
class Tokens:
    """What may be tokens of ours in a message, each once, in the order found; the key ring says which are genuine.

    `return_paths`: local parts for `KeyRing.read_return_path`. `links`: token and tail for `read_click` or
    `read_open`. Complaints are matched by them, since providers blot out some of them and never all.
    """

    return_paths: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
