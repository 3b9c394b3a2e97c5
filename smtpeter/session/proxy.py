"""The header of the PROXY protocol, versions 1 and 2, by which a proxy in front tells the true client.

Pure and bounded: a header has at most 107 octets (v1) or 536 (v2, with what we read past); whatever breaks its
grammar raises ProxyHeaderBroken, and the connection is worth nothing. Only a listener that is told to speak it
reads it; elsewhere it is junk like any other.
(The PROXY protocol, versions 1 & 2, Willy Tarreau, 2020.)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

_V1_LONGEST = 107
_V2_LONGEST = 536
_V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_V2_FIXED = 16
_FAMILIES: dict[int, tuple[int, type[IPv4Address | IPv6Address]]] = {
    0x11: (4, IPv4Address),  # TCP over IPv4
    0x21: (16, IPv6Address),
}


class ProxyHeaderBroken(Exception):
    """What stands where the header should be is none."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """The client's address and port (None: the proxy speaks for itself), and the octets the header took."""

    client: tuple[str, int] | None
    length: int


def read_header(octets: bytes) -> ProxyHeader | None:
    """The header that `octets` begin with; None while it is incomplete; raises ProxyHeaderBroken."""
    if octets.startswith(_V2_SIGNATURE[: len(octets)]):
        return _read_v2(octets) if len(octets) >= _V2_FIXED else None
    if octets.startswith(b"PROXY "[: len(octets)]):
        return _read_v1(octets)
    raise ProxyHeaderBroken("no PROXY header")


def _read_v1(octets: bytes) -> ProxyHeader | None:
    end = octets.find(b"\r\n", 0, _V1_LONGEST)
    if end < 0:
        if len(octets) >= _V1_LONGEST:
            raise ProxyHeaderBroken("PROXY v1 header too long")
        return None
    words = octets[:end].split(b" ")
    if words[1] == b"UNKNOWN":
        return ProxyHeader(None, end + 2)
    try:
        _, family, source, destination, port, destination_port = (word.decode("ascii") for word in words)
        version = {"TCP4": 4, "TCP6": 6}[family]
        address = ip_address(source)
        if address.version != version or ip_address(destination).version != version:
            raise ProxyHeaderBroken("PROXY v1 header with addresses of another family")
        _port(destination_port)
        return ProxyHeader((str(address), _port(port)), end + 2)
    except (ValueError, KeyError) as error:
        raise ProxyHeaderBroken("malformed PROXY v1 header") from error


def _port(text: str) -> int:
    if not (text.isdecimal() and len(text) <= 5 and int(text) <= 65_535):
        raise ProxyHeaderBroken("PROXY v1 header with a bad port")
    return int(text)


def _read_v2(octets: bytes) -> ProxyHeader | None:
    version_command, family, length = struct.unpack_from("!BBH", octets, len(_V2_SIGNATURE))
    end = _V2_FIXED + length
    if version_command not in {0x20, 0x21} or end > _V2_LONGEST:
        raise ProxyHeaderBroken("PROXY v2 header of an unknown kind")
    if len(octets) < end:
        return None
    if version_command == 0x20 or family not in _FAMILIES:  # LOCAL, or a family that has no meaning here
        return ProxyHeader(None, end)
    size, address = _FAMILIES[family]
    if length < 2 * size + 4:
        raise ProxyHeaderBroken("PROXY v2 header cut short")
    source = octets[_V2_FIXED : _V2_FIXED + size]
    (port,) = struct.unpack_from("!H", octets, _V2_FIXED + 2 * size)
    return ProxyHeader((str(address(source)), port), end)
