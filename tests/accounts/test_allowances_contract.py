"""What may be done only so often, and when something was used: the rule, and every place that keeps it."""

import math

from hypothesis import given
from hypothesis import strategies as st

from smtpeter.accounts import tokens
from smtpeter.accounts.allowance import DAY, HOUR, Allowance, Stretch, beginning, wait
from smtpeter.accounts.model import Limits, Login
from smtpeter.accounts.uses import Kind
from smtpeter.message.options import Switches

NOW = 1_700_000_000.0
TEN = (Allowance(10, HOUR),)
BOTH = (Allowance(10, HOUR), Allowance(15, DAY))


@given(st.lists(st.tuples(st.floats(0, 4000), st.integers(1, 7)), max_size=40), st.integers(1, 20))
def test_in_no_hour_is_more_done_than_is_allowed(tries, most):
    """To whatever second the hour begins; and who waits as long as he is told may go on."""
    allowed = (Allowance(most, HOUR),)
    now, stretches, done = NOW, {}, []
    for pause, number in tries:
        now += pause
        known = [Stretch(*one) for one in stretches.items()]
        waits = wait(known, number, allowed, now)
        if waits == 0.0:
            at = beginning(allowed, now)
            stretches[at] = stretches.get(at, 0) + number
            done.append((now, number))
        elif number <= most:
            assert 0.0 < waits <= HOUR + HOUR // 12
            assert 0.0 == wait(known, number, allowed, now + waits)
        else:
            assert math.inf == waits
    for since, _ in done:
        assert sum(number for at, number in done if since <= at < since + HOUR) <= most


def test_what_is_allowed_is_taken_and_no_more(shelf):
    take = shelf.allowances.take
    assert 0.0 == shelf.run(take("shop", 6, TEN, NOW))
    assert 0.0 == shelf.run(take("shop", 4, TEN, NOW + 400))
    assert HOUR - 500 < shelf.run(take("shop", 1, TEN, NOW + 500)) <= HOUR + 300
    assert 0.0 == shelf.run(take("news", 10, TEN, NOW + 500))
    assert 0.0 == shelf.run(take("shop", 6, TEN, NOW + HOUR + 300))
    assert 0.0 < shelf.run(take("shop", 1, TEN, NOW + HOUR + 300))


def test_of_two_periods_both_hold(shelf):
    take = shelf.allowances.take
    assert 0.0 == shelf.run(take("shop", 10, BOTH, NOW))
    assert 0.0 == shelf.run(take("shop", 5, BOTH, NOW + 2 * HOUR))
    assert 3 * HOUR < shelf.run(take("shop", 1, BOTH, NOW + 4 * HOUR)) <= DAY
    assert 0.0 == shelf.run(take("shop", 10, BOTH, NOW + DAY + 300))


def test_what_was_not_done_is_given_back(shelf):
    shelf.run(shelf.allowances.take("shop", 10, TEN, NOW))
    shelf.run(shelf.allowances.give_back("shop", 3, TEN, NOW))
    assert 0.0 == shelf.run(shelf.allowances.take("shop", 3, TEN, NOW + 1))
    assert 0.0 < shelf.run(shelf.allowances.take("shop", 1, TEN, NOW + 1))


def test_a_clock_that_is_set_back_locks_nobody_out(shelf):
    shelf.run(shelf.allowances.take("shop", 10, TEN, NOW + 10 * DAY))
    assert 0.0 == shelf.run(shelf.allowances.take("shop", 10, TEN, NOW))


def test_processes_count_together(either):
    other = either.new_store()
    assert 0.0 == either.run(either.allowances.take("shop", 6, TEN, NOW))
    assert 0.0 < either.run(other.allowances.take("shop", 6, TEN, NOW))


def test_what_counts_no_more_is_forgotten(either):
    for number in range(120):
        either.run(either.allowances.take(f"login {number}", 1, TEN, NOW))
    for later in range(2):
        either.run(either.allowances.take("shop", 1, TEN, NOW + DAY + later * 300))
    with either.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name FROM allowances").all()
    assert {("shop",)} == set(map(tuple, rows))


def test_the_last_use_of_each_is_known(shelf):
    uses = shelf.uses
    for kind, name, at in (
        (Kind.LOGIN, "shop", NOW),
        (Kind.LOGIN, "news", NOW + 1),
        (Kind.TOKEN, "shop", NOW + 2),
        (Kind.LOGIN, "shop", NOW + 100),
    ):
        uses.used(kind, name, at)
    shelf.run(shelf.allowances.take("shop", 1, TEN, NOW))  # whatever was to be written before is written then
    assert {"shop": NOW + 100, "news": NOW + 1} == shelf.run(uses.last(Kind.LOGIN))
    assert {"shop": NOW + 2} == shelf.run(uses.last(Kind.TOKEN))
    assert {} == shelf.run(uses.last(Kind.PREVIOUS))


def test_the_uses_of_what_is_taken_away_are_forgotten(either):
    _, token = tokens.make("shop", tokens.OF_A_LOGIN, NOW, bytes)
    either.run(either.accounts.create(Login("shop", "", Switches(), NOW)))
    either.run(either.tokens.create(token))
    for kind, name in ((Kind.LOGIN, "shop"), (Kind.PREVIOUS, "shop"), (Kind.TOKEN, token.id)):
        either.uses.used(kind, name, NOW)
    either.run(either.accounts.delete("shop"))
    either.run(either.tokens.delete(token.id))
    assert [{}, {}, {}] == [either.run(either.uses.last(kind)) for kind in Kind]


def test_a_use_is_written_down_once_a_minute(stored):
    for seconds in range(0, 150, 10):
        stored.uses.used(Kind.LOGIN, "shop", NOW + seconds)
    assert {"shop": NOW + 120} == stored.run(stored.uses.last(Kind.LOGIN))


def test_a_login_says_what_it_is_allowed():
    assert () == Limits().allowances()
    assert BOTH == Limits(10, 15).allowances()


def test_after_a_rotation_both_passwords_open_it_for_a_while():
    login = Login("shop", "old", Switches(), NOW)
    changed = login.rotated("new", NOW, overlap=60.0)
    assert ("new", "old") == changed.kept(NOW + 59)
    assert ("new",) == changed.kept(NOW + 60)
    assert ("new",) == login.rotated("new", NOW).kept(NOW)
    assert ("newest", "new") == changed.rotated("newest", NOW, overlap=60.0).kept(NOW)
