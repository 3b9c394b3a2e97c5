"""Mail addresses as RFC 5321 4.1.2 and RFC 6531 3.3 have them, kept as they were written.

Nothing is repaired: what is no address raises AddressSyntax, whose text never quotes what a stranger wrote.
All of it is linear in the length of its input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import idna

MAXIMUM_LOCAL_PART = 64  # octets, quotes included (RFC 5321 4.5.3.1.1)
MAXIMUM_DOMAIN = 255  # octets (RFC 5321 4.5.3.1.2)
MAXIMUM_MAILBOX = 254  # octets: a path has 256 with its angle brackets (RFC 5321 4.5.3.1.3)
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # all of RFC 4291 2.4 that IANA gives out
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 2.1


class AddressSyntax(ValueError):
    """The text is no address; the message says what is wrong with it, without quoting it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: local part as written (quotes included) and domain as written ("" only for `<Postmaster>`)."""

    local_part: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local_part}@{self.domain}" if self.domain else self.local_part

    @property
    def is_ascii(self) -> bool:
        """Whether it can travel without SMTPUTF8 (RFC 6531)."""
        return self.local_part.isascii() and self.domain.isascii()

    @property
    def literal(self) -> IPv4Address | IPv6Address | None:
        """The IP address of an address literal (RFC 5321 4.1.3); None for a domain name."""
        return parse_literal(self.domain) if self.domain.startswith("[") else None

    @property
    def key(self) -> str:
        """What two mailboxes must share to be the same: the local part as written, the domain as `ascii_domain` has it.

        The local part is its own host's to judge (RFC 5321 2.4), but `<Postmaster>` has no case (RFC 5321 4.5.1).
        """
        return f"{self.local_part}@{ascii_domain(self.domain)}" if self.domain else self.local_part.lower()


_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~-"
# RFC 6531 3.3 takes all beyond ASCII; the C1 controls and Unicode's own line ends would break logs and header fields.
_BEYOND_ASCII = r"\u00a0-\u2027\u202a-\ud7ff\ue000-\U0010ffff"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# No domain ends in a label of digits (RFC 1123 2.1): it would be an IPv4 address without its brackets.
_NAME = rf"(?:{_LABEL}\.)*(?![0-9]+\Z){_LABEL}"


def _local_part(beyond_ascii: str) -> re.Pattern[str]:
    atom = rf"[{beyond_ascii}{_ATEXT}]+"
    return re.compile(rf'{atom}(?:\.{atom})*|"(?:[ !#-\[\]-~{beyond_ascii}]|\\[ -~])*"')


_LOCAL_PART = _local_part("")
_LOCAL_PART_UTF8 = _local_part(_BEYOND_ASCII)
_DOMAIN = re.compile(_NAME)
# What nearly every address looks like, short enough to be within all limits.
_PLAIN = re.compile(rf"(?=[^@]{{1,64}}@.{{1,189}}\Z)([{_ATEXT}]+(?:\.[{_ATEXT}]+)*)@({_NAME})")


def parse(text: str, *, utf8: bool = False) -> Address:
    """Read `local-part@domain` (RFC 5321 4.1.2; with `utf8` also RFC 6531 3.3); raises AddressSyntax. Linear in time."""
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        return Address(plain[1], plain[2])
    if not utf8 and not text.isascii():
        raise AddressSyntax("it is not ASCII")
    if len(text.encode(errors="replace")) > MAXIMUM_MAILBOX:
        raise AddressSyntax(f"it is longer than {MAXIMUM_MAILBOX} octets")
    local_part = (_LOCAL_PART_UTF8 if utf8 else _LOCAL_PART).match(text)
    if local_part is None:
        raise AddressSyntax("its local part is malformed")
    if text[local_part.end() : local_part.end() + 1] != "@":
        raise AddressSyntax("its local part is malformed, or no @ follows it")
    if len(local_part[0].encode()) > MAXIMUM_LOCAL_PART:
        raise AddressSyntax(f"its local part is longer than {MAXIMUM_LOCAL_PART} octets")
    address = Address(local_part[0], text[local_part.end() + 1 :])
    ascii_domain(address.domain)  # that it has one is what makes it a domain
    return address


def ascii_domain(domain: str) -> str:
    """Return the domain in lower case and A-labels (UTS 46, RFC 5890), an address literal in its canonical form.

    Raises AddressSyntax.
    """
    if domain.startswith("["):
        literal = parse_literal(domain)
        return f"[IPv6:{literal}]" if literal.version == 6 else f"[{literal}]"
    if len(domain) > MAXIMUM_DOMAIN:
        raise AddressSyntax(f"its domain is longer than {MAXIMUM_DOMAIN} octets")
    name = domain if domain.isascii() else _a_labels(domain)
    if len(name) > MAXIMUM_DOMAIN or _DOMAIN.fullmatch(name) is None:
        raise AddressSyntax("its domain is malformed")
    return name.lower()


def _a_labels(domain: str) -> str:
    try:
        mapped = idna.uts46_remap(domain, std3_rules=False, transitional=False)
        return ".".join(
            label if label.isascii() else idna.alabel(label).decode("ascii") for label in mapped.split(".")
        )
    except UnicodeError as error:  # idna.IDNAError is one
        raise AddressSyntax("its domain is no internationalised name (RFC 5890)") from error


def parse_literal(text: str) -> IPv4Address | IPv6Address:
    """Read `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 4.1.3, which has registered no other kind); raises AddressSyntax."""
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") and len(text) <= MAXIMUM_DOMAIN else ""
    tag, colon, address = inner.partition(":")
    try:
        if not colon:
            return IPv4Address(inner)
        if tag.lower() == "ipv6" and "%" not in address:  # a zone (RFC 4007) means nothing to another host
            return IPv6Address(address)
    except ValueError:
        pass
    raise AddressSyntax("its address literal is malformed")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the Internet can be meant; an IPv4 address inside an IPv6 one decides for it."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    inner = address.ipv4_mapped or address.sixtofour
    return address in _GLOBAL_UNICAST and address.is_global if inner is None else is_public(inner)


# Many a machine greets with a name that has an underscore or is all digits; it is told apart from garbage, not judged.
_HELO_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HELO_NAME = re.compile(rf"{_HELO_LABEL}(?:\.{_HELO_LABEL})*")


def is_helo_name(text: str) -> bool:
    """Whether a client may call itself so (RFC 5321 4.1.1.1): a host name, or an address literal.

    What this allows, and nothing else, stands in a Received field as the client said it (RFC 5321 4.4).
    """
    if not text.startswith("["):
        return len(text) <= MAXIMUM_DOMAIN and _HELO_NAME.fullmatch(text) is not None
    try:
        parse_literal(text)
    except AddressSyntax:
        return False
    return True
