"""Mail of a sender domain leaves signed, last of all that happens to it; dkimpy verifies it by the DNS."""

from __future__ import annotations

import email
import itertools

import dkim
import pytest

from tests.kit.daemon import Daemon
from tests.kit.loopback import until
from tests.kit.names import StubNames
from tests.kit.newsletters import NAMES, newsletter
from tests.kit.sink import EXTENSIONS, Rule, Sink, Stage

SEVEN_BIT = tuple(word for word in EXTENSIONS if word != "8BITMIME")


def sign(server: Daemon, names: StubNames, selector: str = "module") -> Daemon:
    """Make keys for sender.example and put the records into the DNS as they were printed; selectors part the servers."""
    for record in server.cli("domain", "add", "sender.example", "--selector", selector)["records"]:
        texts = [" ".join(f'"{string}"' for string in record["strings"])]
        names.zone.setdefault(record["name"], {})["TXT"] = texts
    return server


def verified(content: bytes, names: StubNames) -> list[str]:
    """The algorithms of its signatures; each must verify."""

    def text(name: bytes, **_: object) -> bytes:
        [value] = names.zone[name.decode().rstrip(".")]["TXT"]
        return "".join(value.strip('"').split('" "')).encode()

    fields = email.message_from_bytes(content).get_all("DKIM-Signature", [])
    for index, _ in enumerate(fields):
        assert dkim.DKIM(content).verify(idx=index, dnsfunc=text)
    return [field.partition("a=")[2].partition(";")[0] for field in fields]


@pytest.fixture(scope="module")
def signing(server: Daemon, names: StubNames, sink: Sink) -> Daemon:
    """The server, once it signs for sender.example."""
    sign(server, names)
    names.zone["mail.sender.example"] = {"A": ["127.0.0.1"]}
    login, numbers = server.login(), itertools.count()

    def signs() -> bool:
        recipient = f"try{next(numbers)}@example.net"
        server.submit(login, mail("own"), [recipient])
        return b"DKIM-Signature" in sink.wait_for(recipient).content

    until(signs, 10, server.log)
    return server


def mail(name: str) -> bytes:
    """A newsletter of ours, from the sender domain."""
    head, empty, body = newsletter(name).partition(b"\r\n\r\n")
    fields = [field for field in head.split(b"\r\n") if not field.lower().startswith(b"from:")]
    one_click = (
        b"List-Unsubscribe: <https://example.com/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click"
    )
    return b"\r\n".join((b"From: News <news@news.sender.example>", one_click, *fields)) + empty + body


@pytest.mark.row(86)
@pytest.mark.row(87)
@pytest.mark.parametrize("name", NAMES)
def test_verifies_with_everything_switched_on(
    signing: Daemon, names: StubNames, sink: Sink, name: str
) -> None:
    recipients = [f"{name}-{number}@example.net" for number in range(2)]
    login = signing.login("--track-clicks", "--track-opens", "--prevent-scam")
    signing.submit(login, mail(name), recipients)
    for recipient in recipients:
        content = sink.wait_for(recipient).content
        assert ["rsa-sha256", "ed25519-sha256"] == verified(content, names)
        field = "".join(email.message_from_bytes(content)["DKIM-Signature"].split())
        covered = field.partition(";h=")[2].partition(";")[0].split(":")
        assert ["from", "from"] == covered[:2]
        assert {"list-unsubscribe", "list-unsubscribe-post"} <= set(covered)


@pytest.mark.row(86)
def test_below_the_signature_everything_is_as_it_was(signing: Daemon, sink: Sink) -> None:
    signing.submit(signing.login(), mail("own"), ["plain@example.net"])
    content = sink.wait_for("plain@example.net").content
    assert content.startswith(b"DKIM-Signature: ")
    assert content.endswith(mail("own"))


def test_mail_of_other_domains_is_not_signed(signing: Daemon, sink: Sink) -> None:
    signing.submit(
        signing.login(), mail("own").replace(b"sender.example", b"other.example"), ["other@example.net"]
    )
    assert b"DKIM-Signature" not in sink.wait_for("other@example.net").content


def test_the_dns_says_what_it_should(signing: Daemon) -> None:
    checked = signing.cli("domain", "check", "sender.example")
    assert ["right"] * 4 == [one["verdict"] for one in checked]


@pytest.mark.row(86)
@pytest.mark.row(109)
def test_made_7_bit_before_it_is_signed(prepared, names: StubNames) -> None:
    content = b"From: news@sender.example\r\nContent-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\n"
    content += "Content-Transfer-Encoding: 8bit\r\n\r\nFahrplan für den Frühling\r\n".encode()
    with Sink(extensions=SEVEN_BIT) as sink, sign(prepared(sink.port), names, "seven") as server:
        server.submit(server.login(), content, mail_options=["BODY=8BITMIME"])
        [message] = sink.wait()
    assert message.content.isascii()
    assert 2 == len(verified(message.content, names))


@pytest.mark.row(86)
def test_our_own_reports_are_signed(prepared, names: StubNames) -> None:
    gone = Rule(Stage.RCPT, "550 5.1.1 No such mailbox here", recipient="^gone@")
    with Sink(gone) as sink, sign(prepared(sink.port), names, "reports") as server:
        server.submit(server.login(), newsletter(), ["gone@example.net"], "returned@sender.example")
        report = sink.wait_for("returned@sender.example")
    assert "" == report.return_path
    assert 2 == len(verified(report.content, names))
