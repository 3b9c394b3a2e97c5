"""Operators in the store: who is the last to administer stays, and who is disabled has no session."""

from dataclasses import replace

import pytest

from smtpeter.accounts.operators import LastAdministrator, Operator, Role, Session

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
