"""xtext and its UTF-8 sisters: exact in both directions, strict in reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.xtext import XtextSyntax, decode, decode_utf8, encode, encode_utf8


@pytest.mark.row(123)
@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", ""),
        ("plain@example.com", "plain@example.com"),
        ("a+b=c", "a+2Bb+3Dc"),
        ("with blank", "with+20blank"),
        ("\t\r\n\0\x7f", "+09+0D+0A+00+7F"),
        ("!*,<>~", "!*,<>~"),
        ("é", "+C3+A9"),
    ],
)
def test_xtext_table(text, encoded):
    assert encoded == encode(text)
    assert text == decode(encoded)


@pytest.mark.row(123)
@pytest.mark.parametrize(
    "text", ["+", "a+2", "+2b", "+ZZ", "a=b", "a b", "é", "\x7f", "+FF", "+C3", "+ED+A0+80", "a\n"]
)
def test_what_is_not_xtext(text):
    with pytest.raises(XtextSyntax):
        decode(text)


@pytest.mark.row(129)
@pytest.mark.parametrize(
    ("text", "ascii_form", "utf8_form"),
    [
        ("joe@example.com", "joe@example.com", "joe@example.com"),
        ("josé@example.com", r"jos\x{E9}@example.com", "josé@example.com"),
        ("a+b=c\\d e", r"a\x{2B}b\x{3D}c\x{5C}d\x{20}e", r"a\x{2B}b\x{3D}c\x{5C}d\x{20}e"),
        ("例@😀", r"\x{4F8B}@\x{1F600}", "例@😀"),
    ],
)
def test_utf8_table(text, ascii_form, utf8_form):
    assert ascii_form == encode_utf8(text, ascii_only=True)
    assert utf8_form == encode_utf8(text, ascii_only=False)
    assert text == decode_utf8(ascii_form) == decode_utf8(utf8_form)


@pytest.mark.row(129)
@pytest.mark.parametrize(
    "text",
    [
        "a+b",
        "a=b",
        "a b",
        "a\\b",
        r"\x{}",
        r"\x{41}",  # A can stand for itself
        r"\x{00E9}",
        r"\x{D800}",
        r"\x{110000}",
        r"\x{1234567}",
        r"\x{E9",
        r"\xE9",
        "\n",
        "\x7f",
        "\ud800",
    ],
)
def test_what_is_not_utf8_xtext(text):
    with pytest.raises(XtextSyntax):
        decode_utf8(text)


@given(st.text())
def test_round_trips(text):
    encoded = encode(text)
    assert text == decode(encoded)
    assert encoded.isascii()
    assert not any(character in encoded for character in "= \r\n\0")
    for ascii_only in (True, False):
        assert text == decode_utf8(encode_utf8(text, ascii_only=ascii_only))
    assert encode_utf8(text, ascii_only=True).isascii()


@given(st.one_of(st.text(), st.text(alphabet="+\\x{}=0123456789ABCDEFé")))
def test_what_can_be_decoded_means_one_thing(text):
    for forward, back in ((decode, encode), (decode_utf8, lambda s: encode_utf8(s, ascii_only=True))):
        try:
            decoded = forward(text)
        except XtextSyntax:
            continue
        assert decoded == forward(back(decoded))
