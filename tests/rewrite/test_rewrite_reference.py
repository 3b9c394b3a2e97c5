"""Character references: decoded as a browser does in attributes, encoded once on the way out."""

import html

import pytest
from html5lib._tokenizer import HTMLTokenizer
from hypothesis import example, given
from hypothesis import strategies as st

from smtpeter.rewrite import reference


def as_html5lib(value):
    (token,) = (
        token for token in HTMLTokenizer(f'<a b="{value}">') if "data" in token and token.get("name") == "a"
    )
    return dict(token["data"])["b"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("?a=1&amp;b=2", "?a=1&b=2"),
        ("?a=1&b=2", "?a=1&b=2"),
        ("?a&copy=3", "?a&copy=3"),
        ("?a&copy;=3", "?a©=3"),
        ("?a&copy", "?a©"),
        ("?a&copyright", "?a&copyright"),
        ("&amp;amp;", "&amp;"),
        ("&AMP;&lt&GT;&quot;&apos;", "&<>\"'"),
        ("&#38;&#x26;&#X26;&#38", "&&&&"),
        ("&#0;&#xD800;&#x110000;&#99999999999999999999;", "\ufffd" * 4),
        ("&#128;&#x9f;&#x81;", "€Ÿ\x81"),
        ("&;&#;&#x;&nosuch;& &", "&;&#;&#x;&nosuch;& &"),
        ("&notin;&notit;&not", "∉&notit;¬"),
        ("&NotEqualTilde;", "≂̸"),
        ("plain", "plain"),
    ],
)
def test_values_are_decoded_as_attributes(value, text):
    assert text == reference.decode(value)


PIECES = st.sampled_from(
    [
        "&",
        "&amp",
        "&copy",
        "&lt",
        "&not",
        "notin",
        ";",
        "=",
        "#",
        "x",
        "1",
        "38",
        "&#x26",
        "a",
        " ",
        "é",
        "/",
        "&#128;",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
@example("&gtx=&gt=&gt")
def test_html5lib_decodes_the_same(value):
    assert as_html5lib(value) == reference.decode(value)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_offsets_lead_back_to_the_source(value):
    """Each character's source, up to the next one's, decodes to that character where nothing else is cut."""
    decoded = reference.Decoded(value)
    places = [decoded.source(at) for at in range(len(decoded.text) + 1)]
    assert reference.decode(value) == decoded.text
    assert sorted(places) == places
    assert (0, len(value)) == (places[0] if decoded.text else 0, places[-1])
    for character, start, end in zip(decoded.text, places, places[1:], strict=False):
        assert value[start:end] in {character, ""} or value[start] == "&"


def test_offsets_beside_references_are_exact():
    decoded = reference.Decoded("url(&quot;http://x/?a=1&amp;b=2&quot;)")
    start, end = decoded.text.index("http"), decoded.text.rindex('"')
    assert ('url("http://x/?a=1&b=2")', 10, 31) == (decoded.text, decoded.source(start), decoded.source(end))


@given(st.text(), st.sampled_from(['"', "'"]))
def test_what_is_encoded_is_decoded_by_others(text, quote):
    encoded = reference.encode(text, quote)
    assert quote not in encoded
    assert text == reference.decode(encoded)
    assert html.unescape(html.escape(text)) == html.unescape(encoded)


@given(st.text(alphabet="ab&\"'<>=` \t\r\n\f/;#", min_size=1))
def test_without_quotes_no_character_ends_the_value(text):
    encoded = reference.encode(text, "")
    assert not set("\t\n\f\r \"'<>`") & set(encoded)
    assert text == reference.decode(encoded)
