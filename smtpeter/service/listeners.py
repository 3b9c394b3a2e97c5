"""The listeners of a configuration, judged together before anything is bound.

No two may want the same port. A socket of systemd's is there only in the process that systemd has started: here it
is judged as it is written, and whether it came is seen when the server starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from smtpeter.config import Misconfigured

_COLON = re.compile(r"(?<!\\):")
_EVERYWHERE = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - what they mean is what matters
_PORTS = 65536
_DOMAINS = ("INET", "INET6")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an endpoint listens: an address and a port, or something else, by its name, that only one can have."""

    name: str
    address: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """The place of an endpoint string that Twisted has understood."""
        kind, *words = _COLON.split(text)
        named = dict(word.split("=", 1) for word in words if "=" in word)
        plain = [word for word in words if "=" not in word]
        if kind not in {"tcp", "tcp6"}:
            return cls(text)
        port = named.get("port") or plain.pop(0)
        address = named.get("interface") or (plain[0] if plain else "")
        return cls(f"port {int(port)}", address.replace("\\", "") or _EVERYWHERE[6 if kind == "tcp6" else 4])

    def excludes(self, other: Place) -> bool:
        """Whether not both can be had. What listens on all addresses of IPv6 has those of IPv4, too."""
        if self.name != other.name or self.name == "port 0":  # 0 is any that is free
            return False
        return self.address == other.address or self._covers(other) or other._covers(self)

    def _covers(self, other: Place) -> bool:
        if self.address == _EVERYWHERE[4]:
            return _version(other.address) == 4 or other.address == _EVERYWHERE[6]
        return self.address == _EVERYWHERE[6]


def _version(address: str) -> int:
    try:
        return ip_address(address.partition("%")[0]).version
    except ValueError:
        return 0


def clashes(listeners: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Which of these (key, endpoint string) cannot be bound beside another, or never."""
    taken: list[tuple[str, Place]] = []
    for key, text in listeners:
        place = Place.of(text)
        kind, _, port = place.name.partition(" ")
        if kind == "port" and not 0 <= int(port) < _PORTS:
            yield f"{key}: {text!r}: expected a port from 1 to {_PORTS - 1}"
            continue
        for other, had in taken:
            if place.excludes(had) or text in {each for name, each in listeners if name == other}:
                yield f"{key}: {text!r}: {place.name} is taken by {other}; expected another"
                break
        else:
            taken.append((key, place))


def is_of_systemd(text: str) -> bool:
    """Whether this endpoint is a socket that systemd passes in."""
    return text.startswith("systemd:")


def expect_socket(key: str, text: str) -> None:
    """Raises Misconfigured unless this names a socket of systemd's as Twisted understands it."""
    words = dict(word.partition("=")[::2] for word in _COLON.split(text)[1:])
    index, name = words.pop("index", None), words.pop("name", None)
    is_named = name if index is None else name is None and index.isdecimal()
    if not is_named or words.pop("domain", "") not in _DOMAINS or words:
        raise Misconfigured(f'{key}: {text!r}: expected a socket such as "systemd:domain=INET6:index=0"')
