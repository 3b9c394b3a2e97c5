"""The promise: after 250 the message survives kill -9, and is delivered after the restart, as it was."""

from __future__ import annotations

import pytest

from tests.kit.newsletters import newsletter
from tests.kit.sink import Action, Rule, Sink, Slow, Stage

ROUNDS = 5


@pytest.mark.row(137)
def test_delivered_after_restart(prepared) -> None:
    content = newsletter()
    with Sink() as sink:
        server = prepared(sink.port)
        login = server.login()
        with server:
            for number in range(ROUNDS):
                recipient = f"round{number}@example.net"
                sink.rules.append(Rule(Stage.MAIL, Action.SILENCE))  # at the kill, no delivery is done
                server.submit(login, content, [recipient])
                server.kill()
                sink.rules.clear()
                assert len(sink.messages) == number
                server.start()
                message = sink.wait(number + 1)[-1]
                assert message.recipients == (recipient,)
                assert message.content.endswith(content)
            server.restart()
            delivered = server.events("--kind", "delivery")
        assert len(delivered) == ROUNDS
        assert len(sink.messages) == ROUNDS


@pytest.mark.row(137)
def test_killed_in_the_middle_of_deliveries(prepared) -> None:
    """What was under way may come twice, but everything comes."""
    recipients = [f"reader{number}@example.net" for number in range(20)]
    with Sink(Rule(Stage.CONTENT, Slow("250 2.0.0 Taken", 0.05))) as sink:
        server = prepared(sink.port)
        login = server.login()
        with server:
            for recipient in recipients:
                server.submit(login, newsletter(), [recipient])
            server.kill()
            server.start()
            sink.wait(len(recipients))
            server.wait_until_idle()
        taken = [recipient for message in sink.messages for recipient in message.recipients]
        assert set(taken) == set(recipients)
        assert len(taken) <= 2 * len(recipients)
