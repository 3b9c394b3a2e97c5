"""Finds what is published about TLS with the hosts that a domain's mail goes to: TLSA records, and the domain's policy.

TLSA records count only along a chain of signed answers, from the MX records on (RFC 7672 2.2). Where the records of such
a host cannot be learnt, it is not used: somebody may be hiding them (RFC 7672 2.1.2).
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred

from smtpeter.relay.dane import Proof
from smtpeter.relay.guard import UNGUARDED, Guard, ending_by
from smtpeter.relay.interface import Answer, Finding, IPAddress, Publications
from smtpeter.relay.tls import Flaw
from smtpeter.spool.mta_sts import Policy


class KnownPolicies(Protocol):
    """Knows the domains' policies (RFC 8461)."""

    def known(self, domain: str, /) -> Awaitable[Policy | None]:
        """The domain's policy that is in force; raises nothing but CancelledError."""


class Guards:
    """`dane`: TLSA records, for TCP at `port`, are looked for; `policies`: None looks for no policies."""

    def __init__(
        self, published: Publications, policies: KnownPolicies | None, *, dane: bool, port: int
    ) -> None:
        self._published = published
        self._policies = policies
        self._dane = dane
        self._port = port

    async def of(
        self, domain: str, hosts: Mapping[str, Answer[IPAddress]], *, secure: bool
    ) -> Mapping[str, Guard]:
        """The guard of each host, for mail to `domain` in A-labels; `secure`: its MX records are signed."""
        policy = None if self._policies is None else await self._policies.known(domain)
        if not (self._dane and secure):
            return dict.fromkeys(hosts, UNGUARDED if policy is None else Guard(policy=policy))
        asked = {
            host: Deferred.fromCoroutine(self._guard(domain, host, answer, policy))
            for host, answer in hosts.items()
        }  # all at once, then wait for each
        return {host: await guard for host, guard in asked.items()}

    async def _guard(
        self, domain: str, host: str, addresses: Answer[IPAddress], policy: Policy | None
    ) -> Guard:
        bases: tuple[str, ...] = ()  # that TLSA records may stand under (RFC 7672 2.2.3)
        if addresses.secure:
            bases = (addresses.name, host) if addresses.name else (host,)
        elif addresses.name:
            alias = await self._published.alias(host)
            if alias.finding is Finding.TROUBLE:
                return _unknown("alias", host, alias.cause)
            bases = (host,) if alias.secure and alias.records else ()
        for base in bases:
            answer = await self._published.associations(base, self._port)
            if answer.finding is Finding.TROUBLE:
                return _unknown("TLSA records", host, answer.cause)
            if answer.secure and answer.records:
                return Guard(Proof.of(base, answer.records, (host, domain)), policy)
        return Guard(policy=policy)


def _unknown(what: str, host: str, cause: str) -> Guard:
    told = f"the DNS does not answer about the {what} of {host} now"
    return Guard(obstacle=ending_by("DANE", "4.4.3", told, f"{Flaw.DNSSEC}: {cause}"))
