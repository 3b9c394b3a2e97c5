"""Logins from memory: half a second old at most, whoever changes them."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from smtpeter.accounts.model import Login
from smtpeter.message.options import Switches
from tests.storage.stores import StoredShelf

JOE = Login("joe", "", Switches(), 0.0)


@pytest.fixture
def joe(stored):
    """joe is known, and what memory knows was confirmed just now."""
    stored.run(stored.accounts.create(JOE))
    stored.run(stored.accounts.login("joe"))
    return stored


@pytest.fixture
def statements(joe):
    seen = []
    event.listen(joe.engine, "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement))
    return seen


def test_within_half_a_second_nothing_is_asked(joe, statements):
    joe.machine.uptime += 0.49
    assert JOE == joe.run(joe.accounts.login("joe"))
    assert [] == statements


def test_another_processs_change_is_seen_after_half_a_second(joe):
    other = joe.new_store().accounts
    changed = replace(JOE, enabled=False)
    joe.run(other.replace(changed))

    joe.machine.uptime += 0.5
    assert changed == joe.run(joe.accounts.login("joe"))


def test_another_processs_deletion_is_seen_too(joe):
    joe.run(joe.new_store().accounts.delete("joe"))
    joe.machine.uptime += 0.5
    assert joe.run(joe.accounts.login("joe")) is None
    joe.run(joe.accounts.create(JOE))
    assert JOE == joe.run(joe.accounts.login("joe"))


def test_a_change_found_by_one_name_makes_all_names_be_asked_for_again(joe):
    joe.run(joe.accounts.create(replace(JOE, username="ann")))
    joe.run(joe.accounts.login("ann"))
    joe.run(joe.accounts.login("joe"))
    joe.run(joe.new_store().accounts.replace(replace(JOE, note="changed")))

    joe.machine.uptime += 0.5
    joe.run(joe.accounts.login("ann"))
    joe.machine.uptime += 0.1
    assert "changed" == joe.run(joe.accounts.login("joe")).note


def test_names_that_do_not_exist_are_not_remembered(joe):
    for number in range(50):
        joe.run(joe.accounts.login(f"guess{number}"))
    assert ["joe"] == list(joe.accounts._memory.logins)


def test_the_key_ring_is_remembered_alike(joe, statements):
    old = joe.run(joe.accounts.keys())
    joe.run(joe.accounts.keys())
    new = joe.run(joe.new_store().accounts.add_key())
    del statements[:]
    assert old == joe.run(joe.accounts.keys())
    assert [] == statements
    joe.machine.uptime += 0.5
    assert (new, *old) == joe.run(joe.accounts.keys())


def test_an_answer_that_was_overtaken_by_our_own_change_is_not_remembered(tmp_path, empty_store):
    """A look-up that began before a change and ends after it must not bring the old login back."""
    shelf = StoredShelf(tmp_path, empty_store, threaded=True)
    shelf.run(shelf.accounts.create(JOE))
    looked_up = shelf.accounts.login("joe")
    changed = shelf.accounts.replace(replace(JOE, note="changed"))
    shelf.run(changed)
    shelf.run(looked_up)
    assert "changed" == shelf.run(shelf.accounts.login("joe")).note
    shelf.close()
