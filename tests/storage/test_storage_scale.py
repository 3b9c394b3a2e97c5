"""What it costs does not grow with what lies in the store: counted in the steps of SQLite's virtual machine."""

import itertools

import pytest
from sqlalchemy import insert

from smtpeter.journal.interface import Query
from smtpeter.message.identifier import earliest
from smtpeter.spool.model import Claim, Settlement
from smtpeter.spool.states import State
from smtpeter.storage import journal, queue, spool
from smtpeter.storage.engine import for_writing
from smtpeter.storage.records import PROGRESS, delivery_row, event_row, message_row
from smtpeter.storage.schema import deliveries, events, messages
from tests.storage.stores import accepted, settlement

FEW, MANY = 300, 30_000


def fill(stored, numbers, state):
    with for_writing(stored.engine).begin() as connection:
        made = [accepted(number, due_at=float(number)) for number in numbers]
        connection.execute(
            insert(messages), [dict(zip(messages.c.keys(), message_row(m.message))) for m in made]
        )
        rows = [dict(zip(deliveries.c.keys(), delivery_row(m.deliveries[0], 0, None))) for m in made]
        for row in rows:
            row["state"] = state.value
            row["due_at"] = None if state.is_final else row["due_at"]
        connection.execute(insert(deliveries), rows)
        names = [name for name in events.c.keys() if name != "seq"]
        connection.execute(insert(events), [dict(zip(names, event_row(m.events[0]))) for m in made])


def steps(stored, work):
    """How many hundreds of virtual machine steps `work(connection)` takes."""
    count = itertools.count()
    with for_writing(stored.engine).begin() as connection:
        driver = connection.connection.dbapi_connection
        driver.set_progress_handler(lambda: next(count) and 0, 100)
        work(connection)
        driver.set_progress_handler(None, 0)
    return next(count)


@pytest.fixture(params=[State.DUE, State.DELIVERED])
def growing(request, stored):
    """Steps of some work with few and then with many deliveries in that state around."""

    def measure(work):
        fill(stored, range(1, FEW), request.param)
        few = steps(stored, work)
        fill(stored, range(FEW, MANY), request.param)
        return few, steps(stored, work)

    return measure


@pytest.mark.row(140)
@pytest.mark.parametrize(
    "work",
    [
        lambda connection: spool.claim(connection, 1, [(20, 9e9)]),
        queue.next_due,
        lambda connection: queue.message(connection, 10),
        lambda connection: journal.since(connection, 0, Query(delivery=21), 100),
        lambda connection: journal.since(connection, 200, Query(login="bench"), 100),
        lambda connection: journal.since(connection, 200, Query(kinds=("attempt",)), 100),
        journal.newest,
    ],
    ids=["claim", "next_due", "message", "of a delivery", "of a login", "following", "newest"],
)
def test_no_work_of_every_day_grows_with_the_backlog(growing, work):
    few, many = growing(work)
    assert many <= few + 10


def test_accepting_and_settling_does_not_grow_with_the_backlog(growing):
    numbers = itertools.count(1_000_000)

    def work(connection):
        made = [accepted(next(numbers), claimed=True) for _ in range(20)]
        claims = [claim for (claim,) in spool.accept(connection, 1, made)]
        settled: list[Settlement] = [settlement(claim) for claim in claims]
        spool.settle(connection, 1, [spool.Settling(tuple(settled), ())])

    few, many = growing(work)
    assert many <= few + 10


def test_listing_what_waits_does_not_read_what_is_done(stored):
    from smtpeter.spool.model import QueueFilter

    fill(stored, range(1, MANY), State.DELIVERED)
    fill(stored, range(MANY, MANY + 50), State.DUE)
    assert 50 > steps(stored, lambda connection: queue.found(connection, QueueFilter(), 100))
    assert 50 > steps(stored, lambda connection: queue.found(connection, QueueFilter(domain="other"), 100))


def test_retention_does_not_read_what_is_young(stored):
    fill(stored, range(1, MANY), State.DELIVERED)
    young = earliest(1_800_000_000.0)
    fill(stored, range(young, young + 50), State.DELIVERED)
    assert MANY > 0
    assert 50 > steps(stored, lambda connection: queue.old_messages(connection, 1000.0, 100))


def test_the_columns_that_change_are_those_of_the_table():
    assert set(PROGRESS) <= set(deliveries.c.keys())
    assert Claim.__slots__ == ("delivery", "epoch")
