"""The Debian package on a machine that has never seen the source: installed, served, upgraded and purged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.debian import PYTHON, Debian, build, contents, older

# Minutes: it builds the package from the registry, and a Debian from its mirror.
pytestmark = pytest.mark.stress

CONFIGURATION = """\
[server]
hostname = "mail.sender.example"
data_directory = "/var/lib/smtpeter"
[tls]
certificate = "/etc/smtpeter/certificate.pem"
private_key = "/etc/smtpeter/private-key.pem"
[submission]
starttls = ["tcp:587"]
implicit_tls = ["tcp:465"]
[relay]
"""
# Nobody listens there: mail stays in the queue.
UNREACHABLE = 'mode = "smarthost"\nsmarthost = "127.0.0.1:2525"\nallow_private_addresses = true\n'
SUBMIT = """\
import smtplib, ssl, sys
username, password, recipient = sys.argv[1:]
with smtplib.SMTP("127.0.0.1", 587, timeout=30) as client:
    client.starttls(context=ssl.create_default_context(cafile="/etc/smtpeter/authority.pem"))
    client.login(username, password)
    client.mail("news@sender.example")
    client.rcpt(recipient)
    print(client.data(sys.stdin.read().replace("\\n", "\\r\\n"))[1].decode())
"""
NEWSLETTER = """\
From: news@sender.example
To: reader@example.net
Subject: hello
Date: Mon, 02 Nov 2026 10:00:00 +0000
Message-ID: <1@sender.example>
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<html><head><style>p { color: red }</style></head><body><p>Hello</p></body></html>
"""


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Debian]:
    """With an older build of the package, and a configuration of the operator's own."""
    directory = tmp_path_factory.mktemp("debian")
    authority = Authority(directory)
    issued = authority.issue("127.0.0.1")
    directory.chmod(0o755)
    with Debian(directory / "root") as debian:
        debian.install(older(package, directory))
        etc = debian.path("/etc/smtpeter")
        (etc / "smtpeter.toml").write_text(CONFIGURATION + UNREACHABLE)
        (etc / "authority.pem").write_bytes(authority.path.read_bytes())
        (etc / "certificate.pem").write_bytes(issued.certificate.read_bytes())
        (etc / "private-key.pem").write_bytes(issued.private_key.read_bytes())
        debian.run("chown", "root:smtpeter", "/etc/smtpeter/private-key.pem")
        debian.run("chmod", "640", "/etc/smtpeter/private-key.pem")
        yield debian


def submit(debian: Debian, recipient: str, *switches: str) -> str:
    """The delivery's id."""
    made = json.loads(debian.smtpeter("login", "create", "--json", *switches))
    words = (PYTHON, "-P", "-c", SUBMIT, made["username"], made["password"], recipient)
    [(identifier, taken)] = re.findall(r"(\S+) for <(\S+)>", debian.beside(*words, stdin=NEWSLETTER))
    assert recipient == taken
    return str(identifier)


def sandboxed(debian: Debian, identifier: str) -> str:
    """The message as it left, once it has."""
    debian.smtpeter("queue", "retry", "--all")
    told = json.loads(debian.smtpeter("events", "--json", "--kind", "delivery", "--id", identifier))
    for _ in range(100):
        if told:
            break
        told = json.loads(debian.smtpeter("events", "--json", "--kind", "delivery", "--id", identifier))
    assert told, debian.log()
    return debian.path(f"/var/lib/smtpeter/sandbox/{identifier}.eml").read_text()


def owner(path: Path) -> tuple[str, str, str]:
    return (path.owner(), path.group(), oct(path.stat().st_mode & 0o777))


def test_served_upgraded_and_purged(debian: Debian, package: Path) -> None:
    # Served, as the unit's user, under its restrictions, on privileged ports; there is mail in the queue at the end.
    debian.start()
    status = debian.status()
    assert ("1", "2", f"{1 << 10:016x}") == (status["NoNewPrivs"], status["Seccomp"], status["CapEff"])
    queued = submit(debian, "queued@example.net")
    debian.stop()
    assert "Traceback" not in debian.log(), debian.log()

    said = debian.install(package)
    assert "Traceback" not in said
    etc = debian.path("/etc/smtpeter")
    assert CONFIGURATION + UNREACHABLE == (etc / "smtpeter.toml").read_text()
    assert "can be used" in debian.smtpeter("check-config")

    # The mail that was queued leaves, and so does mail that the worker processes have rewritten.
    (etc / "smtpeter.toml").write_text(CONFIGURATION + 'mode = "sandbox"\n')
    debian.start()
    assert "Subject: hello" in sandboxed(debian, queued)
    assert (
        "color:red"
        in sandboxed(debian, submit(debian, "inlined@example.net", "--inline-css")).partition("<p ")[2]
    )
    debian.stop()
    assert "Traceback" not in debian.log(), debian.log()

    debian.run("apt-get", "remove", "--quiet", "--yes", "smtpeter")
    assert debian.path("/var/lib/smtpeter/smtpeter.db").exists()
    assert not debian.path("/usr/lib/smtpeter").exists()
    debian.run("apt-get", "purge", "--quiet", "--yes", "smtpeter")
    left = debian.run(
        "find", "/etc", "/var/lib", "/usr", "/run", "-name", "*smtpeter*", "-not", "-path", "/var/lib/dpkg/*"
    )
    assert "" == left


def test_same_source_gives_the_same_package(package: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "again")
    one, other = (contents(each, tmp_path / name) for each, name in ((package, "one"), (again, "other")))
    assert [] == sorted({path for path, *_ in set(one) ^ set(other)})
