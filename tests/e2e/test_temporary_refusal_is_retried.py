"""450 at first: the delivery waits and is tried again, and every step is told of."""

from __future__ import annotations

import pytest

from tests.kit.newsletters import newsletter
from tests.kit.sink import Action, Answer, Rule, Sink, Stage, greylisted

LATER = "450 4.2.0 Not now"


@pytest.mark.row(89)
@pytest.mark.row(104)
@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        (Stage.RCPT, LATER),
        (Stage.MAIL, LATER),
        (Stage.DATA, LATER),
        (Stage.CONTENT, LATER),
        (Stage.GREETING, "421 4.3.2 Closing"),
        (Stage.RCPT, "421 4.3.2 Closing"),
        (Stage.MAIL, Action.DROP),
        (Stage.CONTENT, Action.DROP),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_succeeds_on_the_retry(prepared, stage: Stage, answer: Answer) -> None:
    content = newsletter()
    with Sink(Rule(stage, answer, times=1)) as sink, prepared(sink.port) as server:
        accepted = server.submit(server.login(), content)
        [message] = sink.wait()
        delivery = server.wait_for_event("delivery")
        deferral = server.wait_for_event("deferral")
        story = server.cli("message", "show", accepted.ids["reader@example.net"])
        assert len(sink.messages) == 1
    assert message.content.endswith(content)
    assert [event["event"] for event in story["events"]] == ["attempt", "deferral", "delivery"]
    assert (deferral["attempt"], delivery["attempt"]) == (0, 1)
    if isinstance(answer, str):
        assert deferral["code"] == int(answer[:3])
        assert answer[10:] in deferral["description"]
    assert story["state"] == "delivered"


@pytest.mark.row(117)
def test_greylisting_delays_and_does_not_lose(prepared) -> None:
    recipients = [f"reader{number}@example.net" for number in range(3)]
    with Sink(greylisted()) as sink, prepared(sink.port) as server:
        server.submit(server.login(), newsletter(), recipients)
        sink.wait()
        server.wait_for_event("delivery")
        taken = [recipient for message in sink.wait() for recipient in message.recipients]
    assert sorted(taken) == recipients


@pytest.mark.row(102)
def test_only_the_recipient_that_was_put_off_is_tried_again(prepared) -> None:
    with Sink(Rule(Stage.RCPT, LATER, recipient="^late@", times=1)) as sink, prepared(sink.port) as server:
        server.submit(server.login(), newsletter(), ["early@example.net", "late@example.net"])
        taken = [message.recipients for message in sink.wait(2)]
    assert taken == [("early@example.net",), ("late@example.net",)]
