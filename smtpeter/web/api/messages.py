"""What was sent: the parts of a message by the id of a delivery, and the whole story of one.

Parts are shown as they left for that recipient, links and images rewritten; `text` is as it was received. A token sees its
login's mail, an operator's token all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from smtpeter.journal.interface import Query
from smtpeter.message import identifier
from smtpeter.message.identifier import DeliveryId, NotAnIdentifier
from smtpeter.spool import story
from smtpeter.spool.model import Delivery, Message
from smtpeter.web.api import parts
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Call, Given, given, plain

_MOST_EVENTS = 1000
_DOWNLOAD = (
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Content-Security-Policy", b"sandbox; default-src 'none'"),
)


class File(msgspec.Struct, frozen=True):
    """An attached or embedded file; `id` is its place, from 0."""

    id: int
    name: str
    type: str
    size: int
    contentid: str


class Messages:
    """The calls that show a message."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    async def recipient(self, call: Call[None]) -> Given:
        _, delivery = await self._outline(call)
        return plain(str(delivery.recipient.address))

    async def envelope(self, call: Call[None]) -> Given:
        message, delivery = await self._outline(call)
        path = self._neighbours.return_path(message, delivery)
        return plain("" if path is None else str(path))

    async def text(self, call: Call[None]) -> Given:
        message, _ = await self._whole(call)
        return await self._text(message.content, "plain")

    async def html(self, call: Call[None]) -> Given:
        return await self._text(await self._left(call), "html")

    async def headers(self, call: Call[None]) -> Given:
        return plain(parts.header_section(await self._left(call)))

    async def mime(self, call: Call[None]) -> Given:
        return Given(await self._left(call), "message/rfc822", 200, _DOWNLOAD)

    async def attachments(self, call: Call[None]) -> Given:
        return await self._listed(call, parts.attachments)

    async def attachment(self, call: Call[None]) -> Given:
        return await self._file(call, parts.attachments)

    async def embeds(self, call: Call[None]) -> Given:
        return await self._listed(call, parts.embeds)

    async def embed(self, call: Call[None]) -> Given:
        return await self._file(call, parts.embeds)

    async def story(self, call: Call[None]) -> Given:
        message, delivery = await self._outline(call)
        entries = await self._neighbours.journal.since(0, Query(delivery=delivery.id), _MOST_EVENTS)
        standings = await self._neighbours.standings({delivery.domain})
        return given(
            story.tell(message, delivery, entries, standings[delivery.domain], self._neighbours.clock())
        )

    # -- finding them ------------------------------------------------------------------------------------

    async def _outline(self, call: Call[Any]) -> tuple[Message, Delivery]:
        spool = self._neighbours.spool
        delivery = await spool.delivery(delivery_id(call.path["id"]))
        message = None if delivery is None else await spool.outline(delivery.message)
        if delivery is None or message is None or call.login not in {None, message.login}:
            raise _no_such()
        return message, delivery

    async def _whole(self, call: Call[Any]) -> tuple[Message, Delivery]:
        outline, delivery = await self._outline(call)
        message = await self._neighbours.spool.message(outline.id)
        if message is None:
            raise Problem(410, "the content of this message is no longer kept", "id")
        return message, delivery

    async def _left(self, call: Call[Any]) -> bytes:
        content: bytes = await self._neighbours.aside(self._neighbours.rendered, *await self._whole(call))
        return content

    async def _text(self, content: bytes, subtype: str) -> Given:
        found: str | None = await self._neighbours.aside(parts.text, content, subtype)
        return plain(found or "")

    async def _listed(self, call: Call[Any], of: Callable[[bytes], list[parts.Found]]) -> Given:
        found: list[parts.Found] = await self._neighbours.aside(of, await self._left(call))
        return given(
            [
                File(number, one.name, one.content_type, len(one.octets), one.content_id)
                for number, one in enumerate(found)
            ]
        )

    async def _file(self, call: Call[Any], of: Callable[[bytes], list[parts.Found]]) -> Given:
        found = parts.chosen(await self._neighbours.aside(of, await self._left(call)), call.path["name"])
        if found is None:
            raise Problem(404, "there is no such file in this message", "name")
        return Given(found.octets, found.content_type, 200, _DOWNLOAD)


def delivery_id(text: str) -> DeliveryId:
    """Raises Problem 404."""
    try:
        return DeliveryId(identifier.read(text))
    except NotAnIdentifier:
        raise _no_such() from None


def _no_such() -> Problem:
    return Problem(404, "there is no such message", "id")
