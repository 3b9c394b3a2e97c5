"""Several workers on one store: who holds what, when one ends, is replaced, or only seemed dead."""

import pytest

from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State
from smtpeter.storage import workers
from smtpeter.storage.engine import DirectoryLock, StoreInUse, StoreUnusable, for_writing, open_engine
from smtpeter.storage.store import open_for_worker, take_directory
from tests.storage.stores import URL, Machine, Pump, accepted, numbers, settlement


class House:
    """A data directory, its lock held by a parent that the test is, and workers."""

    def __init__(self, directory):
        self.directory, self.machine, self.pump = directory, Machine(), Pump()
        self.lock = take_directory(URL, directory, self.machine.host)
        self.open = []

    def worker(self, predecessor=None):
        store = open_for_worker(URL, self.directory, self.pump, self.machine.host, predecessor)
        self.open.append(store)
        return store

    def run(self, deferred):
        return self.pump.run(deferred)

    def claimed(self):
        wanted = QueueFilter(states=(State.CLAIMED,))
        return numbers_of(self.run(self.open[-1].spool.deliveries(wanted, 100)))

    def beat(self, *beats):
        with for_writing(open_engine(URL, self.directory)).begin() as connection:
            workers.beat(connection, beats)

    def close(self):
        for store in self.open:
            self.run(store.stop())
        self.lock.release()


def numbers_of(deliveries):
    return [delivery.id for delivery in deliveries]


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.close()


def test_workers_share_what_is_due_and_none_is_claimed_twice(house):
    first, second = house.worker(), house.worker()
    for number in range(1, 41):
        house.run(first.spool.accept(accepted(number, due_at=1_000.0 + number)))
    mine, theirs = [], []
    while claims := house.run(first.spool.claim(3, 2_000.0)):
        mine += numbers(claims)
        theirs += numbers(house.run(second.spool.claim(3, 2_000.0)))
    assert sorted(mine + theirs) == [10 * number + 1 for number in range(1, 41)]
    assert mine
    assert theirs


def test_claims_asked_for_at_the_same_time_are_never_the_same(house):
    stores = [house.worker() for _ in range(3)]
    for number in range(1, 61):
        house.run(stores[0].spool.accept(accepted(number)))
    asked = [store.spool.claim(1, 2_000.0) for _ in range(20) for store in stores]
    given = [claim.delivery.id for deferred in asked for claim in house.run(deferred)]
    assert 60 == len(given) == len(set(given))


@pytest.mark.row(144)
def test_a_successor_makes_due_at_once_what_its_dead_predecessor_held_and_nothing_else(house):
    dead, other = house.worker(), house.worker()
    house.run(dead.spool.accept(accepted(1, claimed=True)))
    house.run(other.spool.accept(accepted(2, claimed=True)))
    successor = house.worker(predecessor=dead.worker)
    assert [21] == house.claimed()
    assert [11] == numbers(house.run(successor.spool.claim(9, 2_000.0)))


@pytest.mark.row(144)
def test_a_claim_that_another_worker_has_taken_cannot_be_settled(house):
    slow, other = house.worker(), house.worker()
    [stale] = house.run(slow.spool.accept(accepted(1, claimed=True)))
    successor = house.worker(predecessor=slow.worker)
    [valid] = house.run(successor.spool.claim(1, 2_000.0))
    assert (stale,) == house.run(slow.spool.settle([settlement(stale)]))
    assert [11] == house.claimed()
    assert () == house.run(successor.spool.settle([settlement(valid)]))
    assert other.worker != successor.worker


@pytest.mark.row(144)
def test_what_a_slow_worker_tells_counts_while_nobody_else_has_its_claim(house):
    slow = house.worker()
    [claim] = house.run(slow.spool.accept(accepted(1, claimed=True)))
    house.worker(predecessor=slow.worker)
    assert () == house.run(slow.spool.settle([settlement(claim)]))
    assert State.DELIVERED is house.run(slow.spool.delivery(11)).state


@pytest.mark.row(144)
def test_on_any_other_host_the_heartbeats_silence_gives_its_work_to_others(house):
    silent, other = house.worker(), house.worker()
    house.run(silent.spool.accept(accepted(1, claimed=True)))
    now = house.machine.uptime
    house.beat((other.worker, now + workers.DEAD_AFTER))
    assert [11] == house.claimed()
    house.beat((other.worker, now + workers.DEAD_AFTER + 1))
    assert [] == house.claimed()


def test_a_worker_that_stops_in_order_leaves_nothing_claimed(house):
    leaving = house.worker()
    house.run(leaving.spool.accept(accepted(1, claimed=True)))
    house.run(leaving.stop())
    house.open.remove(leaving)
    house.worker()
    assert [] == house.claimed()


@pytest.mark.row(141)
def test_the_directory_is_the_parents_and_a_new_one_takes_over_what_was_held(tmp_path):
    house = House(tmp_path)
    house.run(house.worker().spool.accept(accepted(1, claimed=True)))
    with pytest.raises(StoreInUse):
        DirectoryLock(tmp_path)
    house.lock.release()
    heir = House(tmp_path)
    heir.worker()
    assert [] == heir.claimed()
    heir.close()
    house.lock = DirectoryLock(tmp_path)
    house.close()


def test_a_store_that_cannot_be_opened_gives_the_directory_back(tmp_path):
    with pytest.raises(StoreUnusable):
        take_directory("sqlite:///:memory:", tmp_path, Machine().host)
    DirectoryLock(tmp_path).release()


def test_a_worker_without_a_schema_is_refused(tmp_path):
    with pytest.raises(StoreUnusable, match="no such table"):
        open_for_worker(URL, tmp_path, Pump(), Machine().host)
