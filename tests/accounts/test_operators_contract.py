"""Operators in the store: who is the last to administer stays, and who is disabled has no session."""

from dataclasses import replace

import pytest

from smtpeter.accounts.operators import Change, LastAdministrator, Operator, OperatorChanged, Role, Session

ADA = Operator("ada", "hash", Role.ADMINISTER, 5.0, b"key")
BOB = Operator("bob", "hash", Role.ADMINISTER, 6.0, must_change=True)


def test_an_operator_comes_back_as_it_was(either):
    for one in (ADA, BOB):
        either.run(either.operators.create(one))
    assert (ADA, BOB) == tuple(either.run(either.operators.operators()))
    changed = replace(BOB, enabled=False, must_change=False, role=Role.VIEW)
    either.run(either.operators.replace(changed))
    assert changed == either.run(either.operators.operator("bob"))


@pytest.mark.parametrize(
    "change", [{"enabled": False}, {"role": Role.OPERATE}], ids=["disabled", "another role"]
)
def test_the_last_who_administers_cannot_stop(either, change):
    either.run(either.operators.create(ADA))
    either.run(either.operators.create(replace(BOB, enabled=False)))
    with pytest.raises(LastAdministrator):
        either.run(either.operators.replace(replace(ADA, **change)))
    with pytest.raises(LastAdministrator):
        either.run(either.operators.delete("ada"))
    assert ADA == either.run(either.operators.operator("ada"))
    either.run(either.operators.replace(BOB))
    either.run(either.operators.replace(replace(ADA, **change)))
    either.run(either.operators.delete("ada"))


def test_who_is_disabled_has_no_session(either):
    for one in (ADA, BOB):
        either.run(either.operators.create(one))
    either.run(either.operators.start(Session(b"digest", "bob", 7.0, 7.0)))
    assert either.run(either.operators.session(b"digest")) is not None
    either.run(either.operators.replace(replace(BOB, enabled=False)))
    either.run(either.operators.start(Session(b"digest", "bob", 7.0, 7.0)))
    assert either.run(either.operators.session(b"digest")) is None


def test_what_was_done_to_an_operator_meanwhile_is_not_undone(either):
    for one in (ADA, BOB):
        either.run(either.operators.create(one))
    disabled = replace(BOB, enabled=False)
    either.run(either.operators.replace(disabled, BOB))
    with pytest.raises(OperatorChanged):
        either.run(either.operators.replace(replace(BOB, password_hash="another"), BOB))
    assert disabled == either.run(either.operators.operator("bob"))


@pytest.mark.parametrize("end", ["changed", "gone"])
def test_no_session_begins_of_an_operator_as_he_was(either, end):
    for one in (ADA, BOB):
        either.run(either.operators.create(one))
    if end == "gone":
        either.run(either.operators.delete("bob"))
    else:
        either.run(either.operators.replace(replace(BOB, password_hash="another")))
    with pytest.raises(OperatorChanged):
        either.run(either.operators.start(Session(b"digest", "bob", 7.0, 7.0), BOB))
    assert either.run(either.operators.session(b"digest")) is None


def test_a_session_that_has_ended_is_not_seen_again(either):
    either.run(either.operators.create(ADA))
    session = Session(b"digest", "ada", 7.0, 7.0)
    either.run(either.operators.start(session, ADA))
    either.run(either.operators.seen(b"digest", 400.0))
    assert (replace(session, seen_at=400.0), ADA) == either.run(either.operators.session(b"digest"))
    either.run(either.operators.end(b"digest"))
    either.run(either.operators.seen(b"digest", 800.0))
    assert either.run(either.operators.session(b"digest")) is None


def test_changes_are_forgotten_when_they_are_old(either):
    """The first first, as many as asked for; one that a clock set back makes old is forgotten when its turn comes."""
    for time in (1.0, 2.0, 9.0, 3.0, 8.0):
        either.run(either.operators.record(Change(time, "ada", "did", f"{time}")))

    def left():
        return [change.time for _, change in either.run(either.operators.changes(None, 10))]

    assert 2 == either.run(either.operators.forget_changes(5.0, 2))
    assert [8.0, 3.0, 9.0] == left()
    assert 1 == either.run(either.operators.forget_changes(5.0, 2))
    assert 0 == either.run(either.operators.forget_changes(5.0, 2))
    assert [8.0, 9.0] == left()
