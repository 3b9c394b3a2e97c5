"""Which site a domain's mail goes to: what its MX hosts are, and what the operator named.

Domains whose set of MX hosts is the same are one site. A name that the operator set limits for is a site of its own:
for the domain of that name, for all whose MX hosts are the same as that domain's, and for those whose hosts all lie at
or below the name. So nobody can join another's site, or bring it into trouble, by naming some of its hosts among his.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Protocol

from smtpeter.message.address import AddressSyntax, ascii_domain
from smtpeter.relay.interface import Answer, Finding, MailExchanger, Resolver
from smtpeter.relay.limits import Site

# Providers that give each customer a host name of his own, and count connections over all of them.
PROVIDERS = ("mail.protection.outlook.com", "mx.microsoft")

_LONGEST_NAME = 100  # characters
_REMEMBERED = 20_000  # domains
_REMEMBER = 3600.0  # seconds
_IN_TROUBLE = 30.0  # that a domain whose hosts are not known stands for itself


class Sites(Protocol):
    """Knows the site of each domain, in lower case."""

    def known(self, domain: str, now: float, /) -> Site | None:
        """The site, if it is known; `now` is the relay's clock for intervals."""

    async def find(self, domain: str, now: float, /) -> Site:
        """The site, looked up. Where the DNS does not tell the domain's hosts, it is a site by itself."""

    def provisional(self, domain: str, /) -> Site:
        """What stands for the domain's site until that is found."""

    def forget(self, domain: str, /) -> None:
        """Something was not as it was when the site was found: look it up when it is next wanted."""


class OneSite:
    """All mail goes to one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def known(self, _domain: str, _now: float, /) -> Site:
        return self._site

    async def find(self, _domain: str, _now: float, /) -> Site:
        return self._site

    def provisional(self, _domain: str, /) -> Site:
        return self._site

    def forget(self, domain: str, /) -> None:
        """Nothing was looked up."""


class ExchangerSites:
    """Sites by MX hosts; `named` are those that the operator named, in lower case."""

    def __init__(self, resolver: Resolver, named: Mapping[str, Site]) -> None:
        self._resolver = resolver
        self._named = named
        self._known: dict[str, tuple[float, Site]] = {}
        self._sets: dict[frozenset[str], str] = {}  # the hosts of the domains that the operator named
        self._sets_expire = float("-inf")

    def known(self, domain: str, now: float, /) -> Site | None:
        found = self._known.get(domain)
        return found[1] if found is not None and now < found[0] else None

    async def find(self, domain: str, now: float, /) -> Site:
        hosts = await self._hosts(domain)
        if self._named and now >= self._sets_expire:
            self._sets_expire = now + _REMEMBER
            self._sets = await self._named_sets()
        site = self._site(domain, hosts)
        self._known.pop(domain, None)
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]  # the oldest
        self._known[domain] = (now + (_REMEMBER if hosts else _IN_TROUBLE), site)
        return site

    def provisional(self, domain: str, /) -> Site:
        return self._named.get(domain) or Site(domain)

    def forget(self, domain: str, /) -> None:
        self._known.pop(domain, None)

    async def _named_sets(self) -> dict[frozenset[str], str]:
        found = {name: await self._hosts(name) for name in self._named}
        return {hosts: name for name, hosts in found.items() if hosts}

    async def _hosts(self, domain: str) -> frozenset[str]:
        """The MX hosts, or the domain itself where it has none; empty when there are none or nobody knows."""
        try:
            if domain.startswith("["):  # a literal has no MX
                return frozenset()
            name = ascii_domain(domain)
        except AddressSyntax:
            return frozenset()
        return _hosts_of(name, await self._resolver.exchangers(name))

    def _site(self, domain: str, hosts: frozenset[str]) -> Site:
        for name in (domain, self._sets.get(hosts, ""), _above(hosts, self._named)):
            if name in self._named:
                return replace(self._named[name], hosts=hosts)
        if not hosts:
            return self.provisional(domain)
        return Site(_above(hosts, PROVIDERS) or name_of(hosts), hosts)


def _hosts_of(name: str, answer: Answer[MailExchanger]) -> frozenset[str]:
    if answer.finding is Finding.NO_DATA:
        return frozenset((name.lower(),))
    return frozenset(record.host for record in answer.records if record.host)


def _above(hosts: frozenset[str], names: Iterable[str]) -> str:
    """The longest of `names` that all hosts are, or lie below; "" when none is."""
    above = [
        name for name in names if hosts and all(host == name or host.endswith(f".{name}") for host in hosts)
    ]
    return max(above, key=len, default="")


def name_of(hosts: frozenset[str]) -> str:
    """A name for this set of hosts and no other: "mx.example.com", or "{mx1,mx2}.example.com".

    A long one is cut, and ends in a digest of all of it.
    """
    if len(hosts) == 1:
        return next(iter(hosts))
    labels = [host.split(".")[::-1] for host in hosts]
    most = min(map(len, labels)) - 1  # each has a label of its own
    alike = takewhile(lambda same: len(set(same)) == 1, zip(*labels, strict=False))
    common = [same[0] for same in alike][:most]
    shown = sorted(".".join(label[: len(common) - 1 if common else None : -1]) for label in labels)
    name = f"{{{','.join(shown)}}}{'.' if common else ''}{'.'.join(common[::-1])}"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return f"{name[: _LONGEST_NAME - 20]}...#{digest}"
