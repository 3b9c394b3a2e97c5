"""What holds of every message: random MIME trees, HTML soups and URLs, held against readers that are not ours."""

import base64
import itertools
import re

import pytest
from ada_url import normalize_url
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpeter.message.edit import Edit, Literal, Span, Template, Verdict, compile_template
from smtpeter.message.options import Switches
from smtpeter.message.token import split_target
from smtpeter.rewrite.render import render
from tests.fidelity.account import CLICK, account, account_trees, leaves, tree, urls
from tests.fidelity.messages import PIPELINE, RING, SECRET, TRACKING, WORDS, by_hand, by_python, encoded, sent
from tests.fidelity.templates import template
from tests.rewrite.corpus import SOUPS

HREFS = Switches(track_clicks=True, track_opens=True)


def tracked(report):
    return [one for one in report.findings if one.verdict is Verdict.CHANGED]


# Messages.

ADDRESS = "https://www.example.com/a?b=1&amp;c=2"
MARKUP = st.lists(
    st.sampled_from([
        f'<a href="{ADDRESS}">x</a>', f"<a href='{ADDRESS}'>\r\n", f"<A HREF={ADDRESS}>", f"<img src={ADDRESS}>",
        f'<td background="{ADDRESS}">', f'<p style="background:url({ADDRESS})">', "<!-- x -->", "<br/>", "=3D", "word " * 30,
        "\r\n", "&nbsp;", "<a href=mailto:x@example.com>", "--", ".\r\n", "From x\r\n", "\t", "</body>", "é", "“", "Паром", "フェリー",
    ]),
    max_size=12,
).map("".join)  # fmt: skip
ENCODINGS = st.sampled_from(["7bit", "8bit", "quoted-printable", "base64", "binary"])
KINDS = st.sampled_from(
    ["text/html", "text/html", "text/plain", "text/calendar", "application/pdf", "message/rfc822"]
)
LEAVES = st.tuples(KINDS, st.sampled_from(list(WORDS)), ENCODINGS, MARKUP)
TREES = st.recursive(
    LEAVES,
    lambda children: st.tuples(
        st.sampled_from(["mixed", "alternative", "related", "signed"]),
        st.lists(children, min_size=1, max_size=4),
    ),
    max_leaves=6,
)


def built(node, path="x"):
    if len(node) == 2:
        subtype, children = node
        parts = "".join(
            f"--{path}\r\n{built(child, f'{path}.{number}')}\r\n" for number, child in enumerate(children)
        )
        return (
            f'Content-Type: multipart/{subtype}; boundary="{path}"\r\n\r\npreamble\r\n{parts}--{path}--\r\n'
        )
    kind, charset, encoding, text = node
    octets = text.encode(charset, "xmlcharrefreplace")
    if charset == "utf-16" and encoding != "base64":
        encoding = "base64"
    if kind == "message/rfc822":
        octets, encoding = b"Subject: x\r\n\r\n" + SECRET.encode(), "7bit"
    body = encoded(octets, encoding).decode("latin-1").rstrip("\r\n")
    return f"Content-Type: {kind}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_random_trees_are_accounted_for(node):
    raw = (f"From: x@example.com\r\nMIME-Version: 1.0\r\n{built(node)}\r\n").encode("latin-1")
    result, report = sent(raw)
    account(raw, result, report)
    assert "never.example" not in str(report)
    assert raw == sent(raw, Switches())[0]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_edits_commute_with_splitting_the_input_anywhere(data):
    """Spans cut in pieces render the same, and so does a message that has grown at its top since."""
    raw = by_python(template("rough"), plain="https://www.example.com/")
    made, _ = PIPELINE.prepare(raw, TRACKING)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=20)))
    pieces = []
    for piece in made.pieces:
        if isinstance(piece, Span):
            places = [piece.start, *(cut for cut in cuts if piece.start < cut < piece.end), piece.end]
            pieces += [Span(start, end) for start, end in itertools.pairwise(places)]
        else:
            pieces.append(piece)
    expected = render(raw, made, named)
    assert expected == render(raw, Template(tuple(pieces), made.targets), named)
    head = (Edit(0, 0, (Literal(b"Received: x\r\n"),)),)
    assert b"Received: x\r\n" + expected == render(raw, PIPELINE.prepare(raw, TRACKING, head)[0], named)
    assert b"Received: x\r\n" + expected == render(
        b"Received: x\r\n" + raw, PIPELINE.prepare(b"Received: x\r\n" + raw, TRACKING)[0], named
    )


def named(kind, number):
    return f"{kind}{number}".ljust(36, "-")


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=12))
def test_edits_that_put_back_what_was_there_are_identity(raw, places):
    places = sorted({min(place, len(raw)) for place in places})
    edits = [
        Edit(start, end, (Literal(raw[start:end]),))
        for start, end in zip(places[::2], places[1::2], strict=False)
    ]
    assert raw == render(raw, compile_template(len(raw), edits), named)


# Documents.


@settings(max_examples=250, deadline=None)
@given(SOUPS)
def test_soups_give_readers_the_same_tree(soup):
    """Where a document can be read in two ways, html5lib, which is not what finds its tags, must not see a difference."""
    text = soup.replace("\r", "").replace("\n", "\r\n").replace("\x00", "").replace("smtpeter", "x")
    raw = by_hand(text, "utf-8", "8bit")
    result, report = sent(raw, HREFS)
    account(raw, result, report)
    (before,), (after,) = leaves(raw)[0], leaves(result)[0]
    account_trees(before.text, after.text, tracked(report))


# Addresses.

PATHS = st.text(
    st.sampled_from("aZ09-._~%!$&'()*+,;=:@/ \"<>[]{}|\\^`#?\u00e9\u4e2d\U0001f6e5\t"), max_size=30
)
HOSTS = st.sampled_from(
    [
        "www.example.com",
        "Example.COM:8080",
        "müller.example",
        "例え.テスト",
        "a-b.example.:443",
        "192.0.2.1",
        "x_y.example",
    ]
)
SCHEMES = st.sampled_from(["http://", "https://", "HTTPS://", " http://", "https:///"])


def in_attribute(url, quote):
    """As careful programs write it."""
    escaped = url.replace("&", "&amp;")
    if quote:
        return f"{quote}{escaped.replace(quote, f'&#{ord(quote)};')}{quote}"
    return re.sub(r"[\s\"'<>`=]", lambda match: f"&#{ord(match[0])};", escaped)


def normalised(url):
    """As a client asks for it, after its own parser."""
    return normalize_url(url).removeprefix(CLICK).partition("#")[0].encode("ascii")


@settings(max_examples=400, deadline=None)
@given(SCHEMES, HOSTS, PATHS, st.sampled_from(["", "'", '"']))
def test_any_address_that_is_tracked_clicked_gives_itself_back(scheme, host, path, quote):
    url = f"{scheme}{host}/{path}"
    raw = by_hand(f"<p><a href={in_attribute(url, quote)} class=x>x</a>", "utf-8", "base64")
    result, report = sent(raw, Switches(track_clicks=True))
    (leaf,) = leaves(result)[0]
    if raw == result:
        assert [Verdict.LEFT] == [one.verdict for one in report.findings]
        return
    account(raw, result, report)
    (element,) = tree(leaf.text).iter("a")
    assert "x" == element.get("class")
    ((_, clicked),) = urls(leaf.text)
    before, _, fragment = normalize_url(url).partition("#")
    for arrived in (
        normalised(clicked),
        normalised(normalize_url(clicked).replace("%27", "'").replace("%7E", "~")),
    ):
        genuine = RING.read_click(*split_target(arrived))
        assert before == genuine.url or before.replace("%27", "'").replace("%7E", "~") == genuine.url
    assert fragment == normalize_url(clicked).partition("#")[2]


# The measure itself.


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text.replace("bare</a>", "Bare</a>"),
        lambda text: text.replace("&notit;", "&not;it;"),
        lambda text: text.replace("<HTML", "<html"),
        lambda text: text.replace("<![if !mso]>", "<!--[if !mso]-->"),
        lambda text: text.replace(" 1 < 2", " 1 &lt; 2"),
        lambda text: text.replace("{{ unsubscribe }}", "%7B%7B%20unsubscribe%20%7D%7D"),
        lambda text: text.replace("<a data-smtpeter", "<a  data-smtpeter").replace('<a href="http://private', '<a  href="http://private'),
        lambda text: re.sub(r'(<a href="https://click.example/[^"]*)"', r'\1&amp;x=y"', text, count=1),
        lambda text: text.replace("http://bare", "http://BARE").replace("/bare.example.com", "/other.example.com"),
        lambda text: text.replace("<hr>\r\n", "<hr>\n"),
    ],
)  # fmt: skip
def test_harm_would_be_noticed(harm):
    raw = by_hand(template("rough"), "utf-8", "base64")
    result, report = sent(raw)
    account(raw, result, report)
    head, _, body = result.partition(b"\r\n\r\n")
    text = base64.b64decode(body).decode()
    assert text != harm(text)
    with pytest.raises(AssertionError):
        account(raw, head + b"\r\n\r\n" + encoded(harm(text).encode(), "base64"), report)
