"""What domains ask of TLS is kept, for all processes and over restarts, and does not grow without end."""

from dataclasses import replace

import pytest

from smtpeter.spool.mta_sts import FETCHED_EVERY, Policy, PolicyMode, Worth, surplus
from smtpeter.storage.mta_sts import StoredPolicies
from smtpeter.storage.threads import Inline

DAY = 86400.0
ONE = Policy(
    "one.example",
    "1",
    PolicyMode.ENFORCE,
    ("mx.one.example", "*.two.example"),
    1000.0,
    1000.0 + 7 * DAY,
    1000.0,
)


def kept(shelf, policy, now=1000.0):
    shelf.run(shelf.policies.keep(policy, now))


@pytest.mark.row(113)
def test_a_policy_is_there_until_another_takes_its_place(shelf):
    assert shelf.run(shelf.policies.policy("one.example")) is None
    kept(shelf, ONE)
    assert ONE == shelf.run(shelf.policies.policy("one.example"))
    other = replace(ONE, id="2", mode=PolicyMode.NONE, mx=())
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


@pytest.mark.row(113)
def test_use_is_noted_only_of_the_policy_that_is_there(shelf):
    """A process that remembers an older one does not undo what another has fetched."""
    newer = replace(ONE, id="2")
    kept(shelf, newer)
    shelf.run(shelf.policies.used("one.example", "1", 2000.0))
    assert newer == shelf.run(shelf.policies.policy("one.example"))
    shelf.run(shelf.policies.used("one.example", "2", 2000.0))
    assert replace(newer, used_at=2000.0) == shelf.run(shelf.policies.policy("one.example"))
    shelf.run(shelf.policies.used("two.example", "2", 2000.0))
    assert shelf.run(shelf.policies.policy("two.example")) is None


@pytest.mark.row(113)
def test_what_lasts_is_renewed_first(either):
    """However many policies strangers let grow old."""
    kept(either, ONE)
    either.run(either.policies.used("one.example", "1", 1000.0 + DAY))
    for number in range(3):
        kept(either, replace(ONE, domain=f"{number}.example", fetched_at=100.0 + number))
    aged = either.run(either.policies.aged(1000.0 + 2 * DAY, 500.0, 2))
    assert ["one.example", "0.example"] == [one.domain for one in aged]


def those(shelf, policies, names):
    return [name for name in names if shelf.run(policies.policy(name))]


@pytest.mark.row(113)
def test_a_strangers_year_pushes_out_no_policy_of_others(either):
    """Neither how long his policies hold nor how many names he has below his domain counts."""
    policies = StoredPolicies(Inline(either.engine), most=4)
    names = [f"{number}.stranger.example" for number in range(20)]
    policies.keep(replace(ONE, domain="good.example"), 1000.0)
    policies.keep(replace(ONE, domain="fine.example"), 1000.0)
    for name in names:
        policies.keep(replace(ONE, domain=name, expires_at=1000.0 + 365 * DAY, used_at=1001.0), 1001.0)
    assert ["good.example", "fine.example"] == those(either, policies, ["good.example", "fine.example"])
    assert 2 == len(those(either, policies, names))


@pytest.mark.row(113)
def test_of_too_many_those_go_first_that_were_used_on_one_day_only(either):
    policies = StoredPolicies(Inline(either.engine), most=3)
    policies.keep(replace(ONE, domain="good.example"), 1000.0)
    policies.used("good.example", "1", 1000.0 + DAY)
    policies.keep(replace(ONE, domain="good.example", used_at=1000.0 + DAY), 1000.0 + 2 * DAY)
    names = [f"stranger{number}.example" for number in range(6)]
    for number, name in enumerate(names):
        now = 1000.0 + 2 * DAY + number
        policies.keep(replace(ONE, domain=name, used_at=now), now)
    assert ["good.example", *names[-2:]] == those(either, policies, ["good.example", *names])


def test_of_what_does_not_last_that_goes_first_of_which_a_parent_has_most():
    known = [
        Worth(False, 4.0, "a.x.example"),
        Worth(False, 9.0, "b.x.example"),
        Worth(False, 2.0, "c.y.example"),
        Worth(True, 1.0, "d.z.example"),
        Worth(True, 3.0, "test"),
    ]
    first = ["a.x.example", "c.y.example", "b.x.example", "d.z.example", "test"]
    for number in range(7):
        assert first[:number] == surplus(known, number)
