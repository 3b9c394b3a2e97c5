"""Images and the pixel."""

import pytest

from smtpeter.message.edit import SlotKind
from smtpeter.message.options import Switches
from smtpeter.rewrite import images
from smtpeter.rewrite.render import render
from smtpeter.rewrite.target import Reason
from tests.rewrite.corpus import OPEN, PIPELINE, message, multipart, part, token

OPENS = Switches(track_opens=True)
ALWAYS = Switches(track_opens=True, always_pixel=True)


def rewritten(html, switches=OPENS):
    raw = message(html)
    template, report = PIPELINE.prepare(raw, switches)
    return render(raw, template, token).partition(b"\r\n\r\n")[2].decode(), report


def tracked(number, tail):
    return f"{OPEN}/{token(SlotKind.OPEN, number)}/{tail}"


def pixel(number=0):
    return f"{images._PIXEL[0]}{OPEN}/{token(SlotKind.OPEN, number)}.gif{images._PIXEL[1]}"


@pytest.mark.parametrize(
    ("html", "values"),
    [
        ('<img src="http://x.example/i.png">', ["http://x.example/i.png"]),
        ("<IMG SRC = http://x.example/i.png>", ["http://x.example/i.png"]),
        ("<td background='http://x.example/i.png'>", ["http://x.example/i.png"]),
        ("<body background = 'http://x.example/i.png'>", ["http://x.example/i.png"]),
        ("<p style='background:url(http://x.example/i.png)'>", ["http://x.example/i.png"]),
        ("<p style='Background-Image : URL( \"http://x.example/i.png\" ) no-repeat'>", ["http://x.example/i.png"]),
        ("<p style=\"a:b;background:#fff url('http://x.example/i.png')\">", ["http://x.example/i.png"]),
        ('<p style="background:url(&quot;http://x.example/i.png&quot;)">', ["http://x.example/i.png"]),
        ('<p style="background:url(http://x.example/1), url(http://x.example/2)">', ["http://x.example/1", "http://x.example/2"]),
        ('<img srcset="http://x.example/1 1x, http://x.example/2 2x">', ["http://x.example/1", "http://x.example/2"]),
        ('<img srcset="\r\n http://x.example/a,b 100w,http://x.example/2,">', ["http://x.example/a,b", "http://x.example/2"]),
        ('<img srcset="http://x.example/1, /r 2x, http://x.example/2 (a, b) 3x">', ["http://x.example/1", "http://x.example/2"]),
        ('<a style="background:url(http://x.example/i.png)" href="http://x.example/">', ["http://x.example/i.png"]),
    ],
)  # fmt: skip
def test_images_that_are_loaded_are_tracked(html, values):
    expected = html
    for number, value in enumerate(values):
        expected = expected.replace(value, tracked(number, value.removeprefix("http://")), 1)
    assert expected == rewritten(html)[0]


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<img src=cid:1@x>", Reason.SCHEME),
        ("<img src=data:image/png;base64,AA==>", Reason.SCHEME),
        ("<img src=i.png>", Reason.RELATIVE),
        ("<img src='{{ image }}'>", Reason.PLACEHOLDER),
        ("<img srcset='data:image/png;base64,AA== 1x'>", Reason.SCHEME),
        ("<p style='behavior:url(http://x.example/)'>", Reason.PROPERTY),
        ("<p style='url(http://x.example/)'>", Reason.PROPERTY),
        ("<p style='background:url(http://x.example/\\29)'>", Reason.ESCAPED),
    ],
)
def test_others_are_left_and_count_as_none(html, reason):
    result, report = rewritten(html)
    assert html + pixel() == result
    assert [reason.value, ""] == [finding.reason for finding in report.findings]


@pytest.mark.parametrize(
    "html",
    [
        "<v:fill src='http://x.example/'>",
        "<script src='http://x.example/'></script>",
        "<input type=image src='http://x.example/'>",
        "<p background='http://x.example/'>",
        "<p data-src='http://x.example/'>",
        "<style>p{background:url(http://x.example/)}</style>",
        "<p title='url(http://x.example/)'>",
        "url(http://x.example/) background=http://x.example/",
        "<p style='a:\"background:url(http://x.example/)\"'>",
        "<p style='a:/*;background:url(http://x.example/)*/b'>",
        "<!--[if mso]><img src='http://x.example/'><![endif]-->",
    ],
)
def test_what_is_no_image_is_not_even_mentioned(html):
    result, report = rewritten(html)
    assert html + pixel() == result
    assert 1 == len(report.findings)


def test_the_pixel_stands_once_before_the_last_end_of_the_body():
    html = "<body>a</body><!-- </body> --><b></body></html><!--[if mso]></body><![endif]-->\r\n"
    assert html.replace("<b></body>", f"<b>{pixel()}</body>") == rewritten(html)[0]


def test_an_image_saves_the_pixel_unless_it_is_always_wanted():
    html = "<img src=http://x.example/i></body>"
    assert "width" not in rewritten(html)[0]
    assert f"<img src={tracked(0, 'x.example/i')}>{pixel(1)}</body>" == rewritten(html, ALWAYS)[0]


def test_one_pixel_a_message():
    raw = multipart("mixed", part("text/html", "<p>1"), part("text/html", "<p>2"))
    template, _ = PIPELINE.prepare(raw, ALWAYS)
    assert f"<p>1{pixel()}" in render(raw, template, token).decode()
    assert 1 == len(template.targets)


def test_where_the_body_ends_is_decided_or_there_is_no_pixel():
    html = "<p>a<!-- never closed"
    result, report = rewritten(html)
    assert html == result
    assert ("part 1: no pixel, since where its body ends cannot be decided",) == report.notes


def test_the_target_of_the_pixel_has_no_url():
    template, _ = PIPELINE.prepare(message("<p>"), OPENS)
    assert [(SlotKind.OPEN, "")] == [(target.kind, target.url) for target in template.targets]
