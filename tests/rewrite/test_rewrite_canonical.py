"""The canonical forms beside dkimpy's, and in time."""

import time

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import example, given
from hypothesis import strategies as st

from smtpeter.rewrite import canonical

# CR and LF only together: nothing else can be sent. VT and FF are no blanks, though Python takes them for some.
PIECES = st.lists(
    st.sampled_from(
        [b" ", b"\t", b"\r\n", b"x", b"\x0b", b"\x0c", b"\x00", b"\xc3\xa9", b".", b"  \t ", b"\r\n\r\n"]
    )
).map(b"".join)


@given(PIECES)
@example(b"")
@example(b"\r\n")
@example(b" ")
@example(b"\r\n \r\n\t\r\n")
@example(b"a\x0b\r\n\x0c\r\n")
def test_bodies_are_as_dkimpy_has_them(body):
    ended = body if body.endswith(b"\r\n") or not body else body + b"\r\n"  # as it is sent
    assert Relaxed.canonicalize_body(ended) == b"".join(canonical.body(body))


@given(PIECES, st.integers(1, 9), st.integers(0, 3))
def test_pieces_of_any_size_make_the_same(body, size, start):
    start = min(start, len(body))
    expected = b"".join(canonical.body(body[start:]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canonical, "_PIECE", size)
        assert expected == b"".join(canonical.body(body, start))


@given(
    st.sampled_from([b"Subject", b"SUBJECT", b"x-Y"]),
    st.lists(st.sampled_from([b" ", b"\t", b"\r\n ", b"\r\n\t", b"x", b":", b"\xe9"])).map(b"".join),
)
def test_fields_are_as_dkimpy_has_them(name, value):
    ((expected_name, expected),) = Relaxed.canonicalize_headers([(name, value + b"\r\n")])
    assert expected_name + b":" + expected == canonical.field(name, value + b"\r\n")


def test_the_examples_of_the_standard():
    """RFC 6376 3.4.5."""
    assert b"a:X\r\n" == canonical.field(b"A", b" X\r\n")
    assert b"b:Y Z\r\n" == canonical.field(b"B ".strip(), b" Y\t\r\n\tZ  \r\n")
    assert b" C\r\nD E\r\n" == b"".join(canonical.body(b" C \r\nD \t E\r\n\r\n\r\n"))


@pytest.mark.parametrize("unit", [b" ", b"\t", b"\r\n", b" \r\n", b"x \t", b"  x", b"\r\n\r\nx"])
def test_hostile_bodies_take_linear_time(unit):
    """Ten times the octets take nothing like a hundred times the time."""

    def seconds(size):
        body = unit * (size // len(unit)) + b"x"
        started = time.process_time()
        for _ in canonical.body(body):
            pass
        return time.process_time() - started

    seconds(100_000)
    assert seconds(2_000_000) < 40 * min(seconds(200_000) for _ in range(3)) + 0.05


@pytest.mark.row(147)
@pytest.mark.parametrize("line", [b"x y" * 25, b"x " * 400], ids=["short", "long"])
def test_no_step_over_a_large_body_is_long(line):
    """So a thread that signs twenty megabytes never keeps the others from the interpreter for long."""
    body = (line + b"\r\n") * (20_000_000 // len(line))
    assert 65_536 >= max(map(len, canonical.body(body)))
