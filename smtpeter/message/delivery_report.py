"""What a DSN tells, as values: one report about one message, one group for each recipient it concerns."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from smtpeter.message.address import Address
from smtpeter.message.envelope import Recipient, Ret
from smtpeter.message.status import Outcome, Stage

# Up to here a host is spoken of, but what the outcome says are our words, not its own.
_BEFORE_MAIL = frozenset(
    (Stage.PROCESS, Stage.DNS, Stage.CONNECT, Stage.HANDSHAKE, Stage.STARTTLS, Stage.AUTH)
)


class Action(enum.StrEnum):
    """RFC 3464 2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"  # handed to a host that makes no reports of its own


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What became of the message for one recipient. Times are Unix seconds.

    `log_id` is the delivery's identifier in its shown form; `retry_until` is for DELAYED only.
    """

    recipient: Recipient
    action: Action
    outcome: Outcome
    log_id: str = ""
    attempted_at: float | None = None
    retry_until: float | None = None

    @property
    def is_quoted(self) -> bool:
        """Whether the reply is what the remote server said; our own words come with a cause, or before MAIL."""
        outcome = self.outcome
        return (
            bool(outcome.host or outcome.address) and outcome.stage not in _BEFORE_MAIL and not outcome.cause
        )


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """Everything a DSN is composed from. Times are Unix seconds, sizes octets.

    `identifier`: the DSN's own, in its shown form. `hostname`: ours. `to`: the return path it goes to.
    `original`, `ret`, `envid` and `smtputf8` are those of the message that is reported about; its content is
    returned whole only in a report of failure that asked for it, and up to `maximum_returned` octets. `original` is
    None when it is no longer kept. `attached`: what another host sent us, which the report passes on.
    """

    identifier: str
    hostname: str
    to: Address
    created_at: float
    arrived_at: float
    recipients: tuple[RecipientReport, ...]
    original: bytes | None
    ret: Ret | None = None
    envid: str | None = None
    smtputf8: bool = False
    maximum_returned: int = 1_048_576
    attached: bytes = b""

    @property
    def returns_all(self) -> bool:
        """Whether the whole message is returned, not its header section alone (RFC 3461 4.3; not given: HDRS)."""
        failure = any(each.action is Action.FAILED for each in self.recipients)
        whole = failure and self.ret is Ret.FULL and self.original is not None
        return whole and len(self.original or b"") <= self.maximum_returned
