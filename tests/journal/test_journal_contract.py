"""What every journal promises: the fake that other tests use, and the stored ones."""

import msgspec
import pytest

from smtpeter.journal.events import KINDS, Attempt, Click, Delivered, Event
from smtpeter.journal.interface import Query

ALL = Query()


def attempt(number, *, time=100.0, **more):
    return Attempt(time=time, delivery=number, message=number * 10, **more)


def append(shelf, *events):
    shelf.run(shelf.journal.append(events))


def since(shelf, cursor=0, query=ALL, limit=100):
    return shelf.run(shelf.journal.since(cursor, query, limit))


def found(shelf, **query):
    return [entry.event.delivery for entry in since(shelf, query=Query(**query))]


def filled(cls):
    """An event of this class with a telling value in each column."""
    values = {}
    for number, field in enumerate(msgspec.structs.fields(cls), 1):
        kind = str(field.type)
        if "tuple" in kind:
            values[field.name] = ("ä", f"{number}")
        elif field.type is bool:
            values[field.name] = True
        elif field.type is str:
            nul = "" if field.name in Event.__struct_fields__ else "\x00"
            values[field.name] = f'"{field.name}"\r\n{nul}ü✉\U0001f600'
        elif field.type is float:
            values[field.name] = number + 0.25
        else:
            values[field.name] = number
    return cls(**values)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_comes_back_as_it_was(shelf, kind):
    event = filled(KINDS[kind])
    append(shelf, event)
    assert [event] == [entry.event for entry in since(shelf)]
    assert type(event) is type(since(shelf)[0].event)


def test_columns_that_may_be_unknown_come_back_unknown(shelf):
    events = [cls(time=1.0, delivery=1, message=1) for cls in KINDS.values()]
    append(shelf, *events)
    assert events == [entry.event for entry in since(shelf)]


def test_text_that_no_store_can_keep_does_not_stop_the_journal(shelf):
    """Undecodable octets in a request's header fields arrive as lone surrogates."""
    append(shelf, Click(time=1.0, delivery=1, message=1, headers="x: \udcff"))
    assert 1 == len(since(shelf))


def test_nor_do_nul_octets(shelf):
    append(shelf, attempt(1, login="a\x00b", recipient="\x00", tags=("\x00",)))
    assert 1 == len(since(shelf))


def test_events_come_in_their_order_from_any_point(shelf):
    append(shelf, attempt(1), attempt(2))
    append(shelf, attempt(3))
    append(shelf)

    entries = since(shelf)
    assert [1, 2, 3] == [entry.event.delivery for entry in entries]
    assert [2, 3] == [entry.event.delivery for entry in since(shelf, entries[0].cursor)]
    assert [2] == [entry.event.delivery for entry in since(shelf, entries[0].cursor, limit=1)]
    assert () == since(shelf, entries[2].cursor)
    assert sorted(entry.cursor for entry in entries) == [entry.cursor for entry in entries]


def test_a_query_asks_for_what_all_its_parts_say(shelf):
    append(
        shelf,
        attempt(1, time=10.0, login="one", recipient="a@x.example", tags=("summer", "week10")),
        attempt(2, time=20.0, login="one", recipient="b@x.example", tags=("summer",)),
        Delivered(
            time=30.0, delivery=1, message=10, login="two", recipient="a@x.example", tags=("Summer", "week1")
        ),
    )

    assert [1, 1] == found(shelf, delivery=1)
    assert [2] == found(shelf, message=20)
    assert [1, 1] == found(shelf, recipient="a@x.example")
    assert [] == found(shelf, recipient="A@x.example")
    assert [1, 2] == found(shelf, login="one")
    assert [1] == found(shelf, kinds=("delivery",))
    assert [1, 2, 1] == found(shelf, kinds=("delivery", "attempt"))
    assert [] == found(shelf, kinds=())
    assert [2] == found(shelf, start=20.0, end=30.0)
    assert [1, 2] == found(shelf, tags=("summer",))
    assert [1] == found(shelf, tags=("week10", "summer"))
    assert [1] == found(shelf, tags=("week1",))
    assert [] == found(shelf, tags=("week",))
    assert [1] == found(shelf, login="one", delivery=1, message=10, end=20.0)


@pytest.mark.parametrize("tag", ["%", "_", "su%", "'", "\\", "ü", "a;b"])
def test_a_tag_is_only_itself(shelf, tag):
    append(shelf, attempt(1, tags=("summer",)))
    assert [] == found(shelf, tags=(tag,))


def test_old_events_of_a_kind_are_forgotten_oldest_first(shelf):
    append(shelf, *(attempt(number, time=float(number)) for number in range(1, 6)))
    append(shelf, Delivered(time=1.0, delivery=9, message=90))

    assert 2 == shelf.run(shelf.journal.forget(4.0, ("attempt",), 2))
    assert [3, 4, 5, 9] == found(shelf)
    assert 1 == shelf.run(shelf.journal.forget(4.0, ("attempt",), 2))
    assert 0 == shelf.run(shelf.journal.forget(4.0, ("attempt",), 2))
    assert 0 == shelf.run(shelf.journal.forget(4.0, (), 2))
    assert [4, 5, 9] == found(shelf)


def test_a_cursor_never_points_at_another_event_later(shelf):
    append(shelf, attempt(1), attempt(2))
    cursor = since(shelf)[-1].cursor
    assert 2 == shelf.run(shelf.journal.forget(1e9, tuple(KINDS), 100))

    append(shelf, attempt(3))

    assert [3] == [entry.event.delivery for entry in since(shelf, cursor)]


def test_the_common_columns_are_those_of_every_kind():
    for cls in KINDS.values():
        assert set(Event.__struct_fields__) <= set(cls.__struct_fields__)
