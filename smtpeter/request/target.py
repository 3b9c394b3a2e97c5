"""Where a request may go. Pure.

The URL is read as browsers read it (WHATWG), so `0x7f.1` is 127.0.0.1 here as it is there; only http and https, no user
information. The addresses of its host are judged one by one, and one that was judged is the one connected to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ada_url import normalize_url

from smtpeter.message.address import is_public

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_PORTS = {"http": 80, "https": 443}
_MOST = 4  # addresses tried of one host
NOT_PUBLIC = "is not a public address"  # how the text ends that names an address


class NotAllowed(ValueError):
    """No request is made there; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart; `host` without brackets, `path` with the query."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host field."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def literal(self) -> IPAddress | None:
        """The address, when the host is one."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


def read(url: str, *, allow_private: bool) -> Target:
    """Raises NotAllowed: for what is no web address, and for an address literal that is not public."""
    try:
        href = normalize_url(url)
    except ValueError:
        raise NotAllowed(f"{url[:200]!r}: no URL") from None
    parts = urlsplit(href)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise NotAllowed(f"{url[:200]!r}: expected http://… or https://…")
    if "@" in parts.netloc:
        raise NotAllowed(f"{url[:200]!r}: no user name and password may stand in it")
    target = Target(
        href.partition("#")[0],
        parts.scheme,
        parts.hostname.rstrip("."),
        parts.port or _PORTS[parts.scheme],
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )
    literal = target.literal()
    if literal is not None:
        allowed([literal], allow_private=allow_private)
    return target


def allowed(addresses: Iterable[IPAddress], *, allow_private: bool) -> tuple[IPAddress, ...]:
    """Those that may be connected to, in their order; raises NotAllowed when there are none."""
    addresses = tuple(addresses)
    if not addresses:
        raise NotAllowed("its host has no address")
    good = tuple(one for one in addresses if allow_private or is_public(one))
    if not good:
        raise NotAllowed(f"{addresses[0]} {NOT_PUBLIC}")
    return good[:_MOST]
