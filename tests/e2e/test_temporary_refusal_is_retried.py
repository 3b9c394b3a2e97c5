"""450 at first: the delivery waits and is tried again, and every step is told of."""

from __future__ import annotations

import pytest

from tests.kit.daemon import Daemon, Login
from tests.kit.names import StubNames
from tests.kit.newsletters import newsletter
from tests.kit.sink import Action, Answer, Rule, Sink, Stage, greylisted

LATER = "450 4.2.0 Not now"


@pytest.fixture(scope="module")
def relay() -> dict[str, object]:
    """Every attempt has a connection of its own: on a kept one that is gone, a message is tried anew at once."""
    return {"keep_connections": "0s"}


@pytest.mark.row(104)
@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        (Stage.RCPT, LATER),
        (Stage.MAIL, LATER),
        (Stage.DATA, LATER),
        (Stage.CONTENT, LATER),
        (Stage.RCPT, "421 4.3.2 Closing"),
        (Stage.MAIL, Action.DROP),
        (Stage.CONTENT, Action.DROP),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_succeeds_on_the_retry(
    server: Daemon, login: Login, sink: Sink, names: StubNames, stage: Stage, answer: Answer
) -> None:
    content = newsletter()
    domain = f"case{len(sink.rules)}.example"  # a site of its own: no other case's trouble counts
    names.host(domain, sink.address)
    sink.rules.append(Rule(stage, answer, times=1))
    accepted = server.submit(login, content, [f"reader@{domain}"])
    assert sink.wait_for(f"reader@{domain}").content.endswith(content)

    story = server.story(accepted.id, "delivery")
    assert story["state"] == "delivered"
    assert [event["event"] for event in story["events"]] == ["attempt", "deferral", "delivery"]
    _, deferral, delivery = (event["data"] for event in story["events"])
    assert (deferral["attempt"], delivery["attempt"]) == (0, 1)
    if isinstance(answer, str):
        assert deferral["code"] == int(answer[:3])
        assert answer[10:] in deferral["description"]
    assert deferral["duplicate_possible"] == (stage is Stage.CONTENT and answer is Action.DROP)


@pytest.mark.row(117)
def test_greylisting_delays_and_does_not_lose(prepared) -> None:
    recipients = [f"reader{number}@example.net" for number in range(3)]
    with Sink(greylisted()) as sink, prepared(sink.port) as server:
        server.submit(server.login(), newsletter(), recipients)
        for recipient in recipients:
            sink.wait_for(recipient)
        assert (
            sorted(recipient for message in sink.messages for recipient in message.recipients) == recipients
        )


@pytest.mark.row(102)
def test_only_the_recipient_that_was_put_off_is_tried_again(server: Daemon, login: Login, sink: Sink) -> None:
    sink.rules.append(Rule(Stage.RCPT, LATER, recipient="^late@", times=1))
    server.submit(login, newsletter(), ["early@example.net", "late@example.net"])
    assert sink.wait_for("early@example.net").recipients == ("early@example.net",)
    assert sink.wait_for("late@example.net").recipients == ("late@example.net",)


@pytest.mark.row(89)
@pytest.mark.parametrize("answer", ["421 4.3.2 Closing", "554 5.3.2 Not here", Action.DROP], ids=str)
def test_next_host_is_tried_in_the_same_attempt(
    server: Daemon, login: Login, sink: Sink, names: StubNames, answer: Answer
) -> None:
    domain = f"two{len(sink.connections)}.example"
    names.host(domain, "127.0.0.2", sink.address)
    with Sink(Rule(Stage.GREETING, answer), address="127.0.0.2", port=sink.port) as first:
        accepted = server.submit(login, newsletter(), [f"reader@{domain}"])
        sink.wait_for(f"reader@{domain}")
        assert len(first.connections) == 1
    story = server.story(accepted.id, "delivery")
    assert [event["event"] for event in story["events"]] == ["attempt", "delivery"]
