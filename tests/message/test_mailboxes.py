"""The mailboxes of a From field: none is overlooked, and what cannot be read is told."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.mailboxes import mailboxes


def shown(text):
    return [None if one is None else str(one) for one in mailboxes(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" , ;", []),
        ("a@x.example", ["a@x.example"]),
        ("A <a@x.example>", ["a@x.example"]),
        ("<a@x.example>", ["a@x.example"]),
        ("a@x.example, B <b@y.example>", ["a@x.example", "b@y.example"]),
        ('"b@y.example" <a@x.example>', ["a@x.example"]),
        ('"<b@y.example>, \\"" <a@x.example>', ["a@x.example"]),
        ("(b@y.example (c)) a@x.example", ["a@x.example"]),
        ('(" ) a@x.example (")', ["a@x.example"]),
        ("Group: a@x.example, b@y.example;", ["a@x.example", "b@y.example"]),
        ("Nobody:;", []),
        ("ü@bücher.example", ["ü@bücher.example"]),
        ("nonsense", [None]),
        ('"b@y.example <a@x.example>', [None]),
        ('"\\\\" <a@x.example>', ["a@x.example"]),
        ('"\\" <a@x.example>, b@y.example', [None, "b@y.example"]),
        ("<a@x.example", [None]),
        ("a@x.example (", [None]),
        ("<a@x.example> <b@y.example>", ["a@x.example", None]),
        ("<a@x.example> b@y.example", ["a@x.example", None]),
        ("<a@x.example> <b@y.example>, <a@x.example>", ["a@x.example", None, "a@x.example"]),
        ("<a@x.example> b@y.example, a@x.example", ["a@x.example", None, "a@x.example"]),
        ("<a@x.example> b@y.example: a@x.example;", ["a@x.example", None]),
        ("b@y.example <a@x.example>", [None]),
        ("b@y.example: a@x.example;", [None]),
        ("<b@y.example: a@x.example;", [None]),
        (": a@x.example;", [None]),
        ("A\\@y.example <a@x.example>", [None]),
        ('A. B=?utf-8?q?=C3=A9?= ü (c) "b@y.example" <a@x.example>', ["a@x.example"]),
        ("A (c) 'B': C <a@x.example>;", ["a@x.example"]),
        ("<@relay.example:a@x.example>", [None]),
    ],
)
def test_mailboxes_of_a_from_field(text, expected):
    assert expected == shown(text)


def test_a_field_without_bound_is_not_read():
    name = '"' + "\\a" * 32_000 + '"'
    assert ["a@x.example"] == shown(f"{name} <a@x.example>")
    assert [None] == shown(f"{name}{name} <a@x.example>")


@given(
    st.lists(
        st.sampled_from(["a@x.example", "<", ">", "(", ")", '"', "\\", ",", ";", ":", " ", "ü", "A"])
    ).map("".join)
)
def test_anything_is_read(text):
    assert all(one is None or "@" in one for one in shown(text))


@given(
    st.lists(st.sampled_from(["A", '"B, <b@y.example>"', "(c (d) \\) <e@z.example>)", " "])),
    st.integers(1, 3),
)
def test_what_is_quoted_or_a_comment_is_no_mailbox(names, count):
    one = " ".join(names) + " <a@x.example>"
    assert ["a@x.example"] * count == shown(",".join([one] * count))


@pytest.mark.parametrize(
    "unit", ["(", "<", '"', "\\", "a", "a,", "<a>,", "(\\", ":", '""', '"\\', '\\"', "a()"]
)
def test_hostile_fields_take_linear_time(unit):
    started = time.process_time()
    for _ in range(10):
        mailboxes(unit * (65_536 // len(unit)))
        mailboxes(unit * (32_768 // len(unit)) + "@()" + "<" * 16_384 + ":" * 16_384)
    assert time.process_time() - started < 20
