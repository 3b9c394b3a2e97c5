"""Newsletters in headless Chromium, as they came and as they leave: nobody can see a difference."""

import dataclasses

import pytest

from smtpeter.message.options import Switches
from smtpeter.rewrite.settings import Settings
from smtpeter.rewrite.worker import pipeline
from tests.fidelity import browser
from tests.fidelity.account import leaves
from tests.fidelity.messages import TRACKING, by_python, sent
from tests.fidelity.templates import template

NAMES = ("mjml harbour", "foundation marketing", "responsive email", "rough")
WIDTHS = (800, 375)
PIPELINE = pipeline(Settings(click_url=browser.CLICK, open_url=browser.OPEN))
SWITCHES = [
    TRACKING,
    Switches(inline_css=True),
    dataclasses.replace(TRACKING, inline_css=True),
]


@pytest.fixture(scope="module")
def chromium():
    with browser.running() as (window, hosts):
        yield window, hosts


def page(raw):
    """The document of a message, as its leaf says it."""
    (text,) = (leaf.text for leaf in leaves(raw)[0] if leaf.content_type == "text/html")
    return text


def original(name):
    """Without TLS, which these hosts do not speak."""
    return by_python(template(name).replace("https://", "http://"))


def view(window, text):
    """Picture and computed styles at each width."""
    for width in WIDTHS:
        window.show(text, width)
        yield window.screenshot(), window.styles()


@pytest.mark.parametrize("name", NAMES)
def test_nobody_can_see_that_a_newsletter_was_rewritten(name, chromium, tmp_path):
    window, hosts = chromium
    raw = original(name)
    before = list(view(window, page(raw)))
    for switches in SWITCHES:
        hosts.asked.clear()
        changed = page(sent(raw, switches, PIPELINE)[0])
        assert page(raw) != changed
        for width, (picture, styles), (shot, made) in zip(WIDTHS, before, view(window, changed), strict=True):
            if picture != shot:
                (tmp_path / "before.png").write_bytes(picture)
                (tmp_path / "after.png").write_bytes(shot)
            assert picture == shot, f"{switches.on()} at {width} pixels: see {tmp_path}"
            if not switches.track_opens:
                assert styles == made
        assert switches.track_opens == any(asked.startswith("open.example/o/") for asked in hosts.asked)


def test_a_difference_would_be_seen(chromium):
    window, _ = chromium
    text = page(original("rough"))
    (before, styles), _ = view(window, text)
    (after, others), _ = view(window, text.replace("#336699", "#336698"))
    assert before != after
    assert styles != others


def test_a_click_in_the_browser_leads_to_the_tracking_host(chromium):
    window, hosts = chromium
    raw = original("mjml harbour")
    window.show(page(sent(raw, Switches(track_clicks=True), PIPELINE)[0]), WIDTHS[0])
    hosts.asked.clear()
    window.click("a[href*='/news.example.com/story/1?ref=text']")
    assert ["news.example.com/story/1?ref=text&lang=en"] == [
        one[51:]
        for one in hosts.asked
        if one.startswith("click.example/") and one != "click.example/favicon.ico"  # a browser's own wish
    ]
