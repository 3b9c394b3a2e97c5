"""A configuration that cannot be used: status 1, one line that names the key and what was expected, no traceback."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon


def complaint(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line it says."""
    assert ended.returncode == 1, ended
    assert "Traceback" not in ended.stdout + ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


@pytest.fixture
def bad(tmp_path: Path, authority: Authority) -> Callable[..., Daemon]:
    """A server whose configuration got these sections."""

    def make(**sections: dict[str, object]) -> Daemon:
        return Daemon(tmp_path, authority, **sections)

    return make


CASES = [
    ("submission", "startls", ["tcp:2587"], "no such key"),
    ("submision", "starttls", ["tcp:2587"], "no such key"),
    ("submission", "maximum_size", "big", "int"),
    ("submission", "starttls", "tcp:2587", "array"),
    ("submission", "starttls", ["tcp:smtp:nonsense=1"], "endpoint"),
    ("submission", "maximum_recipients", 0, "above 0"),
    ("submission", "trusted_networks", {"192.0.2.0/33": "login"}, "network"),
    ("relay", "mode", "pigeon", "pigeon"),
    ("relay", "retry", ["5 minutes"], "duration"),
    ("relay", "port", 70000, "65535"),
    ("relay", "smarthost", "mx.example:port", "port"),
    ("relay", "nameservers", ["127.0.0.1:0"], "port"),
    ("tracking", "click_url", "example.com", "http"),
    ("server", "hostname", "not a name", "host name"),
    ("tls", "certificate", "missing.pem", "missing.pem"),
    ("tls", "private_key", "missing.pem", "missing.pem"),
    ("bounces", "domain", "bounces", "bounces.domain: expected a domain such as"),
    ("server", "workers", 0, "expected a number from 1 to 64"),
    ("store", "url", "mysql:///mail", "store.url: expected sqlite"),
]


@pytest.mark.parametrize(("section", "key", "value", "expected"), CASES, ids=lambda value: str(value)[:20])
def test_names_the_key_and_what_was_expected(
    bad, section: str, key: str, value: object, expected: str
) -> None:
    server = bad(**{section: {key: value}})
    said = complaint(server.run())
    assert said.startswith(f"smtpeter: {server.configuration}: {section}")
    assert key in said or section in {"submision", "web", "bounces"}
    assert expected in said


@pytest.mark.parametrize(
    ("section", "key", "value"), [("relay", "mode", "pigeon"), ("tls", "certificate", "missing.pem")]
)
def test_is_said_by_check_config_too(bad, section: str, key: str, value: str) -> None:
    server = bad(**{section: {key: value}})
    said = complaint(server.command("check-config"))
    assert f"{section}.{key}" in said
    assert value in said


def test_all_mistakes_are_said_at_the_start_and_by_check_config(bad) -> None:
    server = bad(relay={"mode": "pigeon", "port": 70000}, tls={"certificate": "missing.pem"})
    told = [f"{server.configuration}: {key}: " for key in ("relay.mode", "relay.port", "tls.certificate")]
    for ended, before in ((server.run(), "smtpeter: "), (server.command("check-config"), "")):
        assert ended.returncode == 1
        lines = ended.stderr.strip().removeprefix("Error: ").splitlines()
        assert [line.startswith(before + one) for line, one in zip(lines, told, strict=True)] == [True] * 3


def test_same_port_twice(bad) -> None:
    server = bad(submission={"implicit_tls": ["tcp:2587"], "starttls": ["tcp:2587:interface=127.0.0.1"]})
    said = complaint(server.command("check-config"))
    assert "submission.implicit_tls[0]: 'tcp:2587': port 2587 is taken by submission.starttls[0]" in said


def test_socket_that_systemd_has_not_passed_in(bad) -> None:
    """Nothing is wrong with the file, so it is said only at the start."""
    server = bad(submission={"implicit_tls": ["systemd:domain=INET6:index=0"]})
    assert "can be used" in server.command("check-config").stdout
    assert "systemd has passed in no such socket" in complaint(server.run())


def test_missing_key(bad) -> None:
    server = bad()
    del server.sections["server"]["hostname"]
    server.configure()
    assert "server.hostname: missing" in complaint(server.run())


def test_missing_and_malformed_file(bad) -> None:
    server = bad()
    server.configuration.write_text('[server\nhostname = "x"\n')
    assert "line 1" in complaint(server.run())
    server.configuration.unlink()
    assert str(server.configuration) in complaint(server.run())


def test_certificate_that_is_none(bad, tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_text("junk")
    said = complaint(bad(tls={"certificate": "junk.pem"}).run())
    assert "tls.certificate" in said
    assert "junk.pem" in said


def test_key_of_another_certificate(bad, authority: Authority) -> None:
    other = authority.issue("other.example")
    said = complaint(bad(tls={"private_key": str(other.private_key)}).run())
    assert "tls.private_key" in said
    assert str(other.private_key) in said


def test_port_in_use(bad) -> None:
    server = bad()
    with socket.create_server(("127.0.0.1", server.implicit_tls)):
        said = complaint(server.run())
    assert "submission.implicit_tls" in said
    assert str(server.implicit_tls) in said
    assert "in use" in said


def test_data_directory_that_is_a_file(bad, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert "server.data_directory" in complaint(bad().run())


@pytest.mark.row(141)
def test_second_server_on_the_same_data_directory(bad, tmp_path: Path, authority: Authority) -> None:
    with bad():
        second = Daemon(tmp_path / "second", authority, server={"data_directory": str(tmp_path / "data")})
        assert "server.data_directory" in complaint(second.run())
