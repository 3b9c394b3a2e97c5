"""Asking for some attributes of a tag gives what asking for all gives of them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtpeter.rewrite import html, images, links

WANTED = links.ATTRIBUTES | images.ATTRIBUTES
SOUP = st.lists(
    st.sampled_from([
        " ", "\n", "/", "=", '"', "'", ">", "x", "href", "HREF", "hrefx", "style", "src", "srcset", "data-src",
        "background", 'a="b c"', "a='>'", "href=", 'href="http://a.example/"', "style = 'x'", "src=y", "=src", "é",
    ])
).map("".join)  # fmt: skip


def parsed(text, wanted):
    try:
        return html.parse_tag(text, 0, wanted)
    except html.TooManyAttributes as overlong:
        return overlong.end


def only(tag, wanted):
    if not isinstance(tag, html.Tag):
        return tag
    return tag._replace(attributes=tuple(one for one in tag.attributes if one.name in wanted))


@given(SOUP)
@example(" a" * 256 + " href=x>")
@example(" a" * 255 + " href=x>")
@example(" a" * 257 + " href=x")
@example(" href" * 300 + ">")
def test_what_is_wanted_of_any_tag(soup):
    text = "<td" + soup
    assert only(parsed(text, None), WANTED) == parsed(text, WANTED)


@pytest.mark.parametrize(
    "text", ["<a" + " b=c" * 200_000 + ">", "<a" + " b=c" * 200_000, "<a" + " href=" * 200_000]
)
def test_hostile_tags_are_left_in_time_and_memory(text):
    assert parsed(text, WANTED) in {0, len(text)}


@pytest.mark.parametrize("blanks", ["", " ", "  ", "\t\r\n  \f"])
def test_backgrounds_are_found_with_any_blanks_before_the_equals_sign(blanks):
    text = f'<p>x</p><td BackGround{blanks}={blanks}"http://a.example/b.png">'
    page = html.scan(text, html.tag_starts(images.TAGS), images.INSIDE, images.ATTRIBUTES)
    assert [["background"]] == [[one.name for one in tag.attributes] for tag in page.tags]
