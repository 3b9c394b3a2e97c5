"""What leaves for a delivery: the template filled in, as far as the next hop's abilities ask in 7 bits, then signed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import lru_cache
from threading import Lock
from typing import Protocol

from smtpeter.message.address import Address
from smtpeter.message.edit import SlotKind
from smtpeter.message.envelope import Notify, Recipient
from smtpeter.message.identifier import MessageId
from smtpeter.message.token import KeyRing, link
from smtpeter.relay.interface import CannotConvert
from smtpeter.rewrite.render import render, to_seven_bit
from smtpeter.rewrite.signature import Signatures
from smtpeter.spool.model import Delivery, Message

_LARGE = 262_144  # octets; to make and sign as many takes some milliseconds
_link = lru_cache(maxsize=16_384)(link)  # a campaign's targets are the same for each of its messages
_MOST_REMEMBERED = 1000  # signatures, of some 1,200 octets each


class Beside(Protocol):
    """Calls a function in a thread."""

    def __call__(
        self, function: Callable[..., bytes], /, *arguments: object, **named: object
    ) -> Awaitable[bytes]: ...


class Rendered:
    """The relay's Outgoing, by the rewrite room.

    `ring()` and `signatures()` give the keys as they stand now, `now()` Unix seconds. `beside` calls a function in a
    thread: what is large is made there, and others are sent meanwhile.
    """

    def __init__(
        self,
        ring: Callable[[], KeyRing],
        signatures: Callable[[], Signatures],
        now: Callable[[], float],
        beside: Beside,
    ) -> None:
        self._ring = ring
        self._signatures = signatures
        self._now = now
        self._beside = beside
        self._lock = Lock()
        self._remembered: dict[tuple[Signatures, MessageId, bool], bytes] = {}

    def content(
        self, message: Message, delivery: Delivery, /, *, eight_bit: bool
    ) -> bytes | Awaitable[bytes]:
        ring, signatures = self._ring(), self._signatures()
        if len(message.content) > _LARGE:
            return self._beside(self._content, message, delivery, ring, signatures, eight_bit=eight_bit)
        return self._content(message, delivery, ring, signatures, eight_bit=eight_bit)

    def _content(
        self, message: Message, delivery: Delivery, ring: KeyRing, signatures: Signatures, *, eight_bit: bool
    ) -> bytes:
        tokens = ring.delivery(delivery.id)
        targets = message.template.targets

        def token(kind: SlotKind, number: int) -> str:
            return tokens.token(_link(kind, number, targets[number].url))

        rendered = render(message.content, message.template, token)
        converted = rendered if eight_bit else to_seven_bit(rendered)
        if converted is None:
            raise CannotConvert
        return self._signature(message, converted, signatures, eight_bit=eight_bit) + converted

    def _signature(
        self, message: Message, content: bytes, signatures: Signatures, *, eight_bit: bool
    ) -> bytes:
        """The signature of what leaves: made once where that is the same for all deliveries of the message."""
        if message.foreign:  # whoever wrote it may name anybody as its author
            return b""
        if self.per_recipient(message):
            return signatures.fields(content, self._now())
        key = (signatures, message.id, eight_bit)
        made = self._remembered.get(key)
        if made is None:
            made = signatures.fields(content, self._now())
            with self._lock:
                if len(self._remembered) >= _MOST_REMEMBERED:
                    del self._remembered[next(iter(self._remembered))]  # the oldest
                self._remembered[key] = made
        return made

    def return_path(self, message: Message, delivery: Delivery, /) -> Address | None:
        returning = message.returning
        if returning is None:
            return message.envelope.return_path
        return Address(self._ring().delivery(delivery.id, returning.key).return_path(), returning.host)

    def recipient(self, message: Message, delivery: Delivery, /) -> Recipient:
        """Where bounces are tracked, we want to be told of failure and delay, whatever the customer wants to hear."""
        if message.returning is None:
            return delivery.recipient
        asked = delivery.recipient.notify or Notify.NEVER
        return replace(delivery.recipient, notify=Notify.FAILURE | Notify.DELAY | asked)

    def per_recipient(self, message: Message, /) -> bool:
        return bool(message.template.targets) or message.returning is not None
