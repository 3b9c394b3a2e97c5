"""What the end-to-end tests start: a name server, a sink, a real Postfix, and the server between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon, Login
from tests.kit.names import StubNames
from tests.kit.postfix import Postfix, receiving
from tests.kit.sink import Sink

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def names() -> Iterator[StubNames]:
    """Mail for example.net and for sender.example goes to 127.0.0.1."""
    with StubNames() as names:
        names.host("example.net", "127.0.0.1")
        names.host("sender.example", "127.0.0.1")
        yield names


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    """A willing host, one for all tests of a module: each has recipients of its own."""
    with Sink() as sink:
        yield sink


@pytest.fixture(scope="session")
def postfix(authority: Authority) -> Iterator[Postfix]:
    """A real Postfix that takes mail for example.net and sender.example, but none for gone@example.net."""
    issued = authority.issue("mx1.example.net", "mx1.sender.example")
    settings = receiving(
        "example.net",
        "sender.example",
        refused={"gone@example.net": "550 5.1.1 No such mailbox here"},
        tls=(issued.certificate, issued.private_key),
    )
    with Postfix(settings) as postfix:
        yield postfix


def relay_section(names: StubNames, port: int, relay: Mapping[str, object]) -> dict[str, object]:
    """[relay] by MX hosts that listen on `port`."""
    return {
        "mode": "mx",
        "port": port,
        "nameservers": [names.nameserver],
        "allow_private_addresses": True,
        "retry": ["1s"],
        **relay,
    }


@pytest.fixture
def prepared(tmp_path: Path, authority: Authority, names: StubNames) -> Callable[..., Daemon]:
    """A server of the test's own that relays to the MX hosts' port given, not started yet; `relay` adds to its section."""

    def prepare(port: int, **relay: object) -> Daemon:
        return Daemon(tmp_path / "server", authority, relay=relay_section(names, port, relay))

    return prepare


@pytest.fixture
def staffed(tmp_path: Path, authority: Authority, names: StubNames) -> Callable[..., Daemon]:
    """As `prepared`, with two workers; mail from this machine is taken without AUTH and TLS, as the login `load`."""

    def prepare(port: int, workers: int = 2, **more: object) -> Daemon:
        daemon = Daemon(
            tmp_path / "server",
            authority,
            server={"workers": workers},
            submission={"trusted_networks": {"127.0.0.0/8": "load"}},
            relay=relay_section(names, port, {}),
            **more,
        )
        daemon.login(username="load")
        return daemon

    return prepare


@pytest.fixture(scope="module")
def relay() -> dict[str, object]:
    """What a module adds to its server's [relay]."""
    return {}


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    names: StubNames,
    sink: Sink,
    relay: dict[str, object],
) -> Iterator[Daemon]:
    """A running server that relays to the sink, one for all tests of a module."""
    section = relay_section(names, sink.port, relay)
    with Daemon(tmp_path_factory.mktemp("server"), authority, relay=section) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def login(server: Daemon) -> Login:
    """A login at that server without switches."""
    return server.login()
