"""What is limited is shared: no two processes together ever hold more than there is, and each that wants some gets some."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.spool.quota import Share, Want, grant
from tests.kit.fakes.work import FakeQuota
from tests.storage.stores import result

SITE = "site gmail.com connections"


def lease(shelf, quota, wanted, *, total=10, using=0, name=SITE):
    return shelf.run(quota.lease([Want(name, total, using, wanted)]))[0]


def test_one_alone_has_all_that_it_wants(shelf):
    assert 10 == lease(shelf, shelf.quota, 10)
    assert 4 == lease(shelf, shelf.quota, 4)


def test_several_names_are_leased_at_once(shelf):
    wants = [Want("site a connections", 3, 0, 3), Want("site a rate", 100, 0, 100)]
    assert (3, 100) == shelf.run(shelf.quota.lease(wants))


@pytest.mark.row(118)
def test_another_has_its_part_once_the_first_has_given_that_back(shelf):
    first, second = shelf.quota, shelf.another_quota()
    assert 10 == lease(shelf, first, 10)
    assert 0 == lease(shelf, second, 10)
    assert 5 == lease(shelf, first, 10)
    assert 5 == lease(shelf, second, 10)
    assert 5 == lease(shelf, first, 10)


def test_what_is_in_use_is_kept(shelf):
    first, second = shelf.quota, shelf.another_quota()
    lease(shelf, first, 10)
    lease(shelf, second, 10)
    assert 8 == lease(shelf, first, 10, using=8)
    assert 2 == lease(shelf, second, 10)


def test_what_nobody_wants_any_longer_is_free(shelf):
    first, second = shelf.quota, shelf.another_quota()
    lease(shelf, first, 10)
    assert 0 == lease(shelf, first, 0)
    assert 10 == lease(shelf, second, 10)


def test_less_than_one_for_each_goes_round(shelf):
    first, second = shelf.quota, shelf.another_quota()
    held = []
    for _ in range(4):
        held.append((lease(shelf, first, 1, total=1), lease(shelf, second, 1, total=1)))
    assert [(1, 0), (0, 1), (0, 0), (1, 0)] == held


def test_what_a_dead_worker_held_is_free(shelf):
    second = shelf.another_quota()
    lease(shelf, shelf.quota, 10)
    assert 0 == lease(shelf, second, 10)
    shelf.presume_dead()
    assert 10 == lease(shelf, second, 10)


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 25), st.booleans()), max_size=60),
)
def test_all_parts_together_are_never_more_than_the_total(total, steps):
    """Whoever asks for what, when, and uses as much of it as it holds."""
    quotas = [FakeQuota()]
    for _ in range(3):
        quotas.append(quotas[-1].another_worker())
    held = dict.fromkeys(range(4), 0)
    for worker, wanted, uses in steps:
        using = min(held[worker], wanted) if uses else 0
        held[worker] = result(quotas[worker].lease([Want("x", total, using, min(wanted, total))]))[0]
        assert sum(held.values()) <= total


def test_nobody_waits_for_ever_for_a_part():
    """With more that want it than there is, each has had it after as many rounds as there are workers."""
    quotas = [FakeQuota()]
    for _ in range(4):
        quotas.append(quotas[-1].another_worker())
    had = set()
    for _ in range(12):
        for number, quota in enumerate(quotas):
            if result(quota.lease([Want("x", 2, 0, 2)]))[0]:
                had.add(number)
    assert {0, 1, 2, 3, 4} == had


def test_a_grant_is_what_is_wanted_at_most():
    assert 3 == grant(Want("x", 10, 0, 3), 0, ())
    assert 0 == grant(Want("x", 10, 0, 3), 0, (Share(10, 10),))
