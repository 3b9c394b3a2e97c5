"""Reading the journal backwards, its end, and what happened hour by hour; on the fake and on the stored ones."""

import pytest

from smtpeter.journal.events import Attempt, Click, Delivered
from smtpeter.journal.interface import Query, Tally

ALL = Query()
HOUR = 3600


def attempt(number, *, time=100.0, **more):
    return Attempt(time=time, delivery=number, message=number * 10, **more)


def append(shelf, *events):
    shelf.run(shelf.journal.append(events))


def before(shelf, cursor=None, query=ALL, limit=100):
    return shelf.run(shelf.journal.before(cursor, query, limit))


def since(shelf, cursor=0, query=ALL, limit=100):
    return shelf.run(shelf.journal.since(cursor, query, limit))


def deliveries(entries):
    return [entry.event.delivery for entry in entries]


def test_the_journal_reads_backwards_page_by_page(shelf):
    append(shelf, *(attempt(number) for number in range(1, 6)))
    first = before(shelf, limit=2)
    second = before(shelf, first[-1].cursor, limit=2)
    assert ([5, 4], [3, 2]) == (deliveries(first), deliveries(second))
    assert [1] == deliveries(before(shelf, second[-1].cursor))
    assert () == before(shelf, since(shelf)[0].cursor)


def test_there_and_back_is_the_same_page(shelf):
    append(shelf, *(attempt(number) for number in range(1, 9)))
    forth = since(shelf, since(shelf)[2].cursor, limit=3)
    back = before(shelf, forth[-1].cursor + 1, limit=3)
    assert forth == tuple(reversed(back))


QUERIES = {
    "delivery": {"delivery": 3},
    "message": {"message": 30},
    "recipient": {"recipient": "r3@x.example"},
    "login": {"login": "one"},
    "login and kind": {"login": "one", "kinds": ("click",)},
    "kind": {"kinds": ("click",)},
    "kinds": {"kinds": ("click", "delivery")},
    "a kind twice": {"kinds": ("click", "click")},
    "no kind": {"kinds": ()},
    "unknown kind": {"kinds": ("nothing",)},
    "tag": {"tags": ("red",)},
    "tags": {"tags": ("red", "blue")},
    "tag and kind": {"tags": ("blue",), "kinds": ("attempt",)},
    "time": {"start": 2 * HOUR, "end": 4 * HOUR + 5},
    "from": {"start": 5 * HOUR + 1.0},
    "until": {"end": 3 * HOUR},
    "time and kind": {"start": 2 * HOUR, "end": 5 * HOUR, "kinds": ("click", "attempt")},
    "recipient and time": {"recipient": "r3@x.example", "start": 3 * HOUR + 2},
    "everything": {
        "delivery": 3,
        "message": 30,
        "recipient": "r3@x.example",
        "login": "one",
        "tags": ("red",),
        "kinds": ("click",),
        "start": 1.0,
        "end": 9e9,
    },
}


def story():
    """Six deliveries in six hours, each accepted, delivered and clicked, told a little out of order."""
    for number in range(1, 7):
        more = {
            "delivery": number,
            "message": number * 10,
            "recipient": f"r{number}@x.example",
            "login": "one" if number % 2 else "two",
            "tags": (("red",), ("blue",), ("red", "blue"))[number % 3] if number > 1 else (),
        }
        yield Attempt(time=number * HOUR + 1.0, **more)
        yield Click(time=(number - 1) * HOUR + 3.0, **more)
        yield Delivered(time=number * HOUR + 2.0, **more)


def expected(query):
    def is_meant(event):
        return (
            query.get("delivery", event.delivery) == event.delivery
            and query.get("message", event.message) == event.message
            and query.get("recipient", event.recipient) == event.recipient
            and query.get("login", event.login) == event.login
            and set(query.get("tags", ())) <= set(event.tags)
            and event.kind in query.get("kinds", (event.kind,))
            and query.get("start", 0.0) <= event.time < query.get("end", 9e9)
        )

    return [event for event in story() if is_meant(event)]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_both_directions_answer_the_same_questions(shelf, name):
    append(shelf, *story())
    query = Query(**QUERIES[name])
    forth = since(shelf, 0, query)
    assert expected(QUERIES[name]) == [entry.event for entry in forth]
    assert forth == tuple(reversed(before(shelf, None, query)))
    paged, cursor = [], 0
    while page := since(shelf, cursor, query, 2):
        paged += page
        cursor = page[-1].cursor
    assert list(forth) == paged


def test_the_end_is_where_nothing_is_yet(shelf):
    assert 0 == shelf.run(shelf.journal.end())
    append(shelf, attempt(1), attempt(2))
    end = shelf.run(shelf.journal.end())
    assert () == since(shelf, end)
    shelf.run(shelf.journal.forget(1e9, ("attempt",), 100))
    assert 0 == shelf.run(shelf.journal.end())
    append(shelf, attempt(3))
    assert [3] == deliveries(since(shelf, end))


def test_hours_are_counted_by_kind(shelf):
    append(
        shelf,
        attempt(1, time=HOUR * 2 + 5.0),
        attempt(2, time=HOUR * 2 + 3599.9),
        Click(time=HOUR * 2 + 7.0, delivery=1, message=10),
        attempt(3, time=HOUR * 3.0),
        attempt(4, time=HOUR * 5.0),
    )

    def tallies(start, end):
        return shelf.run(shelf.journal.tallies(start, end))

    assert (
        Tally(2 * HOUR, "attempt", 2),
        Tally(2 * HOUR, "click", 1),
        Tally(3 * HOUR, "attempt", 1),
    ) == tallies(HOUR * 2 + 1800.0, HOUR * 5)
    assert () == tallies(HOUR * 6, HOUR * 9)


def test_what_is_forgotten_is_not_counted(shelf):
    append(shelf, *(attempt(number, time=float(number)) for number in range(1, 5)))
    append(shelf, attempt(9, time=9.0, tags=("red",)))
    shelf.run(shelf.journal.forget(3.0, ("attempt",), 100))
    assert (Tally(0, "attempt", 3),) == shelf.run(shelf.journal.tallies(0.0, 100.0))
    shelf.run(shelf.journal.forget(100.0, ("attempt",), 100))
    assert () == shelf.run(shelf.journal.tallies(0.0, 100.0))
    assert () == since(shelf, 0, Query(tags=("red",)))
    append(shelf, attempt(5, time=5.0, tags=("red",)))
    assert [5] == deliveries(since(shelf, 0, Query(tags=("red",), start=4.0)))
