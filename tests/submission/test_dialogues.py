"""Every script of tests/dialogues, against the door in memory: in one piece, and octet by octet."""

import pytest

from tests.dialogues.runner import run_dialogue, scripts
from tests.submission.door import HOSTNAME, PASSWORD, USERNAME, Door, b64, plain

VARIABLES = {
    "host": HOSTNAME,
    "plain": plain(),
    "plain_as_admin": plain(identity="admin"),
    "username64": b64(USERNAME),
    "password64": b64(PASSWORD),
}
CASES = [
    pytest.param(
        script,
        bytewise,
        id=f"{script.name}-{'bytewise' if bytewise else 'whole'}",
        marks=[pytest.mark.row(row) for row in script.rows],
    )
    for script in scripts()
    for bytewise in (False, True)
    if not (bytewise and script.in_one_piece)
]


@pytest.mark.parametrize(("script", "bytewise"), CASES)
def test_dialogue(script, bytewise, tmp_path):
    settings = {key: int(value) for key, value in script.settings.items()}
    door = Door(tmp_path, **settings)
    wire = door.wire(implicit_tls=script.implicit_tls, bytewise=bytewise)
    try:
        run_dialogue(script, wire, VARIABLES)
    finally:
        wire.close()
    assert 0 == door.clock_calls()
    assert (0, 0) == (door.quota.connections, door.quota.memory)
