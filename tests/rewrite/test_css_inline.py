"""Inline CSS: only style attributes change, whatever the document; what is copied, and what the report says."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpeter.message import content
from smtpeter.message.edit import Span, Verdict
from smtpeter.message.options import Switches
from smtpeter.rewrite import html
from smtpeter.rewrite.change import LeftAlone
from smtpeter.rewrite.css.inline import Inliner
from smtpeter.rewrite.leaf import read
from smtpeter.rewrite.render import render
from smtpeter.rewrite.settings import Settings
from smtpeter.rewrite.worker import pipeline
from tests.rewrite.corpus import CLICK, NEWSLETTERS, OPEN, SOUPS, message, multipart, newsletter, part, token

INLINED = Path(__file__).parent / "inlined"
PIPELINE = pipeline(Settings(click_url=CLICK, open_url=OPEN))
CSS = Switches(inline_css=True)
EVERY = Switches(track_clicks=True, track_opens=True, prevent_scam=True, inline_css=True)
SHEET = "<style>*{top:1px;left:2px!important}.x,[href]{color:'\"&amp;<é'}p+p{margin:0}</style>"


def inline(text):
    return Inliner().inline(text)


@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_newsletters_come_out_as_approved(path):
    golden = INLINED / path.name
    result = inline(newsletter(path)).replace("\r\n", "\n")
    if os.environ.get("SMTPETER_APPROVE"):
        golden.write_text(result, "utf-8")
    assert golden.read_text("utf-8") == result


def without_styles(text):
    """The text less its style attributes, and where that can be told tag by tag, the styles."""
    styles, out, position = [], [], 0
    for tag in html.scan(text, html.tag_starts(()), [re.compile("<[a-zA-Z]")]).tags:
        style = tag.get("style")
        if style is not None and not tag.closing:
            out.append(text[position : style.start].rstrip("\t\n\f\r "))
            styles.append(text[style.value_start : style.value_end])
            position = style.end
    return "".join((*out, text[position:])), styles


def is_subsequence(part, whole):
    whole = iter(whole)
    return all(character in whole for character in part)


@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_all_but_style_attributes_is_identical(path):
    text = newsletter(path)
    result = inline(text)

    assert text != result
    assert without_styles(text)[0] == without_styles(result)[0]


@settings(max_examples=150, deadline=None)
@given(SOUPS, SOUPS)
def test_nothing_is_ever_taken_out(before, after):
    text = before + SHEET + after
    try:
        result = inline(text)
    except LeftAlone:
        return
    assert is_subsequence(text, result)
    assert inline(result) is not None
    if result != text:
        assert 'style="' in result or "style" in text


@settings(max_examples=60, deadline=None)
@given(SOUPS, st.sampled_from(("quoted-printable", "base64", "8bit")))
def test_through_any_encoding_the_same_comes_out(soup, encoding):
    text = SHEET + soup.replace("\r\n", "").replace("\x00", "") + "\r\n"
    original = message(text, encoding=encoding)
    template, _ = PIPELINE.prepare(original, CSS)
    (leaf,) = content.leaves(rendered := render(original, template, token))
    try:
        expected = inline(text)
    except LeftAlone:
        expected = text
    assert expected == read(rendered, leaf).text


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("<p>", '<p style="color:red;quotes:none">'),
        ("<p/>", '<p style="color:red;quotes:none"/>'),
        ("<P\r\n class=a>", '<P style="color:red;quotes:none"\r\n class=a>'),
        ('<p style="top:0">', '<p style="color:red;quotes:none;top:0">'),
        ("<p style='top:0'>", "<p style='color:red;quotes:none;top:0'>"),
        ("<p style=top:0>", "<p style=color:red;quotes:none;top:0>"),
        ("<p STYLE = 'top:0' a=b>", "<p STYLE = 'color:red;quotes:none;top:0' a=b>"),
        ("<p style>", '<p style="color:red;quotes:none">'),
        ("<p style=>", '<p style="color:red;quotes:none">'),
        ("<p style = >", '<p style = "color:red;quotes:none">'),
        ("<p style a=b>", '<p style="color:red;quotes:none" a=b>'),
        ('<p style="">', '<p style="color:red;quotes:none;">'),
        ("<p style='top:0' style='left:0'>", "<p style='color:red;quotes:none;top:0' style='left:0'>"),
        ('<p style="&#99;olor:blue">', '<p style="quotes:none;&#99;olor:blue">'),
        ('<p title=">" style="top:0">', '<p title=">" style="color:red;quotes:none;top:0">'),
    ],
)
def test_every_form_of_attribute(tag, expected):
    sheet = "<style>p{color:red;quotes:none}</style>"
    assert sheet + expected + "x" == inline(sheet + tag + "x")


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("<p>", "<p style=\"a:'b&amp;c'\">"),
        ("<p style='x:y'>", "<p style='a:&#39;b&amp;c&#39;;x:y'>"),
        ("<p style=x:y>", "<p style=a:&#39;b&amp;c&#39;;x:y>"),
    ],
)
def test_values_are_escaped_for_their_quotes(tag, expected):
    sheet = "<style>p{a:'b&c'}</style>"
    assert sheet + expected == inline(sheet + tag)


@pytest.mark.parametrize(
    "style",
    [
        "<style media=print>p{top:0}</style>",
        "<style media='screen and (min-width:1px)'>p{top:0}</style>",
        "<style type=text/less>p{top:0}</style>",
        "<!--[if mso]><style>p{top:0}</style><![endif]-->",
        "<!--[if !mso]><!--><style>p{top:0}</style><!--<![endif]-->",
        "<!--[if !mso]><!-- --><style>p{top:0}</style><!-- <![endif]-->",
        "<![if !mso]><style>p{top:0}</style><![endif]>",
        "<link rel=stylesheet href=file:///etc/passwd>",
        "<!-- <style>p{top:0}</style> -->",
        "<title><style>p{top:0}</style></title>",
        "<svg><style>p{top:0}</style></svg>",
    ],
)
def test_blocks_that_are_not_copied(style):
    assert style + "<p>x" == inline(style + "<p>x")


@pytest.mark.parametrize(
    "style",
    [
        "<style>p{top:0}</style>",
        "<STYLE TYPE='text/CSS' MEDIA=' Screen , print'>p{top:0}</STYLE>",
        "<style media=all>p{top:0}</style>",
        "<style><!-- p{top:0} --></style>",
        "<!--[if mso]>x<![endif]--><style>p{top:0}</style>",
        "<!--[if !mso]><!-->x<!--<![endif]--><style>p{top:0}</style>",
        "<style>@import url(x);p{top:0}</style>",
    ],
)
def test_blocks_that_are_copied(style):
    assert f'{style}<p style="top:0">x' == inline(style + "<p>x")


def test_sheets_count_in_the_order_of_the_document():
    text = "<style>p{top:1px}</style>{}<style>p{top:2px}</style>"
    assert text.replace("{}<", '<p style="top:2px"><', 1) == inline(text.replace("{}<", "<p><", 1))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<table><tr><td>x</table>", '<table><tr><td style="top:0">x</table>'),  # below an implied tbody
        ("<p>x<p>y", '<p style="top:0">x<p style="top:0">y'),
        ("<table><p>x</table>", '<table><p style="top:0">x</table>'),  # foster parented
        ("<p><b>x<p>y</b>", '<p style="top:0"><b>x<p style="top:0">y</b>'),
    ],
)
def test_elements_are_those_of_the_standard(body, expected):
    sheet = "<style>tbody td,body>p{top:0}</style>"
    assert sheet + expected == inline(sheet + body)


def test_a_tag_that_stands_for_elements_that_differ_is_left_alone():
    sheet = "<style>.a b{top:0}</style>"
    body = "<p class=a><b>x<p>y</b>"  # the b is opened anew in the second p
    assert sheet + body == inline(sheet + body)

    _, report = PIPELINE.prepare(message(sheet + body), CSS)
    assert (
        "part 1: 1 tags got no style, since each stands for several elements that differ",
    ) == report.notes


def test_a_document_without_sheets_is_not_read():
    deep = "<div>" * 2_000
    assert deep == inline(deep)


def report_of(text, switches=CSS):
    return PIPELINE.prepare(message(text), switches)[1]


def test_the_report_tells_of_each_block():
    report = report_of(
        "<head>\r\n<style>p{top:0} b{top:1px} @media print{p{}} i{}</style>\r\n"
        "<style media=print>p{}</style>\r\n<style>u{top:0}</style><link rel=STYLESHEET href=a><p>x<p>y<b>z"
    )

    assert [
        (Verdict.CHANGED, "part 1, style, line 2", "2 of 4 rules, copied 3 times", ""),
        (Verdict.LEFT, "part 1, style, line 3", "", "it is not for every screen"),
        (
            Verdict.LEFT,
            "part 1, style, line 4",
            "0 of 1 rules, copied 0 times",
            "none of its rules can be copied",
        ),
    ] == [(f.verdict, f.place, f.value, f.reason) for f in report.findings]
    assert ("part 1: linked style sheets are never fetched",) == report.notes


def test_it_goes_together_with_tracking():
    text = (
        "<style>a{color:red}td{padding:0}</style><a data-smtpeter-track=true href='https://a.example/?b=1&amp;c'>x</a>"
        "<table><td style=\"background:url(https://i.example/b.png)\" background='https://i.example/c.png'>y"
    )
    alone = inline(text)
    template, _ = PIPELINE.prepare(message(text), Switches(track_clicks=True, track_opens=True))
    tracked = render(message(text), template, token)
    template, report = PIPELINE.prepare(original := message(text), EVERY)
    both = render(original, template, token)

    for source, target in (('style="b', 'style="padding:0;b'), ("<a ", '<a style="color:red" ')):
        assert target in alone
        tracked = tracked.replace(source.encode(), target.encode())
    assert tracked == both
    assert {"clicks", "opens", "css"} == {finding.rewriter for finding in report.findings}


def test_html_is_found_at_any_depth_and_only_html():
    sheet = "<style>p{top:0}</style><p>x"
    inner = multipart("related", part("text/html", sheet), boundary="i")
    original = multipart("alternative", part("text/plain", sheet), inner, part("text/x-amp-html", sheet))
    template, _ = PIPELINE.prepare(original, CSS)

    result = render(original, template, token)

    assert 1 == result.count(b'<p style="top:0">')
    assert original == result.replace(b' style="top:0"', b"")


def test_switched_off_nothing_happens():
    original = message("<style>p{top:0}</style><p>x")
    template, report = PIPELINE.prepare(original, Switches())

    assert (Span(0, len(original)),) == template.pieces
    assert () == report.findings + report.notes


@pytest.mark.parametrize("charset", ["us-ascii", "iso-8859-1", "utf-16-le", "iso-2022-jp", "windows-1252"])
def test_charsets_are_kept(charset):
    """An escape in a sheet may stand for a character that the message's charset does not have."""
    text = "<style>p{content:'\\6f22';top:0;quotes:'\\e9'}</style><p>x\r\n"
    original = message(text, charset=charset, encoding="base64")
    template, _ = PIPELINE.prepare(original, CSS)
    result = render(original, template, token)
    (leaf,) = content.leaves(result)

    assert text.replace("<p>", '<p style="top:0">') == read(result, leaf).text


def test_the_manual_shows_what_happens():
    manual = (Path(__file__).parents[2] / "docs/rewriters/inline-css.md").read_text("utf-8")
    before, after = re.findall(r"```html\n(.*?)```", manual, re.DOTALL)

    assert after == inline(before)
