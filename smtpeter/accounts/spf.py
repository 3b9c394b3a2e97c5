"""What an SPF record says about an address (RFC 7208), for whoever wants to know whether his own record lets us send.

Not for judging strangers: macros are not expanded (NotUnderstood), and `exists` and `ptr` never match.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address

Ask = Callable[
    [str, str], Sequence[str]
]  # name and type (TXT, A, AAAA, MX) -> the records' texts; () for none
IPAddress = IPv4Address | IPv6Address

_MOST_LOOKUPS = 10  # RFC 7208 4.6.4
_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_MECHANISMS = frozenset(("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"))
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)")


class NotUnderstood(ValueError):
    """The record is malformed, or asks for more than is done here; the message says what."""


def records(texts: Sequence[str]) -> list[str]:
    """The SPF records among a name's TXT records (RFC 7208 4.5)."""
    return [text for text in texts if re.match(r"v=spf1(?: |\Z)", text, re.IGNORECASE)]


class Spf:
    """One evaluation; `ask` may raise, and what it raises passes through."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lookups = 0

    def result(self, domain: str, address: IPAddress) -> str:
        """Return one of pass, fail, softfail, neutral and none (RFC 7208 2.6); raises NotUnderstood."""
        found = records(self._ask(domain, "TXT"))
        if not found:
            return "none"
        if len(found) > 1:
            raise NotUnderstood(f"{domain} has more than one SPF record")
        redirect = ""
        for term in found[0].split()[1:]:
            modifier = _MODIFIER.fullmatch(term)
            if modifier is not None:
                redirect = modifier[2] if modifier[1].lower() == "redirect" else redirect
            elif self._matches(term, domain, address):
                return _RESULTS[term[0] if term[0] in _RESULTS else "+"]
        if redirect:
            self._count(redirect)
            found_there = self.result(redirect, address)
            if found_there == "none":  # RFC 7208 6.1
                raise NotUnderstood(f"{domain} redirects to {redirect}, which has no SPF record")
            return found_there
        return "neutral"

    def _matches(self, term: str, domain: str, address: IPAddress) -> bool:
        kind, name, bits = _read(term, address)
        match kind:
            case "all":
                return True
            case "ip4" | "ip6":
                return _contains(name, bits, address)
            case "include":
                self._count(name)
                return self.result(name, address) == "pass"
            case "a" | "mx":
                self._count(name)
                hosts = [name or domain] if kind == "a" else self._exchangers(name or domain)
                return any(_contains(one, bits, address) for one in self._addresses(hosts, address))
            case _:
                self._count(name)
                return False

    def _count(self, name: str) -> None:
        self._lookups += 1
        if self._lookups > _MOST_LOOKUPS:
            raise NotUnderstood(f"more than {_MOST_LOOKUPS} look-ups")
        if "%" in name:
            raise NotUnderstood(f"{name}: macros are not understood here")

    def _exchangers(self, domain: str) -> list[str]:
        """RFC 7208 4.6.4: at most ten."""
        return [text.split()[1].rstrip(".") for text in self._ask(domain, "MX")][:_MOST_LOOKUPS]

    def _addresses(self, hosts: Sequence[str], address: IPAddress) -> Iterator[str]:
        kind = "A" if address.version == 4 else "AAAA"
        return (one for host in hosts for one in self._ask(host, kind))


def _read(term: str, address: IPAddress) -> tuple[str, str, str]:
    """The mechanism's kind, its name or network, and the prefix length that is meant for this address's family."""
    bare = term[1:] if term[0] in _RESULTS else term
    kind, colon, value = bare.partition(":")
    if not colon:
        kind, slash, value = bare.partition("/")
        value = slash + value
    kind = kind.lower()
    if kind not in _MECHANISMS or (kind in {"include", "exists"} and not value):
        raise NotUnderstood(f"{term}: no mechanism")
    if kind in {"ip4", "ip6"}:
        return kind, value, ""
    name, _, lengths = value.partition("/")  # RFC 7208 5.6: "/24//64" is 24 bits for IPv4, 64 for IPv6
    four, _, six = lengths.partition("/")
    return kind, name, four if address.version == 4 else six.lstrip("/")


def _contains(network: str, bits: str, address: IPAddress) -> bool:
    try:
        return address in ipaddress.ip_network(f"{network}/{bits}" if bits else network, strict=False)
    except ValueError as error:
        raise NotUnderstood(f"{network}: no network") from error
