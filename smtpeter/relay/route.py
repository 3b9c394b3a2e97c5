"""From what the DNS says to the hosts that an attempt tries, in order (RFC 5321 5.1). Pure: answers in, hops out.

Strangers choose what their MX records say, so nothing that they name may lead back to this server or into its
private network. When no hop is left, `NoRoute` says for good or for now; unknown is always for now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, zip_longest
from typing import Protocol

from smtpeter.message.address import is_public
from smtpeter.message.status import Reply
from smtpeter.relay.guard import UNGUARDED, Guard
from smtpeter.relay.interface import Answer, Finding, IPAddress, MailExchanger


@dataclass(frozen=True, slots=True)
class Hop:
    """Where to connect: the host's name (for TLS and the log), one of its addresses, and the port.

    `guard` is what has been published of TLS there.
    """

    host: str
    address: str
    port: int
    guard: Guard = UNGUARDED


class NoRoute(Exception):
    """There is nowhere to connect; `reply` is final when its code is 5xx."""

    def __init__(self, reply: Reply, cause: str = "") -> None:
        super().__init__(str(reply))
        self.reply = reply
        self.cause = cause


class Chance(Protocol):
    """The part of `random.Random` that is used here."""

    def shuffle(self, x: list[MailExchanger], /) -> None: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """Where mail may go. `names` (lower case) and `own` addresses are this server's: mail must not come back."""

    port: int
    maximum_addresses: int
    allow_private: bool = False
    names: frozenset[str] = frozenset()
    own: frozenset[IPAddress] = frozenset()

    def allows(self, address: IPAddress) -> bool:
        return self.allow_private or is_public(address)


def exchangers(
    domain: str, answer: Answer[MailExchanger], rules: Rules, chance: Chance
) -> tuple[MailExchanger, ...]:
    """The hosts to ask the addresses of, best first, equals shuffled; raises NoRoute.

    A server that is among them itself takes none that is not better (RFC 5321 5.1).
    """
    if answer.finding is Finding.NO_DATA:
        return (MailExchanger(0, domain),)  # the implicit MX; addresses decide whether there is one
    if answer.finding is Finding.NO_SUCH_NAME:
        raise NoRoute(Reply(550, "5.1.2", f"The domain {domain} does not exist"), answer.cause)
    if answer.finding is Finding.TROUBLE:
        raise NoRoute(Reply(451, "4.4.3", f"The DNS does not answer about {domain} now"), answer.cause)
    records = [record for record in answer.records if record.host]
    if not records:  # RFC 7505 3 and 4.1
        raise NoRoute(Reply(556, "5.1.10", f"The domain {domain} accepts no mail (null MX)"))
    # Each costs two questions, which a hostile zone makes us ask; two at least are tried (RFC 5321 5.1).
    best = _shuffled(sorted(set(records)), chance)[: max(2, rules.maximum_addresses)]
    return _better(domain, best, lambda record: record.host in rules.names)


def _shuffled(records: Sequence[MailExchanger], chance: Chance) -> list[MailExchanger]:
    result = []
    for _, equals in groupby(records, key=lambda record: record.preference):
        some = list(equals)
        chance.shuffle(some)
        result.extend(some)
    return result


def _better(
    domain: str, records: Sequence[MailExchanger], is_ours: Callable[[MailExchanger], bool]
) -> tuple[MailExchanger, ...]:
    """The records that are better than the best of ours; all when none is; NoRoute when ours is the best."""
    ours = min((record.preference for record in records if is_ours(record)), default=None)
    if ours is None:
        return tuple(records)
    better = tuple(record for record in records if record.preference < ours)
    if not better:
        raise NoRoute(Reply(554, "5.4.6", f"Mail for {domain} would loop back to this server"))
    return better


def hops(
    domain: str,
    records: Sequence[MailExchanger],
    addresses: Mapping[str, Answer[IPAddress]],
    rules: Rules,
) -> tuple[Hop, ...]:
    """Where to connect, best first, at most `rules.maximum_addresses`; raises NoRoute.

    `addresses` has an answer for each host. Every host gets a share of the addresses, so that one with many does
    not hide the next.
    """
    hosts = _better(domain, records, lambda record: not rules.own.isdisjoint(addresses[record.host].records))
    share = max(2, rules.maximum_addresses // len(hosts))
    found = tuple(
        Hop(record.host, str(address), rules.port)
        for record in hosts
        for address in _alternating(filter(rules.allows, addresses[record.host].records), share)
    )
    if not found:
        raise _nowhere(domain, [addresses[record.host] for record in hosts])
    return found[: rules.maximum_addresses]


def _alternating(addresses: Iterable[IPAddress], limit: int) -> list[IPAddress]:
    """IPv6 first, then in turns: if one family is cut off, the second try already uses the other."""
    some = list(addresses)
    six = [address for address in some if address.version == 6]
    four = [address for address in some if address.version == 4]
    turns = chain.from_iterable(zip_longest(six, four))
    return [address for address in turns if address is not None][:limit]


def _nowhere(domain: str, answers: Sequence[Answer[IPAddress]]) -> NoRoute:
    """Why no host has an address to connect to. The address of no MX host replaces it (RFC 5321 5.1)."""
    findings = {answer.finding for answer in answers}
    cause = "; ".join(answer.cause for answer in answers if answer.cause)
    if Finding.TROUBLE in findings:
        return NoRoute(Reply(451, "4.4.3", f"The DNS does not answer about the hosts of {domain} now"), cause)
    if Finding.FOUND in findings:
        return NoRoute(Reply(554, "5.4.4", f"The hosts of {domain} have no public address"), cause)
    return NoRoute(Reply(550, "5.4.4", f"No host that takes mail for {domain} has an address"), cause)


def literal_hops(address: IPAddress, rules: Rules) -> tuple[Hop, ...]:
    """The one hop of an address literal (RFC 5321 5.1 looks nothing up); raises NoRoute."""
    if address in rules.own:
        raise NoRoute(Reply(554, "5.4.6", f"Mail for [{address}] would loop back to this server"))
    if not rules.allows(address):
        raise NoRoute(Reply(554, "5.4.4", f"[{address}] is no public address"))
    return (Hop(str(address), str(address), rules.port),)


def smarthost_hops(host: str, port: int, answer: Answer[IPAddress], maximum: int) -> tuple[Hop, ...]:
    """Where to connect for the smarthost, which the operator named: its address may be private. Raises NoRoute.

    A smarthost that does not resolve is our own trouble, so it is never final.
    """
    found = tuple(Hop(host, str(address), port) for address in _alternating(answer.records, maximum))
    if not found:
        raise NoRoute(Reply(451, "4.4.3", "The smarthost's address is not known now"), answer.cause)
    return found
