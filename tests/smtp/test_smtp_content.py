"""Contents: where DATA and BDAT end, what of them is kept, and that no split and no octet makes one message two."""

import itertools
import os
import random
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.status import Refusal, Reply
from smtpeter.smtp.framing import BdatReader, DataReader, NotCanonical, has_bare_octets, stuffed

BIG = 1 << 30


def fed(reader, pieces):
    """What is left when `reader` has had all pieces, None if it still waits; pieces after the end are left too."""
    left = None
    for piece in pieces:
        left = reader.feed(piece) if left is None else left + piece
    return left


def outcome(reader):
    try:
        return reader.content()
    except Refusal as refused:
        return refused.reply.code, refused.reply.enhanced


def read(stream, *, maximum_size=BIG, step=None):
    reader = DataReader(maximum_size)
    left = fed(reader, [stream[i : i + step] for i in range(0, len(stream), step)] if step else [stream])
    return outcome(reader), left


def reference(stream, maximum_size=BIG):
    """The same in a few slow lines: (content or reply, octets behind the end), (None, None) without an end."""
    lines = []
    while True:
        line, crlf, stream = stream.partition(b"\r\n")
        if not crlf:
            return None, None
        if line == b".":
            break
        lines.append(line.removeprefix(b"."))
    problems = []
    size = 0
    for line in lines:
        size += len(line) + 2
        if size > maximum_size:
            problems.append((552, "5.3.4"))
        if len(line) > 998 or any(octet in b"\r\n\0" for octet in line):
            problems.append((550, "5.6.0"))
    return (problems or b"".join(line + b"\r\n" for line in lines)), stream


def assert_agrees(found, expected):
    """Which of several reasons a refusal names may depend on how the stream was split; that it is refused may not."""
    (content, left), (expected_content, expected_left) = found, expected
    assert expected_left == left
    if left is not None:
        assert (
            content in expected_content if isinstance(expected_content, list) else content == expected_content
        )


@pytest.mark.row(32)
@pytest.mark.row(33)
@pytest.mark.row(34)
@pytest.mark.parametrize(
    ("wire", "content"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"...\r\n.\r\n", b"..\r\n"),
        (b"a\r\n..\r\n..\r\nb.\r\n.\r\n", b"a\r\n.\r\n.\r\nb.\r\n"),
        (b"a\r\n. \r\n.\r\n", b"a\r\n \r\n"),
        (b"Subject: x\r\n\r\n\xe9\xff\r\n.\r\n", b"Subject: x\r\n\r\n\xe9\xff\r\n"),
        (b"\r\n\r\n\r\n.\r\n", b"\r\n\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("rest", [b"", b"QUIT\r\n", b".\r\n", b"\r\n.\r\n", b"\0\r\n"])
def test_every_split_of_the_stream_gives_the_same(wire, content, rest):
    stream = wire + rest
    assert (content, rest) == read(stream) == read(stream, step=1) == read(stream, step=2)
    for split in range(len(stream) + 1):
        reader = DataReader(BIG)
        assert rest == fed(reader, [stream[:split], stream[split:]])
        assert content == reader.content()
        assert len(content) == reader.size


ENVELOPE = b"MAIL FROM:<smug@evil>\r\nRCPT TO:<v@x>\r\nDATA\r\nSubject: 2\r\n\r\nx"


@pytest.mark.row(35)
@pytest.mark.row(36)
@pytest.mark.parametrize(
    "smuggled",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\n.\r",
        b"\r.\n",
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
        b"\0\r\n.\n",
        b"\r\r\n.\r\r\n",
        b"\r\n.\r\r\n",
        b"\n\r.\r\n\r",
        b"\r",
        b"\n",
        b"\0",
        b"\n\n",
        b"\r\n\r",
    ],
)
def test_nothing_else_ends_a_message_and_the_whole_is_refused(smuggled):
    for head in (b"Subject: 1\r\n\r\nx", b"", b"Subject: 1"):
        stream = head + smuggled + ENVELOPE + b"\r\n.\r\nQUIT\r\n"
        for step in (None, 1, 2, 3, 7):
            assert ((550, "5.6.0"), b"QUIT\r\n") == read(stream, step=step)


@pytest.mark.row(37)
@pytest.mark.parametrize(
    ("length", "good"),
    [(997, True), (998, True), (999, False), (1000, False), (1001, False), (16385, False), (1 << 20, False)],
)
def test_long_lines(length, good):
    """998 octets pass, the dot that transparency adds not counted; more is refused, and never read as commands."""
    line = b"B" * length
    for wire, content in (
        (line, line),
        (b"." + line, line),
        (b"x\r\n" * 3 + line, b"x\r\n" * 3 + line),
        (line + b"\r\n" + b"x\r\n" * 500, line + b"\r\n" + b"x\r\n" * 500),
    ):
        stream = wire + b"\r\nMAIL FROM:<smug@evil>\r\n.\r\nQUIT\r\n"
        expected = content + b"\r\nMAIL FROM:<smug@evil>\r\n" if good else (550, "5.6.0")
        for step in (None, 999, 1000, 1001, 4096):
            assert (expected, b"QUIT\r\n") == read(stream, step=step)


@pytest.mark.row(37)
def test_a_line_just_within_the_limit_may_come_octet_by_octet():
    for line in (b"B" * 998, b"." + b"." * 998):
        content = line.removeprefix(b".") if line.startswith(b".") else line
        assert (content + b"\r\n", b"") == read(line + b"\r\n.\r\n", step=1)


@pytest.mark.row(18)
@pytest.mark.row(19)
def test_size_is_counted_without_stuffing_and_without_the_end():
    wire = b"..234\r\n..234\r\n.\r\nQUIT\r\n"
    for step in (None, 1, 5):
        assert (b".234\r\n.234\r\n", b"QUIT\r\n") == read(wire, maximum_size=12, step=step)
        assert ((552, "5.3.4"), b"QUIT\r\n") == read(wire, maximum_size=11, step=step)


def test_what_is_refused_is_not_kept():
    for first, maximum in ((b"\0\r\n", BIG), (b"x" * 2000, BIG), (b"xxxx\r\n" * 4, 20)):
        reader = DataReader(maximum)
        reader.feed(b"kept\r\n")
        assert 6 == reader.size
        assert reader.feed(first) is None
        assert reader.refusal is not None
        for _ in range(100):
            reader.feed(b"y" * 1000)
        assert 0 == reader.size
        assert b"Z" == reader.feed(b"\r\n.\r\nZ")


def test_a_session_may_refuse_for_reasons_of_its_own():
    reader = DataReader(BIG)
    reader.feed(b"abc\r\n")
    reader.refuse(Refusal(Reply(452, "4.3.1", "no memory")))
    reader.refuse(Refusal(Reply(552, "5.3.4", "later")))
    assert reader.feed(b".x\r\n") is None
    assert b"" == reader.feed(b".\r\n")
    assert (452, "4.3.1") == outcome(reader)

    at_once = DataReader(BIG)
    at_once.refuse(Refusal(Reply(452, "4.3.1", "no memory")))
    assert b"NOOP\r\n" == at_once.feed(b".\r\nNOOP\r\n")


TOKENS = [
    b"\r\n",
    b"\r\n.\r\n",
    b".",
    b"..",
    b"\r",
    b"\n",
    b"\0",
    b"a",
    b"ab\r\n",
    b"x" * 998,
    b"x" * 500,
    b"\r\n.",
    b".\r\n",
    b"\xff",
]
CLEAN = [b"\r\n", b".", b"..", b"a", b"\r\n.x", b"x" * 499, b"\r\n..\r\n", b"\r\n.\r\n", b" .\r\n"]


def differential(seed, cases):
    chance = random.Random(seed)
    refused = kept = 0
    for _ in range(cases):
        tokens = TOKENS if chance.random() < 0.5 else CLEAN
        stream = b"".join(chance.choices(tokens, k=chance.randrange(1, 25)))
        maximum_size = chance.choice((BIG, BIG, 20, 1500))
        cuts = sorted(chance.randrange(len(stream) + 1) for _ in range(chance.choice((0, 1, 2, 5, 20))))
        pieces = [stream[i:j] for i, j in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        reader = DataReader(maximum_size)
        left = fed(reader, pieces)
        expected = reference(stream, maximum_size)
        assert_agrees((outcome(reader), left), expected)
        refused += isinstance(expected[0], list)
        kept += isinstance(expected[0], bytes)
    assert refused > cases // 10
    assert kept > cases // 10


@pytest.mark.row(35)
@pytest.mark.row(157)
def test_the_reader_agrees_with_a_simple_one():
    differential(seed=20260101, cases=5_000)


@pytest.mark.stress
@pytest.mark.row(35)
@pytest.mark.row(157)
def test_the_reader_agrees_with_a_simple_one_for_long():
    differential(seed=int(os.environ.get("SEED", "7")), cases=200_000)


STREAMS = st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(TOKENS), max_size=20).map(b"".join))


@given(STREAMS, st.lists(st.integers(0, 10), max_size=40))
def test_the_reader_agrees_with_a_simple_one_on_what_hypothesis_finds(stream, lengths):
    pieces, rest = [], stream
    for length in lengths:
        pieces.append(rest[:length])
        rest = rest[length:]
    reader = DataReader(BIG)
    left = fed(reader, [*pieces, rest])
    assert_agrees((outcome(reader), left), reference(stream))


def bdat(*chunks, maximum_size=BIG, rest=b"", step=None):
    reader = BdatReader(maximum_size)
    for number, chunk in enumerate(chunks):
        reader.begin(len(chunk))
        stream = chunk + (rest if number == len(chunks) - 1 else b"")
        left = fed(
            reader, [stream[i : i + step] for i in range(0, len(stream), step)] or [b""] if step else [stream]
        )
        assert left == stream[len(chunk) :]
    return outcome(reader)


def test_bdat_takes_what_it_says_and_no_more():
    for step in (None, 1, 3):
        assert b"a\r\n.\r\nb\r\n" == bdat(b"a\r\n.\r\nb\r\n", rest=b"QUIT\r\n", step=step)
        assert b"..\r\n" == bdat(b"..\r\n", step=step)
        assert b"" == bdat(b"", rest=b"\r\n.\r\n", step=step)
        assert b"a\r\n" == bdat(b"a\r", b"\n", b"", step=step)
        assert b"a\r\n" == bdat(b"", b"a", step=step)
        assert b"ab\r\ncd\r\n" == bdat(b"a", b"b\r\nc", b"d", step=step)


def test_a_chunk_is_awaited_until_it_is_whole():
    reader = BdatReader(BIG)
    reader.begin(4)
    assert reader.feed(b"a\r") is None
    assert reader.feed(b"") is None
    assert b"x" == reader.feed(b"\nbx")
    assert b"a\r\nb\r\n" == reader.content()


@pytest.mark.row(37)
def test_a_long_line_in_chunks_is_known_before_it_ends():
    assert b"x" * 998 + b"\r\n" == bdat(b"x" * 998 + b"\r", b"\n")
    reader = BdatReader(BIG)
    reader.begin(5000)
    assert reader.feed(b"x" * 1000) is None
    assert "5.6.0" == reader.refusal.reply.enhanced


@pytest.mark.row(35)
@pytest.mark.parametrize(
    "chunks",
    [
        [b"a\nb\r\n"],
        [b"a\r", b"b\n"],
        [b"a\r"],
        [b"\0"],
        [b"a", b"\n"],
        [b"\r\n.\n"],
        [b"x" * 999],
        [b"x" * 500, b"x" * 499, b"\r\n"],
        [b"x" * 5000, b"\r\n"],
        [b"x\r\n" * 400, b"y" * 999 + b"\r\n"],
    ],
)
def test_bdat_has_the_same_rules_about_octets(chunks):
    for step in (None, 1):
        assert (550, "5.6.0") == bdat(*chunks, step=step)


@pytest.mark.row(19)
def test_bdat_counts_size_before_the_octets_come():
    assert b"12345678\r\n" == bdat(b"1234", b"5678\r\n", maximum_size=10)
    assert (552, "5.3.4") == bdat(b"1234", b"5678\r\n", maximum_size=9)
    reader = BdatReader(10)
    reader.begin(11)
    assert 552 == reader.refusal.reply.code
    assert reader.feed(b"x" * 10) is None
    reader = BdatReader(10)
    reader.begin(4)
    reader.feed(b"1234")
    reader.begin(7)
    assert 552 == reader.refusal.reply.code
    assert reader.feed(b"x" * 6) is None
    assert b"NOOP" == reader.feed(b"xNOOP")


@given(STREAMS, st.lists(st.integers(0, 60), max_size=10))
def test_bdat_agrees_with_data(stream, cuts):
    """The same content, once in chunks and once stuffed, is kept or refused alike."""
    ends = [*sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[i:j] for i, j in zip([0, *ends], ends, strict=False)]
    content = stream if stream.endswith(b"\r\n") or not stream else stream + b"\r\n"
    lines = content.split(b"\r\n")
    wire = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"
    assert read(wire)[0] == bdat(*chunks)


@pytest.mark.row(99)
@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"", b".\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".first\r\n", b"..first\r\n.\r\n"),
        (b"a\r\n.\r\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"\r\n", b"\r\n.\r\n"),
        (b"\r\n.\r\n.\r\n..\r\n", b"\r\n..\r\n..\r\n...\r\n.\r\n"),
    ],
)
def test_stuffing(content, wire):
    assert wire == b"".join(stuffed(content))


@pytest.mark.row(99)
@pytest.mark.parametrize(
    "content", [b"a\nb\r\n", b"a\r", b"a\rb", b"\0", b"a\n", b"\r\n.\n", b"a\r\r\n", b"\n.\r\n"]
)
def test_what_some_server_might_take_for_two_messages_does_not_leave(content):
    with pytest.raises(NotCanonical):
        stuffed(content)


@pytest.mark.row(99)
@given(
    st.lists(
        st.sampled_from([b"", b".", b"..", b".a", b"a", b"MAIL FROM:<a@b>", b"x" * 998, b"\xff"]), max_size=30
    )
)
def test_what_is_stuffed_is_read_back_as_one_message(lines):
    content = b"".join(line + b"\r\n" for line in lines)
    wire = b"".join(stuffed(content))
    assert (content, b"") == read(wire) == read(wire, step=3)


@pytest.mark.row(99)
def test_a_dot_at_every_border_of_a_block():
    for length in (*range(1, 40), 4095, 4096, 16383, 16384, 16385):
        content = (
            (b"x" * 70 + b"\r\n") * (length // 72)
            + b"y" * (length % 72)
            + b"\r\n.\r\nMAIL FROM:<smug@evil>\r\n"
        )
        wire = b"".join(stuffed(content))
        assert wire.find(b"\r\n.\r\n") == len(wire) - 5
        assert (content, b"") == read(wire, step=max(1, length))


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"\0", b"a"]), max_size=8).map(b"".join))
def test_bare_octets_are_found_where_lines_are_compared_one_by_one(start):
    lines = start + b"\r\n"
    is_bare = any(set(line) & set(b"\r\n\0") for line in lines.split(b"\r\n"))
    assert is_bare == has_bare_octets(lines)


@pytest.mark.parametrize("length", range(6))
def test_bare_octets_are_found_in_every_short_content(length):
    for octets in itertools.product(b"\r\n\0a", repeat=length):
        lines = bytes(octets)
        assert (re.search(rb"\0|\r(?!\n)|(?<!\r)\n", lines) is not None) == has_bare_octets(lines), lines


@pytest.mark.parametrize("place", range(65_530, 65_540))
def test_line_ends_are_told_apart_wherever_the_content_is_cut_to_be_looked_at(place):
    before, after = b"a" * place, b"b" * 10 + b"\r\n"
    assert not has_bare_octets(before + b"\r\n" + after)
    assert [True] * 4 == [has_bare_octets(before + end + after) for end in (b"\r", b"\n", b"\0", b"\r\r\n")]


def test_many_lines_cost_no_memory_each():
    content = b"\r\n" * 500_000
    tracemalloc.start()
    try:
        assert not has_bare_octets(content)
        assert sum(map(len, stuffed(content))) == len(content) + 3
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000


@pytest.mark.row(99)
@pytest.mark.parametrize(
    "unit", [b".\r\n", b"\r\n", b"\r\n.", b"ab\r\n", b".x\r\n..\r\n", b"x" * 997 + b"\r\n."]
)
@pytest.mark.parametrize("shift", range(6))
def test_blocks_are_stuffed_as_the_whole_is(unit, shift):
    """Wherever a line meets the border of a block of 65,536 octets."""
    content = b"x" * shift + unit * (200_000 // len(unit)) + b"\r\n"
    lines = content.split(b"\r\n")
    wanted = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"
    blocks = list(stuffed(content))
    assert wanted == b"".join(blocks)
    assert max(map(len, blocks)) <= 2 * 65_536


@pytest.mark.parametrize("length", [65_533, 65_534, 65_535, 65_536, 65_537, 200_000])
def test_a_line_longer_than_a_block_is_one_block(length):
    content = b"x" * length + b"\r\n.\r\n"
    assert b"x" * length + b"\r\n..\r\n.\r\n" == b"".join(stuffed(content))
