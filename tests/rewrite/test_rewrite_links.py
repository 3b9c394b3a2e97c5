"""Links in HTML: which values change, to what, and that nothing else does."""

import pytest

from smtpeter.message.edit import SlotKind, Verdict
from smtpeter.message.options import Switches
from smtpeter.rewrite.render import render
from smtpeter.rewrite.target import Reason
from tests.rewrite.corpus import CLICK, PIPELINE, message, token

CLICKS = Switches(track_clicks=True)
SAFE = Switches(track_clicks=True, prevent_scam=True)


def rewritten(html, switches=CLICKS):
    """The HTML as it leaves, and the report."""
    raw = message(html)
    template, report = PIPELINE.prepare(raw, switches)
    return render(raw, template, token).partition(b"\r\n\r\n")[2].decode(), report


def tracked(number, tail):
    return f"{CLICK}/{token(SlotKind.CLICK, number)}/{tail}"


@pytest.mark.row(74)
@pytest.mark.parametrize(
    ("html", "value", "tail"),
    [
        ('<a href="http://x.example/">', "http://x.example/", "x.example/"),
        ("<a href='http://x.example/'>", "http://x.example/", "x.example/"),
        ("<a href=http://x.example/>", "http://x.example/", "x.example/"),
        ("<A\tTITLE='>' HREF = http://x.example >", "http://x.example", "x.example/"),
        ('<a href=" http://x.example/ ">', " http://x.example/ ", "x.example/"),
        ('<a\r\n  href="HTTP://X.example/"\r\n>', "HTTP://X.example/", "x.example/"),
        (
            '<a href="http://x.example/?a=1&amp;b=2">',
            "http://x.example/?a=1&amp;b=2",
            "x.example/?a=1&amp;b=2",
        ),
        ('<a href="http://x.example/?a=1&b=2">', "http://x.example/?a=1&b=2", "x.example/?a=1&amp;b=2"),
        ('<a href="http://x.example/?a&copy=2">', "http://x.example/?a&copy=2", "x.example/?a&amp;copy=2"),
        ('<a href="http&#58;//x.example">', "http&#58;//x.example", "x.example/"),
        ('<a href="http://x.example/it\'s">', "http://x.example/it's", "x.example/it's"),
        ("<a href='http://x.example/it&#39;s'>", "http://x.example/it&#39;s", "x.example/it&#39;s"),
        ("<a href=http://x.example/it's>", "http://x.example/it's", "x.example/it&#39;s"),
        ('<a href="http://x.example/é?ü#ö">', "http://x.example/é?ü#ö", "x.example/%C3%A9?%C3%BC#%C3%B6"),
        ('<area shape=rect href="http://x.example/">', "http://x.example/", "x.example/"),
        ('<a href="http://x.example/" href="http://y.example/">', "http://x.example/", "x.example/"),
        ('<a b="c"href="http://x.example/">', "http://x.example/", "x.example/"),
        ('<a href="http://x.exa\r\nmple/">', "http://x.exa\r\nmple/", "x.example/"),
    ],
)
def test_the_value_changes_and_nothing_else(html, value, tail):
    result, report = rewritten(f"ü {html}x</a> é")
    assert f"ü {html.replace(value, tracked(0, tail), 1)}x</a> é" == result
    assert [Verdict.CHANGED] == [finding.verdict for finding in report.findings]


@pytest.mark.row(76)
@pytest.mark.parametrize(
    "html",
    [
        '<link href="http://x.example/">',
        '<base href="http://x.example/">',
        '<a data-href="http://x.example/">',
        '<a xhref="http://x.example/">',
        "<a>http://x.example/</a>",
        '<v:roundrect href="http://x.example/">',
        '<form action="http://x.example/">',
        '<!--[if mso]><a href="http://x.example/"><![endif]-->',
        "<a href='mailto:a@x.example'>",
        '<a href="{{ unsubscribe }}">',
        '<a href="%%unsubscribe%%">',
        '<base href="http://x.example/"><a href="page">',
        '<a href="#">',
        "<a href=>",
        "<a href>",
    ],
)
def test_other_values_never_change(html):
    assert html == rewritten(html)[0]


def test_each_occurrence_has_its_own_number():
    result, report = rewritten("<a href=http://x.example/>1</a><a href=http://x.example/>2</a>")
    assert [tracked(0, "x.example/"), tracked(1, "x.example/")] == [
        piece.partition(">")[0] for piece in result.split("href=")[1:]
    ]
    assert 2 == len(report.findings)


def test_a_left_link_takes_no_number():
    assert tracked(0, "y.example/") in rewritten("<a href=tel:1>1</a><a href=http://y.example/>2</a>")[0]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a data-smtpeter-track="false" href="http://x.example/">', '<a href="http://x.example/">'),
        ('<a href="http://x.example/" data-smtpeter-track="false">', '<a href="http://x.example/">'),
        (
            "<a href='http://x.example/'\r\n  DATA-smtpeter-TRACK=' FALSE '\r\n>",
            "<a href='http://x.example/'\r\n>",
        ),
        ("<a href=http://x.example/ data-smtpeter-track=false>", "<a href=http://x.example/>"),
        (
            '<a id="a"data-smtpeter-track="false"href="http://x.example/">',
            '<a id="a"href="http://x.example/">',
        ),
        ('<a id=a data-smtpeter-track="false"href="http://x.example/">', '<a id=a href="http://x.example/">'),
        ("<a data-smtpeter-track href=tel:1>", "<a href=tel:1>"),
        ('<a data-smtpeter-track="false">', "<a>"),
    ],
)
def test_the_opt_out_is_obeyed_and_removed(html, expected):
    assert expected == rewritten(html)[0]


def test_an_opt_out_that_says_yes_is_removed_only():
    result, _ = rewritten('<a data-smtpeter-track="true" href="http://x.example/">')
    assert f'<a href="{tracked(0, "x.example/")}">' == result


def test_the_report_says_why():
    _, report = rewritten("\r\n<a data-smtpeter-track=false href=http://x.example/>\r\n<a href='tel:1'>")
    assert [
        ("clicks", "left", "part 1, a href, line 2", "http://x.example/", Reason.OPTED_OUT.value),
        ("clicks", "left", "part 1, a href, line 3", "tel:1", Reason.SCHEME.value),
    ] == [(one.rewriter, one.verdict.value, one.place, one.value, one.reason) for one in report.findings]


@pytest.mark.row(77)
@pytest.mark.parametrize(
    ("html", "is_tracked"),
    [
        ("<a href=http://x.example/>www.x.example</a>", False),
        ("<a href=http://x.example/><b>x.</b>example</a>", False),
        ("<a href=http://x.example/>my site</a> www.x.example", True),
        ("<a href=http://x.example/>my site<a href=http://x.example/>x.example</a>", True),
        ("<a href=http://x.example/>my site<!-- </a> --> x.example</a>", False),
        ("<a href=http://x.example/>never closed", True),
        ("<a href=http://x.example/>never closed: x.example", False),
        ("<a href=http://x.example/>https://click.example/</a>", True),
        ("<area href=http://x.example/>x.example", True),
    ],
)
def test_scam_warnings_are_prevented(html, is_tracked):
    assert is_tracked == (tracked(0, "x.example/") in rewritten(html, SAFE)[0].partition("</a")[0] + ">")
    assert tracked(0, "x.example/") in rewritten(html)[0]


def test_a_link_in_text_that_is_safe_stays_tracked_beside_one_that_is_not():
    result, report = rewritten("<a href=http://x.example/>x.example</a><a href=http://x.example/>y</a>", SAFE)
    assert f"<a href=http://x.example/>x.example</a><a href={tracked(0, 'x.example/')}>y</a>" == result
    assert [Reason.SCAM.value, ""] == [finding.reason for finding in report.findings]
