"""What it costs does not grow with what lies in the store: counted in the steps of SQLite's virtual machine."""

import itertools
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import insert

from smtpeter.journal.events import Attempt, Click
from smtpeter.journal.interface import Query
from smtpeter.message.identifier import earliest
from smtpeter.spool.model import Claim, QueueFilter
from smtpeter.spool.states import State, Step
from smtpeter.storage import claims, journal, queue, search, spool, workers
from smtpeter.storage.engine import for_writing
from smtpeter.storage.records import NEW_DELIVERY, PROGRESS, delivery_row, message_row
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema.mail import deliveries, messages
from tests.storage.stores import accepted, settlement

FEW, MANY = 300, 30_000


def fill(stored, numbers, state, accepted_at=1000.0):
    """Messages with one delivery in that state, and their events, by the shortest way."""
    made = [accepted(number, due_at=float(number), accepted_at=accepted_at) for number in numbers]
    rows = [delivery_row(replace(one.deliveries[0], state=state), 0, None) for one in made]
    with for_writing(stored.engine).begin() as connection:
        Rows(insert(messages), messages.c.keys()).execute(
            connection, [message_row(one.message) for one in made]
        )
        Rows(insert(deliveries), NEW_DELIVERY).execute(connection, rows)
        journal.keep(connection, [one.events[0] for one in made])


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
        lambda connection: claims.claim(connection, 1, [claims.Wanted(20, 9e9)]),
        lambda connection: claims.next_due(connection, frozenset()),
        lambda connection: queue.message(connection, 10),
        lambda connection: journal.since(connection, 0, Query(delivery=21), 100),
        lambda connection: journal.since(connection, 200, Query(login="bench"), 100),
        lambda connection: journal.since(connection, 200, Query(kinds=("attempt",)), 100),
    ],
    ids=["claim", "next_due", "message", "of a delivery", "of a login", "following"],
)
def test_no_work_of_every_day_grows_with_the_backlog(growing, work):
    few, many = growing(work)
    assert many <= few + 10


@pytest.mark.row(140)
def test_a_claim_does_not_step_over_a_dead_sites_backlog_again(stored):
    """All that is due first is to a site that may not start: it is laid aside once, then costs nothing."""
    dead = frozenset(("example.com",))
    wanted = claims.Wanted(20, 9e9, dead)
    fill(stored, range(1, MANY // 2), State.DUE)
    assert () == stored.run(stored.spool.claim(20, 9e9, dead))
    many = steps(stored, lambda connection: claims.claim(connection, 1, [wanted]))
    waiting = steps(stored, lambda connection: claims.next_due(connection, dead))
    assert many <= 10
    assert waiting <= 10
    assert 20 == len(stored.run(stored.spool.claim(20, 9e9)))


@pytest.mark.row(140)
def test_laying_aside_is_done_in_portions(stored):
    """So that nobody's mail waits for all of a backlog to be moved."""
    fill(stored, range(1, 2500), State.DUE)
    wanted = claims.Wanted(20, 9e9, frozenset(("example.com",)))
    with for_writing(stored.engine).begin() as connection:
        portions = [claims.claim(connection, 1, [wanted])[0].is_all for _ in range(3)]
    assert [False, False, True] == portions


@pytest.mark.row(140)
def test_a_restart_does_not_read_what_waits(stored):
    """A server takes back what its predecessor held, keeps all times, and begins."""
    fill(stored, range(1, MANY), State.DUE)
    for number in range(MANY, MANY + 20):
        stored.run(stored.spool.accept(accepted(number, due_at=float(number), claimed=True)))
    assert 50 > steps(stored, lambda connection: workers.succeed(connection, 1.0))
    claimed = stored.run(stored.spool.claim(3, 9e9))
    assert [1.0, 2.0, 3.0] == [claim.delivery.due_at for claim in claimed]
    assert float(MANY + 19) == stored.run(stored.spool.delivery(10 * (MANY + 19) + 1)).due_at


def test_accepting_and_settling_does_not_grow_with_the_backlog(growing):
    numbers = itertools.count(1_000_000)

    def work(connection):
        made = [accepted(next(numbers), claimed=True) for _ in range(20)]
        claims = [claim for (claim,) in spool.accept(connection, 1, made)]
        spool.settle(connection, 1, [spool.GivenBack(tuple(map(settlement, claims)), ())])

    few, many = growing(work)
    assert many <= few + 10


def test_listing_what_waits_does_not_read_what_is_done(stored):
    fill(stored, range(1, MANY), State.DELIVERED)
    fill(stored, range(MANY, MANY + 50), State.DUE)
    assert 50 > steps(stored, lambda connection: queue.found(connection, QueueFilter(), 100))


def test_finding_what_waits_for_one_domain_does_not_read_what_waits_for_others(stored):
    fill(stored, range(1, MANY), State.DUE)
    other = QueueFilter(domain="other.example")
    assert 50 > steps(stored, lambda connection: queue.found(connection, other, 100))
    assert 50 > steps(stored, lambda connection: queue.alterable(connection, other, Step.HOLD, 1.0, 100))


def test_retention_does_not_read_what_is_young(stored):
    now = 1_800_000_000.0
    young = earliest(now) // 10 + 1  # message numbers: the identifiers are ten times that
    fill(stored, range(1, 50), State.DELIVERED)
    fill(stored, range(young, young + MANY), State.DELIVERED, accepted_at=now)
    stored.run(stored.journal.digest(MANY + 100))
    found = []
    assert 50 > steps(stored, lambda connection: found.extend(queue.old_messages(connection, now, 100)))
    assert 49 == len(found)
    assert 50 > steps(stored, lambda connection: journal.forgettable(connection, now, ("attempt",), 100))


def test_retention_does_not_read_again_what_has_lost_its_content(stored):
    """Else each of a round's batches would begin at the oldest message that is kept for its links alone."""
    now = 1_800_000_000.0
    fill(stored, range(1, MANY), State.DELIVERED)  # without content
    for number in range(MANY, MANY + 5):
        (claim,) = stored.run(stored.spool.accept(accepted(number, claimed=True)))
        stored.run(stored.spool.settle([settlement(claim)]))
    stored.run(stored.journal.digest(MANY + 100))
    found = []
    assert 50 > steps(stored, lambda connection: found.extend(queue.with_old_content(connection, now, 100)))
    assert 5 == len(found)


def test_the_columns_that_change_are_those_of_the_table():
    assert set(PROGRESS) <= set(deliveries.c.keys())
    assert Claim.__slots__ == ("delivery", "epoch")


PAGES = {
    "of a recipient": Query(recipient="joe@example.com"),
    "of a login": Query(login="bench"),
    "of a login that has few": Query(login="rare"),
    "of a kind": Query(kinds=("attempt",)),
    "of a rare kind": Query(kinds=("click",)),
    "of two kinds": Query(kinds=("attempt", "click")),
    "with a tag": Query(tags=("rare",)),
    "of an hour": Query(start=7_200.0, end=10_800.0),
    "of a rare kind since then": Query(kinds=("click",), start=0.0),
    "of a login in an hour": Query(login="bench", start=7_200.0, end=10_800.0),
}


def grow_journal(stored, numbers):
    made = [
        Attempt(
            time=float(number),
            delivery=number,
            message=number,
            login="bench",
            recipient="joe@example.com" if number % 2 else f"r{number}@example.com",
        )
        for number in numbers
    ]
    if numbers.start == 1:
        made[100:100] = [
            Click(time=7_300.0 + n, delivery=n, message=n, login="rare", tags=("rare",)) for n in range(60)
        ]
    with for_writing(stored.engine).begin() as connection:
        journal.keep(connection, made)
    stored.run(stored.journal.digest(MANY))


def test_a_page_of_events_costs_the_same_in_a_long_journal(stored):
    """Forth and back; the journal is filed, as a server that runs keeps it."""

    def page(query, connection):
        journal.since(connection, 0, query, 50)
        journal.before(connection, None, query, 50)

    def measured():
        return {name: steps(stored, partial(page, query)) for name, query in PAGES.items()}

    grow_journal(stored, range(1, FEW))
    few = measured()
    grow_journal(stored, range(FEW, 12_000))
    many = measured()
    assert [] == [(name, few[name], many[name]) for name in PAGES if many[name] > max(60, few[name] + 30)]


def test_filing_costs_the_same_in_a_long_journal(stored):
    def file_fifty(connection):
        journal.keep(connection, [Attempt(time=1.0, delivery=n, message=n, tags=("a",)) for n in range(50)])
        assert [50] == search.digest(connection, [(50, journal.end(connection))])

    grow_journal(stored, range(1, FEW))
    few = steps(stored, file_fifty)
    grow_journal(stored, range(FEW, 12_000))
    assert steps(stored, file_fifty) <= few + 30
