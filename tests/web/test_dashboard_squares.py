"""QR codes: drawn as another program draws them, and read back by the rules of the standard."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.web.dashboard.squares import image, modules


def drawn(octets):
    return ["".join(".#"[dark] for dark in row) for row in modules(octets)]


def letters(number):
    return bytes(97 + at % 26 for at in range(number))


# Of what the Python package `qrcode` draws of the same octets, with the same mask: level L, mask 0, versions 1 to 9.
@pytest.mark.parametrize(
    ("number", "digest"),
    [
        (10, "6308f2e348b9ec67"),
        (60, "159f48fcd06a6f30"),
        (150, "6b376882d138472f"),
        (230, "d9b999f8f940b57d"),
    ],
)
def test_it_is_drawn_as_others_draw_it(number, digest):
    assert digest == sha256("\n".join(drawn(letters(number))).encode()).hexdigest()[:16]


def test_it_can_be_found_in_a_picture():
    """Three corners, the dotted lines between them, and the one module that is always dark."""
    rows = drawn(b"hello")
    corner = ["#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"]
    assert corner == [row[:7] for row in rows[:7]] == [row[-7:] for row in rows[:7]]
    assert corner == [row[:7] for row in rows[-7:]]
    assert "#.#.#" == rows[6][8:13] == "".join(row[6] for row in rows[8:13])
    assert "#" == rows[13][8]


@given(st.integers(0, 230))
def test_each_length_has_the_smallest_size_that_holds_it(number):
    sizes = [(17, 21), (32, 25), (53, 29), (78, 33), (106, 37), (134, 41), (154, 45), (192, 49), (230, 53)]
    assert next(size for most, size in sizes if number <= most) == len(modules(bytes(number)))


def test_what_is_too_long_has_none():
    assert [] == modules(bytes(231))
    assert "" == image("x" * 231)


def test_a_picture_needs_nothing_from_elsewhere():
    assert image("otpauth://totp/x").startswith("data:image/svg+xml;base64,")
