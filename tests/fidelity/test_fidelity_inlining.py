"""Inlining, with and without tracking: `style` attributes are all that it changes, and the report says so."""

import dataclasses
import itertools

import pytest

from smtpeter.message.edit import Verdict
from smtpeter.message.options import Switches
from tests.fidelity.account import account_inlining, leaves, tree
from tests.fidelity.messages import CHARSETS, TRACKING, by_hand, by_python, nestings, sent, worded
from tests.fidelity.templates import NAMES, template

BESIDE = [
    Switches(),
    Switches(track_clicks=True, prevent_scam=True),
    Switches(track_opens=True),
    TRACKING,
]


def both(raw, switches):
    """The message without inlining and with it, and the report of the latter."""
    without, report = sent(raw, switches)
    inlined, told = sent(raw, dataclasses.replace(switches, inline_css=True))
    css = [one for one in told.findings if one.rewriter == "css"]
    assert sorted(map(str, report.findings)) == sorted(str(one) for one in told.findings if one not in css)
    return without, inlined, css


def account_messages(without, inlined):
    before, around = leaves(without)
    after, around_after = leaves(inlined)
    assert around == around_after
    for one, other in zip(before, after, strict=True):
        if one.raw == other.raw or one.content_type != "text/html":
            assert one == other
        else:
            account_inlining(one.text, other.text)


@pytest.mark.parametrize("switches", BESIDE, ids=lambda switches: "+".join(switches.on()) or "alone")
@pytest.mark.parametrize("name", NAMES)
def test_only_style_attributes_differ(name, switches):
    without, inlined, css = both(by_python(template(name), plain="https://www.example.com/"), switches)
    account_messages(without, inlined)
    assert (without != inlined) == any(one.verdict is Verdict.CHANGED for one in css)


@pytest.mark.parametrize("name", NAMES)
def test_readers_build_the_same_tree_but_for_style(name):
    without, inlined, _ = both(by_hand(template(name), "utf-8", "base64"), TRACKING)
    (before,), (after,) = leaves(without)[0], leaves(inlined)[0]
    for one, other in itertools.zip_longest(tree(before.text).iter(), tree(after.text).iter()):
        assert (one.tag, one.text, one.tail) == (other.tag, other.text, other.tail)
        names = [name for name in other.attrib if name != "style"]
        assert [one.get(name) for name in names] == [other.get(name) for name in names]
        assert {*one.attrib} - {"style"} == {*names}


@pytest.mark.parametrize(("charset", "encoding"), CHARSETS)
def test_charset_and_transfer_encoding_stay_true(charset, encoding):
    without, inlined, css = both(
        by_hand(worded(template("responsive email"), charset), charset, encoding), TRACKING
    )
    account_messages(without, inlined)
    assert any(one.verdict is Verdict.CHANGED for one in css)


def test_documents_are_inlined_wherever_they_stand():
    for nesting, raw in nestings(template("mjml receipt")).items():
        without, inlined, _ = both(raw, Switches())
        account_messages(without, inlined)
        assert without != inlined, nesting
