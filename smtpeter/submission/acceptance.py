"""From a submitted content to what the spool keeps: all that is decided once, as pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from smtpeter.accounts.suppression import Suppression
from smtpeter.journal.events import Attempt
from smtpeter.message.edit import Edit, Literal
from smtpeter.message.envelope import Envelope, Recipient
from smtpeter.message.header import Field, value
from smtpeter.message.identifier import DeliveryId, MessageId, show
from smtpeter.message.options import Priority
from smtpeter.message.returning import Returning
from smtpeter.message.status import Reply
from smtpeter.message.trace import date, message_id, protocol, received
from smtpeter.session.interface import Client, Origin
from smtpeter.spool.model import Accepted, Delivery, Message
from smtpeter.submission.interface import Prepared
from smtpeter.submission.options import Options
from smtpeter.submission.suppression import marked

_MOST_NAMED = 20  # recipients whose ids the reply names: longer replies break clients
_SHOWN = {"subject": 1000, "from": 320, "message-id": 320}  # characters of these fields that are kept to show


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message at its final dot; `first` has the first field of each name, in lower case."""

    content: bytes
    found: tuple[Field, ...]
    first: Mapping[str, Field]
    origin: Origin
    recipients: tuple[Recipient, ...]
    login: str
    message: MessageId
    deliveries: tuple[DeliveryId, ...]  # one a recipient, in their order
    when: float  # Unix seconds
    hostname: str  # ours


def trace(incoming: Incoming) -> bytes:
    """The Received field."""
    client = incoming.origin.client
    return received(
        helo=client.helo,
        peer_address=client.address,
        hostname=incoming.hostname,
        protocol=client.protocol
        or protocol(
            extended=client.extended,
            tls=bool(client.tls),
            authenticated=client.authenticated,
            utf8=incoming.origin.parameters.smtputf8,
        ),
        identifier=show(incoming.message),
        recipient=incoming.recipients[0].address if len(incoming.recipients) == 1 else None,
        when=incoming.when,
        tls=client.tls,
    )


def top_fields(incoming: Incoming) -> Edit:
    """The trace on top (RFC 5321 4.4), and below it Date and Message-ID where they are missing (RFC 6409 8.2, 8.3)."""
    text = trace(incoming)
    if "date" not in incoming.first:
        text += f"Date: {date(incoming.when)}\r\n".encode()
    if "message-id" not in incoming.first:
        text += f"Message-ID: {_own_message_id(incoming)}\r\n".encode()
    if incoming.content and not incoming.found and not incoming.content.startswith(b"\r\n"):
        text += b"\r\n"  # the content is all body
    return Edit(0, 0, (Literal(text),))


def accepted(
    incoming: Incoming,
    options: Options,
    prepared: Prepared,
    returning: Returning | None = None,
    listed: Mapping[str, Suppression] = MappingProxyType({}),
) -> Accepted:
    """Message, deliveries and events for the spool; `listed`: the recipients that are on the suppression list."""
    parameters = incoming.origin.parameters
    envelope = Envelope(
        return_path=incoming.origin.return_path,
        recipients=incoming.recipients,
        ret=parameters.ret,
        envid=parameters.envid,
        body=parameters.body,
        smtputf8=parameters.smtputf8,
    )
    message = Message(
        id=incoming.message,
        login=incoming.login,
        accepted_at=incoming.when,
        envelope=envelope,
        content=incoming.content,
        template=prepared.template,
        report=prepared.report,
        switches=options.switches,
        tags=options.tags,
        facts=_facts(incoming),
        give_up_at=options.give_up_at,
        priority=options.priority or Priority.NORMAL,
        returning=returning,
        pending=prepared.pending,
    )
    deliveries = tuple(
        marked(
            Delivery(
                identifier, incoming.message, recipient, due_at=incoming.when, accepted_at=incoming.when
            ),
            listed,
        )
        for identifier, recipient in zip(incoming.deliveries, incoming.recipients, strict=True)
    )
    return Accepted(message, deliveries, _attempts(message, deliveries, incoming.origin.client))


def _own_message_id(incoming: Incoming) -> str:
    """For a message that brings none (RFC 6409 8.3)."""
    return message_id(show(incoming.message), incoming.hostname)


def _facts(incoming: Incoming) -> dict[str, str]:
    facts = {"message-id": _own_message_id(incoming)}
    for name, length in _SHOWN.items():
        field = incoming.first.get(name)
        if field is not None:
            facts[name] = value(incoming.content, field)[:length]
    if incoming.origin.client.address:
        facts["client"] = incoming.origin.client.address
    if incoming.origin.client.tls:
        facts["tls"] = incoming.origin.client.tls
    return facts


def _attempts(message: Message, deliveries: Sequence[Delivery], client: Client) -> tuple[Attempt, ...]:
    envelope = "" if message.envelope.return_path is None else str(message.envelope.return_path)
    properties = message.switches.on()
    who = f"{client.address} {client.tls}".strip()
    return tuple(
        Attempt(
            time=message.accepted_at,
            delivery=delivery.id,
            message=message.id,
            login=message.login,
            recipient=str(delivery.recipient.address),
            tags=message.tags,
            envelope=envelope,
            properties=properties,
            client=who,
        )
        for delivery in deliveries
    )


def queued(message: MessageId, deliveries: Sequence[Delivery]) -> Reply:
    """The reply to the final dot, with the public id of each delivery."""
    lines = [f"Ok, queued as {show(message)}"]
    if len(deliveries) <= _MOST_NAMED:
        lines.extend(f"{show(delivery.id)} for <{delivery.recipient.address}>" for delivery in deliveries)
    return Reply(250, "2.6.0", "\n".join(lines))
