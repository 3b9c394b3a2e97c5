"""Real newsletters: each difference between original and result is one that the report tells, and nothing else."""

import dataclasses
import itertools

import pytest
from ada_url import normalize_url

from smtpeter.message.edit import Report, Verdict, untouched
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.options import Switches
from smtpeter.message.token import split_target
from tests.fidelity.account import CLICK, TRACKED, account, account_trees, leaves, number_of, urls
from tests.fidelity.messages import (
    CHARSETS,
    DELIVERY,
    PIPELINE,
    RING,
    by_hand,
    by_python,
    nestings,
    sent,
    worded,
)
from tests.fidelity.templates import NAMES, template

TRACKERS = ("track_clicks", "prevent_scam", "track_text_links", "track_opens", "always_pixel")
COMBINATIONS = [
    Switches(**dict(zip(TRACKERS, values, strict=True)))
    for values in itertools.product((False, True), repeat=5)
]


def effective(switches):
    """Without the switches that ask nothing without another."""
    return dataclasses.replace(
        switches,
        prevent_scam=switches.prevent_scam and switches.track_clicks,
        track_text_links=switches.track_text_links and switches.track_clicks,
        always_pixel=switches.always_pixel and switches.track_opens,
    )


def html_of(raw):
    (text,) = (leaf.text for leaf in leaves(raw)[0] if leaf.content_type == "text/html")
    return text


def tracked(report):
    return [one for one in report.findings if one.verdict is Verdict.CHANGED]


@pytest.mark.row(73)
@pytest.mark.row(74)
@pytest.mark.parametrize("name", NAMES)
def test_every_difference_is_accounted_for_whatever_the_switches(name):
    raw = by_python(template(name), plain="The Insider: https://www.example.com/insider?x=1&y=2\n")
    results = {}
    for switches in COMBINATIONS:
        if effective(switches) == switches:
            results[switches] = result, report = sent(raw, switches)
            account(raw, result, report)
    for switches in COMBINATIONS:
        assert results[effective(switches)] == sent(raw, switches)


@pytest.mark.row(75)
@pytest.mark.parametrize("name", NAMES)
def test_readers_build_the_same_tree_but_for_the_tracked_addresses(name):
    """Comments for Outlook, VML, doctype, text and every other attribute included."""
    raw = by_python(template(name))
    result, report = sent(raw)
    account_trees(html_of(raw), html_of(result), tracked(report))


@pytest.mark.row(74)
@pytest.mark.parametrize("name", NAMES)
def test_every_tracked_address_clicked_gives_back_the_original(name):
    result, report = sent(by_python(template(name)))
    text, seen = html_of(result), set()
    for base, url in urls(text):
        arrived = normalize_url(url).removeprefix(base).partition("#")[0]
        token, tail = split_target(arrived.encode("ascii"))
        genuine = (RING.read_click if base == CLICK else RING.read_open)(token, tail)
        original = tracked(report)[genuine.number].value
        assert (DELIVERY, normalize_url(original).partition("#")[0] if original else "") == (
            genuine.delivery,
            genuine.url,
        )
        seen.add(genuine.number)
    assert set(range(len(tracked(report)))) == seen
    assert set(map(number_of, TRACKED.findall(text))) == seen


@pytest.mark.row(73)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_asked_is_identity(name):
    for raw in (by_python(template(name), plain="x"), by_hand(template(name), "utf-8", "8bit")):
        assert (untouched(len(raw)), Report()) == PIPELINE.prepare(raw, Switches())
        assert raw == sent(raw, Switches())[0]


@pytest.mark.row(78)
@pytest.mark.parametrize("name", ["rough", "mailgen cerberus", "responsive email"])
@pytest.mark.parametrize(("charset", "encoding"), CHARSETS)
def test_charset_and_transfer_encoding_stay_true(charset, encoding, name):
    text = worded(template(name), charset)
    raw = by_hand(text, charset, encoding)
    result, report = sent(raw)
    account(raw, result, report)
    account_trees(html_of(raw), html_of(result), tracked(report))
    assert [(charset, encoding)] == [
        (charset, leaf.encoding if leaf.encoding == encoding else f"{leaf.encoding}: a line was too long")
        for leaf in leaves(result)[0]
    ]
    assert f"https://www.example.com/{charset}" in {one.value for one in tracked(report)}


@pytest.mark.row(78)
@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("iso-8859-1", "8bit"), ("utf-8", "base64"), ("koi8-r", "quoted-printable"), ("gb18030", "base64")],
)
def test_what_python_writes_stays_true(charset, encoding):
    raw = by_python(
        worded(template("rough"), charset), charset, encoding, plain=f"http://x.example/ {charset}\n"
    )
    result, report = sent(raw)
    account(raw, result, report)
    assert 10 < len(tracked(report))


@pytest.mark.row(79)
@pytest.mark.row(80)
@pytest.mark.parametrize("name", ["rough", "mjml receipt", "foundation drip"])
def test_documents_are_found_and_what_is_beside_them_is_not_touched(name):
    for nesting, raw in nestings(template(name)).items():
        result, report = sent(raw)
        account(raw, result, report)
        values = {one.value for one in report.findings}
        assert not any("never.example" in value for value in values), nesting
        assert not any("amble.example" in value or "epilogue" in value for value in values), nesting
        assert {"1.1", "1.2"} <= {
            one.place.split(",")[0].removeprefix("part ")[:3] for one in tracked(report)
        } or nesting in {
            "alternative",
            "related",
            "forwarded",
        }
        kinds = {one.place.split(", ")[1] for one in tracked(report)}
        assert {"link", "a href", "pixel"} <= kinds, nesting


def test_two_recipients_get_two_messages_that_differ_in_tokens_only():
    raw = by_hand(template("mjml receipt"), "utf-8", "8bit")
    first, second = (sent(raw, delivery=delivery)[0].decode() for delivery in (DELIVERY, DeliveryId(1)))
    ours, theirs = TRACKED.findall(first), TRACKED.findall(second)
    assert len(ours) == len(theirs)
    assert set() == set(ours) & set(theirs)
    for one, other in zip(ours, theirs, strict=True):
        first = first.replace(one, other)
    assert first == second
