"""Time, errors and numbers: how long a session may last, how often it may be wrong, how many there may be."""

import pytest
from twisted.logger import capturedLogs, formatEvent

from smtpeter.session.limits import Quota
from tests.submission.door import Door, reply, speak, submit, trusted

LINE = b"x" * 98 + b"\r\n"


@pytest.mark.row(44)
def test_silence_is_ended_after_five_minutes():
    _, wire = trusted()
    wire.advance(299)
    assert b"" == wire.read()
    wire.advance(2)
    assert "421 4.4.2 Timeout" == reply(wire)
    assert wire.closed


@pytest.mark.row(45)
def test_a_command_that_trickles_in_is_ended():
    """A line must come whole within the time; its octets do not buy more."""
    _, wire = trusted()
    for _ in range(31):
        wire.deliver(b"N")
        wire.advance(10)
    assert reply(wire).startswith("421 4.4.2")


@pytest.mark.row(45)
def test_content_that_trickles_in_is_ended():
    door, wire = trusted()
    speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA")
    seconds = 0
    while not wire.closed:
        wire.deliver(b"x\r\n"[seconds % 3 : seconds % 3 + 1])
        wire.advance(1)
        seconds += 1
    assert 300 <= seconds <= 303
    assert reply(wire).startswith("421 4.4.2")
    assert [] == door.messages
    assert 0 == door.quota.memory


def test_content_at_a_bearable_pace_is_taken():
    door, wire = trusted()
    speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA")
    for _ in range(90):
        wire.send(LINE * 60)
        wire.advance(10)
    wire.send(b".\r\n")
    assert reply(wire).startswith("250")
    assert 1 == len(door.messages)


@pytest.mark.row(46)
def test_no_session_lasts_for_ever():
    _, wire = trusted(session_timeout=3600.0)
    replies = []
    while not wire.closed:
        wire.advance(299)
        replies.extend(speak(wire, "NOOP"))
    assert 13 == len(replies)
    assert replies[-1].startswith("421 4.4.2")


@pytest.mark.row(47)
def test_errors_are_answered_more_and_more_slowly_then_not_at_all():
    door, wire = trusted(error_delay=1.0)
    before, waits = door.clock.seconds(), []
    while True:
        (said,) = speak(wire, "BLURDYBLOOP")
        waits.append(door.clock.seconds() - before)
        before = door.clock.seconds()
        if not said.startswith("500"):
            break
        if wire.closed:
            break
    assert [0] * 10 + [1, 2, 3, 4] + [5] * 7 == waits[:21]
    assert "421 4.7.0 Too many errors" == reply(wire)
    assert wire.closed


def test_commands_that_lead_nowhere_are_limited_too():
    _, wire = trusted(maximum_junk=10)
    for _ in range(9):
        assert speak(wire, "NOOP")[0].startswith("250")
    speak(wire, "RSET")
    assert reply(wire).startswith("421 4.7.0")


def test_a_message_makes_up_for_errors():
    _, wire = trusted(maximum_errors=3)
    for _ in range(5):
        speak(wire, "BLURDYBLOOP", "BLURDYBLOOP")
        assert submit(wire, LINE).startswith("250")


def test_refused_recipients_are_no_errors_of_who_may_send():
    """A list with many dead addresses is a list all the same."""
    _, wire = trusted(maximum_errors=3)
    replies = speak(
        wire, "MAIL FROM:<a@b.test>", *(["RCPT TO:<a@[127.0.0.1]>", "RCPT TO:<bad..one@d.test>"] * 10)
    )
    assert ["550", "501"] * 10 == [said[:3] for said in replies[1:]]


@pytest.mark.row(48)
def test_connections_from_one_address_are_limited_and_others_unaffected():
    door = Door(maximum_connections_per_address=100)
    wires = [door.wire() for _ in range(200)]
    assert 100 == sum(reply(wire).startswith("220") for wire in wires[:100])
    assert 100 == sum(reply(wire).startswith("421 4.7.0") and wire.closed for wire in wires[100:])
    assert reply(door.wire(address="198.51.100.1")).startswith("220")
    wires[0].lose()
    assert reply(door.wire()).startswith("220")


@pytest.mark.row(48)
def test_connections_that_are_too_many_are_told_in_one_line_a_minute():
    door = Door(maximum_connections_per_address=1)
    with capturedLogs() as events:
        for _ in range(50):
            door.wire()
        door.clock.advance(61)
        door.wire()
    assert [f"192.0.2.1: too many connections, turned away: {count}" for count in (1, 49)] == [
        formatEvent(event) for event in events
    ]


def test_chunks_that_bring_a_message_no_nearer_are_junk():
    _, wire = trusted(maximum_junk=10)
    speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>")
    wire.send(b"BDAT 1000\r\n" + LINE * 10 + b"BDAT 1100\r\n" + LINE * 11 + b"BDAT 0\r\n" * 50)
    said = wire.read().split(b"\r\n")
    assert [b"250"] * 11 + [b"421"] == [line[:3] for line in said[:-1]]
    assert wire.closed


@pytest.mark.row(48)
def test_connections_in_all_are_limited_over_all_listeners():
    door = Door(maximum_connections=2)
    wires = [door.wire(address=f"192.0.2.{n}", endpoint=f"tcp:{n}") for n in range(3)]
    assert ["220", "220", "421"] == [reply(wire)[:3] for wire in wires]


def test_addresses_of_one_customer_count_as_one():
    quota = Quota(maximum_connections=10, maximum_per_address=1, maximum_memory=1)
    assert quota.enter("2001:db8:1:2::1")
    assert not quota.enter("2001:db8:1:2:ffff::2")
    assert quota.enter("2001:db8:1:3::1")
    quota.leave("2001:db8:1:2::1")
    assert quota.enter("2001:db8:1:2:ffff::2")


@pytest.mark.row(51)
def test_a_shutdown_ends_idle_sessions_and_waits_for_content():
    door, busy = trusted()
    idle = door.wire()
    idle.read()
    speak(busy, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA")
    done = []
    door.factory().stop(60).addCallback(done.append)
    assert reply(idle).startswith("421 4.3.2")
    idle.lose()
    late = door.wire()
    assert reply(late).startswith("421 4.3.2")
    assert late.closed
    busy.send(LINE + b".\r\n")
    assert reply(busy).startswith("250")
    assert reply(busy).startswith("421 4.3.2")
    assert [] == done
    busy.lose()
    assert [None] == done
    assert 1 == len(door.messages)


@pytest.mark.row(51)
def test_a_shutdown_does_not_wait_for_ever():
    door, wire = trusted()
    speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA")
    door.factory().stop(60)
    wire.advance(61)
    assert wire.closed
    wire.lose()
    assert 0 == door.clock_calls()


def test_a_client_that_does_not_take_its_leave_is_aborted():
    _, wire = trusted()
    wire.send(b"QUIT\r\n")
    wire.advance(29)
    assert not wire.transport.aborted
    wire.advance(2)
    assert wire.transport.aborted
