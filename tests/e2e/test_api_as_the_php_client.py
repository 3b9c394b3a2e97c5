"""The calls of the product's PHP library and of its third-party clients, written here as raw HTTP, against the daemon.

Also what only the daemon shows: TLS of its own, a message kept before the answer, and that nothing is lost by kill -9.
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest

from tests.e2e.conftest import relay_section
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port
from tests.kit.names import StubNames
from tests.kit.sink import Sink


class Client:
    """A program with a token."""

    def __init__(self, daemon: Daemon, port: int, token: str) -> None:
        self.daemon, self.port, self.token = daemon, port, token

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes, str]:
        """The path with access_token as the library writes it; status, body, content type."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        separator = "&" if "?" in path else "?"
        octets = None if body is None else json.dumps(body).encode()
        if octets is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, f"/v1{path}{separator}access_token={self.token}", octets, headers)
        response = connection.getresponse()
        answer = response.status, response.read(), response.getheader("Content-Type", "")
        connection.close()
        return answer

    def send(self, **fields: Any) -> dict[str, str]:
        status, body, _ = self.ask("POST", "/send", fields)
        assert status == 200, body  # the library takes nothing else for success
        sent: dict[str, str] = json.loads(body)
        return sent


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, names: StubNames, sink: Sink
) -> Iterator[Client]:
    port, tls = free_port(), free_port()
    web = {"listen": [f"tcp:{port}:interface=127.0.0.1"], "tls": [f"tcp:{tls}:interface=127.0.0.1"]}
    relay = relay_section(names, sink.port, {})
    with Daemon(tmp_path_factory.mktemp("api"), authority, relay=relay, web=web) as daemon:
        daemon.login(username="shop")
        made = Client(daemon, port, daemon.cli("token", "create", "--login", "shop")["token"])
        made.tls = tls  # type: ignore[attr-defined]
        yield made


def test_the_mail_that_the_librarys_builder_makes_arrives(client: Client, sink: Sink) -> None:
    sent = client.send(
        envelope="news@sender.example",
        subject="Hällo",
        text="plain",
        html='<a href="http://www.sender.example/a">read</a>',
        **{"from": "info@sender.example"},
        to=["php-1@example.net"],
        cc=["php-2@example.net"],
        recipients=["php-1@example.net", "php-2@example.net"],
        inlinecss=True,
        trackclicks=True,
        trackbounces=True,
        trackopens=True,
        dsn={"orcpt": "old@example.net", "ret": "HDRS"},
    )
    assert sorted(sent.values()) == ["php-1@example.net", "php-2@example.net"]
    for recipient in sent.values():
        arrived = sink.wait_for(recipient)
        message = message_from_bytes(arrived.content, policy=policy.default)
        assert (message["subject"], message["cc"]) == ("Hällo", "php-2@example.net")
        assert f"127.0.0.1:{client.daemon.tracking}/" in message.get_body(("html",)).get_content()
        assert b"with HTTP id" in arrived.content


def test_the_reading_calls_of_the_clients(client: Client) -> None:
    data = base64.b64encode(b"%PDF-1.4").decode()
    [identifier] = client.send(
        recipient="read@example.net",
        envelope="news@sender.example",
        html="<b>hi</b>",
        text="hi",
        attachments=[{"data": data, "name": "invoice.pdf", "type": "application/pdf"}],
        tags=["one", "two"],
        **{"from": "info@sender.example", "replyTo": "r@sender.example"},
    )
    client.daemon.wait_for_event("delivery", identifier)
    text = {"/recipient": b"read@example.net", "/envelope": b"news@sender.example", "/text": b"hi\r\n"}
    for path, wanted in text.items():
        status, body, kind = client.ask("GET", f"{path}/{identifier}")
        assert (status, body, kind) == (200, wanted, "text/plain; charset=utf-8")
    assert b"<b>hi</b>" in client.ask("GET", f"/html/{identifier}")[1]
    assert b"Reply-To: r@sender.example" in client.ask("GET", f"/headers/{identifier}")[1]
    listed = json.loads(client.ask("GET", f"/attachments/{identifier}")[1])
    assert [(one["id"], one["name"]) for one in listed] == [(0, "invoice.pdf")]
    assert client.ask("GET", f"/attachments/{identifier}/invoice.pdf")[1] == b"%PDF-1.4"
    assert client.ask("GET", f"/attachments/{identifier}/0")[2] == "application/pdf"
    for path in (f"/events/messageid/{identifier}", "/events/email/read@example.net", "/events/tags/one;two"):
        events = json.loads(client.ask("GET", path)[1])
        assert [one["event"] for one in events] == ["attempt", "delivery"]
        assert {one["data"]["tags"] for one in events} == {"one;two"}


def test_resend_answers_as_send(client: Client, sink: Sink) -> None:
    [identifier] = client.send(recipient="again@example.net", text="x", **{"from": "info@sender.example"})
    status, body, _ = client.ask("POST", "/resend", {"message": identifier})
    [again] = json.loads(body)
    assert (status, again != identifier) == (200, True)
    client.daemon.wait_for_event("delivery", again)


def test_a_mistake_is_json_with_a_message(client: Client) -> None:
    status, body, kind = client.ask("POST", "/send", {"recipient": "x", "from": "a@sender.example"})
    assert (status, kind) == (422, "application/json")
    assert json.loads(body)["error"]["message"]


def test_https_of_its_own(client: Client, authority: Authority) -> None:
    connection = http.client.HTTPSConnection(
        "localhost",
        client.tls,
        timeout=30,
        context=authority.client_context(),  # type: ignore[attr-defined]
    )
    connection.request("GET", "/v1/events", headers={"Authorization": f"Bearer {client.token}"})
    assert connection.getresponse().status == 200
    connection.close()


def test_what_was_answered_survives_kill_minus_nine_and_its_key_is_remembered(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> None:
    port = free_port()
    listen = {"listen": [f"tcp:{port}:interface=127.0.0.1"]}
    daemon = Daemon(tmp_path_factory.mktemp("killed"), authority, web=listen)
    body = {"recipient": "kept@example.net", "from": "a@sender.example", "text": "x"}
    with daemon:
        daemon.login(username="shop")
        client = Client(daemon, port, daemon.cli("token", "create", "--login", "shop")["token"])
        status, first, _ = client.ask("POST", "/send", body, **{"Idempotency-Key": "one"})
        assert status == 200
        daemon.kill()
        daemon.start()
        again = client.ask("POST", "/send", body, **{"Idempotency-Key": "one"})
        assert again[:2] == (200, first)
        [identifier] = json.loads(first)
        assert daemon.story(identifier, "delivery")["recipient"] == "kept@example.net"
        attempts = [one for one in daemon.events() if one["event"] == "attempt"]
        assert len(attempts) == 1
