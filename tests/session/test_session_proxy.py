"""The PROXY protocol's header, both versions, and whatever else may come in its place."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.session.proxy import ProxyHeader, ProxyHeaderBroken, read_header

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(command=0x21, family=0x11, source="192.0.2.1", destination="192.0.2.2", ports=(40000, 587), extra=b""):
    addresses = (
        ip_address(source).packed + ip_address(destination).packed + struct.pack("!HH", *ports) + extra
    )
    return SIGNATURE + struct.pack("!BBH", command, family, len(addresses)) + addresses


V1 = b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 587\r\n"
V1_6 = b"PROXY TCP6 2001:db8::1 2001:db8::2 40000 587\r\n"
V2_6 = v2(family=0x21, source="2001:db8::1", destination="2001:db8::2")

GOOD = [
    (V1, ("192.0.2.1", 40000)),
    (V1_6, ("2001:db8::1", 40000)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ff:: ff:: 1 2\r\n", None),
    (v2(), ("192.0.2.1", 40000)),
    (V2_6, ("2001:db8::1", 40000)),
    (v2(extra=b"\x04\x00\x03abc"), ("192.0.2.1", 40000)),
    (v2(command=0x20), None),
    (v2(family=0x31), None),
    (SIGNATURE + b"\x20\x00\x00\x00", None),
]


@pytest.mark.parametrize(("octets", "client"), GOOD)
def test_a_header_is_read_once_it_is_whole(octets, client):
    for length in range(len(octets)):
        assert read_header(octets[:length]) is None
    assert ProxyHeader(client, len(octets)) == read_header(octets)
    assert ProxyHeader(client, len(octets)) == read_header(octets + b"EHLO x\r\n")


BROKEN = [
    b"EHLO client.test\r\n",
    b"\x16\x03\x01",
    b"PROXX",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 40000\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 587 9\r\n",
    b"PROXY TCP4 2001:db8::1 192.0.2.2 40000 587\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 70000 587\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 -1 587\r\n",
    b"PROXY TCP4 host 192.0.2.2 1 587\r\n",
    b"PROXY TCP5 192.0.2.1 192.0.2.2 1 587\r\n",
    b"PROXY \xff\r\n",
    b"PROXY TCP4 " + b"1" * 107,
    v2(command=0x11),
    v2(command=0x22),
    SIGNATURE + b"\x21\x11\x00\x04abcd",
    SIGNATURE + b"\x21\x11\xff\xff",
]


@pytest.mark.parametrize("octets", BROKEN)
def test_what_is_no_header_is_said_to_be_none(octets):
    with pytest.raises(ProxyHeaderBroken):
        read_header(octets)


@given(
    st.binary(max_size=700),
    st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]),
)
def test_whatever_comes_the_reader_decides_within_bounds(junk, head):
    octets = head + junk
    try:
        header = read_header(octets)
    except ProxyHeaderBroken:
        return
    if header is None:
        assert len(octets) < 536
    else:
        assert header.length <= len(octets)
