"""What is told beside the changes: links in conditional comments, and selectors that look at what tracking changes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.edit import Verdict
from smtpeter.message.options import Switches
from smtpeter.rewrite import comments
from smtpeter.rewrite.pipeline import Pipeline
from smtpeter.rewrite.settings import Settings

HEAD = b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
PIPELINE = Pipeline(Settings(click_url="https://c.example", open_url="https://o.example"))
CLICKS = Switches(track_clicks=True)
LINK = "<a href=https://a.example/>x</a>\r\n"


def found(html):
    return [(one.place, one.value) for one in comments.findings(HEAD + html.encode())]


def notes(html, switches=CLICKS):
    return PIPELINE.prepare(HEAD + html.encode(), switches)[1].notes


def test_links_in_conditional_comments_are_told_with_the_reason():
    html = (
        '<p>x</p>\r\n<!--[if mso]><v:roundrect href="https://a.example/?x=1&amp;y=2">\r\n'
        "<v:image SRC = 'http://b.example/i.png'/><![endif]-->\r\n<!-- <a href=\"https://c.example/\"> -->"
    )
    assert [
        ("part 1, href, line 2", "https://a.example/?x=1&y=2"),
        ("part 1, src, line 3", "http://b.example/i.png"),
    ] == found(html)
    one, _ = comments.findings(HEAD + html.encode())
    assert (Verdict.LEFT, comments.REASON) == (one.verdict, one.reason)


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://a.example/">',
        "<!--[if mso]>no end <a href='https://a.example/'>",
        "<!--[if mso]><a href='#x'><a href='mailto:a@b'><a data-href=''><![endif]-->",
    ],
)
def test_nothing_else_is(html):
    assert [] == found(html)


def test_what_cannot_be_read_is_passed_over():
    assert [] == comments.findings(HEAD + b"\xff<!--[if mso]><a href='http://a.example/'><![endif]-->")


@given(
    st.lists(st.sampled_from(["<!--[if", "-->", " href=", '"', "'", "http://a", "src", "&", "<", ">"])).map(
        "".join
    )
)
def test_soups_are_read(html):
    found(html)


@pytest.mark.parametrize(
    "unit", ["<!--[if", '<!--[if href="', "<!--[if src='-->", " href='", "<style>[href", "[href"]
)
def test_hostile_texts_take_linear_time(unit):
    started = time.process_time()
    found(unit * (900_000 // len(unit)))
    notes(LINK + unit * (900_000 // len(unit)))
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<style>a[href^="https://a"] {color: red}</style>', True),
        ("<STYLE type=x>\r\np{} a[ HREF ]{}</STYLE>", True),
        ("<style>img[src]{}</style>", True),
        ("<style>a[hreflang]{}</style><p>[href]", False),
        ("<style>a[class]{}</style>", False),
        ("<p>[href]</p>", False),
    ],
)
def test_selectors_that_may_match_no_longer_are_told(html, expected):
    said = "part 1: a style sheet selects elements by href, src or background: once tracked, they may match no longer"
    assert expected == (said in notes(html + LINK))
    assert said not in notes(html)
    assert said not in notes(html + LINK, Switches())
