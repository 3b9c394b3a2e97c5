"""What a sysadmin may set about single sites, logins and source addresses: tables below [relay], all of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

import msgspec

from smtpeter.relay.limits import Limit, Rate, Site
from smtpeter.relay.sources import Source, pool
from smtpeter.relay.tls import Security


class Limited(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At most so many connections at once; messages in a time as "100/m". What is left out is not limited."""

    connections: int | None = None
    rate: str | None = None

    def __post_init__(self) -> None:
        if self.connections is not None and self.connections < 1:
            raise ValueError("connections: expected at least 1")
        if self.rate is not None:
            try:
                Rate.parse(self.rate)
            except ValueError as error:
                raise ValueError(f"rate: {error}") from None

    @property
    def limit(self) -> Limit:
        return Limit(self.connections, None if self.rate is None else Rate.parse(self.rate))


class LimitedSite(Limited, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table below [relay.sites]. What is left out is as for all sites."""

    messages_per_connection: int | None = None
    tls: Security | None = None

    def __post_init__(self) -> None:
        Limited.__post_init__(self)
        if self.messages_per_connection is not None and self.messages_per_connection < 1:
            raise ValueError("messages_per_connection: expected at least 1")


class LimitedSource(Limited, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A source address with limits: `name` is for EHLO."""

    name: str


def named_sites(configured: Mapping[str, LimitedSite]) -> dict[str, Site]:
    """The sites that the operator named, by their names in lower case."""
    return {
        name.lower(): Site(
            name.lower(),
            limit=one.limit,
            messages_per_connection=one.messages_per_connection,
            tls=one.tls,
        )
        for name, one in configured.items()
    }


def sources(configured: Mapping[str, str | LimitedSource]) -> tuple[Source, ...]:
    """Raises ValueError when one is no address, or has no name for EHLO."""
    found = []
    for address, one in configured.items():
        try:
            ip_address(address)
        except ValueError:
            raise ValueError(f"source_addresses: {address!r}: expected an IP address") from None
        source = LimitedSource(name=one) if isinstance(one, str) else one
        if not source.name.isascii() or not source.name or any(c.isspace() for c in source.name):
            raise ValueError(
                f"source_addresses: {address}: expected a host name for EHLO, got {source.name!r}"
            )
        found.append((address, source.name, source.limit))
    return pool(found)
