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
from tests.kit.sink import Sink

pytestmark = pytest.mark.stress

DSN = ("RET=HDRS", "ENVID=QQ314159", "BODY=8BITMIME")


def inject(postfix: Postfix, sender: str, recipient: str) -> None:
    with smtplib.SMTP(postfix.address, postfix.port, timeout=20) as front:
        front.sendmail(sender, [recipient], CONTENT, mail_options=DSN, rcpt_options=["NOTIFY=FAILURE,DELAY"])


def words(sink: Sink, recipient: str) -> set[str]:
    """What the envelope said, with DSN parameters."""
    message = sink.wait_for(recipient)
    assert message.content.endswith(CONTENT)
    return set(message.mail.split()) | set(message.rcpt[0].split())


@pytest.fixture(scope="module")
def behind(server: Daemon) -> Iterator[Postfix]:
    """Only names, ports and passwords are others than in the manual."""
    news = server.login(username="newsletters")
    office = server.login(username="office")
    main = settings("main.cf", "behind").replace("[mail.example.com]:587", f"[127.0.0.1]:{server.starttls}")
    passwords = (
        settings("sasl_passwd", "behind")
        .replace("[mail.example.com]:587", f"[127.0.0.1]:{server.starttls}")
        .replace("PASSWORD1", news.password)
        .replace("PASSWORD2", office.password)
    )
    lines = main_cf(main)
    assert "/etc/ssl/certs" == lines.pop("smtp_tls_CApath")
    # The host has no name here: its certificate is for localhost.
    assert "hostname" == lines["smtp_tls_verify_cert_match"]
    lines |= {"smtp_tls_CAfile": str(server.authority.path), "smtp_tls_verify_cert_match": "localhost"}
    postfix = Postfix(
        {
            **lines,
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "minimal_backoff_time": "1s",
            "queue_run_delay": "1s",
        },
        files={"sasl_passwd": passwords},
    )
    lines["smtp_sasl_password_maps"] = f"texthash:{postfix.directory}/etc/sasl_passwd"
    postfix._settings = {**postfix._settings, **lines}
    with postfix:
        yield postfix


@pytest.mark.row(158)
def test_behind_postfix(server: Daemon, sink: Sink, behind: Postfix) -> None:
    for sender, login in (("news@example.com", "newsletters"), ("boss@example.com", "office")):
        recipient = f"{login}@example.net"
        inject(behind, sender, recipient)
        assert {*DSN, "NOTIFY=FAILURE,DELAY"} <= words(sink, recipient)
        [attempt] = server.events("--kind", "attempt", "--recipient", recipient)
        assert login == attempt["data"]["login"]


@pytest.mark.row(158)
def test_mail_that_we_refuse_for_the_moment_stays_and_returns(
    server: Daemon, sink: Sink, behind: Postfix
) -> None:
    """While we are away, it is Postfix's queue that has it."""
    server.stop()
    inject(behind, "boss@example.com", "later@example.net")
    until(lambda: "status=deferred" in behind.log(), what=behind.log)
    server.start()
    assert {*DSN} <= words(sink, "later@example.net")


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
