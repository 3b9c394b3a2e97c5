"""What leaves for a delivery: the template filled in, as far as the next hop's abilities ask, in 7 bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from smtpeter.message.address import Address
from smtpeter.message.edit import SlotKind
from smtpeter.message.token import KeyRing, link
from smtpeter.relay.interface import CannotConvert
from smtpeter.rewrite.render import render, to_seven_bit
from smtpeter.spool.model import Delivery, Message

_link = lru_cache(maxsize=16_384)(link)  # a campaign's targets are the same for each of its messages


class Rendered:
    """The relay's Outgoing, by the rewrite room; `ring()` gives the key ring as it stands now."""

    def __init__(self, ring: Callable[[], KeyRing]) -> None:
        self._ring = ring

    def content(self, message: Message, delivery: Delivery, /, *, eight_bit: bool) -> bytes:
        tokens = self._ring().delivery(delivery.id)
        targets = message.template.targets

        def token(kind: SlotKind, number: int) -> str:
            return tokens.token(_link(kind, number, targets[number].url))

        rendered = render(message.content, message.template, token)
        converted = rendered if eight_bit else to_seven_bit(rendered)
        if converted is None:
            raise CannotConvert
        return converted

    def return_path(self, message: Message, delivery: Delivery, /) -> Address | None:
        del delivery
        return message.envelope.return_path

    def per_recipient(self, message: Message, /) -> bool:
        return bool(message.template.targets)
