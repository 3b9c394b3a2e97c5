"""Finds where a domain's mail goes: asks the resolver what the pure rules of `route` need to know."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Protocol

from smtpeter.message.address import Address, AddressSyntax, ascii_domain
from smtpeter.message.status import Reply
from smtpeter.relay import route
from smtpeter.relay.guard import Guard
from smtpeter.relay.interface import Answer, IPAddress, Resolver
from smtpeter.relay.route import Chance, Hop, NoRoute, Rules


class Destination(Protocol):
    """Knows the way to a domain."""

    async def hops(self, domain: str) -> tuple[Hop, ...]:
        """Where to try, in order: at least one. Raises NoRoute."""


class Guardian(Protocol):
    """As `Guards`."""

    def of(
        self, domain: str, hosts: Mapping[str, Answer[IPAddress]], /, *, secure: bool
    ) -> Awaitable[Mapping[str, Guard]]: ...


class ExchangerDestination:
    """The domain's own MX hosts; without `guards` nothing that is published of TLS counts."""

    def __init__(
        self, resolver: Resolver, rules: Rules, chance: Chance, guards: Guardian | None = None
    ) -> None:
        self._resolver = resolver
        self._rules = rules
        self._chance = chance
        self._guards = guards

    async def hops(self, domain: str) -> tuple[Hop, ...]:
        literal = Address("", domain).literal
        if literal is not None:
            return route.literal_hops(literal, self._rules)
        try:
            name = ascii_domain(domain)
        except AddressSyntax as error:
            raise NoRoute(
                Reply(550, "5.1.2", "The domain is not one that the DNS can know"), str(error)
            ) from error
        answer = await self._resolver.exchangers(name)
        records = route.exchangers(name, answer, self._rules, self._chance)
        hosts = {record.host for record in records}
        asked = {host: self._resolver.addresses(host) for host in hosts}  # all at once, then wait for each
        addresses = {host: await asked[host] for host in hosts}
        found = route.hops(name, records, addresses, self._rules)
        if self._guards is None:
            return found
        wanted = {hop.host: addresses[hop.host] for hop in found}
        guards = await self._guards.of(name, wanted, secure=answer.secure)
        return tuple(replace(hop, guard=guards[hop.host]) for hop in found)


class SmarthostDestination:
    """The smarthost, whatever the domain is: `host` is a name or an address."""

    def __init__(self, resolver: Resolver, host: str, port: int, maximum_addresses: int) -> None:
        self._resolver = resolver
        self._host = host
        self._port = port
        self._maximum = maximum_addresses
        self._fixed = _fixed_hops(host, port)

    async def hops(self, domain: str) -> tuple[Hop, ...]:
        del domain
        if self._fixed:
            return self._fixed
        answer = await self._resolver.addresses(self._host)
        return route.smarthost_hops(self._host, self._port, answer, self._maximum)


def _fixed_hops(host: str, port: int) -> tuple[Hop, ...]:
    try:
        return (Hop(host, str(ipaddress.ip_address(host)), port),)
    except ValueError:
        return ()
