"""Sender domains from memory: half a second old at most, whoever changes them."""

import pytest
from sqlalchemy import event

from smtpeter.accounts.model import Algorithm, SenderDomain, SigningKey

ONE = SenderDomain("one.example", (SigningKey("s", Algorithm.RSA, b"key", 0.0),), 0.0)
TWO = SenderDomain("two.example", (), 0.0)


def domains(shelf):
    return tuple(shelf.run(shelf.accounts.sender_domains()))


@pytest.fixture
def known(stored):
    """One domain, and memory was confirmed just now."""
    stored.run(stored.accounts.create_sender_domain(ONE))
    domains(stored)
    return stored


def test_within_half_a_second_nothing_is_asked(known):
    seen = []
    event.listen(known.engine, "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement))
    known.machine.uptime += 0.49
    assert (ONE,) == domains(known)
    assert [] == seen


def test_that_there_are_none_is_remembered_too(stored):
    assert () == domains(stored)
    seen = []
    event.listen(stored.engine, "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement))
    assert () == domains(stored)
    assert [] == seen


def test_another_processs_change_is_seen_after_half_a_second(known):
    other = known.new_store().accounts
    known.run(other.create_sender_domain(TWO))
    assert (ONE,) == domains(known)
    known.machine.uptime += 0.5
    assert (ONE, TWO) == domains(known)
    known.run(other.delete_sender_domain("one.example"))
    known.machine.uptime += 0.5
    assert (TWO,) == domains(known)


def test_a_private_key_is_not_in_what_python_shows_of_it():
    assert "b'key'" not in repr(ONE)
    assert "one.example" in repr(ONE)
