"""`x-smtpeter-*` fields: what they ask for, and that they never leave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.edit import Literal, Span, compile_template
from smtpeter.message.header import fields
from smtpeter.message.options import Switches
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


def test_a_switch_that_this_server_does_not_have_is_noted():
    read = options(b"x-smtpeter-inlinecss: true\r\n", available=frozenset({"track_clicks"}))
    assert (OFF, ("inline_css was asked for, but this server cannot do it",)) == (read.switches, read.notes)


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
