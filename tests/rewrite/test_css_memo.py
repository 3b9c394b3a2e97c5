"""What is remembered of one document never makes a wrong edit in another."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpeter.rewrite.change import LeftAlone
from smtpeter.rewrite.css.inline import Inliner
from smtpeter.rewrite.memo import Memo, first_sheet
from tests.rewrite.corpus import NEWSLETTERS, SOUPS, enlarged, newsletter

SHEET = (
    "<style>p{color:red}.x b{margin:0!important}td>p{top:1px}b+b{left:2px}:nth-child(2n){x:y}"
    "[title]{z:1}a:link{q:2}font font{f:3}tr:first-child{g:4}path{h:5}div div div{i:6}</style>"
)
# Of each line, any may stand for any other; what matters and what does not is for the memo to know.
ALIKE = (
    ("text", "other text", "  text", " ", "\r\n", "\n", "", "&nbsp;", "&#32;", "&amp;x", "x-->", "--!>", "\x00", " \x00y", "a < b", "]]>"),
    ("<p>", "<p class=x>", "<p style='a:b'>", "<p style=a:b>", "<p style>", '<p data-n="1">', '<p data-n="2" title>', "<P>", "<p/>"),
    ("<a href=1>", '<a href="2?n=3">', "<a>", "<a name=4>", "<a href=5 class=x>", '<a href="<b>">', "<a href='6'/>", "<a href=7/>"),
    ("<b>", "<b id=1>", "<b id=2 lang=de>", "<b lang=en>", "<b class=x>", "</b>", "</b >"),
    ("<font face=1>", "<font face=2>", "<font color=3>", "<font>", "</font>"),
    ("<table>", "<table width=1>", "<table width=2>", "</table>", "<table align=left>"),
    ("<tr>", "<tr title=x>", "</tr>", "<tbody>", "<tr height=3>"),
    ("<td>", "<td width=1>", "<td width=2>", "</td>", "<td style='color:blue'>", '<td style="color:blue">'),
    ("<pre>", "<pre width=1>", "</pre>", "<textarea>", "</textarea>", "<select>", "<option>", "</select>"),
    ("<input>", "<input type=hidden>", "<input type=text>", "<input name=1>"),
    ("<div>", "<div lang=de>", "<div lang=en>", "<div class=x>", "</div>", "<div class='x y'>"),
    ("<svg>", "</svg>", "<path d=1/>", "<path d=2>", "<path d=3/ >", "<![CDATA[ > ", "<math>", "<annotation-xml encoding='text/html'>", "<mi>"),
    ("<!-- a -->", "<!-- b -->", "<!--", "-->", "<!-->", "<!--[if mso]>", "<![endif]-->", "<![if !mso]>", "<![endif]>", "<!--[if !mso]><!-->"),
    ("<title>", "</title>", "<title>x", "<script>", "</script>", "<script><!--", "<xmp>", "</xmp>", "<iframe>"),
    ("<style>p{a:1}</style>", "<style>p{b:2}</style>", "<style>p{a:1", "</style>", "<style media=print>p{a:1}</style>", "<style>a{content:'<p>x'}</style>"),
    ("<body>", "<body class=x>", "<body style=c:d>", "</body>", "<html class=x>", "<head>", "</head>", "<!doctype html>", "<!doctype x>"),
    ("<p ", "<p title='", "'", '"', ">", "=", "<", "</", "</ x>", "<?x", "<K>", "<linK title>"),
)  # fmt: skip
GROUPS = st.sampled_from(range(len(ALIKE)))


@st.composite
def campaigns(draw):
    """Documents of which each differs a little from the first."""
    groups = draw(st.lists(GROUPS, min_size=1, max_size=25))
    first = [draw(st.sampled_from(ALIKE[group])) for group in groups]
    documents = [first]
    for _ in range(draw(st.integers(1, 4))):
        other = list(first)
        for place in draw(st.sets(st.integers(0, len(groups) - 1), max_size=4)):
            other[place] = draw(st.sampled_from(ALIKE[groups[place]]))
        documents.append(other)
    return [SHEET + "".join(pieces) for pieces in documents]


def inlined(inliner, text):
    try:
        return inliner.inline(text)
    except LeftAlone as reason:
        return str(reason)


@settings(max_examples=150, deadline=None)
@given(campaigns())
def test_remembering_changes_nothing(documents):
    inliner = Inliner()

    for text in [*documents, *documents]:
        assert inlined(Inliner(), text) == inlined(inliner, text)


@settings(max_examples=80, deadline=None)
@given(SOUPS, SOUPS)
def test_remembering_changes_nothing_in_soups(one, other):
    inliner = Inliner()

    for text in (SHEET + one, SHEET + one + other, SHEET + one, SHEET + other, SHEET + one + other):
        assert inlined(Inliner(), text) == inlined(inliner, text)


class Counting(Inliner):
    """Counts the documents that were not remembered."""

    def __init__(self):
        super().__init__()
        self.understood = 0

    def _understand(self, *arguments):
        self.understood += 1
        return super()._understand(*arguments)


@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_a_campaign_is_understood_once(path):
    text = enlarged(newsletter(path), 20_000)
    inliner = Counting()
    for name in ("Ann", "Björn & Söhne", "Chloë"):
        head, body = text.split("<body", 1)
        personal = re.sub(
            r"(?i)(href ?= ?[\"']?[^\"'>]*\?)",
            rf"\1who={name[1]}&amp;",
            body.replace("</p>", f" for {name}</p>"),
        )
        personal = head + "<body" + personal
        assert inlined(Inliner(), personal) == inlined(inliner, personal)

    assert 1 == inliner.understood


def test_a_document_seen_once_is_not_studied():
    memo = Memo()
    sheet = first_sheet("<style>p{}</style>")

    assert memo.recall(sheet, ["", "p>x"]) is None
    memo.remember(sheet, ["", "p>x"], [], {}, "made")

    assert "made" == memo.recall(sheet, ["", "p>another text"])
    assert memo.recall(sheet, ["", "p>another text", "p>"]) is None


@pytest.mark.parametrize(
    ("one", "other", "is_remembered"),
    [
        ("<p>Ann", "<p>Björn", True),
        ("<p>Ann", "<p> ", False),
        ("<p>Ann", "<p>&#32;", False),
        ("<p>\r\n  <i>", "<p>\r\n <i>", False),  # blanks are kept: after <pre> they may count
        ("<a href=1>x", "<a href=2>x", True),
        ("<a href=1>x", "<a>x", False),  # the sheet asks for a:link
        ("<p title=1>x", "<p title=2>x", False),
        ("<p lang=de>x", "<p lang=en>x", True),
        ("<font face=1>x", "<font face=2>x", False),
        ("<p>-- x", "<p>-- y", True),
        ("<p>--> x", "<p>--> y", False),
        ("<path d=1/>x", "<path d='1'/>x", False),
        ("<p style='a:b'>x", "<p style='a:c'>x", False),
        ("<!-- n=1 --><p>x", "<!-- n=2 --><p>x", False),
        ("<p title='<b>'>x", "<p title='<b>'>y", False),  # a piece begins inside a tag
        ("<svg><![CDATA[x]]></svg><p>x", "<svg><![CDATA[x]]></svg><p>y", False),
    ],
)
def test_what_is_remembered(one, other, is_remembered):
    inliner = Counting()
    sheet = SHEET.replace("[title]", '[title="1"]')
    for text in (one, one, other):
        inlined(inliner, sheet + text)

    unsuited = "'<b>'" in one or "CDATA" in one
    assert (3 if unsuited else 1 if is_remembered else 2) == inliner.understood


def test_memory_is_bounded():
    inliner = Inliner()
    for number in range(1_200):
        text = f"<style>p{{a:{number}}}</style>" + "".join(f"<p id=n{number}-{n}>" for n in range(5))
        inlined(inliner, text)
        inlined(inliner, text)
    memo = inliner._memo

    assert len(memo._made) <= 256
    assert len(memo._seen) <= 256
    assert len(memo._readings) <= 1024
    assert sum(map(len, memo._shared.values())) <= 100_000
    assert sum(map(len, inliner._sheets)) <= 524_288
