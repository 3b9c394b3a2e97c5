"""A DNS that is dead, hosts that lie, break off, and talk nonsense: nothing lost, nothing stuck, no reply taken for another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kit.daemon import Daemon
from tests.kit.loopback import until
from tests.kit.names import StubNames, Trouble
from tests.kit.sink import Action, Answer, Rule, Sink, Slow, Stage
from tests.kit.trial import Trial

BREAKS = [
    Rule(stage, action, times=1)
    for stage in (Stage.GREETING, Stage.EHLO, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT)
    for action in (Action.DROP, Action.RESET, Action.HALF_CLOSE)
]
LIES: list[tuple[Stage, Answer]] = [
    (Stage.GREETING, b"\x00\xff\r\n" * 3),
    (Stage.GREETING, b"250 Hello? I am no greeting\r\n"),
    (Stage.EHLO, b"250-" + b"x" * 100_000 + b"\r\n250 \r\n"),
    (Stage.EHLO, "421 4.3.2 Not now"),
    (Stage.MAIL, b"250-2.1.0 and\r\n451 2.1.0 so on\r\n"),
    (Stage.MAIL, "354 Go ahead already"),
    (Stage.RCPT, "354 Go ahead already"),
    (Stage.RCPT, b"\r\n"),
    (Stage.RCPT, b"999 what\r\n"),
    (Stage.DATA, "250 2.0.0 Have it already"),
    (Stage.DATA, "451 4.3.0 Not now"),
    (Stage.CONTENT, "354 More, please"),
    (Stage.CONTENT, "452 4.3.1 Full"),
    (Stage.CONTENT, Slow("250 2.0.0 Taken at last", 1.0)),
]


@pytest.mark.row(144)
@pytest.mark.stress
@pytest.mark.fault(
    "the DNS is dead (SERVFAIL, refusing, gone)", "mail is taken and waits; it goes out when the DNS is back"
)
def test_a_dead_dns_costs_nothing(staffed: Callable[..., Daemon], names: StubNames) -> None:
    with Sink() as sink:
        server = staffed(sink.port, workers=1)
        with StubNames() as own:
            own.host("example.net", "127.0.0.1")
            server.sections["relay"]["nameservers"] = [own.nameserver]
            server.configure()
            zone = dict(own.zone)
            own.zone["example.net"] = Trouble.SERVFAIL
            with Trial(server, sink) as trial:
                assert [] == sink.messages
                own.zone["example.net"] = Trouble.REFUSED
                trial.takes()
                assert [] == sink.messages
                own.zone.update(zone)


@pytest.mark.row(144)
@pytest.mark.stress
@pytest.mark.parametrize(
    "rules", [BREAKS, [Rule(stage, answer, times=1) for stage, answer in LIES]], ids=["breaks", "lies"]
)
@pytest.mark.fault(
    "hosts break off at any moment, lie, talk nonsense", "nothing counts as delivered that was not taken"
)
def test_bad_hosts_cost_nothing(staffed: Callable[..., Daemon], rules: list[Rule]) -> None:
    """A host in trouble is left alone, for ever longer; here an operator has it tried again."""
    with Sink(*rules) as sink, Trial(staffed(sink.port, workers=1), sink) as trial:
        until(lambda: trial.urge() and sink.used_up(), 120, sink.transcript)
        trial.clients.__exit__()
        until(lambda: trial.urge() and trial.server.cli("queue", "list") == [], 120, sink.transcript)
