"""What the operator allows a site is what the site sees: connections are counted, and times, by the host itself."""

from __future__ import annotations

import time

import pytest

from tests.kit.daemon import Daemon
from tests.kit.names import StubNames
from tests.kit.newsletters import newsletter
from tests.kit.sink import Rule, Sink, Slow, Stage

MESSAGES = 12


@pytest.mark.row(118)
def test_domains_of_one_host_share_its_connections(prepared, names: StubNames) -> None:
    recipients = [f"reader@part{number}.example" for number in range(MESSAGES)]
    with Sink(Rule(Stage.CONTENT, Slow("250 2.0.0 Taken", 0.1))) as sink:
        for recipient in recipients:
            names.zone[recipient.partition("@")[2]] = names.zone["example.net"]
        server: Daemon = prepared(sink.port, sites={"example.net": {"connections": 2}})
        with server:
            login = server.login()
            for recipient in recipients:
                server.submit(login, newsletter(), [recipient])
            sink.wait(MESSAGES, 60.0)
    assert sink.most_at_once <= 2


@pytest.mark.row(118)
def test_messages_come_as_fast_as_the_operator_allows_and_no_faster(prepared) -> None:
    with Sink() as sink:
        server: Daemon = prepared(sink.port, sites={"example.net": {"rate": "5/s"}})
        with server:
            login = server.login()
            began = time.monotonic()
            for number in range(MESSAGES):
                server.submit(login, newsletter(), [f"reader{number}@example.net"])
            sink.wait(MESSAGES, 60.0)
            lasted = time.monotonic() - began
    assert lasted >= (MESSAGES - 1) / 5
