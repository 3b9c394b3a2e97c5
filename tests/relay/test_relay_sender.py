"""The sender on its wire: long contents, answers that come too early, HELO, leave-taking, and random hosts."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpeter.message.status import Result, Stage
from smtpeter.relay.settings import Settings
from tests.relay.hosts import CLOSE, SILENT, Host, Net, attempt, attempts, begin, group, result

ONE, TWO = "198.51.100.1", "198.51.100.2"
BIG = (
    b"Subject: big\r\n\r\n"
    + b".line of some seventy octets ....................................\r\n" * 10_000
)


def stalled(**timeouts):
    """A long message under way to a host that stopped reading after 100,000 octets."""
    host = Host()
    net = Net({ONE: host})
    courier = attempts(net, ONE, timeouts=replace(Settings().timeouts, **timeouts))
    attempt(net, courier, group())
    host.connections[0].block_at = 100_000
    (running,) = begin(net, courier, group(content=BIG))
    return net, host.connections[0], running


def test_a_long_content_is_written_as_the_host_reads_it():
    net, connection, running = stalled()
    while connection.producer is not None:
        before = len(connection.heard)
        connection.producer.resumeProducing()
        assert len(connection.heard) - before <= 90_000  # a block, with its dots stuffed
    net.settle()
    assert Result.DELIVERED is result(running)[1].result
    assert BIG == connection.contents[-1]


def test_a_host_that_stops_reading_is_given_up_after_three_minutes_and_nothing_is_a_duplicate():
    net, connection, running = stalled()
    net.wait(100)
    connection.producer.resumeProducing()
    net.wait(179)
    assert not running.called
    net.wait(1)
    outcome = result(running)[1]
    assert (Result.DEFERRED, Stage.MESSAGE, False) == (
        outcome.result,
        outcome.stage,
        outcome.duplicate_possible,
    )
    assert connection.closed


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("552 5.3.4 Too big", (Result.FAILED, 552)),
        ("451 4.3.0 Full", (Result.DEFERRED, 451)),
        ("421 4.3.0 Down", (Result.DEFERRED, 421)),
        ("250 2.0.0 Sure", (Result.DEFERRED, 451)),
        (CLOSE, (Result.DEFERRED, 451)),
    ],
)
@pytest.mark.row(101)
def test_an_answer_before_the_final_dot_can_refuse_but_never_accept(answer, expected):
    net, connection, running = stalled()
    connection.say(answer)
    net.settle()
    outcome = result(running)[1]
    assert (*expected, False) == (outcome.result, outcome.reply.code, outcome.duplicate_possible)
    net.settle()
    assert connection.closed
    assert connection.producer is None


@pytest.mark.row(101)
@pytest.mark.parametrize("verb", ["connect", "EHLO", "MAIL", "RCPT", "DATA"])
def test_what_a_host_says_before_it_is_asked_is_never_taken_for_an_answer(verb):
    usual = {"connect": "220 hi", "EHLO": "250 hi", "MAIL": "250 Ok", "RCPT": "250 Ok", "DATA": "354 Go"}[
        verb
    ]
    extra = "250 2.0.0 Queued"
    host = Host((), **{verb: f"{usual}\r\n{extra}", "dot": SILENT})
    net = Net({ONE: host})
    (running,) = begin(net, attempts(net, ONE), group())
    net.wait(600)
    assert Result.DEFERRED is result(running)[1].result
    assert [] == host.contents


def test_a_host_that_says_goodbye_right_behind_its_250_has_still_taken_the_message():
    host = Host(dot="250 2.0.0 Queued\r\n421 4.3.2 Enough")
    net = Net({ONE: host})
    courier = attempts(net, ONE)
    for _ in range(2):
        assert Result.DELIVERED is attempt(net, courier, group())[0].result
    assert 2 == len(host.connections)


def test_the_sender_never_waits_for_acknowledgements_of_small_packets():
    host = Host()
    net = Net({ONE: host})
    attempt(net, attempts(net, ONE), group())
    assert host.connections[0].no_delay is True


REPLIES = st.sampled_from(
    [
        "220 a",
        "250 a",
        "250-a\r\n250 b",
        "251 a",
        "354 a",
        "421 a",
        "450 a",
        "452 4.5.3 a",
        "550 5.1.1 a",
        "552 a",
        "999 a",
        "250",
        "354",
        CLOSE,
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(
        {verb: st.lists(REPLIES, min_size=1, max_size=3) for verb in ("MAIL", "RCPT", "DATA", "dot", "RSET")}
    ),
    st.sampled_from([("PIPELINING",), ()]),
    st.integers(1, 4),
)
def test_whatever_a_host_answers_nobody_is_delivered_whom_it_did_not_take(script, offers, count):
    """Every delivery has an outcome, and "delivered" needs a content that the host answered with 2xx."""
    host = Host(offers, **script)
    net = Net({ONE: host})
    outcomes = attempt(net, attempts(net, ONE), group(*(f"{n}@example.com" for n in range(count))))
    assert count == len(outcomes)
    delivered = [outcome for outcome in outcomes if outcome.result is Result.DELIVERED]
    assert all(200 <= outcome.reply.code < 300 and outcome.stage is Stage.MESSAGE for outcome in delivered)
    assert not delivered or any(host.contents)
    for outcome in outcomes:
        assert (outcome.result is Result.FAILED) <= (500 <= outcome.reply.code < 600)
