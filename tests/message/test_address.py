"""Addresses: what RFC 5321 4.1.2 and RFC 6531 3.3 allow, what they do not, and that nothing is changed."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtpeter.message.address import (
    Address,
    AddressSyntax,
    ascii_domain,
    is_helo_name,
    is_public,
    parse,
    parse_literal,
)

LABEL_63 = "a" * 63

GOOD = [
    "a@b",
    "first.last+tag@mail.example.com",
    "!#$%&'*+-/=?^_`{|}~@example.com",
    "Mixed.Case@Example.COM",
    "1@2.example",
    "a@xn--bcher-kva.example",
    "a@a--b.example",
    '"a b"@example.com',
    r'"a\"b"@example.com',
    r'"a\\b"@example.com',
    '"a@b"@example.com',
    '"a>b"@example.com',
    '""@example.com',
    '".dots..everywhere."@example.com',
    "a@[127.0.0.1]",
    "a@[IPv6:::1]",
    "a@[ipv6:2001:DB8::1]",
    "a@[IPv6:::ffff:192.0.2.1]",
]


@pytest.mark.row(23)
@pytest.mark.row(24)
@pytest.mark.row(28)
@pytest.mark.parametrize("text", GOOD)
def test_what_the_standard_allows_is_kept_as_written(text):
    address = parse(text)

    assert text == str(address)
    assert address.is_ascii
    assert address == parse(text, utf8=True)


@pytest.mark.row(26)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@b",
        "a@",
        "a@@b",
        "a@b@c",
        "a@b..c",
        "a@.b",
        "a@b.",
        ".a@b",
        "a.@b",
        "a..b@c",
        "a@b_c",
        "a@-b",
        "a@b-",
        "a@b.-c.d",
        "a@b:25",
        "a@b ",
        " a@b",
        "a b@c",
        "a@b c",
        "a(comment)@b",
        "a,b@c",
        "<a@b>",
        "a@b>",
        '"a"b@c',
        'a"b"@c',
        '"a@b',
        '"a"@',
        '"a\tb"@c',
        '"a\\"@b',
        '"\\\t"@b',
        "a@192.0.2.1",
        "a@example.25",
        "a\n@b",
        "a@b\n",
        "a@b\r\nRCPT TO:<c@d>",
        "a\0@b",
        "a@[127.0.0.1",
        "a@[127.0.0]",
        "a@[127.0.0.256]",
        "a@[127.0.0.01]",
        "a@[::1]",
        "a@[IPv6:]",
        "a@[IPv6:127.0.0.1]",
        "a@[IPv6:fe80::1%eth0]",
        "a@[IPv6:1:2:3]",
        "a@[x400:abc]",
        "a@[]",
        "a@[127.0.0.1]x",
    ],
)
def test_what_the_standard_does_not_allow_is_refused(text):
    for utf8 in (False, True):
        with pytest.raises(AddressSyntax):
            parse(text, utf8=utf8)


@pytest.mark.row(27)
@pytest.mark.parametrize(
    ("local_part", "domain", "good"),
    [
        ("a" * 64, "b.example", True),
        ("a" * 65, "b.example", False),
        (f'"{"a" * 62}"', "b.example", True),
        (f'"{"a" * 63}"', "b.example", False),
        ("a", LABEL_63, True),
        ("a", "a" * 64, False),
        ("a", f"{LABEL_63}.{LABEL_63}.{LABEL_63}.{'a' * 60}", True),  # 254 octets in all
        ("a", f"{LABEL_63}.{LABEL_63}.{LABEL_63}.{'a' * 61}", False),
        ("a" * 64, f"{LABEL_63}.{LABEL_63}.{'a' * 61}", True),
        ("a" * 64, f"{LABEL_63}.{LABEL_63}.{'a' * 62}", False),
    ],
)
def test_lengths(local_part, domain, good):
    if good:
        assert Address(local_part, domain) == parse(f"{local_part}@{domain}")
    else:
        with pytest.raises(AddressSyntax):
            parse(f"{local_part}@{domain}")


@pytest.mark.row(27)
def test_utf8_is_measured_in_octets():
    domain = ".".join(["é" * 20] * 4) + ".example"
    assert parse(f"{'a' * 64}@{domain}", utf8=True).domain == domain
    with pytest.raises(AddressSyntax):
        parse(f"{'a' * 64}@{domain.replace('example', 'é' * 13)}", utf8=True)
    assert parse(f"{'é' * 32}@b", utf8=True).local_part == "é" * 32
    with pytest.raises(AddressSyntax):
        parse(f"{'é' * 32}a@b", utf8=True)


@pytest.mark.row(40)
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("josé@example.com", "josé@example.com"),
        ('"josé é"@example.com', '"josé é"@example.com'),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
        ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
        ("a@faß.example", "a@xn--fa-hia.example"),
        ("a@mail---1.bücher.example", "a@mail---1.xn--bcher-kva.example"),
    ],
)
def test_utf8_addresses_only_where_they_may_be(text, key):
    address = parse(text, utf8=True)

    assert (text, key, False) == (str(address), address.key, address.is_ascii)
    with pytest.raises(AddressSyntax):
        parse(text)


@pytest.mark.row(83)
@pytest.mark.parametrize(
    "text",
    [
        "a\u0085b@c",  # a C1 control that is a line end
        "a\u2028b@c",
        '"a\u2029b"@c',
        '"\\é"@c',  # quoted pairs are ASCII
        "a\ud800b@c",
        "a@\ud800.example",
        "a@\u2603.example",  # a snowman is in no name
        "a@\u2100.example",  # UTS 46 would map it to a/c
        "a@１９２.０.２.１",  # would map to an IPv4 address
        "a@b。",  # would map to a dot at the end
        "a@é\u200d.example",
        "a@" + "é" * 200,
        "a@[é]",
    ],
)
def test_what_utf8_does_not_bring_either(text):
    with pytest.raises(AddressSyntax):
        parse(text, utf8=True)


@pytest.mark.row(28)
def test_mailboxes_are_equal_by_key():
    assert "Joe@example.com" == parse("Joe@Example.COM").key
    assert parse("Joe@b").key != parse("joe@b").key
    assert parse("a@[IPv6:2001:db8::1]").key == parse("a@[ipv6:2001:DB8:0:0::1]").key
    assert Address("Postmaster", "").key == Address("postmaster", "").key


def test_literals():
    assert IPv4Address("192.0.2.1") == parse("a@[192.0.2.1]").literal
    assert IPv6Address("::1") == parse("a@[IPv6:::1]").literal
    assert parse("a@192.example").literal is None
    assert Address("Postmaster", "").literal is None


def test_a_domain_alone():
    assert "xn--bcher-kva.example" == ascii_domain("Bücher.Example")
    assert "[192.0.2.1]" == ascii_domain("[192.0.2.1]")
    assert 255 == len(ascii_domain(".".join([LABEL_63] * 4)))
    for bad in ("", ".", "a.", f"a.{LABEL_63}.{LABEL_63}.{LABEL_63}.{'a' * 63}", "a b", "a\n"):
        with pytest.raises(AddressSyntax):
            ascii_domain(bad)


def test_a_message_says_what_is_wrong_and_never_quotes_a_stranger():
    for text in ("evil\r\nX: 1@b", "x" * 65 + "@b", "a@evil_b", "a@[evil]", "é@evil"):
        with pytest.raises(AddressSyntax) as caught:
            parse(text)
        assert "evil" not in str(caught.value)
        assert str(caught.value).isascii()


PIECES = st.sampled_from(
    [
        "a",
        "é",
        ".",
        "@",
        '"',
        "\\",
        " ",
        "-",
        "_",
        "[",
        "]",
        ":",
        "IPv6:",
        "::1",
        "1",
        "xn--",
        "。",
        "\n",
        "<",
        ">",
        "中",
    ]
)


@given(st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=40).map("".join)), st.booleans())
@example("a@\u0d4d", True)
@example("\udfff@b", True)
def test_whatever_comes_is_an_address_as_written_or_refused(text, utf8):
    try:
        address = parse(text, utf8=utf8)
    except AddressSyntax:
        return
    assert text == str(address)
    assert 254 >= len(text.encode())
    assert utf8 or text.isascii()
    assert not any(character in text for character in "\r\n\0\u2028")
    assert address.key.rpartition("@")[2].isascii()
    assert address.key == Address(address.local_part, ascii_domain(address.domain)).key


@given(st.text(max_size=80))
def test_a_literal_is_an_ip_address_or_refused(text):
    try:
        literal = parse_literal(f"[{text}]")
    except AddressSyntax:
        return
    assert ascii_domain(f"[{text}]") in (f"[{literal}]", f"[IPv6:{literal}]")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("10.0.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("2600::1", True),
        ("ff0e::1", False),
        ("2001:db8::1", False),
        ("fec0::1", False),  # site-local of old (RFC 4291 2.5.7)
        ("::7f00:1", False),  # IPv4-compatible (RFC 4291 2.5.5.1)
        ("::ffff:8.8.8.8", True),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::808:808", False),  # a translator of the network's own
        ("2002:808:808::1", True),
        ("2002:7f00:1::", False),
    ],
)
def test_which_addresses_anybody_on_the_internet_can_mean(address, expected):
    assert expected is is_public(ip_address(address))


@given(st.ip_addresses())
def test_whether_an_address_is_public_is_always_decided(address):
    assert not is_public(address) or address.is_global or address.version == 6
    assert not (
        is_public(address) and (address.is_loopback or address.is_unspecified or address.is_multicast)
    )


HELO_PIECES = st.sampled_from(
    ["a", "B", "_", "-", ".", "9", "[", "]", "192.0.2.1", "IPv6:", "::1", "é", " ", "\n", "(", "%"]
)


@given(st.one_of(st.text(max_size=300), st.lists(HELO_PIECES, max_size=8).map("".join)))
def test_a_helo_name_can_break_out_of_no_field(text):
    assert not is_helo_name(text) or re.fullmatch(r"[A-Za-z0-9_.-]{1,255}|\[[A-Za-z0-9.:]+\]", text)
