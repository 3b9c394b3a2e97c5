"""What a message that came back means for the delivery that its token names: events, and late failure. Pure.

A report that hardly looks like one settles nothing; of a delivery that is no longer kept, the text itself tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from smtpeter.journal.events import Bounced, CameBack, Complained, Failed, Reported, Responded
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.message.status import Outcome, Reply, Result, Stage, split_enhanced
from smtpeter.returns.forward import Came, came
from smtpeter.returns.recognition import Kind, Recognition
from smtpeter.spool.model import Delivery, Message
from smtpeter.spool.returned import LateFailure

_SAID = re.compile(r"([245][0-5]\d)[ -](.*)", re.DOTALL)  # a reply, as the refusing host gave it
_CODES = {"5": 550, "4": 450, "2": 250}
_NO_MESSAGE = MessageId(0)
_NO_DELIVERY = DeliveryId(0)
_FAILED = Reply(550, "5.0.0", "A report says that it was not delivered")


# What a report says to people and to programs stands before the message that it returns, which is the sender's own:
# so its beginning is enough for everything but somebody's answer, and one return path cannot fill a disk.
MAXIMUM_KEPT = 262_144  # octets


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came back. `when` is Unix seconds; `number` will name its text; `source` is the client's address."""

    number: int
    when: float
    content: bytes
    recognition: Recognition
    source: str = ""
    sender: str = ""  # the return path it came with

    @property
    def beginning(self) -> bytes:
        """As much of the content as is kept, and attached to reports; cut at the end of a line where there is one."""
        if len(self.content) <= MAXIMUM_KEPT:
            return self.content
        end = self.content.rfind(b"\r\n", 0, MAXIMUM_KEPT)
        return self.content[: end + 2 if end > 0 else MAXIMUM_KEPT]


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whose matter it is: a delivery by its token, with what is still known of it."""

    identifier: DeliveryId = _NO_DELIVERY
    delivery: Delivery | None = None
    message: Message | None = None


def event(arrival: Arrival, whose: Concerned) -> CameBack:
    """What the journal is told."""
    recognition = arrival.recognition
    columns = _columns(arrival, whose)
    match recognition.kind:
        case Kind.COMPLAINT:
            return Complained(
                **{**columns, "type": recognition.feedback or "abuse"}, emailfrom=arrival.sender
            )
        case Kind.REPORT | Kind.BOUNCE:
            return Bounced(
                **columns,
                action=recognition.action or "",
                failure_class=recognition.failure_class or "",
                status=recognition.status,
                description=recognition.diagnostic,
                host=recognition.reporting_host,
            )
        case _:
            return Responded(**columns)


def withheld(arrival: Arrival, whose: Concerned) -> Reported:
    """What the journal is told when too much came back to this delivery: that this went no further."""
    columns = {name: value for name, value in _whose(arrival, whose).items() if name != "envelope"}
    return Reported(**columns, action="withheld")


def _columns(arrival: Arrival, whose: Concerned) -> dict[str, Any]:
    return {
        **_whose(arrival, whose),
        "type": arrival.recognition.kind.value,
        "confidence": arrival.recognition.confidence.value,
        "rule": arrival.recognition.rule,
        "source": arrival.source,
        "original": arrival.number,
    }


def _whose(arrival: Arrival, whose: Concerned) -> dict[str, Any]:
    """The columns that tell whose matter it is; of a delivery that is no longer kept, what the text says."""
    delivery, message = whose.delivery, whose.message
    return_path = None if message is None else message.envelope.return_path
    return {
        "time": arrival.when,
        "delivery": whose.identifier,
        "message": _NO_MESSAGE if delivery is None else delivery.message,
        "login": "" if message is None else message.login,
        "recipient": arrival.recognition.recipient if delivery is None else str(delivery.recipient.address),
        "tags": () if message is None else message.tags,
        "envelope": "" if return_path is None else str(return_path),
    }


def outcome(recognition: Recognition) -> Outcome:
    """What became of the delivery further on, in the words of an attempt."""
    status = recognition.status or _FAILED.enhanced
    said = _SAID.match(recognition.diagnostic)
    if said is None:
        code = _CODES.get(status[:1], _FAILED.code)
        reply = Reply(code, status, recognition.diagnostic or _FAILED.text)
    else:
        enhanced, text = split_enhanced(said[2])
        reply = Reply(int(said[1]), recognition.status or enhanced or status, text)
    return Outcome(Result.FAILED, Stage.BOUNCE, reply, host=recognition.reporting_host)


def late_failure(arrival: Arrival, whose: Concerned) -> LateFailure | None:
    """The delivery had been taken by the next hop, and has failed; None unless that is reported, and believed."""
    delivery = whose.delivery
    if delivery is None or came(arrival.recognition) is not Came.FAILURE:
        return None
    became = outcome(arrival.recognition)
    failed = Failed(
        **_whose(arrival, whose),
        host=became.host,
        attempt=max(0, delivery.attempts - 1),
        type="error",
        state=Stage.BOUNCE.value,
        code=became.reply.code,
        status=became.reply.enhanced,
        description=became.reply.text,
    )
    return LateFailure(delivery.id, became, failed)
