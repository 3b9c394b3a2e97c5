"""A real Postfix in front of smtpeter and behind it, configured by the lines that the manual has."""

from __future__ import annotations

import smtplib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.clients import CONTENT
from tests.kit.daemon import Daemon
from tests.kit.loopback import until
from tests.kit.manual import main_cf, settings
from tests.kit.names import StubNames
from tests.kit.postfix import Postfix
from tests.kit.sink import Rule, Sink, Stage

DSN = ("RET=HDRS", "ENVID=QQ314159", "BODY=8BITMIME")


def inject(postfix: Postfix, sender: str, recipient: str) -> None:
    with smtplib.SMTP(postfix.address, postfix.port, timeout=20) as front:
        front.sendmail(sender, [recipient], CONTENT, mail_options=DSN, rcpt_options=["NOTIFY=FAILURE,DELAY"])


def words(sink: Sink, recipient: str) -> set[str]:
    """What the envelope said, with DSN parameters."""
    message = sink.wait_for(recipient)
    assert message.content.endswith(CONTENT)
    return set(message.mail.split()) | set(message.rcpt[0].split())


def report(sink: Sink, return_path: str) -> str:
    """What the sender was told in a DSN."""
    message = sink.wait_for(return_path)
    assert (message.return_path, message.content.count(b"report-type=delivery-status")) == ("", 1)
    return message.content.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def behind(server: Daemon, names: StubNames) -> Iterator[Postfix]:
    """Only names, ports and passwords are others than in the manual."""
    names.host("example.com", "127.0.0.1")
    news = server.login(username="newsletters")
    # Bound, as the manual says: to its users' addresses (and what CONTENT says in From), and to Postfix's own name.
    bound = ("--sender", "example.com", "--sender", "sender.example", "--sender", "postfix.example")
    office = server.login(*bound, username="office")
    here = ("[mail.example.com]:587", f"[127.0.0.1]:{server.starttls}")
    passwords = (
        settings("sasl_passwd", "behind")
        .replace(*here)
        .replace("PASSWORD1", news.password)
        .replace("PASSWORD2", office.password)
    )
    lines = main_cf(
        settings("main.cf", "behind").replace(*here).replace("/etc/postfix/", "$config_directory/")
    )
    assert lines.pop("smtp_tls_CApath") == "/etc/ssl/certs"
    # The host has no name here: its certificate is for localhost.
    assert lines["smtp_tls_verify_cert_match"] == "hostname"
    lines |= {"smtp_tls_CAfile": str(server.authority.path), "smtp_tls_verify_cert_match": "localhost"}
    soon = {"minimal_backoff_time": "1s", "queue_run_delay": "1s"}
    allowed = {"smtpd_relay_restrictions": "permit_mynetworks, reject"}
    with Postfix(lines | soon | allowed, files={"sasl_passwd": passwords}) as postfix:
        yield postfix


@pytest.mark.row(158)
def test_behind_postfix(server: Daemon, sink: Sink, behind: Postfix) -> None:
    """Each sender has his login, and what was asked of DSNs and bodies passes through."""
    for sender, login in (("news@example.com", "newsletters"), ("boss@example.com", "office")):
        recipient = f"{login}@example.net"
        inject(behind, sender, recipient)
        assert {*DSN, "NOTIFY=FAILURE,DELAY"} <= words(sink, recipient)
        [attempt] = server.events("--kind", "attempt", "--recipient", recipient)
        assert login == attempt["data"]["login"]


@pytest.mark.row(158)
def test_mail_waits_at_postfix_while_we_are_away(server: Daemon, sink: Sink, behind: Postfix) -> None:
    server.stop()
    inject(behind, "boss@example.com", "later@example.net")
    until(lambda: "status=deferred" in behind.log(), what=behind.log)
    server.start()
    assert {*DSN} <= words(sink, "later@example.net")


@pytest.mark.row(158)
def test_mail_that_its_host_refuses_comes_back(server: Daemon, sink: Sink, behind: Postfix) -> None:
    """From us, who had taken it; with the sender's own envelope identifier."""
    sink.rules.append(Rule(Stage.RCPT, "550 5.1.1 No such mailbox", recipient="gone@example.net"))
    inject(behind, "lists@example.com", "gone@example.net")
    told = report(sink, "lists@example.com")
    assert "Original-Envelope-Id: QQ314159" in told
    assert "Reporting-MTA: dns; mail.sender.example" in told


@pytest.mark.row(158)
def test_mail_that_we_refuse_comes_back(server: Daemon, sink: Sink, behind: Postfix) -> None:
    """From Postfix, by way of the login for all others."""
    server.command("login", "modify", "newsletters", "--sender", "example.org")
    inject(behind, "news@example.com", "refused@example.net")
    told = report(sink, "news@example.com")
    assert "Original-Envelope-Id: QQ314159" in told
    assert "Reporting-MTA: dns; postfix.example" in told
    assert "553 5.7.1" in told


@pytest.mark.row(158)
def test_in_front_of_postfix(tmp_path: Path, authority: Authority, sink: Sink, names: StubNames) -> None:
    """It is our smarthost: what it was given by us, it hands on as it was given to us."""
    lines = main_cf(settings("main.cf", "before"))
    interfaces = lines.pop("inet_interfaces")
    assert "loopback-only" == interfaces  # the port is of 127.0.0.1 by the test's master.cf
    with Postfix({**lines, "relayhost": f"[127.0.0.1]:{sink.port}"}) as postfix:
        relay = tomllib.loads(settings("smtpeter.toml", "before"))["relay"]
        assert "127.0.0.1:25" == relay["smarthost"]
        relay["smarthost"] = f"127.0.0.1:{postfix.port}"
        with Daemon(tmp_path / "server", authority, relay=relay) as server:
            server.submit(
                server.login(),
                CONTENT,
                ["front@example.net"],
                mail_options=DSN,
                rcpt_options=["NOTIFY=FAILURE,DELAY"],
            )
            assert {*DSN, "NOTIFY=FAILURE,DELAY"} <= words(sink, "front@example.net")
