"""Messages that the server itself sends, as the spool keeps them."""

from __future__ import annotations

from smtpeter.journal.events import Attempt, Event
from smtpeter.message import header
from smtpeter.message.edit import Report, untouched
from smtpeter.message.envelope import Envelope
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.message.options import Switches
from smtpeter.spool.model import Accepted, Delivery, Message

OURS = ""  # the login of what we send ourselves


def ours(
    message: MessageId,
    delivery: DeliveryId,
    envelope: Envelope,
    content: bytes,
    now: float,
    events: tuple[Event, ...] = (),
    *,
    foreign: bool = False,
) -> Accepted:
    """A message to one recipient, due at once; `events` tell why there is one. `foreign`: see `Message`."""
    (recipient,) = envelope.recipients
    return Accepted(
        message=Message(
            id=message,
            login=OURS,
            accepted_at=now,
            envelope=envelope,
            content=content,
            template=untouched(len(content)),
            report=Report(),
            switches=Switches(),
            facts=_facts(content),
            foreign=foreign,
        ),
        deliveries=(Delivery(delivery, message, recipient, due_at=now, accepted_at=now),),
        events=(
            *events,
            Attempt(time=now, delivery=delivery, message=message, recipient=str(recipient.address)),
        ),
    )


def _facts(content: bytes) -> dict[str, str]:
    found, _ = header.fields(content)
    shown = ((name, header.find(found, name)) for name in ("subject", "from", "message-id"))
    return {name: header.value(content, field)[:1000] for name, field in shown if field is not None}
