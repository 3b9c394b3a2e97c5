"""The two input buffers: command lines for the server, replies for the client; bounded and linear on any stream."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.address import AddressSyntax, parse
from smtpeter.message.status import Refusal, Reply
from smtpeter.message.xtext import XtextSyntax, decode, decode_utf8
from smtpeter.smtp.extensions import mail_parameters
from smtpeter.smtp.framing import (
    BdatReader,
    DataReader,
    EndlessLine,
    LineReader,
    LineTooLong,
    ReplyReader,
    ReplySyntax,
    stuffed,
)
from smtpeter.smtp.limits import LIMITS
from smtpeter.smtp.syntax import parse_mail, split_command

LIMIT = 20


def lines(reader, limit=LIMIT):
    found = []
    while True:
        try:
            line = reader.line(limit)
        except LineTooLong:
            found.append(LineTooLong)
            continue
        if line is None:
            return found
        found.append(line)


@given(
    st.lists(
        st.sampled_from([b"\r\n", b"\r", b"\n", b"a", b"NOOP", b"\0", b"x" * 18, b"x" * 30]), max_size=30
    ).map(b"".join),
    st.integers(1, 10),
)
def test_lines_end_in_crlf_only_however_the_stream_is_split(stream, step):
    *whole, rest = stream.split(b"\r\n")
    expected = [LineTooLong if len(line) + 2 > LIMIT else line for line in whole]
    reader = LineReader()
    found = []
    for start in range(0, len(stream), step):
        reader.feed(stream[start : start + step])
        found += lines(reader)

    assert expected == found
    assert len(reader) <= LIMIT
    assert len(rest) >= LIMIT or rest == reader.take()


@pytest.mark.row(38)
@pytest.mark.parametrize(("length", "good"), [(512, True), (2046, True), (2047, False), (100_000, False)])
def test_command_lines_by_length(length, good):
    for step in (1, 2048, 1 << 20):
        reader = LineReader()
        found = []
        stream = b"N" * length + b"\r\nNOOP\r\n"
        for start in range(0, len(stream), step):
            reader.feed(stream[start : start + step])
            found += lines(reader, LIMITS.command_line)
        assert [b"N" * length if good else LineTooLong, b"NOOP"] == found


@pytest.mark.row(61)
def test_the_limit_is_that_of_the_moment():
    reader = LineReader()
    reader.feed(b"A" * (LIMITS.auth_line - 2) + b"\r\n" + b"A" * (LIMITS.auth_line - 1) + b"\r\n")
    assert LIMITS.auth_line - 2 == len(reader.line(LIMITS.auth_line))
    with pytest.raises(LineTooLong):
        reader.line(LIMITS.auth_line)


@pytest.mark.row(38)
def test_an_endless_line_is_cut_off_in_little_memory():
    reader = LineReader()

    def flood():
        for _ in range(1000):
            reader.feed(b"x" * 1024)
            assert reader.line(2048) is None
            assert len(reader) <= 2048

    with pytest.raises(EndlessLine):
        flood()


def test_content_is_taken_and_the_rest_put_back():
    reader = LineReader()
    reader.feed(b"DATA\r\nabc\r\n.\r\nNOOP\r\nQU")
    assert b"DATA" == reader.line(LIMIT)
    data = DataReader(100)
    reader.unread(data.feed(reader.take()))
    reader.feed(b"IT\r\n")
    assert [b"NOOP", b"QUIT"] == lines(reader)
    assert b"abc\r\n" == data.content()
    reader.feed(b"searched in vain")
    assert [] == lines(reader)
    reader.unread(b"HELP\r\n")
    assert [b"HELP"] == lines(reader)


@pytest.mark.row(53)
def test_what_waits_can_be_forgotten():
    reader = LineReader()
    reader.feed(b"STARTTLS\r\nRSET\r\nMA")
    assert b"STARTTLS" == reader.line(LIMIT)
    assert 8 == reader.clear()
    assert 0 == reader.clear() == len(reader)
    reader.feed(b"IL\r\n")
    assert [b"IL"] == lines(reader)


def replies(stream, step=None):
    """All replies, and the exception that ended it, if one did."""
    reader = ReplyReader()
    found = []
    try:
        for start in range(0, len(stream), step or max(1, len(stream))):
            reader.feed(stream[start : start + (step or len(stream))])
            while (reply := reader.reply()) is not None:
                found.append(reply)
    except ReplySyntax:
        found.append(ReplySyntax)
    return found


@pytest.mark.row(100)
@pytest.mark.row(126)
@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"250 Ok\r\n", [Reply(250, "", "Ok")]),
        (b"250\r\n", [Reply(250, "", "")]),
        (b"250 \r\n", [Reply(250, "", "")]),
        (b"250 Ok\n", [Reply(250, "", "Ok")]),
        (b"250-a\n250 b\r\n", [Reply(250, "", "a\nb")]),
        (b"250-a\r\n250-\r\n250\r\n", [Reply(250, "", "a\n\n")]),
        (b"250 2.1.0 Ok\r\n354 go\r\n", [Reply(250, "2.1.0", "Ok"), Reply(354, "", "go")]),
        (b"550-5.1.1 no such\r\n550 5.1.1 user\r\n", [Reply(550, "5.1.1", "no such\nuser")]),
        (b"550-5.1.1 no such\r\n550 user\r\n", [Reply(550, "5.1.1", "no such\nuser")]),
        (b"550-5.1.1 no such\r\n550 5.7.1 user\r\n", [Reply(550, "5.1.1", "no such\n5.7.1 user")]),
        (b"450 5.1.1 which?\r\n", [Reply(450, "", "5.1.1 which?")]),
        (b"571 5.7.1 no\r\n", [Reply(571, "5.7.1", "no")]),
        ("250 é\r\n".encode(), [Reply(250, "", "é")]),
        (b"250 \xff\r\n", [Reply(250, "", "\\xff")]),
        (b"550 a\x1b[31m\0b\tc\rAction: delivered\r\n", [Reply(550, "", "a [31m b c Action: delivered")]),
        ("550 a\u2028b\u0085c\r\n".encode(), [Reply(550, "", "a b c")]),
        (b"250 " + b"x" * 600 + b"\r\n", [Reply(250, "", "x" * 600)]),
        (b"250 " + b"x" * 9000 + b"\r\n221 bye\r\n", [Reply(250, "", "x" * 2044), Reply(221, "", "bye")]),
        (b"250-a\r\n" * 99 + b"250 b\r\n", [Reply(250, "", "a\n" * 99 + "b")]),
        (b"250-a\r\n" * 100 + b"250 b\r\n", [ReplySyntax]),
        (b"250-a\r\n" * 10_000, [ReplySyntax]),
        (b"250-a\r\n550 b\r\n", [ReplySyntax]),
        (b"250-a\r\nb\r\n250 c\r\n", [ReplySyntax]),
        (b"050 a\r\n", [ReplySyntax]),
        (b"150 a\r\n", [ReplySyntax]),
        (b"650 a\r\n", [ReplySyntax]),
        (b"\r\n", [ReplySyntax]),
        (b"25 a\r\n", [ReplySyntax]),
        (b"2500 a\r\n", [ReplySyntax]),
        (b"250a\r\n", [ReplySyntax]),
        (b" 250 a\r\n", [ReplySyntax]),
        ("٢٥٠ a\r\n".encode(), [ReplySyntax]),
        (b"SSH-2.0-OpenSSH\r\n", [ReplySyntax]),
        (b"550 no\r\nHTTP/1.1 200 Ok\r\n", [Reply(550, "", "no"), ReplySyntax]),
        (b"250-a\r\n250", []),
    ],
)
def test_replies(stream, expected):
    assert expected == replies(stream)
    assert expected == replies(stream, step=1)
    assert expected == replies(stream, step=7)


@pytest.mark.row(100)
@pytest.mark.parametrize("piece", [b"2" * 1024, b"250-" + b"x" * 5000 + b"\r\n"])
def test_a_reply_without_end_is_cut_off_in_little_memory(piece):
    reader = ReplyReader()

    def flood():
        for _ in range(1000):
            reader.feed(piece)
            assert reader.reply() is None

    with pytest.raises(ReplySyntax):
        flood()


@pytest.mark.row(112)
def test_what_waits_is_seen():
    reader = ReplyReader()
    assert reader.is_empty
    reader.feed(b"220 go\r\n250-inj")
    assert 220 == reader.reply().code
    assert not reader.is_empty
    reader.feed(b"ected\r\n")
    assert reader.reply() is None
    assert not reader.is_empty  # half a reply
    reader.feed(b"250 x\r\n")
    reader.reply()
    assert reader.is_empty


@given(
    st.one_of(
        st.binary(max_size=100),
        st.lists(
            st.sampled_from([b"250", b"550", b"-", b" ", b"5.1.1", b"x", b"\r\n", b"\n", b"\r", b"\xff"]),
            max_size=40,
        ).map(b"".join),
    ),
    st.integers(1, 9),
)
def test_whatever_comes_is_replies_or_a_protocol_error_however_split(stream, step):
    found = replies(stream)
    assert found == replies(stream, step)
    for reply in found:
        if reply is not ReplySyntax:
            assert 200 <= reply.code < 600
            assert reply.enhanced[:1] in ("", str(reply.code)[0])
            assert not any(ord(character) < 32 for character in reply.text.replace("\n", ""))


def swallow(function, *arguments, **keywords):
    with contextlib.suppress(AddressSyntax, EndlessLine, LineTooLong, Refusal, ReplySyntax, XtextSyntax):
        function(*arguments, **keywords)


def in_pieces(make, take, unit, count, piece):
    stream = unit * count
    reader = make()
    for start in range(0, len(stream), piece):
        reader.feed(stream[start : start + piece])
        swallow(take, reader)


HOSTILE = {
    "data: dots": lambda n: in_pieces(lambda: DataReader(1 << 30), bool, b"\r\n.x", n, 1024),
    "data: no line end": lambda n: in_pieces(lambda: DataReader(1 << 30), bool, b"xxxx", n, 1024),
    "data: CR": lambda n: in_pieces(lambda: DataReader(1 << 30), bool, b"\r\r\r\r", n, 1024),
    "data: empty lines": lambda n: in_pieces(lambda: DataReader(1 << 30), bool, b"\r\n\r\n", n, 1024),
    "data: octet by octet": lambda n: in_pieces(lambda: DataReader(1 << 30), bool, b"abc\r\n", n // 8, 1),
    "lines: no line end": lambda n: in_pieces(LineReader, lambda r: r.line(2048), b"xxxx", n, 64),
    "lines: CR": lambda n: in_pieces(LineReader, lambda r: r.line(2048), b"\r\r\r\r", n, 64),
    "replies: no line end": lambda n: in_pieces(
        ReplyReader, lambda r: r.reply(), b"2222", min(n, 60_000), 64
    ),
    "stuffed: dots": lambda n: sum(map(len, stuffed(b".\r\n" * n))),
    "address: dots": lambda n: swallow(parse, "a." * n),
    "address: quotes": lambda n: swallow(parse, '"' + "\\" * n),
    "address: domain": lambda n: swallow(parse, "a@" + "a-" * n),
    "path: quoted strings": lambda n: swallow(parse_mail, "FROM:<" + '"a"' * n, utf8=True),
    "path: open quote": lambda n: swallow(parse_mail, 'FROM:<"' + "\\a" * n, utf8=True),
    "path: route": lambda n: swallow(parse_mail, "FROM:<" + "@a," * n, utf8=True),
    "command: blanks": lambda n: swallow(split_command, b"MAIL" + b" \t" * n + b"\xff"),
    "parameters": lambda n: swallow(mail_parameters, "SIZE=1 " + "\t" * n + "!", maximum_size=1),
    "xtext": lambda n: swallow(decode, "+2B" * n + "+"),
    "utf-8 xtext": lambda n: swallow(decode_utf8, r"\x{2B}" * n + "\\"),
}


def seconds(work, size):
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        work(size)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.stress
@pytest.mark.row(38)
@pytest.mark.parametrize("name", HOSTILE)
def test_ten_times_the_octets_take_at_most_some_fifteen_times_the_time(name):
    work = HOSTILE[name]
    small, large = seconds(work, 4_000), seconds(work, 40_000)
    assert large < 15 * max(small, 0.002)


@pytest.mark.row(37)
@pytest.mark.row(38)
def test_a_megabyte_of_anything_costs_well_below_a_second():
    """Quadratic work on a megabyte would take minutes; two seconds of CPU leave room for a slow machine."""
    started = time.process_time()
    for unit in (b"x", b"\r", b"\r\n", b"\r\n.", b"\n"):
        in_pieces(lambda: DataReader(1 << 30), bool, unit, (1 << 20) // len(unit), 1460)
        in_pieces(LineReader, lambda r: r.line(2048), unit, (1 << 17) // len(unit), 1460)
        reader = BdatReader(1 << 30)
        reader.begin(1 << 20)
        swallow(reader.feed, unit * ((1 << 20) // len(unit)))
    assert time.process_time() - started < 20
