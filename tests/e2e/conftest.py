"""What the end-to-end tests start: a name server, a sink, a real Postfix, and the server between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
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


@pytest.fixture
def names() -> Iterator[StubNames]:
    """Mail for example.net and for sender.example goes to 127.0.0.1."""
    with StubNames() as names:
        names.host("example.net", "127.0.0.1")
        names.host("sender.example", "127.0.0.1")
        yield names


@pytest.fixture
def sink() -> Iterator[Sink]:
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


Prepared = Callable[..., Daemon]


@pytest.fixture
def prepared(tmp_path: Path, authority: Authority, names: StubNames) -> Prepared:
    """A server that relays to the MX hosts' port given, not started yet; `relay` adds to its section."""

    def prepare(port: int, **relay: object) -> Daemon:
        section = {
            "mode": "mx",
            "port": port,
            "nameservers": [names.nameserver],
            "allow_private_addresses": True,
            "retry": ["1s"],
            **relay,
        }
        return Daemon(tmp_path / "server", authority, relay=section)

    return prepare


@pytest.fixture
def server(prepared: Prepared, sink: Sink) -> Iterator[Daemon]:
    """A running server that relays to the sink."""
    with prepared(sink.port) as daemon:
        yield daemon
