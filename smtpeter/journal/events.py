"""What can happen to mail: one frozen class per kind, with its columns.

The field names are the columns that programs read; times are Unix seconds here and `YYYY-MM-DD hh:mm:ss`, UTC,
where a person or a program outside reads them. `delivery` is the public identifier's number.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from smtpeter.message.identifier import DeliveryId, MessageId


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What every event tells."""

    kind: ClassVar[str] = ""

    time: float
    delivery: DeliveryId
    message: MessageId
    login: str = ""
    recipient: str = ""
    tags: tuple[str, ...] = ()


class Attempt(Event, frozen=True, kw_only=True):
    """A message was accepted for this recipient (the product's word for it; section 5 of the architecture)."""

    kind: ClassVar[str] = "attempt"

    envelope: str = ""  # the return path that the customer gave
    properties: tuple[str, ...] = ()  # the switches that were on
    client: str = ""  # who submitted it: address, and TLS version and cipher when there was TLS


class Delivered(Event, frozen=True, kw_only=True):
    """The next hop took the delivery."""

    kind: ClassVar[str] = "delivery"

    envelope: str = ""
    source: str = ""  # our address
    to: str = ""  # theirs
    host: str = ""
    attempt: int = 0  # counted from 0
    reply: str = ""
    tls: str = ""
    duplicate_possible: bool = False


class Deferred(Event, frozen=True, kw_only=True):
    """An attempt ended without a final answer; it is tried again."""

    kind: ClassVar[str] = "deferral"

    envelope: str = ""
    source: str = ""
    to: str = ""
    host: str = ""
    attempt: int = 0
    stage: str = ""
    code: int = 0
    status: str = ""
    description: str = ""
    cause: str = ""
    next_attempt: float = 0.0
    duplicate_possible: bool = False


class Failed(Event, frozen=True, kw_only=True):
    """The delivery failed for good, at once or by expiry."""

    kind: ClassVar[str] = "failure"

    envelope: str = ""
    source: str = ""
    to: str = ""
    host: str = ""
    attempt: int = 0
    type: str = ""  # error, timeout, lost, invalid: the product's result types
    state: str = ""  # the stage of the conversation
    code: int = 0
    status: str = ""
    description: str = ""
    cause: str = ""


class Reported(Event, frozen=True, kw_only=True):
    """A DSN about this delivery, or what came back about it, was sent (or, with `report` None, was owed to nobody)."""

    kind: ClassVar[str] = "report"

    # failed, delayed, delivered, relayed (RFC 3464 2.3.3); forwarded: mail passed on as it came; withheld: too much
    # came back to this delivery, so that neither was it passed on nor its text kept
    action: str = ""
    to: str = ""  # the return path it went to
    report: MessageId | None = None


class Click(Event, frozen=True, kw_only=True):
    """A tracked link was followed."""

    kind: ClassVar[str] = "click"

    ip: str = ""
    headers: str = ""  # the request's header fields, one a line
    url: str = ""  # as it stands in the message
    destination: str = ""  # where the clicker was sent
    verdict: str = ""  # human or machine
    rule: str = ""  # that made it a machine


class Open(Event, frozen=True, kw_only=True):
    """A tracked image, or the pixel, was asked for."""

    kind: ClassVar[str] = "open"

    ip: str = ""
    headers: str = ""
    protocol: str = ""  # http or https
    verdict: str = ""  # human or machine
    rule: str = ""  # that made it a machine


class CameBack(Event, frozen=True, kw_only=True):
    """What the events about mail that came back tell. `delivery`, and what hangs on it, is 0 or "" when it is not known.

    The text itself is kept apart, and forgotten by its own time: `original` is its number, and programs that ask for
    events get it as the column `mime`.
    """

    envelope: str = ""
    type: str = ""  # report, bounce; response, challenge, receipt, unknown; a complaint's feedback type
    confidence: str = ""  # high, medium, low
    rule: str = ""  # the name of the rule that recognised it
    source: str = ""  # IP address of the host that brought it
    original: int | None = None


class Bounced(CameBack, frozen=True, kw_only=True):
    """A report about the delivery came back: of failure, of delay, or of success."""

    kind: ClassVar[str] = "bounce"

    action: str = ""  # failed, delayed, delivered, relayed, expanded
    failure_class: str = ""  # why, in one word: "no such user", "mailbox full", ...
    status: str = ""  # enhanced status code
    description: str = ""  # what the refusing host said
    host: str = ""  # who reports


class Responded(CameBack, frozen=True, kw_only=True):
    """Something else came back: an automatic answer, a challenge, or what nobody recognised."""

    kind: ClassVar[str] = "response"


class Complained(CameBack, frozen=True, kw_only=True):
    """A provider passed on its user's complaint (RFC 5965)."""

    kind: ClassVar[str] = "abuse"

    emailfrom: str = ""  # who says so, where the report tells


class Operated(Event, frozen=True, kw_only=True):
    """An operator held, released, retried or deleted the delivery."""

    kind: ClassVar[str] = "operation"

    step: str = ""
    by: str = ""


KINDS: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        Attempt,
        Delivered,
        Deferred,
        Failed,
        Reported,
        Click,
        Open,
        Bounced,
        Responded,
        Complained,
        Operated,
    )
}
