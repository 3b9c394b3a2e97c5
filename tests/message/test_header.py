"""Header fields by octet offset: exact spans, tolerant ends, linear time."""

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message import header
from smtpeter.message.header import fields, find, find_all, value

MESSAGE = (
    b"Received: from a\r\n\tby b; date\r\n"
    b"Subject: one\r\n two\r\n"
    b"RECEIVED : x\r\n"
    b"Empty:\r\n"
    b"\r\n"
    b"Not-A-Field: of the header\r\n"
)


def spans(content, *region):
    found, body = fields(content, *region)
    return [(field.name, content[field.start : field.end]) for field in found], content[body:]


def test_fields_are_spans_with_folded_lines_and_final_crlf():
    expected = [
        ("Received", b"Received: from a\r\n\tby b; date\r\n"),
        ("Subject", b"Subject: one\r\n two\r\n"),
        ("RECEIVED", b"RECEIVED : x\r\n"),
        ("Empty", b"Empty:\r\n"),
    ]
    assert (expected, b"Not-A-Field: of the header\r\n") == spans(MESSAGE)


@pytest.mark.parametrize(
    ("content", "names", "body"),
    [
        (b"", [], b""),
        (b"\r\nbody", [], b"body"),
        (b"just text\r\n", [], b"just text\r\n"),
        (b"A: b", ["A"], b""),
        (b"A: b\r\n", ["A"], b""),
        (b"A: b\r\nno field here\r\nC: d\r\n", ["A"], b"no field here\r\nC: d\r\n"),
        (b"A: b\r\n: no name\r\n", ["A"], b": no name\r\n"),
        (b" folded before any field\r\nA: b\r\n", [], b" folded before any field\r\nA: b\r\n"),
        (b"A: b\r\n \r\n\r\nbody", ["A"], b"body"),
        (b"A: b\n c\nD: e\n\nbody", ["A", "D"], b"body"),
        (b"A: b\r\nB\xe9: c\r\n\r\n", ["A"], b"B\xe9: c\r\n\r\n"),
        (b"A:b\rc\r\n\r\nbody", ["A"], b"body"),
    ],
)
def test_where_the_header_section_ends(content, names, body):
    found, rest = spans(content)
    assert (names, body) == ([name for name, _ in found], rest)


def test_a_region_bounds_what_is_seen():
    content = b"--x\r\nA: b\r\n\r\nbody\r\n--x\r\n"
    assert ([("A", b"A: b\r\n")], b"body\r\n--x\r\n") == spans(content, 5)
    assert ([("A", b"A: b")], b"\r\n\r\nbody\r\n--x\r\n") == spans(content, 5, 9)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"S: one\r\n two \r\n", "one two"),
        (b"S:\tone\r\n\ttwo\r\n", "one\ttwo"),
        (b"S:\r\n", ""),
        (b"S", None),
        ("S: grüß".encode(), "grüß"),
        ("S: grüß".encode("latin-1"), "grüß"),
    ],
)
def test_a_value_is_unfolded_and_decoded(content, expected):
    found, _ = fields(content)
    assert expected == (value(content, found[0]) if found else None)


def test_names_are_found_in_any_case():
    found, _ = fields(MESSAGE)
    assert found[0] == find(found, "rEcEiVeD")
    assert (found[0], found[2]) == find_all(found, "received")
    assert find(found, "x-none") is None
    assert () == find_all(found, "x-none")


def test_the_number_of_fields_is_bounded(monkeypatch):
    monkeypatch.setattr(header, "MAXIMUM_FIELDS", 3)
    assert 3 == len(fields(b"A: b\r\n" * 5 + b"\r\n")[0])


LINE = st.one_of(
    st.binary(max_size=20), st.sampled_from([b"A: b", b" c", b"\t", b"", b":", b"A:", b"\r", b"Subject : x"])
)


@given(st.lists(LINE, max_size=12).map(b"\r\n".join))
def test_fields_are_contiguous_and_everything_else_is_body(content):
    found, body = fields(content)
    ends = [0, *(field.end for field in found)]
    assert ends[:-1] == [field.start for field in found]
    assert content[ends[-1] : body] in {b"", b"\r\n", b"\n"}
    for field in found:
        assert content[field.start : field.value_start].rstrip(b": \t") == field.name.encode()
        assert "\n" not in value(content, field)


@pytest.mark.parametrize("folds", [99, 100, 101, 199, 200, 201, 5000])
def test_a_field_may_have_any_number_of_lines(folds):
    long = b"To: a" + b",\r\n\tb" * folds + b"\r\n"
    found, body = fields(long + b"A: b\r\n\r\n body")
    assert [("To", 0, len(long)), ("A", len(long), len(long) + 6)] == [field[:3] for field in found]
    assert len(long) + 8 == body


def test_folded_lines_cost_no_memory():
    content = b"A:\r\n" + b" \r\n" * 200_000
    tracemalloc.start()
    fields(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.stress
@pytest.mark.parametrize(
    "unit", [b"a", b"a: b\r\n", b"a:\r\n ", b"a: b\n\t", b" \n", b" ", b"a ", b"\r", b":"]
)
def test_ten_times_the_octets_take_no_more_than_fifteen_times_as_long(unit):
    def seconds(count):
        content = b"A: b\r\n" + unit * count
        best = []
        for _ in range(5):
            started = time.process_time()
            fields(content)
            best.append(time.process_time() - started)
        return min(best)

    small = seconds(50_000)
    assert seconds(500_000) < max(15 * small, 0.05)
