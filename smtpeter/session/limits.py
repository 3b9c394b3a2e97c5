"""What a session may use, and what all sessions together may."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in octets, times in seconds. Each session has these; `maximum_connections...` and memory are the Quota's."""

    maximum_size: int
    maximum_recipients: int
    maximum_errors: int
    maximum_junk: int
    minimum_rate: int  # octets per second, averaged over a message once command_timeout has passed
    command_timeout: float
    session_timeout: float
    error_delay: float
    # What nobody need set:
    maximum_failures: int = 3  # failed logins in one session
    handshake_timeout: float = 30.0
    closing_timeout: float = 30.0  # for a client that does not read our last reply
    waiting_input: int = 65_536  # octets that may wait for a reply before the client is held


class Quota:
    """Counts what all sessions of all listeners hold: connections, in all and per address, and octets of content."""

    def __init__(self, *, maximum_connections: int, maximum_per_address: int, maximum_memory: int) -> None:
        self._maximum_connections = maximum_connections
        self._maximum_per_address = maximum_per_address
        self._maximum_memory = maximum_memory
        self._per_source: dict[str, int] = {}
        self.connections = 0
        self.memory = 0

    def enter(self, address: str) -> bool:
        """Count one more connection from this IP address; False, and nothing counted, when that is too many."""
        source = source_of(address)
        present = self._per_source.get(source, 0)
        if self.connections >= self._maximum_connections or (source and present >= self._maximum_per_address):
            return False
        self.connections += 1
        self._per_source[source] = present + 1
        return True

    def leave(self, address: str) -> None:
        """Count one connection less, once for each `enter` that was True."""
        source = source_of(address)
        self.connections -= 1
        self._per_source[source] -= 1
        if not self._per_source[source]:
            del self._per_source[source]

    def has_room_for(self, octets: int) -> bool:
        return self.memory + octets <= self._maximum_memory

    def reserve(self, octets: int) -> bool:
        """Take memory for content; False, and nothing taken, when there is not enough."""
        if not self.has_room_for(octets):
            return False
        self.memory += octets
        return True

    def release(self, octets: int) -> None:
        self.memory -= octets


def plain_address(host: str) -> str:
    """An IP address as text, IPv4 also where it came in an IPv6 socket (RFC 4291 2.5.5.2); "" for anything else."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if address.version == 6 else None
    return str(mapped or address)


def source_of(address: str) -> str:
    """Who counts as one client: an IPv4 address, or the /64 of an IPv6 address, which is one customer's."""
    if ":" not in address:
        return address
    return str(ipaddress.IPv6Network((address, 64), strict=False))


def check_network(key: str, text: str) -> None:
    """Raises ValueError, with the setting's key, unless `text` is a network."""
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{key}: expected a network such as 192.0.2.0/24: {error}") from None
