"""Messages: found, and one of them told whole. A stranger's HTML stands in a frame that belongs to nobody."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from smtpeter.journal.interface import Entry, Query
from smtpeter.message import identifier
from smtpeter.message.encoded import decoded
from smtpeter.message.identifier import DeliveryId
from smtpeter.spool.finding import Found, Sought, words
from smtpeter.spool.model import Delivery, Message
from smtpeter.spool.states import State
from smtpeter.spool.verbs import VERBS
from smtpeter.spool.waiting import why
from smtpeter.web.api import parts
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Given
from smtpeter.web.api.sends import again, submit
from smtpeter.web.dashboard import beside, timeline
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages, elsewhere, mail
from smtpeter.web.dashboard.queue import WORDS
from smtpeter.web.dashboard.record import Recording
from smtpeter.web.dashboard.route import Asked

_PORTION = 50
_MOST_EVENTS = 500
_DAY = 86_400.0  # seconds
_SOUGHT = ("recipient", "sender", "subject", "login", "tag", "state", "since", "until")
_WAITING = "waiting"  # in whatever state of the queue
_STATES = (_WAITING, *(state.value for state in State if state.is_final))


class Messages:
    """The pages about messages; one is shown for each of its recipients."""

    def __init__(self, neighbours: Neighbours, pages: Pages, recording: Recording) -> None:
        self._api = neighbours.api
        self._finding = neighbours.finding
        self._pages = pages
        self._recording = recording

    # -- finding -----------------------------------------------------------------------------------------

    async def listed(self, asked: Asked) -> Given:
        named = {name: asked.query.one(name) for name in _SOUGHT}
        if sought := asked.query.one("id"):
            return await self._by_id(asked, sought)
        if named["state"] == _WAITING:
            return elsewhere(f"/queue?{urlencode(_waiting(named))}")
        page = await self._finding.find(_sought(named), asked.query.place(), _PORTION)
        further = ""
        if page.further is not None:
            place = {name: value for name, value in named.items() if value}
            further = urlencode({**place, "before": str(page.further)})
        is_sought = any(named.values()) or bool(asked.query.one("before"))
        return self._list(asked, page.found, named, further, is_sought=is_sought)

    async def _by_id(self, asked: Asked, sought: str) -> Given:
        """To its page; where there is none, the list says so, and the search can be mended."""
        with suppress(identifier.NotAnIdentifier):
            delivery = DeliveryId(identifier.read(sought))
            if await self._api.spool.delivery(delivery) is not None:
                return elsewhere(f"/messages/{identifier.show(delivery)}")
        named = {name: asked.query.one(name) for name in _SOUGHT}
        return self._list(asked, (), {**named, "id": sought}, "", is_sought=True)

    def _list(
        self, asked: Asked, rows: Sequence[Found], named: dict[str, str], further: str, *, is_sought: bool
    ) -> Given:
        return self._pages.page(
            "messages.html", asked, rows=rows, sought={"id": "", **named}, further=further, states=_STATES,
            is_sought=is_sought, show=identifier.show,
        )  # fmt: skip

    # -- one of them -------------------------------------------------------------------------------------

    async def show(self, asked: Asked) -> Given:
        delivery = await self._delivery(asked)
        message = await self._api.spool.message(delivery.message)
        outline = message or await self._api.spool.outline(delivery.message)
        seen: dict[str, Any] = {"text": None, "has_html": False, "original": [], "sent": []}
        if message is not None:
            seen = await self._api.aside(_seen, message)
        return self._pages.page(
            "message.html", asked, delivery=delivery, message=outline, is_kept=message is not None, **seen,
            subject="" if outline is None else decoded(outline.facts.get("subject", "")),
            author="" if outline is None else decoded(outline.facts.get("from", "")),
            verbs=[one.name for one in VERBS.values() if delivery.state in one.states], words=WORDS,
            id=identifier.show(delivery.id), **await self._told(delivery),
        )  # fmt: skip

    async def timeline(self, asked: Asked) -> Given:
        """The part of the page that lives."""
        delivery = await self._delivery(asked)
        told = await self._told(delivery)
        text = self._pages.text("timeline.html", asked, delivery=delivery, **told)
        return Given(text.encode(), "text/html; charset=utf-8")

    async def html(self, asked: Asked) -> Given:
        """For the frame: as it left for this recipient."""
        delivery = await self._delivery(asked)
        message = await self._api.spool.message(delivery.message)
        if message is None:
            raise Problem(410, "The content of this message is no longer kept.")
        content = await self._api.aside(self._api.rendered, message, delivery)
        return mail(await self._api.aside(parts.text, content, "html") or "")

    async def resend(self, asked: Asked) -> Given:
        """The same content to the same recipient again, as a new message."""
        delivery = await self._delivery(asked)
        message = await self._api.spool.message(delivery.message)
        if message is None:
            raise Problem(410, "The content of this message is no longer kept.")
        submission, made = self._api.submission, self._api.identifiers.message()
        wanted = again(message, delivery)
        [kept] = await submit(submission, message.login, asked.client, wanted, message.content, made)
        await self._recording(asked, "sent again", identifier.show(delivery.id))
        return elsewhere(f"/messages/{identifier.show(kept.id)}")

    async def _delivery(self, asked: Asked) -> Delivery:
        found = await self._api.spool.delivery(_delivery_id(asked.path["id"]))
        if found is None:
            raise _no_such()
        return found

    async def _told(self, delivery: Delivery) -> dict[str, Any]:
        entries: Sequence[Entry] = await self._api.journal.since(0, Query(delivery=delivery.id), _MOST_EVENTS)
        standing = (await self._api.standings({delivery.domain}))[delivery.domain]
        now = self._api.clock()
        wait = why(delivery, standing.state, now)
        return {"items": [timeline.item(entry.event) for entry in entries], "wait": wait, "now": now}


def _seen(message: Message) -> dict[str, Any]:
    """What is seen of a content; takes a while for a large one."""
    small = len(message.content) <= beside.LONGEST
    return {
        "text": parts.text(message.content, "plain"),
        "has_html": parts.text(message.content, "html") is not None,
        "original": beside.original(message.content, message.template) if small else [],
        "sent": beside.sent(message.content, message.template) if small else [],
    }


def _delivery_id(text: str) -> DeliveryId:
    try:
        return DeliveryId(identifier.read(text))
    except identifier.NotAnIdentifier:
        raise _no_such() from None


def _no_such() -> Problem:
    return Problem(404, "There is no such message.")


def _sought(named: dict[str, str]) -> Sought:
    """Raises Problem 422."""
    if named["state"] and named["state"] not in _STATES:
        raise Problem(422, f"Expected one of {', '.join(_STATES)}.", "state")
    if named["subject"] and not words(named["subject"]):
        raise Problem(422, "Expected a word of three letters at least.", "subject")
    until = _day(named["until"], "until")  # all of that day; the last that there is has no next one
    return Sought(
        recipient=named["recipient"],
        sender=named["sender"],
        subject=named["subject"],
        login=named["login"],
        tag=named["tag"],
        state=State(named["state"]) if named["state"] else None,
        start=_day(named["since"], "since"),
        end=None if until is None else until + _DAY,
    )


def _waiting(named: dict[str, str]) -> dict[str, str]:
    """The same, asked of the queue, as far as it knows."""
    return {name: named[name] for name in ("recipient", "login", "sender") if named[name]}


def _day(text: str, field: str) -> float | None:
    """Its beginning, in Unix seconds; raises Problem 422."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() if text else None
    except ValueError:
        raise Problem(422, "Expected a day, as 2026-03-20.", field) from None
