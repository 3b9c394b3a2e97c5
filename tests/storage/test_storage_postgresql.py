"""What only a store that several machines share can do wrong: order, races, a server that vanishes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, literal, select, text
from sqlalchemy.exc import DBAPIError

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.suppression import Suppression
from smtpeter.journal.events import Click
from smtpeter.journal.interface import JournalUnavailable, Query
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State, Step
from smtpeter.storage import claims, journal, migrations, spool, workers
from smtpeter.storage.engine import StoreUnusable, for_writing, is_store_wide, open_engine, trouble
from smtpeter.storage.migrations import SchemaIsNewer
from smtpeter.storage.schema import metadata
from smtpeter.storage.store import open_for_server
from tests.kit.postgresql import PostgreSQL, installed
from tests.storage.stores import Machine, Pump, accepted, before_each_statement, events, numbers, state
from tests.storage.test_storage_faults import everything, failure_of, verbs

ALL = Query()


def click(number):
    return Click(time=float(number), delivery=number, message=number)


def test_text_with_nul_is_looked_for_and_kept_with_a_question_mark(shared):
    """What strangers write is never the store's trouble, which they would be told to wait for."""
    with shared.engine.begin() as connection:
        assert "a?b" == connection.execute(select(literal("a\0b"))).scalar_one()
    assert () == shared.run(shared.journal.since(0, Query(recipient="a\0@example.net", login="\0"), 10))
    assert None is shared.run(shared.accounts.login("a\0"))
    entry = Suppression("login:shop", "a\0@example.net", "no\0", 1.0, None, None)
    assert 1 == shared.run(shared.suppressions.add([entry]))
    [kept] = shared.run(shared.suppressions.entries("login:shop", ("", ""), 10))
    assert ("a?@example.net", "no?") == (kept.recipient, kept.reason)


# -- several writers at a time -----------------------------------------------------------------------------


def test_no_event_appears_behind_a_cursor_that_was_given_out(shared):
    """Who has numbered events is alone with that until all can see them."""
    engine = for_writing(shared.engine)
    with engine.connect() as first, ThreadPoolExecutor() as pool:
        transaction = first.begin()
        journal.keep(first, [click(1)])
        second = pool.submit(lambda: shared.new_store().journal.append([click(2)]))
        _wait_for_a_lock(shared)
        assert () == shared.run(shared.journal.since(0, ALL, 10))
        transaction.commit()
        second.result(30)
    assert [1, 2] == [entry.event.delivery for entry in shared.run(shared.journal.since(0, ALL, 10))]


def _wait_for_a_lock(shared):
    """Until some session waits for another one."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    for _ in range(3000):
        with shared.engine.begin() as connection:
            if connection.execute(waiting).scalar_one():
                return
            connection.execute(text("SELECT pg_sleep(0.01)"))
    raise AssertionError("nobody waits")


def test_a_follower_misses_nothing_while_many_write(shared):
    stores = [shared.new_store() for _ in range(3)]
    follower = shared.new_store().journal
    seen = []

    def append(place):
        for number in range(15):
            shared.run(stores[place].journal.append([click(100 * place + number)]))

    def follow():
        cursor = seen[-1].cursor if seen else 0
        seen.extend(shared.run(follower.since(cursor, ALL, 7)))

    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(append, place) for place in range(3)]
        while not all(writer.done() for writer in writers):
            follow()
        for writer in writers:
            writer.result()
    while len(seen) < len(shared.run(shared.journal.since(0, ALL, 1000))):
        follow()
    assert {100 * place + number for place in range(3) for number in range(15)} == {
        entry.event.delivery for entry in seen
    }


def test_claims_of_many_at_once_are_never_of_the_same(shared):
    for number in range(1, 61):
        shared.run(shared.spool.accept(accepted(number)))
    spools = [shared.another_worker() for _ in range(3)]

    def claim(one):
        taken = []
        while found := numbers(shared.run(one.claim(4, 9e9))):
            taken += found
        return taken

    with ThreadPoolExecutor() as pool:
        taken = [number for found in pool.map(claim, spools) for number in found]
    taken += numbers(shared.run(shared.spool.claim(100, 9e9)))  # what another had locked when they looked
    assert sorted(range(11, 611, 10)) == sorted(taken)


def test_a_claim_steps_over_what_another_one_is_about_to_take(shared):
    for number in (1, 2):
        shared.run(shared.spool.accept(accepted(number, due_at=float(number))))
    with for_writing(shared.engine).begin() as other:
        (claimed,) = claims.claim(other, 7, [claims.Wanted(1, 9e9)])
        assert [21] == numbers(shared.run(shared.spool.claim(5, 9e9)))
    assert [11] == numbers(claimed.claims)


def test_what_is_being_claimed_is_not_altered(shared):
    shared.run(shared.spool.accept(accepted(1)))
    with for_writing(shared.engine).connect() as other, ThreadPoolExecutor() as pool:
        transaction = other.begin()
        claims.claim(other, 7, [claims.Wanted(1, 9e9)])
        altering = spool.Altering((11,), Step.DELETE, 5.0, "")
        deleted = pool.submit(_alter, shared.engine, altering)
        _wait_for_a_lock(shared)
        transaction.commit()
        assert [0] == deleted.result(30)
    assert State.CLAIMED is state(shared, 11)


def _alter(engine, altering):
    with for_writing(engine).begin() as connection:
        return spool.alter(connection, [altering])


# -- heartbeats --------------------------------------------------------------------------------------------


@pytest.mark.row(142)
def test_heartbeats_go_by_the_servers_clock(shared):
    """Machines have been up for different times, and that means nothing."""
    shared.run(shared.spool.accept(accepted(1, claimed=True)))
    shared.run(shared.another_worker().accept(accepted(2, claimed=True)))
    with for_writing(shared.engine).begin() as connection:
        workers.beat(connection, [(1, 5.0), (2, 9e9), (1, 0.0)])
    assert [State.CLAIMED] * 2 == [state(shared, number) for number in (11, 21)]
    with for_writing(shared.engine).begin() as connection:
        connection.execute(text("UPDATE workers SET seen_at = seen_at - 31 WHERE number = 1"))
        workers.beat(connection, [(2, 0.0)])
    assert [State.DUE, State.CLAIMED] == [state(shared, number) for number in (11, 21)]


def test_a_server_that_starts_takes_nothing_from_those_on_other_machines(shared):
    shared.run(shared.spool.accept(accepted(1, claimed=True)))
    with for_writing(shared.engine).begin() as connection:
        assert 1 < workers.succeed(connection, 0.0)
    assert State.CLAIMED is state(shared, 11)


# -- a server that vanishes --------------------------------------------------------------------------------


class Cut:
    """Ends the session's connection before its k-th statement, counted from 0, or before its commit."""

    def __init__(self, shared, postgresql):
        self.at = None
        self._postgresql = postgresql
        before_each_statement(shared.engine, lambda cursor: self._step(cursor.connection))
        event.listen(shared.engine, "commit", lambda one: self._step(one.connection.dbapi_connection))

    def _step(self, connection):
        if self.at is None:
            return
        self.at -= 1
        if self.at < 0:
            self.at = None
            pid = connection.info.backend_pid
            self._postgresql.execute(f"SELECT pg_terminate_backend({pid}, 30000)")


@pytest.mark.row(136)
@pytest.mark.parametrize("verb", ["accept", "claim", "settle", "release", "append", "create"])
def test_wherever_the_connection_is_lost_nothing_has_happened_and_it_works_again(shared, postgresql, verb):
    (claim,) = shared.run(shared.spool.accept(accepted(1, claimed=True)))
    shared.run(shared.spool.accept(accepted(2)))
    before = everything(shared)
    call = verbs(shared, claim)[verb]
    cut = Cut(shared, postgresql)

    for at in range(30):
        cut.at = at
        refused = failure_of(call())
        cut.at = None
        if refused is None:
            break
        assert isinstance(refused, SpoolUnavailable | JournalUnavailable | AccountsUnavailable)
        assert before == everything(shared)

    assert 3 <= at < 30, "it was cut at each statement, and at the commit"
    assert before != everything(shared)


@pytest.fixture
def deaf(shared):
    """Called, the next commit is done, and the connection lost before its answer comes."""
    real, lost = shared.engine.dialect.do_commit, []

    def commit(connection):
        real(connection)
        if lost:
            lost.clear()
            connection.close()
            raise psycopg.OperationalError("the connection is lost")

    shared.engine.dialect.do_commit = commit
    yield lambda: lost.append(True)
    shared.engine.dialect.do_commit = real


@pytest.mark.row(136)
def test_claims_of_a_commit_whose_answer_was_lost_are_given_back(shared, deaf):
    """Else they would stay with a worker that lives, and does not know of them."""
    shared.run(shared.spool.accept(accepted(1)))
    deaf()
    assert isinstance(failure_of(shared.spool.claim(1, 9e9)), SpoolUnavailable)
    assert State.CLAIMED is state(shared, 11)
    (claim,) = shared.run(shared.spool.claim(1, 9e9))
    assert 11 == claim.delivery.id

    deaf()
    assert isinstance(failure_of(shared.spool.accept(accepted(2, claimed=True))), SpoolUnavailable)
    assert [21] == numbers(shared.run(shared.spool.claim(1, 9e9)))
    assert 2 == len(events(shared))


def test_reads_recover_too(shared, postgresql):
    cut = Cut(shared, postgresql)
    shared.run(shared.spool.accept(accepted(1)))
    for read in (
        lambda: shared.spool.message(10),
        shared.spool.next_due,
        lambda: shared.journal.since(0, ALL, 1),
        lambda: shared.accounts.login("joe"),
    ):
        cut.at = 0
        with pytest.raises((SpoolUnavailable, JournalUnavailable, AccountsUnavailable)):
            shared.run(read())
        shared.run(read())


@pytest.mark.row(136)
def test_a_server_that_is_killed_and_comes_again_has_all_that_was_acknowledged(tmp_path):
    server = PostgreSQL(installed(), {"fsync": "on"})
    try:
        server.start()
        url = server.url("postgres")
        migrations.upgrade(open_engine(url, tmp_path))
        pump = Pump()
        store = open_for_server(url, tmp_path, pump, Machine().host)
        (claim,) = pump.run(store.spool.accept(accepted(1, claimed=True)))
        server.kill()
        with pytest.raises(SpoolUnavailable):
            pump.run(store.spool.accept(accepted(2)))
        with pytest.raises(SpoolUnavailable):
            pump.run(store.spool.next_due())
        server.start()
        assert pump.run(store.spool.release(claim, 5.0))
        assert accepted(1).message == pump.run(store.spool.message(10))
        assert pump.run(store.spool.message(20)) is None
        pump.run(store.stop())
    finally:
        server.stop()


def test_a_session_that_hangs_within_a_transaction_does_not_hold_up_the_others_for_ever(shared):
    with shared.engine.begin() as connection:
        limit = connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
        patience = connection.execute(text("SHOW lock_timeout")).scalar_one()
        assert ("10s", "10s", "on") == (
            limit,
            patience,
            connection.execute(text("SHOW synchronous_commit")).scalar_one(),
        )


def test_a_full_disk_is_told_from_other_trouble():
    full = psycopg.errors.DiskFull("no space left on device")
    wrapped = psycopg.errors.DeadlockDetected("deadlock")
    assert (True, True) == _judged(full)
    assert (False, False) == _judged(wrapped)
    assert (True, False) == _judged(psycopg.errors.AdminShutdown("terminating connection"))
    assert (True, False) == _judged(psycopg.OperationalError("server closed the connection unexpectedly"))
    assert (True, False) == _judged(psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT"))
    assert (False, False) == _judged(psycopg.errors.UniqueViolation("duplicate key"))


def _judged(error):
    wrapped = DBAPIError("INSERT", None, error)
    return is_store_wide(wrapped), trouble(wrapped).full


# -- opening and migrating ---------------------------------------------------------------------------------


def test_the_migrations_make_the_same_schema(shared):
    with shared.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert [] == compare_metadata(context, metadata)


def test_of_two_that_start_at_once_one_migrates_and_the_other_waits(postgresql, tmp_path):
    with postgresql.database() as name:
        engines = [open_engine(postgresql.url(name), tmp_path) for _ in range(2)]
        together = threading.Barrier(2)

        def upgrade(engine):
            together.wait(30)
            migrations.upgrade(engine)

        with ThreadPoolExecutor() as pool:
            list(pool.map(upgrade, engines))
        assert migrations.is_current(engines[0])


def test_a_later_version_is_refused_and_the_password_is_not_told(postgresql, tmp_path):
    with postgresql.database() as name:
        url = postgresql.url(name).replace("smtpeter@", "smtpeter:secret@")
        engine = open_engine(url, tmp_path)
        migrations.upgrade(engine)
        with for_writing(engine).begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(SchemaIsNewer, match=r"\(9999\) is newer") as caught:
            migrations.upgrade(engine)
        assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_told_without_the_password(tmp_path):
    with pytest.raises(StoreUnusable, match="connection") as caught:
        open_engine(f"postgresql+psycopg://me:secret@/x?host={tmp_path}", tmp_path)
    assert "secret" not in str(caught.value)


def test_two_machines_serve_from_one_store(shared, migrated, tmp_path):
    """What one of them accepts, the other one delivers."""
    pump = Pump()
    stores = [open_for_server(migrated, tmp_path / name, pump, Machine().host) for name in "ab"]
    pump.run(stores[0].spool.accept(accepted(7_000_001)))
    (claim,) = pump.run(stores[1].spool.claim(1, 9e9))
    assert 70_000_011 == claim.delivery.id
    for store in stores:
        pump.run(store.stop())
    found = shared.run(shared.spool.deliveries(QueueFilter(states=(State.DUE,)), 10))
    assert [70_000_011] == [delivery.id for delivery in found]
