"""Mail that leaves with a return path of ours, and what comes back to it: recorded, settled, and passed on to the customer."""

from __future__ import annotations

import email
import re
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import relay_section
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon, Login
from tests.kit.loopback import free_port, until
from tests.kit.moods import Rule, Stage
from tests.kit.names import StubNames
from tests.kit.sink import Received, Sink

HOST = "bounces.sender.example"
CUSTOMER = "customer@sender.example"
OFFICE = (
    b"From: joe@example.net\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n"
)
MAIL = b"From: News <news@sender.example>\r\nSubject: Spring\r\nMessage-ID: <spring@sender.example>\r\n\r\nHello.\r\n"


def late_bounce(recipient: str, action: str = "failed", status: str = "5.1.1") -> bytes:
    """A report that the sink's host sends after it took the mail."""
    return (
        "From: MAILER-DAEMON@sink.example\r\nTo: <us>\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n'
        "\r\n--b\r\nContent-Type: text/plain\r\n\r\nNo luck.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; sink.example\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 No such user here\r\n\r\n--b--\r\n"
    ).encode()


@pytest.fixture(scope="module")
def door() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, names: StubNames, sink: Sink, door: int
) -> Iterator[Daemon]:
    bounces = {
        "domain": HOST,
        "listen": [f"tcp:{door}:interface=127.0.0.1"],
        "postmaster": "operator@sender.example",
        "complaint_addresses": [f"fbl@{HOST}"],
    }
    directory: Path = tmp_path_factory.mktemp("server")
    relay = relay_section(names, sink.port, {})
    with Daemon(directory, authority, relay=relay, bounces=bounces) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def tracked(server: Daemon) -> Login:
    return server.login("--track-bounces", "--suppress", "login")


class Stranger(smtplib.SMTP):
    """A remote host that brings something back."""

    def bring(self, recipient: str, content: bytes) -> int:
        self.ehlo_or_helo_if_needed()
        self.mail("")
        code, _ = self.rcpt(recipient)
        if code != 250:
            self.rset()
            return code
        return self.data(content)[0]


@pytest.fixture
def stranger(server: Daemon, door: int) -> Iterator[Stranger]:
    with Stranger("127.0.0.1", door, timeout=30) as connection:
        yield connection


def mail_to(server: Daemon, sink: Sink, login: Login, recipient: str, *options: str) -> tuple[str, Received]:
    """The delivery's id, and what the recipient's host got, once the story of it is settled."""
    accepted = server.submit(
        login, MAIL, [recipient], CUSTOMER, mail_options=["ENVID=QQ314"], rcpt_options=options
    )
    received = sink.wait_for(recipient)
    server.story(accepted.id, "delivery")
    return accepted.id, received


def for_customer(sink: Sink, about: str) -> Received:
    """What the customer's mailbox got about a recipient."""
    sink.wait_for(CUSTOMER)
    for _ in range(40):
        for message in sink.messages:
            if CUSTOMER in message.recipients and about.encode() in message.content:
                return message
        sink.wait(len(sink.messages) + 1)
    raise AssertionError(about)


@pytest.mark.row(131)
def test_a_late_failure_reaches_the_customer(
    server: Daemon, sink: Sink, tracked: Login, stranger: Stranger
) -> None:
    identifier, received = mail_to(
        server, sink, tracked, "gone@example.net", "NOTIFY=FAILURE", "ORCPT=rfc822;first@example.net"
    )
    assert re.fullmatch(rf"[a-z2-7]{{28}}@{re.escape(HOST)}", received.return_path)
    assert "NOTIFY=FAILURE,DELAY ORCPT=rfc822;first@example.net" in received.rcpt[0]

    assert stranger.bring(received.return_path, late_bounce("gone@example.net")) == 250

    story = server.story(identifier, "report")
    assert story["state"] == "failed"
    assert [each["event"] for each in story["events"]] == [
        "attempt", "delivery", "bounce", "failure", "report",
    ]  # fmt: skip
    bounce, failure = story["events"][2]["data"], story["events"][3]["data"]
    assert (bounce["action"], bounce["class"], bounce["confidence"]) == ("failed", "no such user", "high")
    assert (failure["state"], failure["code"], failure["status"]) == ("bounce", 550, "5.1.1")

    passed = for_customer(sink, "gone@example.net")
    assert passed.return_path == ""
    assert "NOTIFY=NEVER" in passed.rcpt[0]
    report = email.message_from_bytes(passed.content)
    assert report.get_content_type() == "multipart/report"
    _, status, original = report.get_payload()
    about_message, about_recipient = status.get_payload()
    assert about_message["Original-Envelope-Id"] == "QQ314"
    assert about_recipient["Original-Recipient"] == "rfc822; first@example.net"
    assert about_recipient["Final-Recipient"] == "rfc822; gone@example.net"
    assert about_recipient["Remote-MTA"] == "dns; sink.example"
    assert "<spring@sender.example>" in original.as_string()
    assert late_bounce("gone@example.net") in passed.content  # attached, every octet

    [listed] = server.cli("suppression", "list")
    assert (listed["recipient"], listed["reason"]) == ("gone@example.net", "no such user")
    [again] = server.events("--id", identifier, "--kind", "bounce")
    assert again["data"]["mime"] == late_bounce("gone@example.net").decode()
    assert server.command("message", "returned", identifier).stdout.splitlines()[0].startswith("From: MAILER")


@pytest.mark.row(132)
def test_an_answer_is_passed_on_as_it_came_even_to_who_wants_no_reports(
    server: Daemon, sink: Sink, tracked: Login, stranger: Stranger
) -> None:
    identifier, received = mail_to(server, sink, tracked, "away@example.net", "NOTIFY=NEVER")
    assert "NOTIFY=FAILURE,DELAY" in received.rcpt[0]
    assert stranger.bring(received.return_path.upper(), late_bounce("away@example.net")) == 250
    assert stranger.bring(received.return_path.title(), OFFICE) == 250
    passed = for_customer(sink, "I am away.")
    assert passed.content.endswith(OFFICE)
    assert passed.return_path == ""
    assert not [m for m in sink.messages if CUSTOMER in m.recipients and b"away@example.net" in m.content[-2000:]
                and b"multipart/report" in m.content]  # fmt: skip
    kinds = [each["event"] for each in server.story(identifier, "response")["events"]]
    assert kinds == ["attempt", "delivery", "bounce", "failure", "response", "report"]


@pytest.mark.row(131)
@pytest.mark.row(134)
def test_nothing_else_is_taken(server: Daemon, sink: Sink, tracked: Login, stranger: Stranger) -> None:
    _, received = mail_to(server, sink, tracked, "known@example.net")
    token = received.return_path.partition("@")[0]
    forged = ("b" if token[0] == "a" else "a") + token[1:]
    altered = token[:-1] + ("b" if token[-1] == "a" else "a")
    for recipient in (
        f"{forged}@{HOST}",
        f"{altered}@{HOST}",
        f"{token[:-1]}@{HOST}",
        f"{token}@sender.example",
        f"mailer-daemon@{HOST}",
        "somebody@elsewhere.example",
    ):
        assert stranger.bring(recipient, OFFICE) == 550, recipient
    circle = f"Delivered-To: {received.return_path}\r\n".encode() + OFFICE.replace(b"away", b"in a circle")
    assert stranger.bring(received.return_path, circle) == 250
    assert stranger.bring(received.return_path, b"Received: x\r\n" * 100 + OFFICE) == 554
    server.wait_until_idle()
    assert not [m for m in sink.messages if CUSTOMER in m.recipients and b"in a circle" in m.content]


@pytest.mark.row(133)
def test_a_complaint_is_recorded_and_suppresses(
    server: Daemon, sink: Sink, tracked: Login, stranger: Stranger
) -> None:
    identifier, received = mail_to(server, sink, tracked, "cross@example.net")
    complaint = (
        "From: fbl@provider.example\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nComplaint.\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        "Feedback-Type: abuse\r\nUser-Agent: P/1\r\nVersion: 1\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nReturn-Path: <{received.return_path}>\r\n"
        "From: news@sender.example\r\nSubject: Spring\r\n\r\nHello.\r\n\r\n--b--\r\n"
    ).encode()
    before = len(sink.messages)
    assert stranger.bring(f"FBL@{HOST}", complaint) == 250
    story = server.story(identifier, "abuse")
    assert story["state"] == "delivered"
    assert "cross@example.net" in [each["recipient"] for each in server.cli("suppression", "list")]

    refused = server.submit(tracked, MAIL, ["cross@example.net"], CUSTOMER)
    failed = server.wait_for_event("failure", refused.id)
    assert (failed["state"], failed["description"]) == (
        "suppression",
        "The recipient is on the suppression list: complaint",
    )
    about = for_customer(sink, "suppression list")
    assert b"cross@example.net" in about.content
    assert len([m for m in sink.messages if "cross@example.net" in m.recipients]) == 1
    assert before < len(sink.messages)

    server.cli("login", "modify", tracked.username, "--suppressed", "refuse")

    def refused_at_once() -> bool:  # within a second, as all changes of a login
        with server.client() as client:
            client.login(tracked.username, tracked.password)
            client.mail(CUSTOMER)
            assert client.rcpt("fine@example.net")[0] == 250
            return client.rcpt("Cross@Example.NET")[0] == 550

    until(refused_at_once)


def test_postmaster_reads_his_mail(server: Daemon, sink: Sink, stranger: Stranger) -> None:
    content = b"From: a@example.net\r\nSubject: your server\r\n\r\nHello postmaster.\r\n"
    assert stranger.bring(f"PostMaster@{HOST}", content) == 250
    passed = sink.wait_for("operator@sender.example")
    assert passed.content.endswith(content)
    assert passed.return_path == ""


def test_no_auth_there_and_starttls(stranger: Stranger) -> None:
    stranger.ehlo()
    assert not stranger.has_extn("auth")
    stranger.starttls()
    stranger.ehlo()
    assert stranger.docmd("AUTH", "PLAIN AGEAYg==")[0] in {502, 503}


@pytest.mark.row(121)
def test_our_own_reports_about_tracked_mail_follow_the_same_rules(server: Daemon, sink: Sink) -> None:
    login = server.login("--track-bounces", "--forward-bounces", "desk@sender.example", "--suppress", "login")
    sink.rules.append(Rule(Stage.RCPT, "550 5.1.1 No such user here", recipient="^nobody@"))
    refused = server.submit(login, MAIL, ["nobody@example.net"], CUSTOMER)
    server.wait_for_event("failure", refused.id)
    report = sink.wait_for("desk@sender.example")
    assert report.return_path == ""
    assert b"Action: failed" in report.content

    listed = server.cli("suppression", "list", "--login", login.username)
    assert [each["recipient"] for each in listed] == ["nobody@example.net"]
