"""What domains ask of TLS is kept, for all processes and over restarts, and does not grow without end."""

from dataclasses import replace

import pytest

from smtpeter.spool.policies import FETCHED_EVERY, Mode, Policy
from smtpeter.storage.policies import StoredPolicies
from smtpeter.storage.threads import Inline

DAY = 86400.0
ONE = Policy(
    "one.example", "1", Mode.ENFORCE, ("mx.one.example", "*.two.example"), 1000.0, 1000.0 + 7 * DAY, 1000.0
)


def kept(shelf, policy, now=1000.0):
    shelf.run(shelf.policies.keep(policy, now))


@pytest.mark.row(113)
def test_a_policy_is_there_until_another_takes_its_place(shelf):
    assert shelf.run(shelf.policies.policy("one.example")) is None
    kept(shelf, ONE)
    assert ONE == shelf.run(shelf.policies.policy("one.example"))
    other = replace(ONE, id="2", mode=Mode.NONE, mx=())
    kept(shelf, other)
    assert other == shelf.run(shelf.policies.policy("one.example"))
    assert shelf.run(shelf.policies.policy("two.example")) is None


@pytest.mark.row(113)
def test_what_has_expired_goes(shelf):
    kept(shelf, ONE)
    later = 2000.0 + 7 * DAY
    kept(shelf, replace(ONE, domain="two.example", expires_at=later + 1), now=later)
    assert shelf.run(shelf.policies.policy("one.example")) is None
    assert shelf.run(shelf.policies.policy("two.example")) is not None


@pytest.mark.row(113)
def test_what_is_in_use_is_old_after_a_day_or_half_its_life(shelf):
    kept(shelf, ONE)
    kept(shelf, replace(ONE, domain="unused.example", used_at=10.0))
    kept(shelf, replace(ONE, domain="short.example", fetched_at=900.0, expires_at=1000.0 + DAY))

    def aged(now, limit=10):
        return [one.domain for one in shelf.run(shelf.policies.aged(now, 500.0, limit))]

    assert [] == aged(1000.0 + DAY / 2 - 100)
    assert ["short.example"] == aged(1000.0 + DAY / 2)
    assert ["short.example", "one.example"] == aged(1000.0 + FETCHED_EVERY)
    assert ["short.example"] == aged(1000.0 + FETCHED_EVERY, limit=1)


def test_of_too_many_those_go_that_expire_first(either):
    policies = StoredPolicies(Inline(either.engine), most=3)
    for number in (3, 1, 2, 4):
        policies.keep(replace(ONE, domain=f"{number}.example", expires_at=5000.0 + number), 1000.0)
    there = [number for number in (1, 2, 3, 4) if either.run(policies.policy(f"{number}.example"))]
    assert [2, 3, 4] == there
