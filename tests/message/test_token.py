"""Tokens: what was signed reads back, however spelt on the way; what was not, does not."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message import token
from smtpeter.message.edit import SlotKind
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.token import Genuine, KeyRing, Untrackable, link, split_target, tracked_tail

OLD, NEW = b"o" * 32, b"n" * 32
RING = KeyRing({3: OLD, 7: NEW}, newest=7)
DELIVERY = DeliveryId(0x1234_5678_9ABC_DEF0)
URL = "https://www.example.com/a/b?c=d&e=%2F"


def click_tail(url=URL):
    return RING.click(DELIVERY, 5, url), tracked_tail(url)


def test_a_token_is_36_characters_of_base64url_with_everything_in_it():
    data = base64.urlsafe_b64decode(RING.click(DELIVERY, 5, URL))
    assert 27 == len(data)
    assert (7, DELIVERY, 0x8005) == (
        data[0],
        int.from_bytes(data[1:9], "big"),
        int.from_bytes(data[9:11], "big"),
    )
    assert 0x0005 == int.from_bytes(
        base64.urlsafe_b64decode(RING.click(DELIVERY, 5, URL.replace("s:", ":")))[9:11], "big"
    )


def test_a_click_reads_back():
    assert Genuine(DELIVERY, 5, URL) == RING.read_click(*click_tail())


def test_an_image_and_the_pixel_read_back():
    assert Genuine(DELIVERY, 2, URL) == RING.read_open(RING.open(DELIVERY, 2, URL), tracked_tail(URL))
    assert Genuine(DELIVERY, 0, "") == RING.read_open(RING.open(DELIVERY, 0, ""), ".gif")


def test_tokens_prepared_once_a_message_are_the_same():
    tokens = RING.delivery(DELIVERY)
    assert RING.click(DELIVERY, 5, URL) == tokens.token(link(SlotKind.CLICK, 5, URL))
    assert RING.open(DELIVERY, 0, "") == tokens.token(link(SlotKind.OPEN, 0, ""))
    assert RING.return_path(DELIVERY) == tokens.return_path()


def test_an_old_key_still_reads_and_a_lost_one_does_not():
    old = KeyRing({3: OLD}, newest=3).click(DELIVERY, 5, URL)
    assert Genuine(DELIVERY, 5, URL) == RING.read_click(old, tracked_tail(URL))
    assert KeyRing({7: NEW}, newest=7).read_click(old, tracked_tail(URL)) is None


def test_the_newest_key_must_be_on_the_ring():
    with pytest.raises(KeyError):
        KeyRing({3: OLD}, newest=4)


@pytest.mark.row(148)
def test_kinds_are_kept_apart():
    """A click's token opens nothing, and the other way round, nor is either a return path."""
    click, tail = click_tail()
    assert RING.read_open(click, tail) is None
    assert RING.read_click(RING.open(DELIVERY, 5, URL), tail) is None
    assert RING.read_open(RING.open(DELIVERY, 5, URL), ".gif") == Genuine(DELIVERY, 5, None)
    assert RING.read_click(click, ".gif") == Genuine(DELIVERY, 5, None)


@pytest.mark.row(148)
@pytest.mark.parametrize(
    "tail",
    [
        "/evil.example/",
        "//evil.example/a/b?c=d&e=%2F",
        "/www.example.com.evil.example/a/b?c=d&e=%2F",
        "/www.example.com@evil.example/a/b",
        "/[::1]/",
        "/www.example.com/a/b?c=d",
        "/www.example.com/a/b/?c=d&e=%2F",
        "/www.example.com/a/b?c=d&e=/",
        "/www.example.com/a/b?c=d&e=%252F",
        "/www.example.com:444/a/b?c=d&e=%2F",
        "/",
        "",
        "/javascript:alert(1)",
        "/\r\nX: y",
        "/\udc80",
        ".gif",
    ],
)
def test_an_altered_url_is_told_as_such(tail):
    assert Genuine(DELIVERY, 5, None) == RING.read_click(click_tail()[0], tail)


@pytest.mark.row(148)
def test_every_altered_octet_of_the_ids_makes_a_stranger():
    click, tail = click_tail()
    data = base64.urlsafe_b64decode(click)
    for position in range(27):
        forged = bytearray(data)
        forged[position] ^= 1
        read = RING.read_click(base64.urlsafe_b64encode(forged).decode(), tail)
        assert (None if position < 19 else Genuine(DELIVERY, 5, None)) == read


@pytest.mark.row(148)
@pytest.mark.parametrize(
    "text", ["", "A" * 35, "A" * 37, "A" * 36, "+" * 36, "é" * 36, "A" * 35 + "=", "A" * 35 + "\n"]
)
def test_what_is_no_token_is_nothing(text):
    assert RING.read_click(text, "/a/") is None


@pytest.mark.parametrize(
    ("written", "arrived"),
    [
        ("https://example.com/%7ea%2fb", "/example.com/%7Ea%2Fb"),
        ("https://example.com/%7ea", "/example.com/~a"),
        ("https://example.com/a-b", "/example.com/%61%2Db"),
        ("https://example.com:443/", "/example.com/"),
        ("http://example.com:80/", "/example.com:80/"),
        ("https://example.com/", "/example.com:443/"),
        ("https://example.com", "/example.com/"),
        ("https://example.com?x", "/example.com/?x"),
        ("https://example.com/a/./b/../c", "/example.com/a/c"),
        ("https://example.com/c", "/example.com/a/%2e%2E/c"),
        ("https://EXAMPLE.com/A", "/example.COM/A"),
        ("https://bücher.example/ä", "/xn--bcher-kva.example/%c3%a4"),
        ("https://xn--bcher-kva.example/", "/bücher.example/"),
        ("https://example.com/a|b?{c}", "/example.com/a%7Cb?%7Bc%7D"),
        ("https://example.com/?a='b'", "/example.com/?a=%27b%27"),
        ("https://example.com/a#frag", "/example.com/a"),
        ("https://example.com/a b", "/example.com/a%20b"),
        (" https://example.com/\ta\n", "/example.com/a"),
        ("https:\\\\example.com\\a", "/example.com/a"),
    ],
)
def test_what_browsers_and_filters_normalise_still_verifies(written, arrived):
    read = RING.read_click(RING.click(DELIVERY, 5, written), arrived)
    assert read is not None
    assert read.url is not None


@pytest.mark.parametrize(
    ("url", "tail"),
    [
        (URL, "/www.example.com/a/b?c=d&e=%2F"),
        ("http://example.com:8080/x?y#z", "/example.com:8080/x?y#z"),
        ("https://example.com/../../x", "/example.com/x"),
        ("https://bücher.example/ä?ö#ü", "/xn--bcher-kva.example/%C3%A4?%C3%B6#%C3%BC"),
        ("https://192.168.1/", "/192.168.0.1/"),
    ],
)
def test_the_reader_sees_where_it_leads(url, tail):
    assert tail == tracked_tail(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "/relative",
        "mailto:a@b.example",
        "javascript:alert(1)",
        "ftp://a/",
        "https://u:p@a/",
        "https://u@a/",
        "https://[::1]/",
        "https://",
        "https://a b/",
        "https://a/\ud800",
        "data:,x",
    ],
)
def test_what_cannot_be_tracked_is_refused(url):
    with pytest.raises(Untrackable):
        tracked_tail(url)


def test_a_number_beyond_15_bits_is_refused():
    assert RING.read_click(RING.click(DELIVERY, 32_767, URL), tracked_tail(URL)) == Genuine(
        DELIVERY, 32_767, URL
    )
    with pytest.raises(ValueError, match="32768"):
        RING.click(DELIVERY, 32_768, URL)


T = "A" * 36


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (f"/{T}/example.com/a?b", (T, "/example.com/a?b")),
        (f"http://click.example:80/{T}/example.com/", (T, "/example.com/")),
        (f"HTTPS://click.example/{T}.gif", (T, ".gif")),
        (f"/{T}.gif?x=1", (T, ".gif")),
        (f"/{T}/", (T, "/")),
        (f"/{T}", None),
        (f"/{T}A/", None),
        (f"//{T}/", None),
        (f"/{T[1:]}/", None),
        (f"/{T}.gifs", None),
        ("*", None),
        ("", None),
        (f"ftp://x/{T}/a", None),
    ],
)
def test_a_request_target_splits_into_token_and_tail(target, expected):
    assert expected == split_target(target.encode())


def test_raw_octets_in_a_target_survive_or_read_as_altered():
    click = RING.click(DELIVERY, 5, "https://example.com/ä")
    raw = split_target(f"/{click}/example.com/ä".encode())
    latin = split_target(f"/{click}/example.com/ä".encode("latin-1"))
    assert RING.read_click(*raw) == Genuine(DELIVERY, 5, "https://example.com/%C3%A4")
    assert RING.read_click(*latin) == Genuine(DELIVERY, 5, None)


@pytest.mark.row(131)
def test_a_return_path_is_28_lower_case_characters_read_in_either_case():
    text = RING.return_path(DELIVERY)
    assert (28, text.lower()) == (len(text), text)
    assert text.isalnum()
    assert DELIVERY == RING.read_return_path(text) == RING.read_return_path(text.upper())


@pytest.mark.row(131)
def test_a_forged_or_truncated_return_path_is_nothing():
    text = RING.return_path(DELIVERY)
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    for position, letter in enumerate(text):
        other = alphabet[(alphabet.index(letter) + 1) % 32]
        assert RING.read_return_path(text[:position] + other + text[position + 1 :]) is None
    for wrong in ("", text[:-1], text + "a", text[:-1] + "=", text[:-1] + "1", "ß" * 28, "\u212a" + text[1:]):
        assert RING.read_return_path(wrong) is None


HOSTS = st.sampled_from(
    ["example.com", "EXAMPLE.com:8080", "bücher.example", "192.0.2.1", "a.b-c.example:443"]
)
URLS = st.builds("{}://{}/{}".format, st.sampled_from(["http", "https"]), HOSTS, st.text(max_size=40))


@given(URLS, st.integers(0, token.MAXIMUM_NUMBER), st.integers(0, (1 << 63) - 1))
def test_any_tracked_url_comes_back_through_a_request_target(url, number, delivery):
    try:
        tail = tracked_tail(url)
    except Untrackable:
        return
    text = RING.click(delivery, number, url)
    requested = f"/{text}{tail}".partition("#")[0]
    genuine = RING.read_click(*split_target(requested.encode("ascii")))
    scheme = url.partition("://")[0]
    assert (delivery, number) == genuine[:2]
    assert f"{scheme}:/{tail}".partition("#")[0] == genuine.url


@given(st.text(max_size=60), st.text(max_size=60))
def test_reading_never_raises(text, tail):
    genuine = RING.click(DELIVERY, 5, URL)
    for candidate in (text, genuine, text + genuine):
        read = RING.read_click(candidate, tail)
        assert read is None or (candidate == genuine and (read.url is None or read.url == URL))
        RING.read_open(candidate, tail)
    RING.read_return_path(text)
    split_target(text.encode("utf-8", "surrogatepass"))
