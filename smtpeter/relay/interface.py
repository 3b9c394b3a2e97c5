"""What the relay's parts promise one another, and what the composition root gives them.

`Courier` is the whole seam between what next (dispatch) and how (attempt, sandbox): a group goes in, one outcome
for each delivery comes out, and whatever is not known is deferred.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Generic, Protocol, TypeVar

from smtpeter.message.address import Address
from smtpeter.message.envelope import Recipient
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.message.status import Outcome
from smtpeter.relay.limits import Site
from smtpeter.relay.sources import Source
from smtpeter.spool.model import Delivery, Message

MAXIMUM_GROUP = 100  # recipients that any host must take in one transaction (RFC 5321 4.5.3.1.8)

ANY_SITE = Site("")

IPAddress = IPv4Address | IPv6Address
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Group:
    """Deliveries of one message to one next-hop domain, for one SMTP transaction: 1 to MAXIMUM_GROUP of them.

    `domain` is the recipients' domain in any spelling, an address literal with its brackets included; `site` is
    where its mail goes, with what the operator set for it.
    """

    message: Message
    deliveries: tuple[Delivery, ...]
    domain: str
    site: Site = ANY_SITE
    source: Source | None = None  # the address that it leaves from; None lets the system choose


class Courier(Protocol):
    """Tries to bring a group to its next hop."""

    def attempt(self, group: Group, /) -> Awaitable[Mapping[DeliveryId, Outcome]]:
        """One outcome for each delivery of the group; raises nothing but CancelledError."""

    def kept(self, site: str, /) -> int:
        """How many connections to the site are open without an attempt."""

    def stop(self) -> Awaitable[None]:
        """Take leave of all hosts; no attempt may run or follow."""


class CannotConvert(Exception):
    """The content cannot be made 7-bit without harm (it is signed, or not understood)."""


class Outgoing(Protocol):
    """What leaves for a delivery: the message as its switches have it."""

    def content(
        self, message: Message, delivery: Delivery, /, *, eight_bit: bool
    ) -> Awaitable[bytes] | bytes:
        """The octets to send, lines ended by CRLF, not dot-stuffed; signed last, so never altered after this.

        With `eight_bit` false they are all below 128; raises CannotConvert when that cannot be had.
        """

    def return_path(self, message: Message, delivery: Delivery, /) -> Address | None:
        """What MAIL FROM names; None is the null return path."""

    def recipient(self, message: Message, delivery: Delivery, /) -> Recipient:
        """What RCPT TO names, with the parameters that the next hop is to get."""

    def per_recipient(self, message: Message, /) -> bool:
        """Whether each delivery needs a transaction of its own (its content or return path is its own)."""


class NotNow(Exception):
    """It cannot be done in this process now; another may do it, or this one later."""


class Preparation(Protocol):
    """Makes the edits of messages that were accepted with edits pending."""

    def finish(self, identifier: MessageId, /) -> Awaitable[Message | None]:
        """The message, nothing pending any more; None when it is not (or no longer) kept.

        Raises SpoolUnavailable and NotNow.
        """


class Finding(enum.Enum):
    """How a question to the DNS ended."""

    FOUND = "found"
    NO_DATA = "no data"  # the name exists, without records of this kind
    NO_SUCH_NAME = "no such name"  # NXDOMAIN
    TROUBLE = "trouble"  # SERVFAIL, timeout, nonsense: nothing is known


@dataclass(frozen=True, slots=True)
class Answer(Generic[Record]):
    """An answer of the DNS; `records` are empty unless FOUND, `cause` says more, for the log.

    `secure`: a resolver that we trust found it signed, absence included (RFC 4035 3.2.3). `name` is where the CNAME
    records led, in lower case; "" when there were none.
    """

    finding: Finding
    records: tuple[Record, ...] = ()
    cause: str = ""
    secure: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, order=True)
class MailExchanger:
    """An MX record (RFC 5321 5.1); the host is in lower case, without the final dot ("" for the root: null MX)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A TLSA record (RFC 6698 2.1): certificate usage, selector, matching type, association data."""

    usage: int
    selector: int
    matching: int
    data: bytes


class Resolver(Protocol):
    """Asks the DNS. Names are A-labels; no verb raises but CancelledError."""

    def exchangers(self, domain: str, /) -> Awaitable[Answer[MailExchanger]]:
        """The MX records, in the order of the answer."""

    def addresses(self, host: str, /) -> Awaitable[Answer[IPAddress]]:
        """All AAAA and A records; FOUND when there is one of either, TROUBLE when trouble hides some of none."""


class Publications(Protocol):
    """Asks the DNS what is published of TLS; as `Resolver`."""

    def associations(self, base: str, port: int, /) -> Awaitable[Answer[Tlsa]]:
        """The TLSA records for TCP at this port of `base`."""

    def alias(self, name: str, /) -> Awaitable[Answer[str]]:
        """The CNAME record of `name` itself, whatever stands where that leads."""

    def texts(self, name: str, /) -> Awaitable[Answer[bytes]]:
        """The TXT records, the strings of each joined."""
