"""`x-smtpeter-*` fields: what they ask for, and that they never leave."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.edit import Literal, Span, compile_template
from smtpeter.message.header import fields
from smtpeter.message.options import Priority, Switches
from smtpeter.submission.options import read_options
from tests.submission.door import login, submit, trusted

OFF = Switches()
ALL = Switches(**dict.fromkeys(Switches.names(), True))


def options(head: bytes, switches=OFF, **named):
    content = head + b"\r\nbody\r\n"
    found, _ = fields(content)
    return read_options(content, found, switches, **named)


@pytest.mark.row(84)
@pytest.mark.parametrize(
    ("name", "switch"),
    [
        ("trackclicks", "track_clicks"),
        ("trackopens", "track_opens"),
        ("trackbounces", "track_bounces"),
        ("preventscam", "prevent_scam"),
        ("inlinecss", "inline_css"),
        ("clicktracking", "track_clicks"),
        ("openstracking", "track_opens"),
        ("bouncetracking", "track_bounces"),
        ("inlinizecss", "inline_css"),
        ("tracktextlinks", "track_text_links"),
        ("alwayspixel", "always_pixel"),
    ],
)
def test_a_field_overrides_the_logins_switch_both_ways(name, switch):
    on = options(f"X-SMTPeter-{name}: TRUE\r\n".encode())
    assert ((switch,), ()) == (on.switches.on(), on.notes)
    off = options(f"x-smtpeter-{name}:false\r\n".encode(), ALL)
    assert set(Switches.names()) - {switch} == set(off.switches.on())


def test_the_topmost_counts():
    assert options(
        b"x-smtpeter-trackclicks: true\r\nx-smtpeter-clicktracking: false\r\n"
    ).switches.track_clicks


@pytest.mark.parametrize("head", [b"x-smtpeter-trackclicks: maybe\r\n", b"x-smtpeter-fireworks: true\r\n"])
def test_what_means_nothing_is_noted_and_changes_nothing(head):
    read = options(head)
    assert (OFF, 1, 1) == (read.switches, len(read.notes), len(read.edits))


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("a,b", ("a", "b")),
        (" a , b ,, ", ("a", "b")),
        ("a,a", ("a",)),
        ("grüße,1-2_3", ("grüße", "1-2_3")),
        ("two words,ok", ("ok",)),
        ("semi;colon,ok", ("ok",)),
        ("x" * 101 + ",ok", ("ok",)),
        ("", ()),
    ],
)
def test_tags(text, tags):
    assert tags == options(f"x-smtpeter-tags: {text}\r\n".encode()).tags


@pytest.mark.row(83)
def test_tags_bear_no_line_breaks_and_are_limited():
    folded = options("x-smtpeter-tags: a,\r\n b,c\x0bd,e\u2028f,g\x85h\r\n".encode())
    assert ("a", "b") == folded.tags
    many = options(("x-smtpeter-tags: " + ",".join(f"t{n}" for n in range(60)) + "\r\n").encode())
    assert 50 == len(many.tags)


@pytest.mark.row(85)
def test_what_must_go_goes_and_nothing_else():
    head = (
        b"Received: by x\r\nBcc: secret@b.test,\r\n other@b.test\r\nX-SMTPETER-Tags: a\r\nFrom: a@b.test\r\n"
        b"Return-Path: <a@b.test>\r\nX-SMTPeter-Unknown: 1\r\nX-Smtpete: stays\r\nbcc:\r\n"
    )
    content = head + b"\r\nBcc: in the body stays\r\n"
    found, _ = fields(content)
    read = read_options(content, found, OFF)
    template = compile_template(len(content), read.edits)
    left = b"".join(content[piece.start : piece.end] for piece in template.pieces)
    assert left == (b"Received: by x\r\nFrom: a@b.test\r\nX-Smtpete: stays\r\n\r\nBcc: in the body stays\r\n")


@pytest.mark.row(84)
def test_in_a_session_they_are_applied_once_and_removed():
    door, wire = trusted()
    submit(
        wire,
        b"x-smtpeter-trackclicks: true\r\nx-smtpeter-tags: a,b\r\nSubject: x\r\n\r\nx-smtpeter-tags: body\r\n",
    )
    message = door.messages[0]
    assert (("track_clicks",), ("a", "b")) == (message.switches.on(), message.tags)
    assert [("a", "b")] == [event.tags for event in door.journal.events]
    assert [Literal, Span] == [type(piece) for piece in message.template.pieces]
    assert message.content[message.template.pieces[1].start :].startswith(b"Subject")


@pytest.mark.row(84)
def test_from_a_trusted_network_they_count_only_if_the_login_says_so():
    door, wire = trusted(logins=(login(trusted_option_headers=False),))
    submit(wire, b"x-smtpeter-trackclicks: true\r\nx-smtpeter-tags: a\r\nSubject: x\r\n\r\n")
    message = door.messages[0]
    assert ((), ()) == (message.switches.on(), message.tags)
    assert [
        f"x-smtpeter-{name}: not obeyed, since the sender did not log in (--option-headers)"
        for name in ("trackclicks", "tags")
    ] == list(message.report.notes)
    assert message.content[message.template.pieces[1].start :].startswith(b"Subject")


@pytest.mark.row(85)
@pytest.mark.parametrize(
    ("head", "date", "identifier"),
    [
        (b"", 1, 1),
        (b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n", 0, 1),
        (b"MESSAGE-ID: <1@x.test>\r\n", 1, 0),
        (b"Date: x\r\nMessage-Id: <1@x.test>\r\n", 0, 0),
    ],
)
def test_date_and_message_id_are_added_only_if_missing(head, date, identifier):
    door, wire = trusted()
    submit(wire, head + b"Subject: x\r\n\r\n")
    message = door.messages[0]
    top = message.template.pieces[0].data
    assert (date, identifier) == (top.count(b"\r\nDate: "), top.count(b"\r\nMessage-ID: "))
    assert Span(0, len(message.content)) == message.template.pieces[1]
    assert ("<1@x.test>" == message.facts["message-id"]) == (not identifier)


@given(st.binary(max_size=300))
def test_whatever_the_head_reading_it_never_fails(head):
    content = b"x-smtpeter-tags: " + head
    found, _ = fields(content)
    read = read_options(content, found, OFF)
    compile_template(len(content), read.edits)
    assert all(";" not in tag and not any(map(str.isspace, tag)) for tag in read.tags)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"2026-01-02 03:04:05", 1767323045.0),
        (b"  2026-01-02 03:04:05  ", 1767323045.0),
        (b"2026-02-30 00:00:00", None),
        (b"2026-01-02T03:04:05", None),
        (b"2026-1-2 3:4:5", None),
        (b"tomorrow", None),
        (b"", None),
    ],
)
def test_a_message_may_bring_its_own_deadline(text, seconds):
    read = options(b"x-smtpeter-maxdelivertime: " + text + b"\r\n")
    assert seconds == read.give_up_at
    assert (seconds is None) == bool(read.notes)


def test_the_login_s_time_holds_where_the_message_says_nothing():
    usual = replace(login(), give_up_after=3600.0)
    assert 4600.0 == options(b"").over(usual, 1000.0).give_up_at
    asked = options(b"x-smtpeter-maxdelivertime: 2026-01-02 03:04:05\r\n")
    assert 1767323045.0 == asked.over(usual, 1000.0).give_up_at
    assert options(b"").over(login(), 1000.0).give_up_at is None


@pytest.mark.parametrize(
    ("asked", "has", "gets", "is_told"),
    [
        (b"", Priority.HIGH, Priority.HIGH, False),
        (b"x-smtpeter-priority: low\r\n", Priority.HIGH, Priority.LOW, False),
        (b"x-smtpeter-priority: Normal\r\n", Priority.HIGH, Priority.NORMAL, False),
        (b"x-smtpeter-priority: high\r\n", Priority.NORMAL, Priority.NORMAL, True),
        (b"x-smtpeter-priority: high\r\n", Priority.LOW, Priority.LOW, True),
        (b"x-smtpeter-priority: urgent\r\n", Priority.NORMAL, Priority.NORMAL, True),
    ],
)
def test_a_message_may_ask_for_less_priority_than_its_login_has(asked, has, gets, is_told):
    made = options(asked).over(replace(login(), priority=has), 0.0)
    assert (gets, is_told) == (made.priority, bool(made.notes))


def test_deadline_and_priority_reach_the_spool():
    head = b"x-smtpeter-maxdelivertime: 2099-01-02 03:04:05\r\nx-smtpeter-priority: low\r\n"
    door, wire = trusted()
    submit(wire, head + b"\r\nbody\r\n")
    kept = door.messages[0]
    assert (4071006245.0, Priority.LOW) == (kept.give_up_at, kept.priority)
