"""A click or an open as it was seen, and the event it becomes once the delivery is looked up, behind the response."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

import msgspec

from smtpeter.journal.events import Click, Event, Open
from smtpeter.message.edit import SlotKind
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.spool.model import Visited
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


class Deliveries(Protocol):
    """What the tracking host asks about deliveries; raises SpoolUnavailable."""

    def visited(self, identifiers: Sequence[DeliveryId], /) -> Awaitable[Mapping[DeliveryId, Visited]]:
        """Those of which anything is known any more."""

    def target(self, identifier: DeliveryId, number: int, /) -> Awaitable[str | None]:
        """The URL of link or image `number` as it stands in the message; None when it is not kept any more."""


UNKNOWN = Visited(MessageId(0), "", "")


def event(hit: Hit, described: Visited) -> Event:
    """The journal's event; a pruned delivery's click still tells what the request did."""
    url = described.targets[hit.number] if hit.number < len(described.targets) else ""
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
