"""What waits, where and why; and the operator's hand on it, by the same verbs as the command and the API.

A verb is confirmed on a page that says what it will do. A long queue is worked through a second at a time: each
answer says how far it has come, and the page asks for more; whoever leaves it stops there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from smtpeter.accounts import changes
from smtpeter.message import identifier
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.spool.altering import alter, lift
from smtpeter.spool.model import Delivery, QueueFilter
from smtpeter.spool.states import State
from smtpeter.spool.verbs import VERBS, WAITING, Verb
from smtpeter.spool.waiting import Reason, Wait, why
from smtpeter.web.api.fields import identified
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages, elsewhere
from smtpeter.web.dashboard.record import Recording
from smtpeter.web.dashboard.route import Asked, Form, number
from smtpeter.web.dashboard.sites import Counting

_PORTION = 100  # deliveries on a page
_FIRST_SITES = 12  # that are seen at once
_COUNTED = 1000  # of what a verb would do
_PATIENCE = 1.0  # seconds that one answer may take
_NULL = "<>"  # the null return path, as people write it
_FIELDS = ("site", "domain", "recipient", "login", "sender", "state", "age", "message", "id")
AGES = {"3600": "an hour", "14400": "4 hours", "86400": "a day", "259200": "3 days"}  # seconds
# What is asked before, and said after.
WORDS = {
    "retry": (
        "Retry now",
        "Each is tried now, whatever time it waits for, also at sites in trouble.",
        "retried",
    ),
    "hold": ("Hold", "Each is kept from being tried until somebody releases it.", "held"),
    "release": ("Release", "Each is let go, and tried now.", "released"),
    "delete": ("Delete", "Each is taken out of the queue for good; nobody is told.", "deleted"),
}
# For people: what each reason means.
REASONS = {
    Reason.IN_PROGRESS: "An attempt is under way.",
    Reason.HELD: "An operator keeps it from being tried; release it to go on.",
    Reason.SCHEDULE: "It was deferred; its next time has not come.",
    Reason.NOT_DUE: "It was never tried; its time has not come.",
    Reason.SITE_TROUBLE: "The site did not answer, and is left alone for a while. Retry now tries it at once.",
    Reason.SITE_BUSY: "As many attempts at the site are under way as it takes.",
    Reason.SITE_LIMIT: "As many attempts, or messages in a time, as you allow there.",
    Reason.LOGIN_LIMIT: "The same for the login.",
    Reason.SOURCE_LIMIT: "The same for each of our addresses.",
    Reason.ALL_BUSY: "As many attempts, or retries, are under way as there may be in all.",
    Reason.TURN: "Others come first.",
    Reason.BACKLOG: "It is due, and waits to be taken up.",
    Reason.SPOOL: "The store does not take what is written; nothing is tried that could not be recorded.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery in the list."""

    delivery: Delivery
    site: str
    wait: Wait | None


class Queue:
    """The pages about what waits."""

    def __init__(
        self, neighbours: Neighbours, pages: Pages, recording: Recording, counting: Counting
    ) -> None:
        self._api = neighbours.api
        self._sites = neighbours.sites
        self._pages = pages
        self._recording = recording
        self._counting = counting

    async def listed(self, asked: Asked) -> Given:
        given = _given(asked.query)
        wanted = replace(self._filter(given), after=_after(asked.query))
        found = await self._api.spool.deliveries(wanted, _PORTION + 1)
        counted = await self._counting()
        further = ""
        if len(found) > _PORTION:
            found = found[:_PORTION]
            further = urlencode({**given, "after": identifier.show(found[-1].id)})
        return self._pages.page(
            "queue.html", asked, given=_all(given), rows=await self._rows(found), further=further,
            is_filtered=bool(given), counted=counted, first=_FIRST_SITES, counts=await self._api.spool.counts(),
            ages=AGES, verbs=VERBS, words=WORDS, reasons=REASONS, now=self._api.clock(), show=identifier.show,
        )  # fmt: skip

    async def _rows(self, found: Sequence[Delivery]) -> list[Row]:
        standings = await self._api.standings({one.domain for one in found})
        now = self._api.clock()
        rows = []
        for one in found:
            standing = standings[one.domain]
            rows.append(Row(one, standing.site, why(one, standing.state, now)))
        return rows

    async def confirm(self, verb: Verb, asked: Asked) -> Given:
        """What the verb would do; nothing is done yet."""
        given = _given(asked.query)
        wanted = _narrowed(self._filter(given), verb)
        found = () if wanted is None else await self._api.spool.deliveries(wanted, _COUNTED + 1)
        return self._pages.page(
            "queue-confirm.html", asked, verb=verb, words=WORDS[verb.name], given=given,
            told=_told(given), number=len(found), most=_COUNTED, total=await self._total(given, verb, len(found)),
            sample=found[:5], asked_at=int(self._api.clock()),
        )  # fmt: skip

    async def _total(self, given: dict[str, str], verb: Verb, found: int) -> int:
        """Of how many, as far as that is known; 0 when it is not."""
        if found <= _COUNTED:
            return found
        if given:
            return 0
        counts = await self._api.spool.counts()
        return sum(counts.get(state.value, 0) for state in verb.states)

    async def alter(self, verb: Verb, asked: Asked) -> Given:
        """Do it for a second; a page that goes on when that was not all."""
        given, form = _given(asked.form), asked.form
        wanted = _narrowed(self._filter(given), verb)
        if wanted is None:
            raise Problem(422, "Nothing in that state can be altered so.", "state")
        before, now = _number(form.one("done")), _number(form.one("asked_at")) or int(self._api.clock())
        wanted = verb.meant(wanted, now)
        lifted = frozenset[str]()
        if verb.lifts and not before:
            lifted = await lift(self._api.spool, self._sites, wanted, self._api.clock())
        done, is_all, ends = before, True, self._api.monotonic() + _PATIENCE
        try:
            async for altered in alter(
                self._api.spool, wanted, verb.step, now, f"operator {asked.operator.name}"
            ):
                done += altered
                if self._api.monotonic() >= ends:
                    is_all = False
                    break
        finally:  # what this answer has done; what the browser says of those before is no evidence
            self._counting.forget()
            if done > before or lifted:
                await self._recording(asked, changes.queued(verb.name, done - before), _told(given))
        if is_all and wanted.delivery is not None:
            return elsewhere(f"/messages/{identifier.show(wanted.delivery)}")
        return self._pages.page(
            "queue-altered.html", asked, verb=verb, words=WORDS[verb.name], given=given, told=_told(given),
            done=done, is_all=is_all, asked_at=now, total=_number(form.one("total")), back=urlencode(given),
        )  # fmt: skip

    def _filter(self, given: dict[str, str]) -> QueueFilter:
        """Raises Problem 422."""
        state, age = given.get("state"), given.get("age")
        if state and state not in {one.value for one in WAITING}:
            raise Problem(422, "Expected due, claimed or held.", "state")
        if age and age not in AGES:
            raise Problem(422, "Expected one of the ages.", "age")
        sender = given.get("sender")
        return QueueFilter(
            states=(State(state),) if state else WAITING,
            site=given["site"].lower() if "site" in given else None,
            domain=given.get("domain"),
            recipient=given.get("recipient"),
            login=given.get("login"),
            sender="" if sender == _NULL else sender,
            accepted_before=self._api.clock() - int(age) if age else None,
            message=MessageId(identified(given["message"], "message")) if "message" in given else None,
            delivery=DeliveryId(identified(given["id"], "id")) if "id" in given else None,
        )


def _narrowed(wanted: QueueFilter, verb: Verb) -> QueueFilter | None:
    """To the states that the verb is for; None when there is none of them."""
    states = tuple(state for state in verb.states if state in (wanted.states or ()))
    return replace(wanted, states=states) if states else None


def _given(form: Form) -> dict[str, str]:
    """What was named of the filter."""
    return {name: value for name in _FIELDS if (value := form.one(name))}


def _all(given: dict[str, str]) -> dict[str, str]:
    return {name: given.get(name, "") for name in _FIELDS}


def _told(given: dict[str, str]) -> str:
    """The filter for people."""
    told = {**given, "age": f"more than {AGES.get(given['age'], '')}"} if "age" in given else given
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "everything"


def _after(query: Form) -> DeliveryId | None:
    return DeliveryId(identified(query.one("after"), "after")) if query.one("after") else None


def _number(text: str) -> int:
    """A count in a form of ours; 0 for what is none."""
    return number(text) or 0
