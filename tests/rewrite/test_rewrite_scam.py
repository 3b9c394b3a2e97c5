"""Links whose text names another place than they lead to after tracking keep their own target."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.rewrite import scam

HREF = "https://www.example.com/path"
TRACKING = "click.example.com"


def deceptive(markup, href=HREF, host=TRACKING):
    return scam.is_deceptive(scam.label(markup, 0, len(markup)), href, host)


@pytest.mark.row(77)
@pytest.mark.parametrize(
    "markup",
    [
        "https://www.example.com/path",
        "http://www.example.com/path/",
        "HTTPS://WWW.Example.COM/path",
        "www.example.com",
        "example.com",
        " example.com\r\n",
        "example.com:8080/x",
        "(example.com)",
        "Visit example.com now",
        "see...example.com",
        "www.other.example",
        "192.0.2.1",
        "http://192.0.2.1/",
        "http://localhost/",
        "https:///intranet/",
        "info@example.com",
        "Write to: info@intranet",
        "<b>www.</b>example.<i>com</i>",
        "<span>https</span>://<span>shop</span>",
        "www&#46;example&period;com",
        "www.<!-- x -->example.com",
        "ex\u200bample.\u200dcom",
        "exam\u00adple.com",
        "www\uff0eexample\uff0ecom",
        "example\u3002com",
        "ｅｘａｍｐｌｅ.ｃｏｍ",
        "münchen.example",
        "xn--mnchen-3ya.example",
        "example.рф",
        "click.example.com.evil.example",
        "click.example.com and example.com",
        "report.pdf",
        "x" * 2001 + " .",
        "<i>" * 7000,
    ],
)
def test_a_text_that_names_a_place_is_deceptive(markup):
    assert deceptive(markup)


@pytest.mark.row(77)
@pytest.mark.parametrize(
    "markup",
    [
        "my website",
        "click here",
        "",
        "<img src=x alt='www.example.com'>",
        "Total: $19.99, at 9.30 a.m.",
        "e.g. this, i.e. that.",
        "Great news.<br>We have more",
        "<td>Great news.</td><td>Read on</td>",
        "one.<p>Two",
        "Caf&eacute; &amp; more",
        "and/or",
        "@handle",
        "3.5 %",
        "click.example.com",
        "https://click.example.com/x",
        "CLICK.example.com",
        "version 2.0.1",
        "Grüße.",
        "100 €",
        "wow!!!",
        "www",
    ],
)
def test_other_texts_are_not(markup):
    assert not deceptive(markup)


def test_a_text_equal_to_the_link_is_deceptive_even_without_a_dot():
    assert deceptive("localhost/page", href="http://LOCALHOST/page/")
    assert not deceptive("localhost/page", href="http://localhost/other")


def test_a_tracking_host_beyond_ascii_is_compared_as_a_labels():
    assert not deceptive("klick.münchen.example", host="klick.xn--mnchen-3ya.example")


def test_what_is_hidden_in_a_comment_is_no_text():
    assert "a b" == scam.label("a<!--[if mso]>x.com<![endif]--> <b title='>'>b</b>", 0, 48)[:3]


@given(st.text())
def test_any_text_is_judged(text):
    assert scam.is_deceptive(text, HREF, TRACKING) in {True, False}


@pytest.mark.row(156)
@pytest.mark.parametrize(
    "piece", ["a", "a.", ".", "@", "a@", "://", "-", "<b>", "<", "&", "&#46;", "\u200b", " a", "1."]
)
def test_time_is_bounded(piece):
    start = time.process_time()
    deceptive(piece * (20_000 // len(piece)))
    assert time.process_time() - start < 20
