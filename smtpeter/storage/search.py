"""What makes events quick to find: terms (a recipient, a tag, a login's events of a kind, a kind) and hours.

An acceptance is filed by its message's senders and the words of its subject, too, as long as that is kept.

`digest` files what the journal has got since it was last called, in large batches and behind the writers' backs:
acceptance pays nothing for searches. What lies behind the mark is filed, what lies after it is read as it stands.
Terms are hashes; whoever finds an event by one compares the event itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from smtpeter.journal.events import Attempt
from smtpeter.journal.interface import Query, Tally
from smtpeter.message.identifier import MessageId
from smtpeter.spool.finding import words
from smtpeter.storage import remembered
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema.journal import event_hours, event_minutes, event_terms, events, marks
from smtpeter.storage.schema.mail import messages

HOUR = 3600  # seconds
MINUTE = 60
_BY_MINUTE = 2 * HOUR  # seconds that are counted by the minute
_MARK = "digested"
_COUNTED = 10_000
_MARKED = select(marks.c.seq).where(marks.c.name == _MARK)
_ADD_TERM = Rows(insert(event_terms), ["term", "seq"])
_DROP_TERM = delete(event_terms).where(
    event_terms.c.term == bindparam("one"), event_terms.c.seq == bindparam("at")
)
_FACTS = (events.c.seq, events.c.time, events.c.kind, events.c.login, events.c.recipient, events.c.tags)
_WITH_MESSAGE = select(*_FACTS, messages.c.details).outerjoin_from(
    events, messages, (messages.c.id == events.c.message) & (events.c.kind == Attempt.kind)
)


def _term(kind: str, *text: str) -> int:
    """63 bits of what is searched for."""
    code = blake2b("\0".join(text).encode("utf-8", "replace"), digest_size=8, person=kind.encode("ascii"))
    return int.from_bytes(code.digest(), "big") >> 1


@lru_cache(4096)
def recipient_term(recipient: str) -> int:
    return _term("recipient", recipient)


@lru_cache(4096)
def tag_term(tag: str) -> int:
    return _term("tag", tag)


@lru_cache(4096)
def login_term(login: str, kind: str) -> int:
    return _term("login", kind, login)


@lru_cache(4096)
def kind_term(kind: str) -> int:
    return _term("kind", kind)


@lru_cache(4096)
def sender_term(address: str) -> int:
    """Of an address in lower case."""
    return _term("sender", address)


@lru_cache(4096)
def word_term(word: str) -> int:
    return _term("subject", word)


@lru_cache(1024)
def _subject_terms(subject: str) -> frozenset[int]:
    return frozenset(map(word_term, words(subject)))


def _message_terms(packed: bytes | None) -> frozenset[int]:
    known = remembered.read(packed)
    if known is None:
        return frozenset()
    return _subject_terms(known.subject).union(map(sender_term, known.senders()))


def _terms(rows: Iterable[Any]) -> set[tuple[int, int]]:
    """Term and seq of everything that the rows, of _WITH_MESSAGE, are filed under."""
    found: set[tuple[int, int]] = set()
    for seq, _, kind, login, recipient, tags, details in rows:
        if details is not None:
            found.update([(term, seq) for term in _message_terms(details)])
        found.add((recipient_term(recipient), seq))
        found.add((login_term(login, kind), seq))
        found.add((kind_term(kind), seq))
        if tags:
            found.update((tag_term(tag), seq) for tag in tags.split(";") if tag)
    return found


def mark(connection: Connection) -> int:
    """The last event that is filed."""
    return int(connection.execute(_MARKED).scalar_one())


def _kinds(connection: Connection) -> Sequence[str]:
    """All kinds that were ever filed and are still kept."""
    return connection.execute(select(event_hours.c.kind).distinct()).scalars().all()


def digest(connection: Connection, batch: Sequence[tuple[int, int]]) -> list[int]:
    """File up to `limit` events, none beyond `end`, which is known to be settled; how many."""
    done = []
    for limit, end in batch:
        # Two who file at once wait for each other here.
        behind = connection.execute(_MARKED.with_for_update()).scalar_one()
        wanted = _WITH_MESSAGE.where(events.c.seq > behind, events.c.seq <= end)
        rows = connection.execute(wanted.order_by(events.c.seq).limit(limit)).all()
        if rows:
            _ADD_TERM.execute(connection, sorted(_terms(rows)))
            _count(connection, rows)
            _count_minutes(connection, rows)
            connection.execute(update(marks).where(marks.c.name == _MARK).values(seq=rows[-1].seq))
        done.append(len(rows))
    return done


@dataclass(slots=True)
class _Hour:
    """An hour, or a minute, of one kind: between which seqs its events lie, and how many there are."""

    first: int
    last: int
    number: int = 0


def _hours(rows: Iterable[Any], length: int = HOUR) -> dict[tuple[int, str], _Hour]:
    """Of rows that begin with seq, time and kind, in the order of their seqs."""
    hours: dict[tuple[int, str], _Hour] = {}
    for seq, time, kind, *_ in rows:
        key = int(time // length) * length, kind
        known = hours.get(key)
        if known is None:
            known = hours[key] = _Hour(seq, seq)
        known.last = seq
        known.number += 1
    return hours


def _count(connection: Connection, rows: Sequence[Any]) -> None:
    for (hour, kind), found in sorted(_hours(rows).items()):
        grown = (
            update(event_hours)
            .where(event_hours.c.hour == hour, event_hours.c.kind == kind)
            .values(count=event_hours.c.count + found.number, last=found.last)
        )
        if not connection.execute(grown).rowcount:
            new = {"first": found.first, "last": found.last, "count": found.number}
            connection.execute(insert(event_hours).values(hour=hour, kind=kind, **new))


def _count_minutes(connection: Connection, rows: Sequence[Any]) -> None:
    for (minute, kind), found in sorted(_hours(rows, MINUTE).items()):
        which = (event_minutes.c.minute == minute) & (event_minutes.c.kind == kind)
        grown = update(event_minutes).where(which).values(count=event_minutes.c.count + found.number)
        if not connection.execute(grown).rowcount:
            connection.execute(insert(event_minutes).values(minute=minute, kind=kind, count=found.number))
            connection.execute(delete(event_minutes).where(event_minutes.c.minute < minute - _BY_MINUTE))


def forget_messages(connection: Connection, identifiers: Sequence[MessageId]) -> None:
    """Take what is filed by their messages out of the files, before they go."""
    filed = connection.execute(_MARKED.with_for_update()).scalar_one()  # nobody files while it is looked at
    theirs = _WITH_MESSAGE.where(
        events.c.message.in_(identifiers), events.c.kind == Attempt.kind, events.c.seq <= filed
    )
    _drop(
        connection,
        ((term, row.seq) for row in connection.execute(theirs) for term in _message_terms(row.details)),
    )


def forget(connection: Connection, numbers: Sequence[int]) -> None:
    """Take events out of the files, before they go."""
    known = _WITH_MESSAGE.where(events.c.seq.in_(numbers), events.c.seq <= mark(connection))
    rows = connection.execute(known.order_by(events.c.seq)).all()
    _drop(connection, _terms(rows))
    for (hour, kind), found in _hours(rows).items():
        which = (event_hours.c.hour == hour) & (event_hours.c.kind == kind)
        connection.execute(update(event_hours).where(which).values(count=event_hours.c.count - found.number))
    if rows:
        connection.execute(delete(event_hours).where(event_hours.c.count <= 0))


def _drop(connection: Connection, terms: Iterable[tuple[int, int]]) -> None:
    filed = [{"one": term, "at": seq} for term, seq in terms]
    if filed:
        connection.execute(_DROP_TERM, filed)


def span(connection: Connection, query: Query, kinds: Sequence[str] | None) -> range:
    """Where the filed events of the query's time and of these kinds (None: of all) lie."""
    wanted = select(func.min(event_hours.c.first), func.max(event_hours.c.last))
    if query.start is not None:
        wanted = wanted.where(event_hours.c.hour > query.start - HOUR)
    if query.end is not None:
        wanted = wanted.where(event_hours.c.hour < query.end)
    if kinds is not None:
        wanted = wanted.where(event_hours.c.kind.in_(kinds))
    first, last = connection.execute(wanted).one()
    return range(0) if first is None else range(first, last + 1)


def terms(connection: Connection, query: Query) -> dict[int, Sequence[str] | None] | None:
    """Terms and the kinds filed there (None: any), each event of the query under one; None when all have to be read."""
    if query.recipient is not None:
        return {recipient_term(query.recipient): query.kinds}
    if query.tags:
        return {rarest(connection, map(tag_term, query.tags)): query.kinds}
    if query.login is not None:
        wanted = _kinds(connection) if query.kinds is None else query.kinds
        return {login_term(query.login, kind): (kind,) for kind in wanted}
    return None if query.kinds is None else {kind_term(kind): (kind,) for kind in query.kinds}


def rarest(connection: Connection, terms: Iterable[int]) -> int:
    """The one of these, at least one, that the fewest are filed under."""
    every = list(terms)
    return every[0] if len(every) == 1 else min(every, key=lambda term: _number(connection, term))


def _number(connection: Connection, term: int) -> int:
    """How many events are filed there, as far as it pays to count."""
    some = select(event_terms.c.seq).where(event_terms.c.term == term).limit(_COUNTED).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def tallies(connection: Connection, start: float, end: float) -> tuple[Tally, ...]:
    filed = select(event_hours.c.hour, event_hours.c.kind, event_hours.c.count).where(
        event_hours.c.hour > start - HOUR, event_hours.c.hour < end
    )
    return _tallied(connection, filed, start, end, HOUR)


def minutes(connection: Connection, start: float, end: float) -> tuple[Tally, ...]:
    filed = select(event_minutes.c.minute, event_minutes.c.kind, event_minutes.c.count).where(
        event_minutes.c.minute > start - MINUTE, event_minutes.c.minute < end
    )
    return _tallied(connection, filed, start, end, MINUTE)


def _tallied(
    connection: Connection, filed: Select[Any], start: float, end: float, length: int
) -> tuple[Tally, ...]:
    """What is filed, and what is not yet."""
    counted: dict[tuple[int, str], int] = {(row[0], row[1]): row[2] for row in connection.execute(filed)}
    fresh = select(events.c.seq, events.c.time, events.c.kind).where(events.c.seq > mark(connection))
    for key, found in _hours(connection.execute(fresh), length).items():
        if start - length < key[0] < end:
            counted[key] = counted.get(key, 0) + found.number
    return tuple(Tally(*key, count) for key, count in sorted(counted.items()))
