"""Networks that may submit without AUTH and TLS, and clients behind a proxy; nobody else gets in by their words."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.kit.certificates import Authority
from tests.kit.clients import CONTENT, SENDER, run
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port
from tests.kit.peers import program
from tests.kit.postfix import Postfix, relaying
from tests.kit.sink import Sink

TRUSTED, STRANGER = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def proxied() -> int:
    """The port of a listener that speaks the PROXY protocol."""
    return free_port()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, sink: Sink, proxied: int
) -> Iterator[Daemon]:
    """127.0.0.2 submits as `office`; 127.0.0.4 as `newsroom`, whose x-smtpeter-* fields count."""
    daemon = Daemon(
        tmp_path_factory.mktemp("server"),
        authority,
        relay={
            "mode": "smarthost",
            "smarthost": f"127.0.0.1:{sink.port}",
            "allow_private_addresses": True,
            "retry": ["1s"],
        },
    )
    through_proxy = f"tcp:{proxied}:interface=127.0.0.1"
    daemon.sections["submission"] |= {
        "starttls": [*daemon.sections["submission"]["starttls"], through_proxy],  # type: ignore[misc]
        "proxy_protocol": [through_proxy],
        "proxies": ["127.0.0.1"],
        "trusted_networks": {"127.0.0.2/32": "office", "127.0.0.4/32": "newsroom", "192.0.2.0/24": "office"},
    }
    daemon.configure()
    daemon.login(username="office")
    daemon.login("--option-headers", username="newsroom")
    with daemon:
        yield daemon


def client(server: Daemon, source: str) -> smtplib.SMTP:
    opened = smtplib.SMTP("127.0.0.1", server.starttls, timeout=20, source_address=(source, 0))
    opened.ehlo()
    return opened


def attempt(server: Daemon, recipient: str) -> dict[str, str]:
    [event] = server.events("--kind", "attempt", "--recipient", recipient)
    data: dict[str, str] = event["data"]
    return data


@pytest.mark.row(72)
def test_trusted_without_login(server: Daemon, sink: Sink) -> None:
    with client(server, TRUSTED) as trusted:
        assert trusted.sendmail(SENDER, ["trusted@example.net"], CONTENT) == {}
    assert sink.wait_for("trusted@example.net").content.endswith(CONTENT)
    told = attempt(server, "trusted@example.net")
    assert (told["login"], told["client"]) == ("office", TRUSTED)


@pytest.mark.row(72)
@pytest.mark.row(70)
@pytest.mark.parametrize(
    "claim",
    [
        "XCLIENT ADDR=127.0.0.2 NAME=trusted",
        "XFORWARD ADDR=127.0.0.2",
        "PROXY TCP4 127.0.0.2 127.0.0.1 40000 587",
        "HELO [127.0.0.2]",
        "EHLO [127.0.0.2]",
    ],
)
def test_nobody_else_is_believed(server: Daemon, claim: str) -> None:
    with client(server, STRANGER) as stranger:
        stranger.docmd(claim)
        stranger.ehlo()
        code, text = stranger.mail(SENDER)
        assert (code, text[:5]) == (530, b"5.7.0")


@pytest.mark.row(72)
def test_proxy_header_on_a_listener_that_speaks_none(server: Daemon) -> None:
    """As the very first line, in both versions."""
    for header in (proxy_v1(TRUSTED), proxy_v2(TRUSTED)):
        with socket.create_connection(("127.0.0.1", server.starttls), 20, (STRANGER, 0)) as stranger:
            stranger.sendall(header + f"EHLO x.example\r\nMAIL FROM:<{SENDER}>\r\nQUIT\r\n".encode())
            said = b""
            while octets := stranger.recv(4096):
                said += octets
        assert b"\r\n250 2.1.0 " not in said


@pytest.mark.row(72)
@pytest.mark.row(84)
@pytest.mark.parametrize(("source", "honoured"), [(TRUSTED, False), ("127.0.0.4", True)])
def test_option_headers_count_only_where_the_login_says_so(
    server: Daemon, sink: Sink, source: str, honoured: bool
) -> None:
    recipient = f"options-{honoured}@example.net"
    with client(server, source) as trusted:
        trusted.sendmail(
            SENDER, [recipient], b"x-smtpeter-tags: spring;x\r\nX-SMTPeter-Tags: may\r\n" + CONTENT
        )
    message = sink.wait_for(recipient)
    assert b"smtpeter-tags" not in message.content.lower()
    assert message.content.endswith(CONTENT)
    assert attempt(server, recipient)["tags"] == ("may" if honoured else "")


@pytest.mark.row(72)
@pytest.mark.row(158)
def test_postfix_in_the_trusted_network(server: Daemon, sink: Sink) -> None:
    settings = relaying("127.0.0.1", server.starttls) | {
        "smtp_bind_address": TRUSTED,
        "smtp_tls_security_level": "may",
    }
    with Postfix(settings) as postfix:
        with smtplib.SMTP(postfix.address, postfix.port, timeout=20) as front:
            front.sendmail(SENDER, ["office@example.net"], CONTENT)
        message = sink.wait_for("office@example.net")
    assert message.content.endswith(CONTENT)
    assert attempt(server, "office@example.net")["login"] == "office"


@pytest.mark.row(72)
@pytest.mark.parametrize("version", [1, 2])
def test_true_client_behind_a_proxy(server: Daemon, sink: Sink, proxied: int, version: int) -> None:
    """It is trusted, or has to log in, by its own address, which the journal has."""
    header = {1: proxy_v1, 2: proxy_v2}[version]
    login = server.login()
    for address, code in (("192.0.2.55", 250), ("198.51.100.7", 530)):
        with socket.create_connection(("127.0.0.1", proxied), 20) as raw:
            raw.sendall(header(address))
            with smtplib.SMTP() as through:
                through.sock = raw
                assert through.getreply()[0] == 220
                through.ehlo()
                assert through.mail(SENDER)[0] == code
    recipient = f"proxy-{version}@example.net"
    run(
        program("swaks", "swaks"),
        *("--server", "localhost", "--port", str(proxied), "--tls", "--tls-verify"),
        *("--tls-ca-path", server.authority.path),
        *("--proxy-version", str(version), "--proxy-family", "TCP4" if version == 1 else "AF_INET"),
        *("--proxy-source", "198.51.100.7", "--proxy-source-port", "40000"),
        *("--proxy-dest", "127.0.0.1", "--proxy-dest-port", str(proxied)),
        *("--auth", "PLAIN", "--auth-user", login.username, "--auth-password", login.password),
        *("--from", SENDER, "--to", recipient),
    )
    sink.wait_for(recipient)
    told = attempt(server, recipient)
    assert told["login"] == login.username
    assert told["client"].startswith("198.51.100.7 TLSv1.")


@pytest.mark.row(72)
def test_proxy_listener_takes_nobody_but_its_proxies(server: Daemon, proxied: int) -> None:
    with socket.create_connection(("127.0.0.1", proxied), 20, (STRANGER, 0)) as stranger:
        with contextlib.suppress(ConnectionError):  # closed by now
            stranger.sendall(proxy_v1("192.0.2.55") + b"EHLO x.example\r\n")
        assert hears_nothing(stranger)


@pytest.mark.row(72)
def test_proxy_listener_hears_nobody_without_a_header(server: Daemon, proxied: int) -> None:
    with socket.create_connection(("127.0.0.1", proxied), 20) as bare:
        with contextlib.suppress(ConnectionError):
            bare.sendall(b"EHLO x.example\r\n")
        assert hears_nothing(bare)


def hears_nothing(client: socket.socket) -> bool:
    """The connection is closed without a word."""
    try:
        return client.recv(1000) == b""
    except ConnectionResetError:
        return True


def proxy_v1(source: str) -> bytes:
    return f"PROXY TCP4 {source} 127.0.0.1 40000 587\r\n".encode()


def proxy_v2(source: str) -> bytes:
    addresses = socket.inet_aton(source) + socket.inet_aton("127.0.0.1") + struct.pack("!HH", 40000, 587)
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(addresses)) + addresses
