"""Every script of tests/dialogues that needs no clock of its own, against the daemon, over real TLS."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.dialogues.runner import Script, SocketChannel, run_dialogue, scripts
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon, Login
from tests.kit.loopback import free_port

SETTINGS = {"maximum_errors": 100}
CASES = [
    pytest.param(script, id=script.name, marks=[pytest.mark.row(row) for row in script.rows])
    for script in scripts()
    if not any(kind == "T:" for kind, _ in script.steps)
]


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Daemon]:
    """A server that finds no host to relay to, and does not slow down those who make errors."""
    with Daemon(
        tmp_path_factory.mktemp("server"),
        authority,
        submission={"error_delay": "0s", **SETTINGS},
        relay={"mode": "mx", "nameservers": [f"127.0.0.1:{free_port()}"]},
    ) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def variables(patient: Daemon) -> dict[str, str]:
    login = patient.login()
    return {
        "host": "mail.sender.example",
        "plain": _plain(login),
        "plain_as_admin": _plain(login, identity="admin"),
        "username64": _base64(login.username),
        "password64": _base64(login.password),
    }


@pytest.mark.parametrize("script", CASES)
def test_dialogue(patient: Daemon, variables: dict[str, str], script: Script) -> None:
    assert {key: str(value) for key, value in SETTINGS.items()}.items() >= script.settings.items()
    port = patient.implicit_tls if script.implicit_tls else patient.starttls
    context = patient.authority.client_context()
    channel = SocketChannel(("127.0.0.1", port), context, "localhost", implicit_tls=script.implicit_tls)
    try:
        run_dialogue(script, channel, variables)
    finally:
        channel.close()


def _plain(login: Login, identity: str = "") -> str:
    return _base64(f"{identity}\0{login.username}\0{login.password}")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
