"""The tag scanner sees what the HTML standard's tokenizer sees (html5lib's is the measure)."""

import re
import time

import pytest
from html5lib._tokenizer import HTMLTokenizer
from html5lib.constants import tagTokenTypes, tokenTypes
from hypothesis import example, given, settings

from smtpeter.rewrite import html, reference
from tests.rewrite.corpus import NEWSLETTERS, SOUPS, enlarged, newsletter

EVERY_TAG = re.compile(r"</?[a-zA-Z]")
RCDATA = ("title", "textarea")
RAWTEXT = ("style", "xmp", "iframe", "noembed", "noframes")


def expected_tags(text):
    """Start tags as html5lib's tokenizer gives them, told of raw text as its parser would tell it."""
    tokenizer = HTMLTokenizer(text)
    found = []
    for token in tokenizer:
        if token["type"] not in tagTokenTypes or token["type"] == tokenTypes["EndTag"]:
            continue
        attributes = {}
        for name, value in token["data"] if isinstance(token["data"], list) else token["data"].items():
            attributes.setdefault(name.replace("\ufffd", "\x00"), value)
        found.append((token["name"].replace("\ufffd", "\x00"), attributes))
        if token["name"] in RCDATA:
            tokenizer.state = tokenizer.rcdataState
        elif token["name"] in RAWTEXT:
            tokenizer.state = tokenizer.rawtextState
        elif token["name"] == "script":
            tokenizer.state = tokenizer.scriptDataState
        elif token["name"] == "plaintext":
            tokenizer.state = tokenizer.plaintextState
    return found


def as_html5lib(text, value):
    return reference.decode(value).replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd")


def found_tags(text, starts=EVERY_TAG, inside=()):
    page = html.scan(text, starts, inside)
    tags = [
        (tag.name, {a.name: as_html5lib(text, text[a.value_start : a.value_end]) for a in tag.attributes})
        for tag in page.tags
        if not tag.closing
    ]
    return tags, page


SPECIAL = {*html._RAW, *html._FOREIGN, "plaintext", "body", "html"}


def agree(text):
    """Every tag that is found is html5lib's, in order; when the scan came to the end, all are found."""
    expected = [tag for tag in expected_tags(text) if tag[0] not in SPECIAL - {"body", "html"}]
    found, page = found_tags(text)
    if page.notes:
        expected = expected[: len(found)]
    assert expected == found


@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_newsletters_are_read_as_html5lib_reads_them(path):
    agree(newsletter(path))


@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_asking_for_few_tags_finds_the_same_ones(path):
    text = enlarged(newsletter(path), 50_000)
    every, _ = found_tags(text)
    few, _ = found_tags(text, html.tag_starts(("a", "img")))
    assert [tag for tag in every if tag[0] in {"a", "img"}] == few


@pytest.mark.row(156)
@settings(max_examples=500)
@given(SOUPS)
@example('<a b="c=">">')
@example('<a ="x>y">z')
@example("<a=\"x\" b='y>z'>")
@example("<a b==\">\" c='>'>")
@example('<a b"=" c>"<b>')
@example("<a/=x/b=/c/>")
@example("<!-- a --!><b><!--> <i> <!---><u>")
@example("<title><a></title ><a href=x>")
@example("<base\u017f><ba\u017fe><lin\u212a>")
@example("<!-<a>><!><a>")
def test_soups_are_read_as_html5lib_reads_them(text):
    if "\x00<" in text or ("<!" in text and "\x00" in text):
        return  # html5lib gives NUL in comments and text other states than the standard of today
    agree(text)


@settings(max_examples=200)
@given(SOUPS)
def test_skipping_is_the_same_from_anywhere(text):
    """Asked for less, the scan finds no other tags than asked for everything."""
    every, page = found_tags(text)
    few, other = found_tags(text, html.tag_starts(("a", "img")))
    if not page.notes and not other.notes:
        assert [tag for tag in every if tag[0] in {"a", "img"}] == few


@settings(max_examples=200)
@given(SOUPS)
def test_spans_are_those_of_the_source(text):
    for tag in html.scan(text, EVERY_TAG).tags:
        assert text[tag.start] == "<"
        assert text[tag.end - 1] == ">"
        for a in tag.attributes:
            assert tag.start < a.start <= a.value_start <= a.value_end <= a.end < tag.end
            assert a.name == text[a.start : a.start + len(a.name)].translate(html._TO_LOWER)
            if a.quote:
                assert (a.quote, a.quote) == (text[a.value_start - 1], text[a.value_end])


def only_tags(text, *names, inside=()):
    return [tag.name for tag in html.scan(text, html.tag_starts(names), inside).tags]


@pytest.mark.row(75)
@pytest.mark.parametrize(
    "text",
    [
        "<!--[if mso]><a href=x><![endif]-->",
        "<!-- <a> -- > <a> -->",
        "<p title='<a>'>",
        '<p title="<a>">',
        "<p title=<a>",
        "<style><a></style>",
        "<STYLE><a></sTyle>",
        "<title><a></title>",
        "<textarea><a></textarea>",
        "<script>'<a>'</script>",
        "<!doctype <a>",
        "<?php <a>",
        "<plaintext><a>",
        "<a",
        "<a href='>",
        "< a>",
        "<abbr>",
        "<!--<a>",
        "<style><a>",
    ],
)
def test_what_is_inside_something_else_is_no_link(text):
    assert [] == only_tags(text, "a")


@pytest.mark.parametrize(
    "text",
    [
        "<!--[if !mso]><!--><a><!--<![endif]-->",
        "<![if !mso]><a><![endif]>",
        "<!--><a>-->",
        "<a\n>",
        "<A/>",
        '<p title="\'"><a><p title="\'">',
        "<style></style><a>",
        "a < b <a>",
        "<<a>",
        "</><a>",
        "{% if a < b %}<a>{% endif %}",
    ],
)
def test_links_are_found(text):
    assert ["a"] == only_tags(text, "a")


def test_tags_with_something_inside_are_found():
    text = (
        "url( <td style='x:url(a)'><p title='url('><!-- url( --><b url(=x><style>url(</style></i style=url(>"
    )
    assert ["td", "p", "b", "i"] == only_tags(text, "a", inside=[re.compile(r"url\(")])


@pytest.mark.parametrize(
    "text",
    [
        "<svg><![CDATA[ <a> ]]></svg>",
        "<svg><style><a></style></svg>",
        "<script><!--<script></script>--></script>",
    ],
)
def test_the_scan_ends_where_readings_differ(text):
    page = html.scan(text + "<a>", html.tag_starts(("a",)))
    assert [] == page.tags
    assert page.body_end is None
    assert 1 == len(page.notes)


def test_an_image_drawn_in_the_message_stops_nothing():
    assert ["a"] == only_tags("<svg><title>Logo</title><path d='M0'/></svg><svg></svg><a>", "a")


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("<body>a</body></html>", "</body></html>"),
        ("<body>a</body>b</BODY >c", "</BODY >c"),
        ("<body>a<!-- </body> --></html>", "</html>"),
        ("a</body><!--[if mso]></body><![endif]-->", "</body><!--[if mso]></body><![endif]-->"),
        ("a<style></body></style>\r\n", "\r\n"),
        ("a", ""),
    ],
)
def test_the_body_ends_before_its_last_end_tag(text, before):
    page = html.scan(text, html.tag_starts(("a",)))
    assert before == text[page.body_end :]


@pytest.mark.parametrize("text", ["a<!-- ", "a<style>", "a<p title='", "a<plaintext>", "a<!x"])
def test_the_end_of_a_body_that_never_ends_is_undecided(text):
    assert html.scan(text, html.tag_starts(("a",))).body_end is None


def test_a_tag_with_too_many_attributes_is_left_alone():
    many = "".join(f" a{n}=1" for n in range(html.MAXIMUM_ATTRIBUTES + 1))
    page = html.scan(f"<a{many} href=x><a>", html.tag_starts(("a",)))
    assert [""] == [page.text[tag.start + 2 : tag.end - 1] for tag in page.tags]
    assert 1 == len(page.notes)


def test_too_many_tags_end_the_scan():
    page = html.scan("<a>" * (html.MAXIMUM_TAGS + 5), html.tag_starts(("a",)))
    assert html.MAXIMUM_TAGS == len(page.tags)
    assert 1 == len(page.notes)


HOSTILE = {
    "tags": "<a ",
    "quotes": "<a href='",
    "comments": "<!--",
    "less-than": "<",
    "attributes": " a=1",
    "attribute values": ' a="',
    "equals": "=",
    "raw": "<style>",
    "svg": "<svg>",
    "script": "<script><!--",
    "slashes": "</",
    "nested": "<div>",
    "bogus": "<![if",
    "hyphens": "<!-- - -- -",
    "dashes": "-",
    "plain": "a",
    "url": "<p style='url(",
    "closing": "</a",
    "blanks": "<a \t",
}


@pytest.mark.row(156)
@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("prefix", ["", "<a ", "<!--", '<a b="'])
def test_time_is_linear(piece, prefix):
    """Were anything quadratic, 300,000 characters would take minutes."""
    text = (prefix + piece * 300_000)[:300_000]
    start = time.process_time()
    html.scan(text, html.tag_starts(("a", "img")), [re.compile(r"url\(")])
    assert time.process_time() - start < 20
