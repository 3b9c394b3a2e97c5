"""Disk full, failing disk, locked and read-only stores: refused, nothing half-written, and well again afterwards."""

import sqlite3

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.model import Login
from smtpeter.journal.events import Click
from smtpeter.journal.interface import JournalUnavailable, Query
from smtpeter.message.options import Switches
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import QueueFilter
from smtpeter.storage.group import Job
from tests.storage.stores import accepted, before_each_statement, settlement

CODES = {
    "full": sqlite3.SQLITE_FULL,
    "write": sqlite3.SQLITE_IOERR_WRITE,
    "fsync": sqlite3.SQLITE_IOERR_FSYNC,
    "readonly": sqlite3.SQLITE_READONLY,
    "busy": sqlite3.SQLITE_BUSY,
    "other": sqlite3.SQLITE_ERROR,
}


class Faults:
    """Makes the k-th statement of the engine fail, counted from 0; commits are statements too."""

    def __init__(self, engine):
        self.at = None
        self.count = 0
        self.code = sqlite3.SQLITE_FULL
        before_each_statement(engine, self._statement)
        event.listen(engine, "commit", self._commit)

    def _statement(self, _cursor):
        self._step()

    def _commit(self, _connection):
        try:
            self._step()
        except sqlite3.Error as error:
            raise DBAPIError("COMMIT", None, error) from error  # as the driver's own would come

    def _step(self):
        self.count += 1
        if self.at is not None and self.count > self.at:
            error = sqlite3.OperationalError("the disk has had enough")
            error.sqlite_errorcode = self.code
            raise error

    def strike(self, at, code):
        self.at, self.count, self.code = at, 0, code

    def cease(self):
        self.at = None


@pytest.fixture
def faults(stored):
    return Faults(stored.engine)


def everything(stored):
    return (
        stored.run(stored.spool.deliveries(QueueFilter(states=None), 100)),
        stored.run(stored.journal.since(0, Query(), 100)),
        stored.run(stored.accounts.logins()),
    )


def verbs(stored, claim):
    click = Click(time=1.0, delivery=1, message=1)
    return {
        "accept": lambda: stored.spool.accept(accepted(5, targets=())),
        "claim": lambda: stored.spool.claim(5, 9e9),
        "settle": lambda: stored.spool.settle([settlement(claim)], [accepted(6)]),
        "release": lambda: stored.spool.release(claim, 5000.0),
        "append": lambda: stored.journal.append([click]),
        "create": lambda: stored.accounts.create(Login("ann", "", Switches(), 0.0)),
    }


def failure_of(deferred):
    """The exception that a Deferred failed with, or None."""
    held = []
    deferred.addErrback(lambda failure: held.append(failure.value))
    return held[0] if held else None


@pytest.mark.row(136)
@pytest.mark.fault(
    "each statement of each verb of the store fails", "refused, nothing of it written, works again"
)
@pytest.mark.parametrize("cause", sorted(CODES))
@pytest.mark.parametrize("verb", ["accept", "claim", "settle", "release", "append", "create"])
def test_whichever_statement_fails_nothing_has_happened_and_it_works_again(stored, faults, verb, cause):
    (claim,) = stored.run(stored.spool.accept(accepted(1, claimed=True)))
    stored.run(stored.spool.accept(accepted(2)))
    before = everything(stored)
    call = verbs(stored, claim)[verb]

    for at in range(30):
        faults.strike(at, CODES[cause])
        refused = failure_of(call())
        faults.cease()
        if refused is None:
            break
        assert isinstance(refused, SpoolUnavailable | JournalUnavailable | AccountsUnavailable)
        assert getattr(refused, "full", cause == "full") is (cause == "full")
        assert before == everything(stored)

    assert 2 <= at < 30, "each statement has failed once, the commit too"
    assert before != everything(stored)


def test_a_full_disk_refuses_all_that_waited_and_then_takes_it(stored):
    """A real one: SQLite itself finds no page for a large message."""
    for number in range(1, 4):
        stored.run(stored.spool.accept(accepted(number)))
    session = stored.spool._access._writing
    limit = session._open().exec_driver_sql("PRAGMA page_count").scalar() + 3
    session._open().exec_driver_sql(f"PRAGMA max_page_count = {limit}")
    session._open().commit()
    jobs = [
        Job(stored.spool._accept, accepted(number, content=b"x" * size), SpoolUnavailable)
        for number, size in ((10, 100), (11, 100_000), (12, 100))
    ]
    before = everything(stored)

    answers = session.write(jobs)

    assert [SpoolUnavailable] * 3 == [type(answer.error) for answer in answers]
    assert before == everything(stored)
    assert [None] * 3 == [answer.error for answer in session.write(jobs)]


@pytest.mark.row(136)
def test_below_the_floor_nothing_is_accepted_and_below_half_of_it_nothing_is_tried(stored):
    (claim,) = stored.run(stored.spool.accept(accepted(1, claimed=True)))
    stored.run(stored.spool.accept(accepted(2)))

    stored.machine.free = (1 << 26) - 1
    with pytest.raises(SpoolUnavailable, match="63 MB") as caught:
        stored.run(stored.spool.accept(accepted(3)))
    assert caught.value.full
    (other,) = stored.run(stored.spool.claim(1, 9e9))

    assert stored.spool.can_record()
    stored.machine.free = 1 << 20
    stored.machine.uptime += 0.2
    assert not stored.spool.can_record()
    with pytest.raises(SpoolUnavailable):
        stored.run(stored.spool.claim(1, 9e9))
    assert () == stored.run(stored.spool.settle([settlement(claim)], [accepted(4)]))
    assert stored.run(stored.spool.release(other, 2000.0))

    stored.machine.free = 1 << 30
    stored.run(stored.spool.accept(accepted(3)))


def test_reads_fail_and_recover_too(stored, faults):
    stored.run(stored.spool.accept(accepted(1)))
    faults.strike(0, sqlite3.SQLITE_IOERR)
    for read in (
        lambda: stored.spool.message(10),
        stored.spool.next_due,
        lambda: stored.journal.since(0, Query(), 1),
        lambda: stored.accounts.login("joe"),
    ):
        with pytest.raises((SpoolUnavailable, JournalUnavailable, AccountsUnavailable)):
            stored.run(read())
    faults.cease()
    assert 1000.0 == stored.run(stored.spool.next_due())
