"""For whom mail is taken without AUTH: genuine return paths, postmaster, and the complaint addresses. Pure.

Anything else is refused at RCPT. A token is genuine for ever: whether its delivery is still kept, nobody asks here.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass

from smtpeter.message.address import Address, AddressSyntax, ascii_domain
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.status import refusal
from smtpeter.message.token import KeyRing


class Role(enum.Enum):
    """Mailboxes that are no return path."""

    POSTMASTER = "postmaster"
    COMPLAINTS = "complaints"


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """The return path of one delivery, as it was written at RCPT."""

    delivery: DeliveryId
    address: Address


Mailbox = Role | ReturnPath


@dataclass(frozen=True, slots=True)
class Reach:
    """What this server takes mail for.

    `hosts`: the bounce domains, in lower case and A-labels; `hostname`: the server's own name. `complaints`: keys of
    addresses in lower case. `has_postmaster`: somebody reads the mail for postmaster.
    """

    hosts: Collection[str]
    hostname: str
    complaints: frozenset[str]
    has_postmaster: bool


def judge(recipient: Address, reach: Reach, ring: KeyRing) -> Mailbox:
    """The mailbox that this recipient is; Refusal 550 when it is none of ours."""
    domain = _domain(recipient)
    if domain and f"{recipient.local_part.lower()}@{domain}" in reach.complaints:
        return Role.COMPLAINTS
    if domain and domain not in reach.hosts and domain != reach.hostname.lower():
        raise refusal(550, "5.7.1", "No relaying here")
    if recipient.local_part.lower() == "postmaster":  # RFC 5321 4.5.1: without a domain, too
        if not reach.has_postmaster:
            raise refusal(
                550, "5.1.1", "Nobody reads postmaster's mail here", "bounces.postmaster is not set"
            )
        return Role.POSTMASTER
    delivery = ring.read_return_path(recipient.local_part) if domain in reach.hosts else None
    if delivery is None:
        raise refusal(550, "5.1.1", "No such mailbox here")
    return ReturnPath(delivery, recipient)


def _domain(recipient: Address) -> str:
    try:
        return ascii_domain(recipient.domain) if recipient.domain else ""
    except AddressSyntax:
        return "[]"  # nobody's
