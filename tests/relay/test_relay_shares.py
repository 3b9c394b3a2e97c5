"""How logins share what is scarce."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.relay.shares import Shares


def taken(shares, login, most=10_000):
    """Take one by one what is allowed; how many that is."""
    count = 0
    while count < most and shares.allows(login):
        shares.take(login)
        count += 1
    return count


def test_one_alone_has_nearly_three_quarters_and_the_next_of_what_is_left():
    shares = Shares(200, 3)
    assert [144, 36, 9, 3, 1, 1] == [taken(shares, login) for login in "abcdef"]


def test_what_is_given_back_can_be_taken_by_another():
    shares = Shares(8, 3)
    assert 6 == taken(shares, "a")
    for _ in range(6):
        shares.give_back("a")
    assert (0, 6) == (shares.taken, taken(shares, "b"))


@pytest.mark.parametrize("greed", [100, 1000])
def test_the_greediest_has_all(greed):
    shares = Shares(100, greed)
    assert 100 == taken(shares, "a")
    assert shares.is_spent


@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.booleans()), max_size=600))
def test_seven_who_collude_leave_some_to_one_who_has_none(wishes):
    """Whoever asks first, and whatever is given back in between."""
    shares = Shares(200, 3)
    has = dict.fromkeys("abcdefg", 0)
    for login, gives_back in wishes:
        if gives_back and has[login] > 100:
            shares.give_back(login)
            has[login] -= 1
        has[login] += taken(shares, login, most=50)
    assert sum(has.values()) == shares.taken < 200
    assert shares.allows("new")
