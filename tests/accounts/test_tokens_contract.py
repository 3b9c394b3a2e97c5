"""Access tokens: what is made, what is kept, and what every place that keeps them promises."""

import pytest

from smtpeter.accounts import tokens
from smtpeter.accounts.model import Login
from smtpeter.accounts.tokens import NoSuchToken, Scope, UnusableScope
from smtpeter.message.options import Switches

LOGIN = Login("shop", "", Switches(), 1000.0)


def counted():
    """Octets that differ each time."""
    made = iter(range(1, 100))
    return lambda length: next(made).to_bytes(length, "big")


def make(login="shop", scopes=(Scope.SEND, Scope.READ), created_at=2000.0, note="", chance=None):
    return tokens.make(login, scopes, created_at, chance or counted(), note)


def test_a_token_is_right_for_its_own_secret_only():
    text, kept = make()
    identifier, secret = tokens.split(text)
    assert kept.id == identifier
    assert tokens.is_right(secret, kept)
    assert not tokens.is_right(secret[:-1] + "z", kept)
    assert secret not in repr(kept)
    assert secret not in kept.kept


@pytest.mark.row(152)
def test_a_secret_has_128_bits_of_the_randomness_it_was_given():
    asked = []

    def chance(length):
        asked.append(length)
        return bytes(range(length))

    text, _ = make(chance=chance)
    assert 16 in asked
    assert 26 == len(tokens.split(text)[1])


@pytest.mark.parametrize(
    "text", ["", "st_", "st_abc_def", "ST_" + "a" * 13 + "_" + "a" * 26, "st_" + "a" * 13 + "_" + "a" * 27]
)
def test_what_is_no_token_has_no_parts(text):
    assert tokens.split(text) is None


@pytest.mark.parametrize(
    ("login", "scopes", "why"),
    [
        ("shop", ("admin",), "operators"),
        ("", ("send",), "needs a login"),
        ("shop", ("everything",), "no scope 'everything'"),
        ("shop", (), "needs a scope"),
    ],
    ids=["admin of a login", "send without a login", "unknown", "none"],
)
def test_scopes_that_cannot_be_are_refused(login, scopes, why):
    with pytest.raises(UnusableScope, match=why):
        make(login, scopes)


def test_a_token_is_not_that_of_a_later_login_of_the_same_name():
    _, kept = make(created_at=999.0)
    assert not kept.is_of(LOGIN)
    assert make(created_at=1000.0)[1].is_of(LOGIN)
    assert not make("other")[1].is_of(LOGIN)


def test_a_token_comes_back_as_it_was(shelf):
    _, kept = make(note="two\nlines ü")
    shelf.run(shelf.tokens.create(kept))
    assert kept == shelf.run(shelf.tokens.token(kept.id))
    assert (kept,) == tuple(shelf.run(shelf.tokens.tokens()))
    assert shelf.run(shelf.tokens.token("a" * 13)) is None


def test_tokens_are_listed_oldest_first(shelf):
    chance = counted()
    made = [make(created_at=when, chance=chance)[1] for when in (3.0, 1.0, 2.0)]
    for one in made:
        shelf.run(shelf.tokens.create(one))
    assert [1.0, 2.0, 3.0] == [one.created_at for one in shelf.run(shelf.tokens.tokens())]


def test_a_revoked_token_is_gone_at_once_where_it_was_revoked(shelf):
    _, kept = make()
    shelf.run(shelf.tokens.create(kept))
    shelf.run(shelf.tokens.token(kept.id))
    shelf.run(shelf.tokens.delete(kept.id))
    assert shelf.run(shelf.tokens.token(kept.id)) is None
    with pytest.raises(NoSuchToken):
        shelf.run(shelf.tokens.delete(kept.id))


def test_a_token_revoked_elsewhere_ends_within_half_a_second(stored):
    _, kept = make()
    other = stored.new_store().tokens
    stored.run(stored.tokens.create(kept))
    assert kept == stored.run(stored.tokens.token(kept.id))
    stored.run(other.delete(kept.id))
    stored.machine.uptime += 0.5
    assert stored.run(stored.tokens.token(kept.id)) is None
