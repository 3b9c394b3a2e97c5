"""Hostile HTML and CSS cost the feature, in bounded time; nothing is ever fetched."""

import builtins
import io
import os
import socket
import time
import urllib.request

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpeter.message.options import Switches
from smtpeter.rewrite.change import LeftAlone
from smtpeter.rewrite.css import sheet
from smtpeter.rewrite.css.inline import Inliner
from smtpeter.rewrite.render import render
from smtpeter.rewrite.settings import Settings
from smtpeter.rewrite.worker import pipeline
from tests.rewrite.corpus import message, token

P = "<style>p{top:0}</style>"


@pytest.mark.row(82)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (P + "<div>" * 20_000, "its elements are nested more than 512 deep"),
        (P + "<b>" * 20_000, "its elements are nested more than 512 deep"),
        (P + "<p " + " ".join(f"a{n}=1" for n in range(20_000)) + ">", "a tag has more than 256 attributes"),
        (P + "<p " + " ".join(f"a{n}=1" for n in range(20_000)), "a tag has more than 256 attributes"),
        (P + "<p " + " ".join(f"a{n}='<'" for n in range(20_000)) + ">", "a tag has more than 256 attributes"),
        (P + "<br>" * 20_000, "it has more than 10000 tags"),
        ("<style>" + "p{}" * 5_001 + "</style><p>", "its style sheets have more than 5000 rules"),
        (("<style>" + "p{top:0}" * 3_000 + "</style>") * 2 + "<p>", "its style sheets have more than 5000 rules"),
        ("<style>" + " " * 262_145 + "</style><p>", "its style sheets have more than 262144 characters"),
        ("<style>" + "p{top:0}" * 100 + "</style>" + "<p>" * 3_000, "its rules match elements more than 200000 times"),
        ("<style>p{a:'" + "x" * 3_900 + "'}</style>" + "<p>" * 300, "it would grow by more than 1000000 characters"),
        (P + "<p\x00>", "it could be read in two ways"),
        (P + "<" * 900_000, "it has more than 50000 tags or references"),
        (P + "&" * 900_000, "it has more than 50000 tags or references"),
        (P + "x<table><svg><html class=x>", "html5lib failed with AssertionError"),
        ("<style>p{left:1" + "0" * 10_000 + "px}</style><p>", "its style sheet cannot be parsed"),
        (P + "<p style='left:1" + "0" * 10_000 + "px'>", "a style attribute cannot be parsed"),
    ],
)  # fmt: skip
def test_what_is_too_much_is_left_alone(text, reason):
    begun = time.thread_time()
    with pytest.raises(LeftAlone, match=reason):
        Inliner().inline(text)

    assert time.thread_time() - begun < 20


@pytest.mark.row(82)
@pytest.mark.parametrize(
    "css",
    [
        "p{width:" + "x " * 20_000 + "}",
        "p{width:" + "(" * 5_000 + "}",
        "p{width:" + "calc(" * 1_000 + "1px" + ")" * 1_000 + "}",
        "p{" * 3_000,
        "/*" * 50_000,
        "p{background:url(" + "x" * 100_000 + ")}",
        ":not(" * 300 + "p" + ")" * 300 + "{left:0}",
        "p" + ":not(b)" * 500 + "{left:0}",
        ":is(p," * 300 + ")" * 300 + "{left:0}",
        " ".join(["*"] * 900) + "{left:0}",
        "p,".join(["*"] * 300) + "{left:0}",
        ", ".join(["i"] * 20_000) + "{left:0}",
        "[" * 2_000 + "{left:0}",
        "@x " * 10_000,
        "@media{" * 3_000,
        "\\" * 10_000 + "{left:0}",
        "p{left:" + "\\9" * 1_000 + "}",
        "\x00\ufffd\ud7ff{left:0}",
        "p{:;;;!important;left:!important;:x}",
        "p{left:expression(alert(1))}" + "}" * 10_000,
    ],
)
def test_a_rule_that_cannot_be_read_costs_itself_only(css):
    begun = time.thread_time()
    text = f"<style>{css}</style><style>p{{top:0}}</style><p>x"

    result = Inliner().inline(text)

    assert 'top:0"' in result
    assert time.thread_time() - begun < 20


@pytest.mark.row(82)
@pytest.mark.parametrize(
    "soup",
    ["<" * 40_000, "<p" * 40_000, "</" * 40_000, "<!--" * 40_000, "&" * 40_000, "<!" * 40_000, "\x00" * 900_000, "<p a='" * 40_000, "x" * 900_000],
    ids=lambda soup: soup[:6],
)  # fmt: skip
def test_megabytes_of_noise(soup):
    begun = time.thread_time()
    try:
        result = Inliner().inline(P + "<p>x" + soup)
        assert '<p style="top:0">' in result
    except LeftAlone:
        pass
    assert time.thread_time() - begun < 20


FETCHING = (
    "@import url('http://127.0.0.1:9/a.css');@import 'file:///etc/passwd';@import url(//x/y) screen;"
    "p{background:url(http://127.0.0.1:9/b.png);behavior:url(file:///etc/passwd);width:expression(x('http://127.0.0.1:9'))}"
    "@font-face{font-family:x;src:url(http://127.0.0.1:9/c.woff)}@namespace url(http://127.0.0.1:9/);"
    "p{-moz-binding:url('file:///etc/passwd#x');content:attr(href url);cursor:url(ftp://127.0.0.1/)}"
)


class Opened(AssertionError):
    pass


@pytest.mark.row(82)
def test_nothing_is_fetched_from_the_network_or_from_files(monkeypatch):
    text = (
        f"<base href=http://127.0.0.1:9/><link rel=stylesheet href=http://127.0.0.1:9/d.css><link rel=stylesheet href=/etc/passwd>"
        f"<style>{FETCHING}</style><style src=file:///etc/passwd>p{{top:0}}</style><p>x<img src=http://127.0.0.1:9/>"
    )
    Inliner().inline(P + "<p>")  # whatever Python itself has to load

    def refuse(*arguments, **_):
        raise Opened(arguments)

    with monkeypatch.context() as watched:
        for module, name in ((socket, "socket"), (socket, "create_connection"), (socket, "getaddrinfo"), (urllib.request, "urlopen"),
                             (builtins, "open"), (io, "open"), (os, "open")):  # fmt: skip
            watched.setattr(module, name, refuse)
        result = Inliner().inline(text)

    assert "<p style=" in result
    assert "top:0" in result


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([
            "p", "{", "}", ":", ";", "color", "red", "(", ")", "[", "]", "'", '"', "/*", "*/", "@media x", "@import", "\\", "\n", "!important",
            ",", ".x", "#y", ">", "+", "~", "*", "|", "url(", "--x", "<!--", "-->", ":not(", ":nth-child(", "2n+1", "::before", "é", "\x00", "=", "^=", "calc(", "%",
        ]),
        max_size=60,
    ).map(" ".join)
    | st.text(max_size=200)
)  # fmt: skip
def test_any_css_is_read(css):
    for rule in sheet.read(css).rules:
        for selector in rule.selectors:
            assert selector.compiled is None or not selector.compiled.pseudo_element
        for declaration in rule.declarations:
            assert "\n" not in declaration.value
            assert ";" not in declaration.value or any(mark in declaration.value for mark in "'\"([{\\")


def test_a_rewriter_that_fails_costs_the_feature_only(monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(Inliner, "_understand", fail)
    prepared = pipeline(Settings(click_url="https://c.example"))
    original = message(P + "<p><a href=http://a.example/>x</a>")

    template, report = prepared.prepare(original, Switches(inline_css=True, track_clicks=True))

    assert b"https://c.example/" in render(original, template, token)
    assert ("part 1: inline css failed with MemoryError",) == report.notes
