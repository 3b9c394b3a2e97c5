"""URLs in plain text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.edit import SlotKind
from smtpeter.message.options import Switches
from smtpeter.rewrite.render import render
from smtpeter.rewrite.target import Reason
from tests.rewrite.corpus import CLICK, PIPELINE, message, token

TEXT = Switches(track_clicks=True, track_text_links=True)


def rewritten(text, more=""):
    raw = message(text, subtype="plain", more=more)
    template, report = PIPELINE.prepare(raw, TEXT)
    return render(raw, template, token).partition(b"\r\n\r\n")[2].decode(), report


def tracked(tail):
    return f"{CLICK}/{token(SlotKind.CLICK, 0)}/{tail}"


@pytest.mark.parametrize(
    ("text", "url", "tail"),
    [
        ("see https://x.example.", "https://x.example", "x.example/"),
        ("https://x.example/", "https://x.example/", "x.example/"),
        ("https://x.example/a/?b=c==!", "https://x.example/a/?b=c==", "x.example/a/?b=c=="),
        ("https://x.example/?a=", "https://x.example/?a=", "x.example/?a="),
        ("(https://x.example/a)", "https://x.example/a", "x.example/a"),
        ("(see https://x.example/a_(b)).", "https://x.example/a_(b)", "x.example/a_(b)"),
        ("[https://x.example/a]", "https://x.example/a", "x.example/a"),
        ("<https://x.example/a,b.>", "https://x.example/a,b.", "x.example/a,b."),
        ("<https://x.example/漢>", "https://x.example/漢", "x.example/%E6%BC%A2"),
        ('"https://x.example/a"', "https://x.example/a", "x.example/a"),
        ("HTTPS://X.example/a\r\nb", "HTTPS://X.example/a", "x.example/a"),
        ("https://x.example/a?b=1&c=2", "https://x.example/a?b=1&c=2", "x.example/a?b=1&c=2"),
        ("Straße https://x.example/größe, ja", "https://x.example/größe", "x.example/gr%C3%B6%C3%9Fe"),
        ("url:https://x.example/a", "https://x.example/a", "x.example/a"),
        ("https://x.example/?u=http://y.example/", "https://x.example/?u=http://y.example/", "x.example/?u=http://y.example/"),
        ("> https://x.example/a; b", "https://x.example/a", "x.example/a"),
    ],
)  # fmt: skip
def test_the_url_changes_and_nothing_else(text, url, tail):
    assert text.replace(url, tracked(tail)) == rewritten(text)[0]


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("www.x.example, xhttp://x.example/, mailto:a@x.example", []),
        ("https://", []),
        ("https://:80/", [Reason.INVALID]),
        ("https://user:secret@x.example/", [Reason.USER]),
        ("https://x.example/{{ id }}", [Reason.PLACEHOLDER]),
        ("https://x.example/を見る", [Reason.UNDECIDED]),
        ("„https://x.example/a“", [Reason.UNDECIDED]),
        ("'https://x.example/a'", [Reason.UNDECIDED]),
        ("*https://x.example/a*", [Reason.UNDECIDED]),
    ],
)
def test_others_are_left(text, reasons):
    result, report = rewritten(text)
    assert text == result
    assert [reason.value for reason in reasons] == [finding.reason for finding in report.findings]


def test_flowed_lines_stay_flowed():
    text = "A line that flows, https://x.example/a \r\non. \r\n -- \r\n"
    assert (
        text.replace("https://x.example/a", tracked("x.example/a")) == rewritten(text, "; format=flowed")[0]
    )


def test_a_url_that_may_go_on_in_the_next_line_is_left():
    text = "https://x.example/a \r\nb https://x.example/b\r\n"
    result, report = rewritten(text, "; format=flowed; delsp=yes")
    assert text.replace("https://x.example/b", tracked("x.example/b")) == result
    assert [Reason.UNDECIDED.value, ""] == [finding.reason for finding in report.findings]


@pytest.mark.parametrize(
    "switches", [Switches(track_clicks=True), Switches(track_text_links=True), Switches(track_opens=True)]
)
def test_text_is_touched_only_when_asked(switches):
    raw = message("https://x.example/", subtype="plain")
    template, report = PIPELINE.prepare(raw, switches)
    assert raw == render(raw, template, token)
    assert () == report.findings


@given(
    st.lists(
        st.sampled_from(
            [
                "http://",
                "x.example",
                "/",
                ".",
                ")",
                "(",
                " ",
                "<",
                ">",
                "é",
                "漢",
                "@",
                "'",
                "\r\n",
                "[",
                "}",
                "?",
                "&",
            ]
        )
    ).map("".join)
)
def test_only_urls_change(text):
    result, report = rewritten(text)
    restored = result
    for finding in report.findings:
        if not finding.reason:
            assert finding.value in text
    assert len([one for one in report.findings if not one.reason]) == restored.count(CLICK)


@pytest.mark.row(156)
@pytest.mark.parametrize(
    "piece", ["http://", "http://x.example/ ", ")", "http://a)))))", "(", "a", "http://x.example/("]
)
def test_time_is_linear(piece):
    text = piece * (300_000 // len(piece))
    start = time.process_time()
    rewritten(text)
    assert time.process_time() - start < 20
