"""What is passed on, as messages of ours: a DSN about a remote failure (RFC 3464), or the mail as it came.

Both leave from the null return path with NOTIFY=NEVER, so nothing that becomes of them comes back to anybody. Mail
that is passed on keeps every octet below the trace that we put on top (RFC 5321 4.4), `Auto-Submitted` included, so
that no program answers an answer (RFC 3834 2); and it is never signed as ours.
"""

from __future__ import annotations

from smtpeter.journal.events import Event, Reported
from smtpeter.message import dsn, header
from smtpeter.message.address import Address
from smtpeter.message.delivery_report import Action, DeliveryReport, RecipientReport
from smtpeter.message.envelope import Body, Envelope, Notify, Recipient
from smtpeter.message.identifier import Identifiers, MessageId, show
from smtpeter.message.trace import protocol, received
from smtpeter.returns import recognition
from smtpeter.returns.findings import MAXIMUM_KEPT, Arrival, Concerned, outcome
from smtpeter.session.interface import Origin
from smtpeter.spool.model import Accepted, Delivery, Message
from smtpeter.spool.ours import ours

_ACTIONS = {
    recognition.Action.FAILED: Action.FAILED,
    recognition.Action.DELAYED: Action.DELAYED,
    recognition.Action.DELIVERED: Action.DELIVERED,
    recognition.Action.RELAYED: Action.RELAYED,
    recognition.Action.EXPANDED: Action.DELIVERED,
}
FORWARDED = "forwarded"


class Passing:
    """Makes the messages; `hostname` is ours."""

    def __init__(self, hostname: str, identifiers: Identifiers) -> None:
        self._hostname = hostname
        self._identifiers = identifiers

    def report(self, arrival: Arrival, message: Message, delivery: Delivery, to: Address) -> Accepted:
        """What a remote host reported, as a DSN that carries the customer's ENVID and ORCPT."""
        said = arrival.recognition
        assert said.action is not None
        own = self._identifiers.message()
        concerned = RecipientReport(
            recipient=delivery.recipient,
            action=_ACTIONS[said.action],
            outcome=outcome(said),
            log_id=show(delivery.id),
        )
        report = DeliveryReport(
            identifier=show(own),
            hostname=self._hostname,
            to=to,
            created_at=arrival.when,
            arrived_at=message.accepted_at,
            recipients=(concerned,),
            original=message.content or None,
            ret=message.envelope.ret,
            envid=message.envelope.envid,
            smtputf8=message.envelope.smtputf8,
            maximum_returned=MAXIMUM_KEPT,
            attached=arrival.beginning,
        )
        content = dsn.compose(report)
        told = _told(arrival, message, delivery, concerned.action.value, to, own)
        return ours(
            own, self._identifiers.delivery(), dsn.envelope(report, content), content, arrival.when, (told,)
        )

    def as_it_came(
        self, arrival: Arrival, origin: Origin, mailbox: Address, to: Address, whose: Concerned
    ) -> Accepted:
        """The mail that was sent to `mailbox`, whole; the field Delivered-To is by which a circle is known."""
        own = self._identifiers.message()
        top = self._trace(arrival, origin, mailbox, show(own))
        content = top + arrival.content
        envelope = Envelope(
            return_path=None,
            recipients=(Recipient(to, notify=Notify.NEVER),),
            body=None if content.isascii() else Body.EIGHTBITMIME,
            smtputf8=origin.parameters.smtputf8 or not to.is_ascii,
        )
        events: tuple[Event, ...] = ()
        if whose.message is not None and whose.delivery is not None:
            events = (_told(arrival, whose.message, whose.delivery, FORWARDED, to, own),)
        return ours(own, self._identifiers.delivery(), envelope, content, arrival.when, events, foreign=True)

    def _trace(self, arrival: Arrival, origin: Origin, mailbox: Address, identifier: str) -> bytes:
        client = origin.client
        text = received(
            helo=client.helo,
            peer_address=client.address,
            hostname=self._hostname,
            protocol=protocol(
                extended=client.extended,
                tls=bool(client.tls),
                authenticated=False,
                utf8=origin.parameters.smtputf8,
            ),
            identifier=identifier,
            recipient=mailbox,
            when=arrival.when,
            tls=client.tls,
        )
        text += f"Delivered-To: {mailbox}\r\n".encode()
        found, _ = header.fields(arrival.content)
        if arrival.content and not found and not arrival.content.startswith(b"\r\n"):
            text += b"\r\n"  # it is all body
        return text


def has_been_at(mailbox: Address, content: bytes) -> bool:
    """Whether this mail came through the mailbox before: it goes round in a circle (RFC 5321 6.3)."""
    found, _ = header.fields(content)
    wanted = str(mailbox).lower()
    return any(
        header.value(content, field).strip().lower() == wanted
        for field in header.find_all(found, "delivered-to")
    )


def _told(
    arrival: Arrival, message: Message, delivery: Delivery, action: str, to: Address, own: MessageId
) -> Reported:
    return Reported(
        time=arrival.when,
        delivery=delivery.id,
        message=message.id,
        login=message.login,
        recipient=str(delivery.recipient.address),
        tags=message.tags,
        action=action,
        to=str(to),
        report=own,
    )
