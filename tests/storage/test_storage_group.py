"""Group commit: one transaction for all that wait, and no write spoils its neighbours."""

import pytest
from sqlalchemy import event

from smtpeter.accounts.interface import LoginExists
from smtpeter.accounts.model import Login
from smtpeter.journal.interface import Query
from smtpeter.message.options import Switches
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State
from smtpeter.storage import accounts, spool
from smtpeter.storage.group import Job
from tests.storage.stores import accepted, settlement


@pytest.fixture
def commits(stored):
    counted = []
    event.listen(stored.engine, "commit", counted.append)
    return counted


def accepting(stored, *numbers):
    return [Job(stored.spool._accept, accepted(number, claimed=True), SpoolUnavailable) for number in numbers]


def settling(stored, claim):
    return Job(stored.spool._settle, spool.GivenBack((settlement(claim),), ()), SpoolUnavailable)


def creating(username):
    return Job(accounts.create, Login(username, "", Switches(), 0.0), RuntimeError)


def write(stored, jobs):
    return stored.spool._access._writing.write(jobs)


def states(stored):
    found = stored.run(stored.spool.deliveries(QueueFilter(states=None), 100))
    return {delivery.id: delivery.state for delivery in found}


def test_all_that_waits_is_one_commit_and_each_has_its_own_answer(stored, commits):
    jobs = [*accepting(stored, 1, 2), creating("joe"), *accepting(stored, 3)]

    answers = write(stored, jobs)

    assert 1 == len(commits)
    assert [11, 21, None, 31] == [a.value and a.value[0].delivery.id for a in answers]


@pytest.mark.parametrize("place", range(4))
def test_a_bad_write_fails_alone(stored, commits, place):
    write(stored, accepting(stored, 9))
    jobs = accepting(stored, 1, 2, 3)
    jobs.insert(place, accepting(stored, 9)[0])
    del commits[:]

    answers = write(stored, jobs)

    assert [place] == [number for number, answer in enumerate(answers) if answer.error]
    assert isinstance(answers[place].error, SpoolUnavailable)
    assert 1 == len(commits)
    assert [11, 21, 31, 91] == list(states(stored))
    assert 4 == len(stored.run(stored.journal.since(0, Query(), 100)))


def test_whoever_comes_second_within_a_group_is_told_so(stored):
    (claim,) = stored.run(stored.spool.accept(accepted(1, claimed=True)))

    once, twice = write(stored, [settling(stored, claim), settling(stored, claim)])
    first, second = write(stored, [creating("joe"), creating("joe")])

    assert ((), (claim,)) == (once.value, twice.value)
    assert (None, LoginExists) == (first.error, type(second.error))


def test_a_stale_settle_leaves_its_neighbours_settled(stored):
    claims = [stored.run(stored.spool.accept(accepted(n, claimed=True)))[0] for n in (1, 2, 3)]
    stored.run(stored.spool.release(claims[1], 1500.0))

    answers = write(stored, [settling(stored, claim) for claim in claims])

    assert [(), (claims[1],), ()] == [answer.value for answer in answers]
    assert [State.DELIVERED, State.DUE, State.DELIVERED] == list(states(stored).values())


def test_what_a_write_raises_goes_to_who_asked(stored):
    def broken(_connection, _batch):
        raise ZeroDivisionError

    bad, good = write(stored, [Job(broken, None, RuntimeError), *accepting(stored, 1)])

    assert isinstance(bad.error, ZeroDivisionError)
    assert good.error is None
    assert [11] == list(states(stored))
