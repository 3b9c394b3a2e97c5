"""Messages found by what people remember of them (spool.finding): a search never takes long, whatever is sought.

The most telling of what is sought leads to candidates, by the files that `search` keeps; each is compared with the
rest. After a number of candidates it stops, and says whence to go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from smtpeter.journal.events import Attempt, Delivered, Failed, Operated
from smtpeter.journal.interface import Query
from smtpeter.spool.finding import Found, Page, Sought, words
from smtpeter.spool.states import State
from smtpeter.storage import remembered, search
from smtpeter.storage.schema.journal import event_terms, events
from smtpeter.storage.schema.mail import deliveries, messages

_CANDIDATES = 2000  # some 20 ms
_PORTION = 200
_BEYOND = (1 << 63) - 1
_STATES = {state.value: state for state in State}
# Of which kind there is an event about each delivery that is in this state; of all others, its acceptance.
_TELLING = {
    State.DELIVERED: Delivered.kind,
    State.FAILED: Failed.kind,
    State.EXPIRED: Failed.kind,
    State.DELETED: Operated.kind,
}
_WHOLE = (
    events.c.seq,
    events.c.time,
    events.c.kind,
    events.c.delivery,
    events.c.login,
    events.c.recipient,
    events.c.tags,
    deliveries.c.state,
    deliveries.c.accepted_at,
    messages.c.details,
)
_ABOUT = events.outerjoin(deliveries, deliveries.c.id == events.c.delivery).outerjoin(
    messages, messages.c.id == events.c.message
)
_FRESH = select(*_WHOLE).select_from(_ABOUT).order_by(events.c.seq.desc())
_FILED = (
    select(*_WHOLE)
    .select_from(event_terms.join(_ABOUT, events.c.seq == event_terms.c.seq))
    .order_by(event_terms.c.seq.desc())
)


def find(connection: Connection, sought: Sought, before: int | None, limit: int) -> Page:
    found: dict[int, Found] = {}  # by delivery: of some there are several events
    kind = _kind(sought)
    number = place = 0
    for row in _candidates(connection, sought, kind, _BEYOND if before is None else before):
        if len(found) == limit or number == _CANDIDATES:
            return Page(tuple(found.values()), place)
        number, place = number + 1, row.seq
        if row.kind == kind and (known := _found(row, sought)) is not None:
            found.setdefault(known.delivery, known)
    return Page(tuple(found.values()), None)


def _kind(sought: Sought) -> str:
    """The kind of events to look through: that which is rarest, unless something better leads to them."""
    named = sought.recipient or sought.sender or sought.subject or sought.tag
    return Attempt.kind if named or sought.state is None else _TELLING.get(sought.state, Attempt.kind)


def _candidates(connection: Connection, sought: Sought, kind: str, before: int) -> Iterator[Any]:
    """Events, the last first."""
    mark = search.mark(connection)
    seq = events.c.seq
    while before > mark + 1:
        rows = connection.execute(_FRESH.where(seq > mark, seq < before).limit(_PORTION)).all()
        yield from rows
        before = rows[-1].seq if len(rows) == _PORTION else mark + 1
    term = search.rarest(connection, _terms(sought, kind))
    first = 0
    if sought.start is not None or sought.end is not None:
        places = search.span(connection, Query(start=sought.start, end=sought.end), (kind,))
        first, before = places.start, min(before, places.stop)
    filed, seq = _FILED.where(event_terms.c.term == term), event_terms.c.seq
    while before > first:
        rows = connection.execute(filed.where(seq >= first, seq < before).limit(_PORTION)).all()
        yield from rows
        before = rows[-1].seq if len(rows) == _PORTION else 0


def _terms(sought: Sought, kind: str) -> list[int]:
    """Under each of which all that is sought is filed."""
    found = [search.word_term(word) for word in words(sought.subject)]
    if sought.recipient:
        found.append(search.recipient_term(sought.recipient))
    if sought.sender:
        found.append(search.sender_term(sought.sender.lower()))
    if sought.tag:
        found.append(search.tag_term(sought.tag))
    if found:
        return found
    return [search.login_term(sought.login, kind) if sought.login else search.kind_term(kind)]


def _found(row: Any, sought: Sought) -> Found | None:
    """What the candidate tells, if it is sought."""
    tags = tuple(row.tags.strip(";").split(";")) if row.tags else ()
    if (
        (sought.recipient and row.recipient != sought.recipient)
        or (sought.login and row.login != sought.login)
        or (sought.tag and sought.tag not in tags)
        or (sought.state is not None and row.state != sought.state.value)
        or (sought.start is not None and row.time < sought.start)
        or (sought.end is not None and row.time >= sought.end)
    ):
        return None
    known = remembered.read(row.details)
    subject = "" if known is None else known.subject
    if sought.subject and not set(words(sought.subject)) <= set(words(subject)):
        return None
    if sought.sender and (known is None or sought.sender.lower() not in known.senders()):
        return None
    return Found(
        row.delivery,
        row.time if row.accepted_at is None else row.accepted_at,
        row.recipient,
        row.login,
        tags,
        _STATES.get(row.state),
        subject,
        "" if known is None else known.author,
    )
