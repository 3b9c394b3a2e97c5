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


@pytest.mark.parametrize("filed", ["nothing", "half", "everything"])
@pytest.mark.parametrize("name", sorted(QUERIES))
def test_both_directions_answer_the_same_questions(shelf, name, filed):
    append(shelf, *story())
    shelf.run(shelf.journal.digest({"nothing": 0, "half": 9, "everything": 100}[filed]))
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
    counted = tallies(0.0, HOUR * 9)
    shelf.run(shelf.journal.digest(3))
    assert counted == tallies(0.0, HOUR * 9)
    shelf.run(shelf.journal.digest(100))
    assert counted == tallies(0.0, HOUR * 9)


@pytest.mark.parametrize("filed", [0, 2, 100])
def test_minutes_are_counted_by_kind(shelf, filed):
    append(
        shelf,
        attempt(1, time=125.0),
        attempt(2, time=179.9),
        Click(time=126.0, delivery=1, message=10),
        attempt(3, time=180.0),
        attempt(4, time=300.0),
    )
    shelf.run(shelf.journal.digest(filed))
    expected = (Tally(120, "attempt", 2), Tally(120, "click", 1), Tally(180, "attempt", 1))
    assert expected == shelf.run(shelf.journal.minutes(130.0, 300.0))
    assert () == shelf.run(shelf.journal.minutes(360.0, 900.0))


def test_minutes_are_kept_for_two_hours(either):
    append(either, attempt(1, time=60.0))
    either.run(either.journal.digest(100))
    append(either, attempt(2, time=60.0 + 2 * HOUR))
    either.run(either.journal.digest(100))
    assert 2 == len(either.run(either.journal.minutes(0.0, 3.0 * HOUR)))
    append(either, attempt(3, time=120.0 + 2 * HOUR))
    either.run(either.journal.digest(100))
    kept = either.run(either.journal.minutes(0.0, 3.0 * HOUR))
    assert [2 * HOUR + 60, 2 * HOUR + 120] == [one.start for one in kept]


@pytest.mark.parametrize("filed", [0, 2, 100])
def test_what_is_forgotten_is_not_counted(shelf, filed):
    append(shelf, *(attempt(number, time=float(number)) for number in range(1, 5)))
    append(shelf, attempt(9, time=9.0, tags=("red",)))
    shelf.run(shelf.journal.digest(filed))
    shelf.run(shelf.journal.forget(3.0, ("attempt",), 100))
    assert (Tally(0, "attempt", 3),) == shelf.run(shelf.journal.tallies(0.0, 100.0))
    shelf.run(shelf.journal.forget(100.0, ("attempt",), 100))
    assert () == shelf.run(shelf.journal.tallies(0.0, 100.0))
    assert () == since(shelf, 0, Query(tags=("red",)))
    append(shelf, attempt(5, time=5.0, tags=("red",)))
    assert [5] == deliveries(since(shelf, 0, Query(tags=("red",), start=4.0)))


def test_filing_comes_to_an_end_and_goes_on_where_it_was(stored):
    append(stored, *story())
    filed = [stored.run(stored.journal.digest(10)) for _ in range(4)]
    assert [10, 8, 0, 0] == filed
    append(stored, attempt(9))
    assert 1 == stored.run(stored.journal.digest(1000))


def test_a_part_of_the_filed_is_forgotten_and_the_rest_found(shelf):
    append(shelf, *story())
    shelf.run(shelf.journal.digest(100))
    assert 6 == shelf.run(shelf.journal.forget(9e9, ("click",), 100))
    kept = Query(login="one", tags=("red",))
    assert {"attempt", "delivery"} == {entry.event.kind for entry in since(shelf, 0, kept)}
    assert () == since(shelf, 0, Query(kinds=("click",)))


def test_what_came_after_a_cursor_is_counted_by_kind(shelf):
    assert (0, {}) == shelf.run(shelf.journal.count(0))
    append(shelf, *story())
    first = since(shelf, limit=1)[0].cursor
    end = shelf.run(shelf.journal.end())
    assert (end, {"attempt": 5, "click": 6, "delivery": 6}) == shelf.run(shelf.journal.count(first))
    assert (end, {}) == shelf.run(shelf.journal.count(end))
