"""Rendering, and the way to 7 bit."""

import base64
import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpeter.message.edit import Base64, Literal, Slot, SlotKind, Span, Template, untouched
from smtpeter.rewrite.render import render, to_seven_bit
from tests.rewrite.corpus import message, multipart, part, token


def test_pieces_come_in_their_order():
    pieces = (Span(2, 4), Literal(b"-"), Slot(SlotKind.CLICK, 1), Literal(b"-"), Span(0, 2))
    assert b"cd-" + token("click", 1).encode() + b"-ab" == render(b"abcd", Template(pieces), token)


def test_nothing_to_change_is_identity():
    assert b"a\x00\xff" == render(b"a\x00\xff", untouched(3), token)


def test_a_base64_leaf_is_spliced_and_then_encoded_in_lines():
    decoded = bytes(range(256))
    pieces = (Span(0, 100), Slot(SlotKind.OPEN, 2, "utf_16_le"), Literal(b"x"), Span(100, 256))
    result = render(b"", Template((Base64(decoded, pieces),)), token)
    assert decoded[:100] + token("open", 2).encode("utf-16-le") + b"x" + decoded[100:] == base64.b64decode(
        result
    )
    lines = result.split(b"\r\n")
    assert {76} == set(map(len, lines[:-1]))
    assert 0 < len(lines[-1]) <= 76


# 7 bit


def bodies(raw):
    """Types and decoded octets of all leaves, as Python's email package reads them."""
    parsed = email.message_from_bytes(raw, policy=email.policy.compat32)
    return [
        (one.get_content_type(), one.get_payload(decode=True))
        for one in parsed.walk()
        if not one.is_multipart()
    ]


PARTS = [
    part(
        "text/plain; charset=utf-8",
        "Grüße -- und\r\nmehr, und ein sehr langer Satz" * 5,
        "Content-Transfer-Encoding: 8bit",
    ),
    part("text/html; charset=utf-8", "漢字漢字漢字"),
    part(
        "application/octet-stream",
        bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b""),
        "Content-Transfer-Encoding: binary",
    ),
    part("text/plain", "ascii =3D", "Content-Transfer-Encoding: quoted-printable"),
    part("text/plain; charset=utf-8", "é=20=\r\nx", "Content-Transfer-Encoding: quoted-printable"),
]


@pytest.mark.parametrize(
    "raw",
    [
        *PARTS,
        multipart("mixed", *PARTS),
        multipart("mixed", multipart("mixed", *PARTS[:2], boundary="x"), PARTS[2]),
    ],
)
def test_eight_bit_leaves_are_encoded_and_decode_to_the_same(raw):
    raw += b"" if raw.endswith(b"\r\n") else b"\r\n"
    result = to_seven_bit(raw)
    assert result.isascii()
    assert [(kind, octets.rstrip()) for kind, octets in bodies(raw)] == [
        (kind, octets.rstrip()) for kind, octets in bodies(result)
    ]
    if raw.isascii():
        assert raw == result
    else:
        assert b"8bit" not in result
        assert b"Encoding: binary" not in result
        assert 998 >= max(map(len, result.split(b"\r\n")))


def test_ascii_is_left_as_it_came():
    raw = message("x", encoding="8bit")
    assert raw is to_seven_bit(raw)


def test_ascii_leaves_beside_an_encoded_one_keep_their_octets():
    raw = multipart("mixed", PARTS[0], PARTS[3], more="\r\nContent-Transfer-Encoding: 8bit")
    result = to_seven_bit(raw)
    assert PARTS[3] in result
    assert result.partition(b"\r\n\r\n")[0].endswith(b"Content-Transfer-Encoding: 7bit")


def test_a_message_inside_is_converted_too():
    inner = b"Subject: x\r\n" + multipart("mixed", PARTS[0], boundary="in")
    raw = multipart("mixed", part("message/rfc822", inner, "Content-Transfer-Encoding: 8bit"))
    result = to_seven_bit(raw)
    assert bodies(raw) == bodies(result)
    assert b"8bit" not in result
    assert b"message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n" in result


def test_a_whole_message_in_base64_ends_with_a_line_end():
    result = to_seven_bit(message("漢字\r\n", encoding="8bit"))
    assert result.endswith(b"\r\n")
    assert [("text/html", "漢字\r\n".encode())] == bodies(result)


@pytest.mark.row(79)
@pytest.mark.parametrize(
    "raw",
    [
        multipart("signed", PARTS[0], part("application/pgp-signature", "x")),
        multipart("mixed", multipart("signed", PARTS[0], boundary="x")),
        multipart("encrypted", PARTS[1]),
        multipart("mixed", part("message/rfc822", multipart("signed", PARTS[0], boundary="x"))),
        multipart("mixed", part("message/partial", "é")),
        multipart("mixed", PARTS[0])[:-8],
        "Subject: é\r\n\r\nx\r\n".encode(),
        "Subject: é\r\n\r\né\r\n".encode(),
        multipart("mixed", part("text/plain", "x")) + "é".encode(),
        multipart("mixed", part("text/plain", "x", "X-Name: é")),
        part("text/plain", "é", "Content-Transfer-Encoding: base64"),
        part("text/plain", "é =", "Content-Transfer-Encoding: quoted-printable"),
        part("text/plain", "é", "Content-Transfer-Encoding: x-what"),
        b"\xff",
    ],
)
def test_what_cannot_be_converted_is_not(raw):
    assert to_seven_bit(raw) is None


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from([b"a", b"\xc3\xa9", b"\r\n", b"--=_b", b"=", b" ", b"-", b".", b"\x00", b"x" * 60]),
        max_size=30,
    ).map(b"".join)
)
def test_any_body_gives_back_its_octets(body):
    raw = multipart("mixed", part("text/plain; charset=utf-8", body))
    result = to_seven_bit(raw)
    if result is not None and b"\r\n--=_b" not in b"\r\n" + body:
        assert [octets for _, octets in bodies(raw)] == [octets for _, octets in bodies(result)]
