"""A request and its answer as values, and who is behind a proxy. Pure; what strangers sent is bounded by the server."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SECRET = frozenset(("authorization", "cookie", "proxy-authorization"))
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_HEADERS = 4_096


class Visit(NamedTuple):
    """A request: `target` raw as on the request line, `headers` in their order, `peer` who is connected."""

    method: bytes
    target: bytes
    headers: tuple[tuple[str, str], ...]
    peer: str

    def values(self, name: str) -> list[str]:
        """What the fields of this name (in lower case) say."""
        return [value for key, value in self.headers if key.lower() == name]


class Answer(NamedTuple):
    """A response; date and length are the server's business."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


def text_answer(status: int, text: str, *headers: tuple[bytes, bytes]) -> Answer:
    """A short text for people."""
    content_type = (b"Content-Type", b"text/plain; charset=utf-8")
    return Answer(status, (content_type, *headers), f"{text}\n".encode())


class Proxies:
    """The proxies in front of us that are believed."""

    def __init__(self, networks: Iterable[str]) -> None:
        """`networks` in CIDR notation; raises ValueError."""
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in networks)

    def client(self, visit: Visit) -> str:
        """The client's address: the last in X-Forwarded-For that is no trusted proxy's own, told by a trusted one."""
        address = visit.peer
        if not self._trusts(address):
            return address
        told = ",".join(visit.values("x-forwarded-for")).split(",")
        for entry in reversed(told):
            claimed = _address(entry)
            if claimed is None:
                break
            address = claimed
            if not self._trusts(address):
                break
        return address

    def scheme(self, visit: Visit) -> str:
        """Either http or https, as a trusted proxy says; http is what we speak ourselves."""
        told = visit.values("x-forwarded-proto") if self._trusts(visit.peer) else []
        return "https" if told and told[-1].strip().lower() == "https" else "http"

    def _trusts(self, address: str) -> bool:
        if not self._networks:
            return False
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._networks)


def _address(entry: str) -> str | None:
    """An entry of X-Forwarded-For in its canonical form; ports, which some proxies add, are dropped."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def shown_headers(visit: Visit) -> str:
    """The request's header fields as events keep them: one a line, no secrets, no control characters, bounded."""
    lines = (
        _CONTROL.sub(" ", f"{name}: {value}") for name, value in visit.headers if name.lower() not in _SECRET
    )
    return "\n".join(lines)[:_LONGEST_HEADERS]
