"""The whole of prepare and render: what is asked is done, each difference is accounted for, the rest is identical."""

import itertools
import os
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpeter.message import content
from smtpeter.message.content import Seal
from smtpeter.message.edit import (
    Edit,
    Literal,
    Report,
    SlotKind,
    Span,
    Verdict,
    untouched,
)
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.options import Switches
from smtpeter.message.token import KeyRing, link, split_target, tracked_tail
from smtpeter.rewrite import leaf, pipeline, reference
from smtpeter.rewrite.change import Change, Rewritten
from smtpeter.rewrite.pipeline import LARGEST_LEAF, Pipeline, Rewriter
from smtpeter.rewrite.render import render
from smtpeter.rewrite.settings import Settings
from smtpeter.storage.records import pack, unpack_report, unpack_template
from tests.rewrite.corpus import (
    CLICK,
    NEWSLETTERS,
    OPEN,
    PIPELINE,
    SOUPS,
    encoded,
    enlarged,
    message,
    multipart,
    newsletter,
    part,
    token,
)

EVERYTHING = Switches(
    track_clicks=True, track_opens=True, prevent_scam=True, track_text_links=True, always_pixel=True
)
CLICKS = Switches(track_clicks=True)
GOLDEN = Path(__file__).parent / "golden"
ENCODINGS = [
    (charset, encoding)
    for charset in ("utf-8", "iso-8859-1", "utf-16")
    for encoding in ("8bit", "quoted-printable", "base64")
    if charset != "utf-16" or encoding == "base64"
]


def sent(raw, switches=EVERYTHING, header_edits=()):
    template, report = PIPELINE.prepare(raw, switches, header_edits)
    return render(raw, template, token), report


def text_of(raw, path="1"):
    (part,) = (part for part in content.leaves(raw) if part.path == path)
    return leaf.read(raw, part).text


def in_charset(text, charset):
    return text.encode(charset, "xmlcharrefreplace").decode(charset)


def account(before, after, report):
    """Every difference between two HTML texts is a tracked value that the report names, the pixel, or an opt-out."""
    changed = [finding for finding in report.findings if finding.verdict is Verdict.CHANGED]
    expected, position, seen = "", 0, 0
    markers = sorted(
        re.finditer(r"https://[a-z.]+(?:/o)?/(click|open)-(\d{3})-t+", after), key=lambda match: match.start()
    )
    assert len(changed) == len(markers)
    for marker in markers:
        finding = changed[int(marker[2])]
        if "pixel" in finding.place:
            pixel = re.compile(r'<img src="[^"]*\.gif"[^>]*>').search(after, marker.start() - 10)
            expected += after[seen : pixel.start()]
            seen = pixel.end()
            continue
        tail = tracked_tail(finding.value).replace("&", "&amp;")
        assert after.startswith(tail, marker.end())
        between = after[seen : marker.start()]
        position = before.index(between[-200:].lstrip(), position) + len(between[-200:].lstrip())
        follows = after[marker.end() + len(tail) :][:40]
        original = before[position : before.index(follows.partition(" data-")[0][:8], position)]
        assert finding.value == reference.decode(original)
        expected += between + original
        seen = marker.end() + len(tail)
    expected += after[seen:]
    assert re.sub(r" data-smtpeter-track=\"false\"", "", before) == expected


@pytest.mark.row(74)
@pytest.mark.row(78)
@pytest.mark.parametrize(("charset", "encoding"), ENCODINGS)
@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_every_difference_is_accounted_for(path, charset, encoding):
    raw = message(in_charset(newsletter(path), charset), charset=charset, encoding=encoding)
    result, report = sent(raw)
    assert raw.partition(b"\r\n\r\n")[0] == result.partition(b"\r\n\r\n")[0]
    account(text_of(raw), text_of(result), report)
    if encoding != "8bit":
        assert 76 >= max(map(len, result.partition(b"\r\n\r\n")[2].split(b"\r\n")))
    assert () == report.notes


@pytest.mark.row(75)
@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_comments_styles_and_placeholders_are_unchanged(path):
    raw = message(newsletter(path))
    before, after = text_of(raw), text_of(sent(raw)[0])
    for pattern in (
        r"(?s)<!--.*?-->",
        r"(?s)<style.*?</style>",
        r"<!\[.*?\]>",
        r"\{\{.*?\}\}",
        r"%%.*?%%",
        r"(?i)<!doctype.*?>",
        "\r\n",
    ):
        assert re.findall(pattern, before) == re.findall(pattern, after)


@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_golden(path):
    """The text that leaves, and its report, are as they were when a person last looked (SMTPETER_GOLDEN=1 writes)."""
    raw = message(newsletter(path))
    result, report = sent(raw)
    told = "".join(
        f"{f.verdict.value:8}{f.rewriter:7}{f.place:28}{f.value} {f.reason}".rstrip() + "\n"
        for f in report.findings
    )
    actual = {".html": text_of(result).replace("\r\n", "\n"), ".txt": told}
    for suffix, text in actual.items():
        golden = GOLDEN / (path.stem + suffix)
        if os.environ.get("SMTPETER_GOLDEN"):
            golden.parent.mkdir(exist_ok=True)
            golden.write_text(text, encoding="utf-8")
        assert golden.read_text(encoding="utf-8") == text


class Links(HTMLParser):
    """Another parser than ours, for what a reader's program would see."""

    def __init__(self, text):
        super().__init__()
        self.urls = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.urls += [value for name, value in attrs if name in {"href", "src"} and value]


@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_every_tracked_link_leads_back(path):
    raw = message(newsletter(path))
    template, _report = PIPELINE.prepare(raw, EVERYTHING)
    ring = KeyRing({7: b"s" * 32}, 7)
    tokens = ring.delivery(DeliveryId(99))
    result = render(raw, template, lambda kind, n: tokens.token(link(kind, n, template.targets[n].url)))
    clicked = [
        (kind, read(*split_target(url.removeprefix(base).encode())))
        for url in Links(text_of(result)).urls
        for kind, base, read in (
            (SlotKind.CLICK, CLICK, ring.read_click),
            (SlotKind.OPEN, OPEN, ring.read_open),
        )
        if url.startswith(base + "/")
    ]
    assert clicked
    for kind, genuine in clicked:
        target = template.targets[genuine.number]
        assert (kind, target.url.partition("#")[0]) == (target.kind, genuine.url)


@pytest.mark.row(73)
@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_nothing_on_is_identity(path, encoding):
    raw = message(newsletter(path), encoding=encoding)
    for switches in (
        Switches(),
        Switches(prevent_scam=True, track_text_links=True, track_bounces=True, always_pixel=True),
    ):
        assert (untouched(len(raw)), Report()) == PIPELINE.prepare(raw, switches)
        assert raw == sent(raw, switches)[0]


@pytest.mark.row(73)
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_nothing_found_is_identity(encoding):
    raw = message("<p>Nothing to <b>do</b> here: <a href='#x'>x</a>=3D\r\n\r\n", encoding=encoding)
    assert untouched(len(raw)) == PIPELINE.prepare(raw, CLICKS)[0]


def test_header_edits_are_made_whatever_the_switches():
    raw = message("<a href=http://x.example/>")
    received = Edit(0, 0, (Literal(b"Received: x\r\n"),))
    assert b"Received: x\r\n" + raw == sent(raw, Switches(), (received,))[0]
    assert b"Received: x\r\n" + sent(raw)[0] == sent(raw, EVERYTHING, (received,))[0]


def test_a_template_survives_the_store():
    raw = message(newsletter(NEWSLETTERS[0]), encoding="base64")
    template, report = PIPELINE.prepare(raw, EVERYTHING)
    assert (template, report) == (
        unpack_template(pack(template)),
        unpack_report(pack(report)),
    )


LINK = "<a href=http://x.example/>"


def tracked(number):
    return f"{CLICK}/{token(SlotKind.CLICK, number)}/x.example/".encode()


def test_html_is_found_at_any_depth():
    html = part("text/html; charset=utf-8", LINK)
    raw = multipart(
        "mixed",
        multipart(
            "related", multipart("alternative", part("text/plain", "x"), html, boundary="c"), boundary="b"
        ),
        html,
    )
    assert raw.replace(b"http://x.example/", b"%s") % (tracked(0), tracked(1)) == sent(raw, CLICKS)[0]


@pytest.mark.row(79)
@pytest.mark.row(80)
@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (
            multipart("signed", part("text/html", LINK), part("application/pgp-signature", "x")),
            Seal.SIGNED.value,
        ),
        (multipart("encrypted", part("text/html", LINK)), Seal.ENCRYPTED.value),
        (multipart("report", part("text/html", LINK)), Seal.REPORT.value),
        (
            multipart("mixed", part("text/html", LINK, "Content-Disposition: attachment")),
            Seal.ATTACHMENT.value,
        ),
        (multipart("mixed", part("text/html; name=x.html", LINK)), Seal.ATTACHMENT.value),
        (multipart("mixed", part("message/rfc822", part("text/html", LINK))), None),
        (multipart("alternative", part("text/x-amp-html", LINK), part("text/calendar", LINK)), None),
        (part("application/pkcs7-mime; smime-type=signed-data", LINK), None),
        (part("text/html", "-----BEGIN PGP SIGNED MESSAGE-----\r\n" + LINK), "it holds inline PGP"),
        (part("text/html; charset=utf-8", b"\xff" + LINK.encode()), "charset"),
        (part("text/html; charset=nonsense", LINK), "charset"),
        (multipart("mixed", part("text/html", LINK))[:-8], Seal.MALFORMED.value),
        (part("text/html", LINK + "x" * LARGEST_LEAF), "characters"),
    ],
)
def test_what_must_not_be_touched_is_not(raw, why):
    result, report = sent(raw)
    assert raw == result
    assert () == report.findings
    assert (why is None) == (report.notes == ())
    assert why is None or why in report.notes[0]


def test_signed_by_pgp_in_plain_text_is_left_alone():
    raw = message("-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\nhttp://x.example/\r\n", subtype="plain")
    assert raw == sent(raw)[0]


def failing(job, first):
    raise RuntimeError("a bug")


def overlapping(job, first):
    return Rewritten([Change(0, 5, ("x",)), Change(3, 6, ())], [], [], [])


def test_a_rewriter_that_fails_costs_its_feature_only():
    broken = Rewriter("broken", "text/html", SlotKind.CLICK, lambda switches: True, failing)
    raw = message(LINK)
    template, report = Pipeline(
        Settings(click_url=CLICK, open_url=OPEN), (broken, *pipeline.REWRITERS)
    ).prepare(raw, CLICKS)
    assert raw.replace(b"http://x.example/", tracked(0)) == render(raw, template, token)
    assert ("part 1: broken failed with RuntimeError",) == report.notes


def test_changes_that_cannot_be_compiled_cost_that_leaf_only():
    bad = Rewriter("bad", "text/html", SlotKind.CLICK, lambda switches: True, overlapping)
    raw = multipart("mixed", part("text/html", LINK), part("text/plain", "http://x.example/"))
    made = Pipeline(Settings(click_url=CLICK), (bad, *pipeline.REWRITERS)).prepare(
        raw, Switches(track_clicks=True, track_text_links=True)
    )
    assert raw[: raw.index(b"text/plain")] + b"text/plain\r\n\r\n" + tracked(
        0
    ) + b"\r\n--=_b--\r\n" == render(raw, made[0], token)
    assert ["part 1 left alone: two changes of character 3"] == list(made[1].notes)


def test_without_a_tracking_host_nothing_is_tracked_and_the_report_says_so():
    raw = message(LINK)
    template, report = Pipeline(Settings()).prepare(raw, Switches(track_clicks=True, track_opens=True))
    assert untouched(len(raw)) == template
    assert (
        "clicks not tracked: no click_url is set",
        "opens not tracked: no open_url is set",
    ) == report.notes


@pytest.mark.parametrize("own", [Settings(), Settings(click_url=CLICK, open_url="https://o.example")])
def test_a_messages_own_hosts_are_used_in_place_of_the_servers(own):
    raw = b"Content-Type: text/html\r\n\r\n<a href=http://a.example>x</a><img src=http://a.example/i.png>\r\n"
    hosts = Settings(click_url="https://c.own.example", open_url="https://o.own.example")
    template, report = Pipeline(own).prepare(raw, Switches(track_clicks=True, track_opens=True), (), hosts)
    rendered = render(raw, template, lambda kind, number: "T" * 36)
    assert b"<a href=https://c.own.example/" + b"T" * 36 + b"/a.example/>" in rendered
    assert b"<img src=https://o.own.example/" + b"T" * 36 + b"/a.example/i.png>" in rendered
    assert () == report.notes


def test_what_the_scan_did_not_look_at_is_noted_once():
    raw = message("<svg><![CDATA[x]]></svg>" + LINK)
    result, report = sent(raw, Switches(track_clicks=True, track_opens=True))
    assert raw == result
    assert 1 == sum("two ways" in note for note in report.notes)


@pytest.mark.row(81)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"no header",
        b"Content-Type: text/html\r\n\r\n",
        b"X: " + b"y" * 1_000_000 + b"\r\n\r\n" + LINK.encode(),
        b"".join(
            b'Content-Type: multipart/mixed; boundary="%d."\r\n\r\n--%d.\r\n' % (n, n) for n in range(200)
        ),
        multipart("mixed", *[part("text/html", LINK)] * 10_001),
    ],
    ids=["empty", "blank", "headless", "no body", "wide header", "deep", "many parts"],
)
def test_malformed_messages_leave_as_they_came_in_bounded_time(raw):
    start = time.process_time()
    assert raw == sent(raw, CLICKS)[0]
    assert time.process_time() - start < 20


@pytest.mark.row(147)
@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_a_hundred_kilobytes_are_prepared_within_fifty_milliseconds(path):
    """What runs beside the conversations must not hold them up."""
    raw = message(enlarged(newsletter(path), 100_000))

    def seconds():
        fresh = Pipeline(Settings(click_url=CLICK, open_url=OPEN))  # which remembers nothing yet
        start = time.process_time()
        fresh.prepare(raw, EVERYTHING)
        return time.process_time() - start

    assert min(seconds() for _ in range(5)) < 0.050


def test_time_does_not_grow_with_hostile_numbers():
    raw = message(LINK * 60_000)
    start = time.process_time()
    PIPELINE.prepare(raw[:1_000_000], EVERYTHING)
    assert time.process_time() - start < 20


CHARSETS = st.sampled_from(
    ["utf-8", "us-ascii", "iso-8859-1", "iso-2022-jp", "shift_jis", "utf-16", "gb18030", "nonsense"]
)
TYPES = st.sampled_from(["text/html", "text/plain", "text/html; name=x", "message/rfc822", "image/png"])
LEAVES = st.builds(
    lambda content_type, charset, encoding, text: (content_type, charset, encoding, text),
    TYPES, CHARSETS, st.sampled_from(["8bit", "7bit", "quoted-printable", "base64", "x-what"]), SOUPS,
)  # fmt: skip
TREES = st.recursive(LEAVES, lambda children: st.lists(children, min_size=1, max_size=3), max_leaves=5)


def built(tree, path="0"):
    if isinstance(tree, list):
        return multipart(
            "mixed", *(built(child, f"{path}.{n}") for n, child in enumerate(tree)), boundary=path
        )
    content_type, charset, encoding, text = tree
    codec = "latin-1" if charset == "nonsense" else charset
    octets = text.replace("\r", "").replace("\n", "\r\n").encode(codec, "replace")
    head = f"Content-Type: {content_type}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    return head + encoded(octets, encoding)


@settings(max_examples=150)
@given(TREES)
def test_any_tree_is_prepared_and_what_is_outside_changed_leaves_is_identical(tree):
    raw = built(tree)
    template, report = PIPELINE.prepare(raw, EVERYTHING)
    result = render(raw, template, token)
    assert raw == render(raw, PIPELINE.prepare(raw, Switches())[0], token)
    before, after = content.parts(raw), content.parts(result)
    assert [(one.path, one.content_type, one.parameters, one.seal) for one in before] == [
        (one.path, one.content_type, one.parameters, one.seal) for one in after
    ]
    for one, other in zip(before, after, strict=True):
        if one.is_multipart or one.content_type not in {"text/html", "text/plain"}:
            continue
        if raw[one.start : one.end] == result[other.start : other.end]:
            assert one.encoding == other.encoding
            continue
        assert f"part {one.path}, " in " ".join(f.place + " " for f in report.findings)
        for line in result[other.start : other.end].split(b"\r\n"):
            assert 998 >= len(line) or line in raw
    assert sum(f.verdict is Verdict.CHANGED for f in report.findings) == len(template.targets)
    kept = [piece for piece in template.pieces if isinstance(piece, Span)]
    assert all(one.end <= other.start for one, other in itertools.pairwise(kept))


@settings(max_examples=200)
@given(SOUPS)
def test_soups_are_changed_in_values_only(text):
    """Put back, the tracked values leave the text as it was, but for the pixel and opt-outs."""
    text = text.replace("\r", "").replace("\n", "\r\n").replace("data-smtpeter-track", "data-x")
    raw = message(text)
    template, report = PIPELINE.prepare(raw, Switches(track_clicks=True, track_opens=True))
    result = render(raw, template, token)
    restored, position = b"", 0
    spans = [piece for piece in template.pieces if isinstance(piece, Span)]
    for span in spans:
        restored += raw[position : span.end]
        position = span.end
    assert raw == restored + raw[position:]
    kept = b"".join(raw[span.start : span.end] for span in spans)
    assert len(kept) <= len(result)
    replaced = [raw[one.end : other.start] for one, other in itertools.pairwise(spans)]
    urls = [f.value for f in report.findings if f.verdict is Verdict.CHANGED and "pixel" not in f.place]
    assert sorted(urls) == sorted(reference.decode(octets.decode()) for octets in replaced if octets)
