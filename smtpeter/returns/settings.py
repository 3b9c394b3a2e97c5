"""What a sysadmin may set about what comes back; every value has a sentence in etc/smtpeter.toml."""

from __future__ import annotations

import msgspec

from smtpeter.message.address import Address, AddressSyntax, ascii_domain, parse

_LEAST = 65_536  # octets that every host must take (RFC 5321 4.5.3.1.7)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [bounces]; without `domain` there is nothing of it. Values that cannot be meant raise ValueError with the key."""

    domain: str = ""  # of the return paths of tracked mail; its MX leads to `listen`
    listen: tuple[str, ...] = ("tcp:25",)  # no AUTH there, and no relaying
    postmaster: str = ""  # who gets the mail for postmaster at the bounce domains
    complaint_addresses: tuple[str, ...] = ()  # those that are registered with the providers' feedback loops
    maximum_size: int = (
        10_485_760  # octets of one message that comes back; reports seldom return more than a part
    )
    forwarding: bool = True  # whether anything that comes back is passed on to customers

    def __post_init__(self) -> None:
        if self.maximum_size < _LEAST:
            raise ValueError(f"maximum_size: expected {_LEAST} or more, got {self.maximum_size}")
        if not self.domain:
            others = self.postmaster or self.complaint_addresses or self.listen != ("tcp:25",)
            if others:
                raise ValueError("domain: missing: the domain that bounces come back to")
            return
        _check("domain", self.domain, ascii_domain)
        if "." not in self.domain or self.domain.startswith("["):
            raise ValueError(f"domain: expected a domain such as bounces.example.com, got {self.domain!r}")
        if self.postmaster:
            _check("postmaster", self.postmaster, _parse)
            if ascii_domain(_parse(self.postmaster).domain) == self.host:
                raise ValueError(
                    f"postmaster: {self.postmaster!r}: expected an address elsewhere, it would come back"
                )
        for one in self.complaint_addresses:
            _check("complaint_addresses", one, _parse)

    @property
    def listeners(self) -> tuple[str, ...]:
        return self.listen if self.domain else ()

    @property
    def host(self) -> str:
        """The domain in lower case and A-labels, "" when there is none."""
        return ascii_domain(self.domain) if self.domain else ""

    @property
    def postmaster_address(self) -> Address | None:
        return _parse(self.postmaster) if self.postmaster else None

    @property
    def complaint_keys(self) -> frozenset[str]:
        """The complaint addresses as `judgement` compares them."""
        return frozenset(_parse(one).key.lower() for one in self.complaint_addresses)


def _parse(text: str) -> Address:
    return parse(text, utf8=True)


def _check(key: str, text: str, read: object) -> None:
    assert callable(read)
    try:
        read(text)
    except AddressSyntax as error:
        raise ValueError(f"{key}: {text!r}: {error}") from None
