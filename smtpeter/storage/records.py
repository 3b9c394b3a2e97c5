"""How values are packed into columns, and read back exactly as they were.

MessagePack maps, so that a field added later, with a default, does not make older rows unreadable. Text that no
database can keep (lone surrogates, which come from undecodable octets) is kept with question marks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from smtpeter.journal.events import KINDS, Event
from smtpeter.journal.interface import Entry
from smtpeter.message.address import Address
from smtpeter.message.edit import Report, Target, Template
from smtpeter.message.envelope import Envelope, Recipient
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.message.options import Priority, Switches
from smtpeter.message.returning import Returning
from smtpeter.message.status import Outcome
from smtpeter.spool.model import Delivery, Message
from smtpeter.spool.states import State


@dataclass(frozen=True, slots=True)
class Details:
    """What of a message nothing is searched by."""

    envelope: Envelope
    switches: Switches
    tags: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    give_up_at: float | None = None
    priority: Priority = Priority.NORMAL
    returning: Returning | None = None
    foreign: bool = False


pack = msgspec.msgpack.Encoder().encode
unpack_details = msgspec.msgpack.Decoder(Details).decode
unpack_recipient = msgspec.msgpack.Decoder(Recipient).decode
unpack_outcome = msgspec.msgpack.Decoder(Outcome).decode
unpack_report = msgspec.msgpack.Decoder(Report).decode
unpack_template = msgspec.msgpack.Decoder(Template).decode
unpack_targets = msgspec.msgpack.Decoder(tuple[Target, ...]).decode

UNREADABLE = (
    msgspec.DecodeError,
    TypeError,
    ValueError,
)  # what reading a row raises that is not as it was written


def storable(text: str) -> str:
    """`text` with a question mark for each lone surrogate."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _column(text: str) -> str:
    """`text` as every engine's own text columns keep it: PostgreSQL's have no NUL."""
    return text if "\x00" not in text else text.replace("\x00", "?")


def message_row(message: Message) -> tuple[Any, ...]:
    return (
        message.id,
        message.login,
        message.accepted_at,
        len(message.content),
        _details(message),
        pack(message.report),
    )


def _details(message: Message) -> bytes:
    details = Details(
        message.envelope,
        message.switches,
        message.tags,
        message.facts,
        message.give_up_at,
        message.priority,
        message.returning,
        message.foreign,
    )
    try:
        return pack(details)
    except UnicodeEncodeError:
        facts = {storable(name): storable(value) for name, value in message.facts.items()}
        return pack(replace(details, facts=facts))


def read_message(row: Any, content: bytes, template: Template, *, pending: bool = False) -> Message:
    details = unpack_details(row.details)
    return Message(
        id=MessageId(row.id),
        login=row.login,
        accepted_at=row.accepted_at,
        envelope=details.envelope,
        content=content,
        template=template,
        report=unpack_report(row.report),
        switches=details.switches,
        tags=details.tags,
        facts=details.facts,
        give_up_at=details.give_up_at,
        priority=details.priority,
        returning=details.returning,
        foreign=details.foreign,
        pending=pending,
    )


def delivery_row(delivery: Delivery, epoch: int, worker: int | None) -> tuple[Any, ...]:
    """The row of a new delivery, claimed by `worker` if there is one."""
    address = delivery.recipient.address
    return (
        delivery.id,
        delivery.message,
        str(address),
        address.domain.lower(),
        pack(delivery.recipient),
        *progress(delivery),
        delivery.accepted_at,
        epoch,
        worker,
    )


PROGRESS = ("state", "attempts", "due_at", "warned_at", "last")
NEW_DELIVERY = (  # the columns of `delivery_row`
    *("id", "message", "recipient", "domain", "parameters"),
    *PROGRESS,
    *("accepted_at", "epoch", "worker"),
)


def progress(delivery: Delivery) -> tuple[Any, ...]:
    """What of a delivery changes in its life, in the order of PROGRESS."""
    state = delivery.state
    return (
        state.value,
        delivery.attempts,
        None if state.is_final else delivery.due_at,
        delivery.warned_at,
        None if delivery.last is None else pack(delivery.last),
    )


def read_delivery(row: Any) -> Delivery:
    return Delivery(
        id=DeliveryId(row.id),
        message=MessageId(row.message),
        recipient=unpack_recipient(row.parameters),
        state=State(row.state),
        attempts=row.attempts,
        due_at=row.due_at or 0.0,
        accepted_at=row.accepted_at,
        warned_at=row.warned_at,
        last=None if row.last is None else unpack_outcome(row.last),
    )


def show_delivery(row: Any) -> Delivery:
    """The delivery for those who look at it; of one that cannot be read, what its columns tell."""
    try:
        return read_delivery(row)
    except UNREADABLE:
        local_part, _, domain = str(row.recipient).rpartition("@")
        known = {state.value: state for state in State}
        return Delivery(
            id=DeliveryId(row.id),
            message=MessageId(row.message),
            recipient=Recipient(Address(local_part, domain)),
            state=known.get(row.state, State.HELD),
            attempts=row.attempts,
            due_at=row.due_at or 0.0,
            accepted_at=row.accepted_at,
            warned_at=row.warned_at,
        )


_COMMON = frozenset(Event.__struct_fields__)
_OWN = {
    kind: tuple(name for name in cls.__struct_fields__ if name not in _COMMON) for kind, cls in KINDS.items()
}
_encode_json = msgspec.json.Encoder().encode


def event_row(event: Event) -> tuple[Any, ...]:
    own = {name: getattr(event, name) for name in _OWN[event.kind]}
    try:
        data = _encode_json(own)
    except UnicodeEncodeError:
        data = _encode_json({k: storable(v) if isinstance(v, str) else v for k, v in own.items()})
    return (
        event.time,
        event.kind,
        event.delivery,
        event.message,
        _column(event.login),
        _column(event.recipient),
        _column(f";{';'.join(event.tags)};") if event.tags else "",
        data.decode(),
    )


def read_entry(row: Any) -> Entry:
    """The event; what only a later version knows of it, or cannot be read, is left out, even its kind."""
    columns = {
        "time": row.time,
        "delivery": row.delivery,
        "message": row.message,
        "login": row.login,
        "recipient": row.recipient,
        "tags": tuple(row.tags.strip(";").split(";")) if row.tags else (),
    }
    try:
        own = msgspec.json.decode(row.data)
        return Entry(row.seq, msgspec.convert(own | columns, KINDS.get(row.kind, Event)))
    except UNREADABLE:
        return Entry(row.seq, Event(**columns))
