"""A click or an open as it was seen, and the event it becomes once the delivery is looked up, behind the response."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from smtpeter.journal.events import Click, Event, Open
from smtpeter.message.edit import SlotKind
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.web import verdict


class Hit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a genuine request told; `destination` is where it was sent ("" for the pixel), `time` Unix seconds."""

    kind: SlotKind
    time: float
    delivery: DeliveryId
    number: int
    ip: str = ""
    headers: str = ""
    destination: str = ""
    protocol: str = ""
    rule: str = ""  # by which the request alone is a machine's


@dataclass(frozen=True, slots=True)
class Described:
    """What events say of a delivery."""

    message: MessageId
    login: str
    recipient: str
    tags: tuple[str, ...] = ()
    delivered_at: float | None = None  # Unix seconds, when that is known


class Deliveries(Protocol):
    """What the tracking host asks about deliveries; raises SpoolUnavailable."""

    def describe(self, delivery: DeliveryId, /) -> Awaitable[Described | None]:
        """None when nothing is known of it any more."""

    def target(self, delivery: DeliveryId, number: int, /) -> Awaitable[str | None]:
        """The URL of link or image `number` as it stands in the message; None when it is not kept any more."""


UNKNOWN = Described(MessageId(0), "", "")


def event(hit: Hit, described: Described, url: str | None) -> Event:
    """The journal's event; a pruned delivery's click still tells what the request did."""
    rule = verdict.rule(hit.rule, hit.kind, hit.time, described.delivered_at)
    judged = verdict.MACHINE if rule else verdict.HUMAN
    if hit.kind is SlotKind.OPEN:
        return Open(
            time=hit.time,
            delivery=hit.delivery,
            message=described.message,
            login=described.login,
            recipient=described.recipient,
            tags=described.tags,
            ip=hit.ip,
            headers=hit.headers,
            protocol=hit.protocol,
            verdict=judged,
            rule=rule,
        )
    return Click(
        time=hit.time,
        delivery=hit.delivery,
        message=described.message,
        login=described.login,
        recipient=described.recipient,
        tags=described.tags,
        ip=hit.ip,
        headers=hit.headers,
        url=url or hit.destination,
        destination=hit.destination,
        verdict=judged,
        rule=rule,
    )
