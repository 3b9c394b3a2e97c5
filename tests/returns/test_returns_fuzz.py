"""Whatever comes back, recognising it never raises, says what a program can keep, and looks at a bounded part of it."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtpeter.returns import detectors, returned
from smtpeter.returns.recognise import recognise, tokens_within
from smtpeter.returns.recognition import Recognition
from tests.kit.returned import samples

CONTENTS = [each.content for each in samples()]
REPLIES = [each.content for each in samples() if each.kind == "response"]
PIECES = [
    b"\r\n", b"\n", b"\r", b"--", b"--b--", b"=?utf-8?B?", b"?=", b"<", b">", b"@", b"=", b"\x00", b"\xff\xfe", b"&#9999999999999;",
    b"Content-Type: message/rfc822\r\n\r\n", b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n", b"Final-Recipient: ",
    b"Action: failed\r\n", b"550 5.1.1 ", b"Subject: ", b"charset=utf-7", b"charset=idna", b"base64", b"quoted-printable",
    b"From: ", b"X-Failed-Recipients: ", "İ\u3000".encode(), b"a" * 3000, b" " * 3000, b"@" * 300,
]  # fmt: skip
HOSTILE = {
    "one long line": b"\r\n" + b"a",
    "addresses without end": b"\r\na@",
    "tags that never close": b"Content-Type: text/html\r\n\r\n<p ",
    "a number of thousands of digits": b"Content-Type: text/html\r\n\r\n&#9",
    "words that never end": b"Subject: =?a?q?",
    "empty lines": b"\r\n\r\n",
    "folded lines": b"X: y\r\n \r\n",
    "delimiters": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n",
    "messages in messages": b"Content-Type: message/rfc822\r\n\r\n",
    "hyphens": b"\r\n-",
    "codes": b"\r\n550 5.1.1 ",
    "quotes": b"\r\n>\r\n",
    "tokens": b"\r\n/" + b"A" * 36 + b"/",
    "groups": b"Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: x\r\n\r\n",
}
DAEMON = b"Return-Path: <>\r\nFrom: MAILER-DAEMON@x.example\r\n"


@st.composite
def mutated(draw, contents=CONTENTS):
    content = draw(st.sampled_from(contents))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.sampled_from([0, 0, 1, 5, 80, 1000]))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=30)))
        content = content[:start] + piece + content[start + length :]
    return content


def check(found):
    assert isinstance(found, Recognition)
    for text in (
        found.status,
        found.diagnostic,
        found.reporting_host,
        found.recipient,
        found.feedback,
        found.rule,
    ):
        assert text.isprintable()
        assert len(text) <= 500
    assert found.action is not None or not found.is_failure
    assert (found.failure_class is None) == (
        found.action is None or found.action not in {"failed", "delayed"}
    )


@pytest.mark.row(134)
@given(mutated(), st.sampled_from([None, True, False]))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_that_comes_back_raises(content, is_from_null):
    check(recognise(content, is_from_null=is_from_null))
    tokens_within(content)


@given(st.binary(max_size=2000))
@settings(max_examples=200, deadline=None)
def test_octets_of_any_sort_do_not_raise(content):
    check(recognise(content))
    tokens_within(content)


@given(st.text(max_size=3000))
@settings(max_examples=100, deadline=None)
def test_text_of_any_sort_from_a_daemon_does_not_raise(text):
    check(
        recognise(
            DAEMON + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode("utf-8", "replace")
        )
    )


@given(mutated(REPLIES))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_mutated_reply_never_proves_that_there_is_no_such_user(content):
    assert not recognise(content).proves_no_such_user


@pytest.mark.parametrize("name", HOSTILE)
def test_only_a_bounded_part_is_looked_at(name):
    """What the expressions and the phrases see does not grow with the message, so neither does their time."""
    first, _, again = HOSTILE[name].rpartition(b"\r\n")
    content = DAEMON + first + b"\r\n" + (again or b"\r\n") * 300_000
    read = returned.read(content, is_from_null=True)
    assert len(read.text) <= returned.MAXIMUM_TEXT
    assert len(read.subject) <= 10_000
    assert (
        sum(len(value) for group in read.status or () for value in group.values())
        <= 2 * returned.MAXIMUM_TEXT
    )
    seen = detectors.bounded(content)
    assert len(seen) <= detectors.MAXIMUM_SIZE
    assert seen.count(b"\n") < detectors.MAXIMUM_LINES
    assert max(map(len, seen.split(b"\n"))) <= detectors.LONGEST_LINE
    check(recognise(content))
    assert len(tokens_within(content).links) <= 50


@pytest.mark.stress
@pytest.mark.parametrize("name", HOSTILE)
def test_time_does_not_grow_faster_than_the_message(name):
    first, _, again = HOSTILE[name].rpartition(b"\r\n")

    def seconds(size):
        content = DAEMON + first + b"\r\n" + (again or b"\r\n") * (size // len(again or b"\r\n"))
        begun = time.process_time()
        recognise(content)
        tokens_within(content)
        return time.process_time() - begun

    small, large = seconds(1_000_000), seconds(8_000_000)
    assert large <= 16 * max(small, 0.05)


@pytest.mark.stress
@given(mutated(), st.sampled_from([None, True, False]))
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_that_comes_back_raises_for_long(content, is_from_null):
    check(recognise(content, is_from_null=is_from_null))
    tokens_within(content)
