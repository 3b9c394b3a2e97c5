"""JSON is judged before it is read: what is short to write and large to hold is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.web.api import reading
from smtpeter.web.api.problem import Problem

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def number_of(value):
    if isinstance(value, dict):
        return 1 + sum(map(number_of, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(number_of, value))
    return 1


@pytest.mark.parametrize(
    "octets",
    [
        b'{"x":[' + b"[]," * 200_000 + b"[]]}",
        b'{"x":[' + b'"",' * 200_000 + b"1]}",
        b'{"x":[' + b"1.5," * 200_000 + b"1]}",
        b'{"x":{' + b",".join(b'"%d":0' % number for number in range(200_000)) + b"}}",
    ],
    ids=["arrays", "strings", "numbers", "names"],
)
def test_too_many_values_are_refused_unread(octets):
    with pytest.raises(Problem) as refused:
        reading._json(octets)
    assert 413 == refused.value.status


def test_long_texts_are_one_value_whatever_stands_in_them():
    text = '<a href="x">a, b [c] {d}: \\</a>\n' * 50_000
    assert {"html": text} == reading._json(json.dumps({"html": text}).encode())


@given(VALUES, st.integers(0, 20))
def test_no_value_is_overlooked(value, most):
    octets = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading, "_MOST_VALUES", most)  # so that each way of counting is gone
        assert number_of(value) <= reading._values(octets) or reading._values(octets) > most
