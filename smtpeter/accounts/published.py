"""What the DNS should say about a sender domain, and whether it does.

The keys' records (RFC 6376 3.6.1), an SPF record that lets our host send (RFC 7208), a DMARC policy (RFC 7489 6.1), and,
where the domain brings hosts of its own, aliases for those of its links and images and an MX for its return paths.
Asking is the caller's: `ask` gives the texts of a name's records, none where there are none, and raises Unanswered.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from smtpeter.accounts import signing_keys
from smtpeter.accounts.model import SenderDomain
from smtpeter.accounts.spf import Ask, NotUnderstood, Spf, records

_STRING = 255  # octets in one string of a TXT record (RFC 1035 3.3.14)
_MOST_EXCHANGERS = 20
_POLICIES = frozenset(("none", "quarantine", "reject"))


class Unanswered(Exception):
    """The DNS could not be asked; the message says why."""


class Kind(enum.StrEnum):
    """What a record is for."""

    DKIM = "DKIM"
    SPF = "SPF"
    DMARC = "DMARC"
    CLICK = "click"
    OPEN = "open"
    BOUNCE = "bounce"


@dataclass(frozen=True, slots=True)
class Record:
    """A record to publish; no name in it has a final dot."""

    kind: Kind
    name: str
    value: str
    type: str = "TXT"

    @property
    def strings(self) -> list[str]:
        """A text in the pieces that the DNS has it in; readers join them with nothing between."""
        if self.type != "TXT":
            return [self.value]
        return [self.value[start : start + _STRING] for start in range(0, len(self.value), _STRING)]


class Verdict(enum.StrEnum):
    """How a record stands."""

    RIGHT = "right"
    MISSING = "missing"
    WRONG = "wrong"
    UNKNOWN = "unknown"  # the DNS could not be asked, or says more than we understand


@dataclass(frozen=True, slots=True)
class Judgement:
    """How the record that is wanted stands; if not right, why, and what was found in its place."""

    record: Record
    verdict: Verdict
    reason: str = ""
    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """Our hosts: the one whose name the server has, and those of links and images, if they are others."""

    hostname: str
    click_host: str = ""
    open_host: str = ""

    @classmethod
    def at(cls, hostname: str, click_url: str, open_url: str) -> Server:
        """By the URLs where links and images lead, "" for none."""
        return cls(hostname, *(urlsplit(url).hostname or "" for url in (click_url, open_url)))


def wanted(domain: SenderDomain, sender: str, server: Server | None = None) -> list[Record]:
    """The records to publish; `sender` is the host that sends, "" when that is another's (a smarthost).

    `server`: where a domain's own hosts have to lead; without it, they are not asked about.
    """
    found = [
        Record(Kind.DKIM, f"{key.selector}._domainkey.{domain.name}", signing_keys.record(key))
        for key in domain.keys
    ]
    if sender:
        found.append(Record(Kind.SPF, domain.name, f"v=spf1 a:{sender} ~all"))
    found.append(Record(Kind.DMARC, f"_dmarc.{domain.name}", "v=DMARC1; p=none"))
    if server is not None:
        found.extend(_of_hosts(domain, sender, server))
    return found


def _of_hosts(domain: SenderDomain, sender: str, server: Server) -> Iterator[Record]:
    click, opened = (urlsplit(url).hostname or "" for url in (domain.click_url, domain.open_url))
    own = server.click_host or server.hostname
    if click and click != own:
        yield Record(Kind.CLICK, click, own, "CNAME")
    own = server.open_host or own
    if opened and opened not in {own, click}:
        yield Record(Kind.OPEN, opened, own, "CNAME")
    if domain.bounce_host:
        yield Record(Kind.BOUNCE, domain.bounce_host, f"10 {server.hostname}", "MX")
    if sender and domain.bounce_host not in {"", domain.name}:  # receivers ask it about the return path
        yield Record(Kind.SPF, domain.bounce_host, f"v=spf1 a:{sender} ~all")


def judge(record: Record, sender: str, ask: Ask) -> Judgement:
    """How one of the wanted records stands."""
    try:
        match record.kind:
            case Kind.DKIM:
                found = tuple(ask(record.name, "TXT"))
                reason = _key_fault(record, found)
            case Kind.SPF:
                found = tuple(records(ask(record.name, "TXT")))
                reason = _spf_fault(record, found, sender, ask)
            case Kind.DMARC:
                found = _policies(record.name, ask)
                reason = _policy_fault(found)
            case Kind.CLICK | Kind.OPEN:
                found = tuple(
                    _addresses(record.name, ask)
                )  # of whom it is an alias, or a proxy, is not ours to say
                reason = ""
            case Kind.BOUNCE:
                found = tuple(ask(record.name, "MX"))
                reason = _exchanger_fault(record, found, ask)
    except (Unanswered, NotUnderstood) as error:
        return Judgement(record, Verdict.UNKNOWN, str(error))
    if not found:
        return Judgement(record, Verdict.MISSING)
    return Judgement(record, Verdict.WRONG if reason else Verdict.RIGHT, reason, found)


def _key_fault(record: Record, found: Sequence[str]) -> str:
    """Why the key's record is of no use; "" if it is."""
    if len(found) != 1:
        return "there is more than one record"  # RFC 6376 3.6.2.2: then nobody knows which counts
    there, own = _tags(found[0]), _tags(record.value)
    if there.get("v", "DKIM1") != "DKIM1" or "p" not in there:
        return "it is no DKIM key"
    if not there["p"]:
        return "the key is revoked: p= is empty"
    if there.get("k", "rsa") != own["k"] or "".join(there["p"].split()) != own["p"]:
        return "it is another key"
    if "sha256" not in _values(there, "h", "sha256"):
        return "h= does not allow sha256"
    if not _values(there, "s", "*") & {"*", "email"}:
        return "s= does not allow e-mail"
    if "y" in _values(there, "t", ""):
        return "t=y tells receivers to ignore the signatures"
    return ""


def _spf_fault(record: Record, found: Sequence[str], sender: str, ask: Ask) -> str:
    """Why the SPF record does not let the host send; "" if it does."""
    if len(found) > 1:
        return "there is more than one SPF record"  # RFC 7208 4.5: then there is none
    addresses = [ip_address(text) for text in _addresses(sender, ask)]
    if not addresses:
        return f"{sender} has no address that it could allow"
    refused = [str(one) for one in addresses if found and Spf(ask).result(record.name, one) != "pass"]
    return f"it does not allow {', '.join(refused)}, where {sender} is" if refused else ""


def _exchanger_fault(record: Record, found: Sequence[str], ask: Ask) -> str:
    """Why what is returned to the host does not come to us; "" if it does: by any of its exchangers."""
    own = record.value.partition(" ")[2]
    exchangers = [text.partition(" ")[2].rstrip(".").lower() for text in found]
    if not found or own.lower() in exchangers:
        return ""
    ours = set(_addresses(own, ask))
    if any(ours.intersection(_addresses(host, ask)) for host in exchangers[:_MOST_EXCHANGERS] if host):
        return ""
    return f"none of its exchangers is {own}, or at its address"


def _addresses(host: str, ask: Ask) -> list[str]:
    return [text for kind in ("A", "AAAA") for text in ask(host, kind)]


def _policies(name: str, ask: Ask) -> tuple[str, ...]:
    """The DMARC records at the name, or at the closest one above that has any (RFC 7489 6.6.3)."""
    domain = name.removeprefix("_dmarc.")
    while "." in domain:
        texts = tuple(text for text in ask(f"_dmarc.{domain}", "TXT") if _tags(text).get("v") == "DMARC1")
        if texts:
            return texts
        domain = domain.partition(".")[2]
    return ()


def _policy_fault(found: Sequence[str]) -> str:
    """Why the DMARC policy does not count; "" if it does."""
    if len(found) > 1:
        return "there is more than one DMARC record"
    if found and _tags(found[0]).get("p", "") not in _POLICIES:
        return "p= is none of none, quarantine and reject"
    return ""


def _tags(text: str) -> Mapping[str, str]:
    """A tag list (RFC 6376 3.2); what is malformed in it is not there."""
    pairs = (piece.partition("=") for piece in text.split(";"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _values(tags: Mapping[str, str], name: str, default: str) -> set[str]:
    """A tag's values, which colons part."""
    return {value.strip() for value in tags.get(name, default).split(":")}
