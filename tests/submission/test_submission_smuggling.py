"""No octets, however split, make one message two, or a body a command."""

import functools
import itertools
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.session.wire import Wire
from tests.submission.door import TRUSTED, Door, reply, speak, submit, trusted

ENVELOPE = b"MAIL FROM:<evil@b.test>\r\nRCPT TO:<victim@d.test>\r\nDATA\r\nsmuggled\r\n"


@functools.cache
def shared_door() -> Door:
    """One for all examples; each has its own connection."""
    return Door(trusted_networks=TRUSTED, maximum_errors=10**6, maximum_junk=10**6)


def fresh_wire() -> tuple[Door, Wire]:
    door = shared_door()
    door.spool.shelf.messages.clear()
    door.spool.shelf.rows.clear()
    wire = door.wire()
    speak(wire, "EHLO client.test")
    wire.read()
    return door, wire


ENDS = {
    "lf-dot-lf": b"\n.\n",
    "lf-dot-crlf": b"\n.\r\n",
    "crlf-dot-lf": b"\r\n.\n",
    "cr-dot-cr": b"\r.\r",
    "cr-dot-crlf": b"\r.\r\n",
    "crlf-dot-cr": b"\r\n.\rx",
    "lf-dot-cr": b"\n.\r",
    "nul-before-dot": b"\r\n\0.\r\n",
    "nul-behind-dot": b"\r\n.\0\r\n",
    "nul-in-end": b"\r\n.\r\0\n",
}


@pytest.mark.row(35)
@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_is_no_end_refuses_the_whole_message(end, bytewise):
    door, wire = trusted()
    wire.bytewise = bytewise
    speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA")
    wire.send(b"Subject: x\r\n\r\nbody" + end + ENVELOPE + b".\r\nNOOP\r\n")
    assert reply(wire).startswith("550 5.6.0")
    assert "250 2.0.0 Ok" == reply(wire)
    assert b"" == wire.read()
    assert [] == door.messages


@pytest.mark.row(36)
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_nor_in_the_header_section(end):
    door, wire = trusted()
    assert submit(wire, b"Subject: x" + end + ENVELOPE).startswith("550 5.6.0")
    assert [] == door.messages


@pytest.mark.row(37)
@pytest.mark.parametrize("length", [999, 1000, 16_384, 16_385, 1_000_000])
def test_a_long_line_is_refused_and_what_follows_stays_content(length):
    door, wire = trusted()
    assert submit(wire, b"x" * length + b"\r\n" + ENVELOPE).startswith("550 5.6.0")
    assert ["250 2.0.0 Ok"] == speak(wire, "NOOP")
    assert [] == door.messages


@pytest.mark.row(37)
def test_a_line_of_998_octets_passes_untouched():
    door, wire = trusted()
    content = b"Subject: x\r\n\r\n" + b"x" * 998 + b"\r\n" + b"." * 998 + b"\r\n"
    assert submit(wire, content.replace(b"\r\n.", b"\r\n..")).startswith("250")
    assert content == door.messages[0].content


@pytest.mark.row(33)
@pytest.mark.row(34)
def test_every_split_of_the_stream_gives_the_same_message():
    content = b"Subject: x\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n"
    stream = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n" + content.replace(b"\r\n.", b"\r\n..")
    stream += b".\r\nNOOP\r\n"
    for cut in range(len(stream)):
        door, wire = fresh_wire()
        wire.deliver(stream[:cut])
        wire.deliver(stream[cut:])
        codes = re.findall(rb"^(\d{3}) ", wire.read(), re.MULTILINE)
        assert [b"250", b"250", b"354", b"250", b"250"] == codes
        assert [content] == [message.content for message in door.messages]
        wire.lose()


def reference(stream: bytes) -> tuple[list[bytes], bool]:
    """What a simple server makes of octets behind DATA: contents it takes, and whether the last is complete."""
    contents = []
    body, separator, _ = (b"\r\n" + stream).partition(b"\r\n.\r\n")
    if not separator:
        return contents, False
    content = body.replace(b"\r\n.", b"\r\n")[2:] + (b"\r\n" if body else b"")
    naked = content.replace(b"\r\n", b"")
    if not (set(b"\r\n\0") & set(naked)) and max(map(len, content.split(b"\r\n"))) <= 998:
        contents.append(content)
    return contents, True


PIECES = st.sampled_from(
    [b"\r", b"\n", b".", b"\0", b"\r\n", b"\r\n.", b"\r\n.\r\n", b"a", b"NOOP\r\n", ENVELOPE]
)
STREAMS = st.lists(PIECES, max_size=14).map(b"".join)


@pytest.mark.row(35)
@settings(max_examples=300, deadline=None)
@given(stream=STREAMS, cuts=st.lists(st.integers(0, 200), max_size=6))
@example(stream=b"", cuts=[])
@example(stream=b".\r\n", cuts=[1, 2])
def test_the_door_takes_what_a_reference_reader_takes(stream, cuts):
    """Differential: random streams rich in CR, LF, dot and NUL, split at random."""
    wanted, ended = reference(stream)
    door, wire = fresh_wire()
    speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA")
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    for start, end in itertools.pairwise(edges):
        wire.deliver(stream[start:end])
    said = wire.read()
    assert ended == bool(said)
    assert bool(wanted) == said.startswith(b"250-2.6.0")
    if wanted:
        assert wanted == [door.messages[0].content]
    wire.lose()


@settings(max_examples=150, deadline=None)
@given(junk=st.binary(max_size=400), bytewise=st.booleans())
def test_junk_never_ends_in_silence_or_a_message(junk, bytewise):
    """Whatever octets come, the session answers or waits: nothing is raised, nothing is queued."""
    door = shared_door()
    door.spool.shelf.messages.clear()
    before = door.quota.connections
    wire = door.wire(bytewise=bytewise)
    wire.send(junk + b"\r\n")
    wire.clock.advance(60)
    assert [] == door.messages
    for line in wire.read().splitlines():
        assert re.match(rb"[245]\d\d[ -]", line)
    wire.lose()
    assert 0 == door.clock_calls()
    assert before == door.quota.connections
