"""Questions to the DNS and the reading of replies: octets in, values out.

A reply is read with care, since anybody can send one: what is not the answer to our question is None, and the
caller goes on waiting for the real one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdatatype import RdataType

from smtpeter.relay.interface import Finding, IPAddress, MailExchanger, Tlsa
from smtpeter.relay.settings import split_host

MX = RdataType.MX
A = RdataType.A
AAAA = RdataType.AAAA
TLSA = RdataType.TLSA
TXT = RdataType.TXT
CNAME = RdataType.CNAME

# Types whose data are names, from which octet on and how many, and types whose data have none.
_NAMED: dict[int, tuple[int, int]] = {RdataType.NS: (0, 1), CNAME: (0, 1), RdataType.SOA: (0, 2), MX: (2, 1)}
_NAMELESS = frozenset((A, AAAA, TXT, TLSA, RdataType.OPT))
MAXIMUM_SIZE = 16_384  # octets of a reply
_MAXIMUM_RECORDS = 64  # of a reply
# Labels and pointers of all names of a reply. Each costs time when it is read, and compression makes many of few octets:
# replies to 200 questions may come at once, and a worker that reads for 30 s is taken for dead.
_MAXIMUM_LABELS = 1000
_LONGEST_NAME = 127  # labels (RFC 1035 2.3.4)
_UDP_PAYLOAD = 1232  # passes every usual path unfragmented (the resolvers' flag day of 2020)
_NEGATIVE_TTL = 60.0  # where a negative answer brings no SOA (RFC 2308 5)

NameServer = tuple[str, int]
Records = (
    tuple[MailExchanger, ...] | tuple[IPAddress, ...] | tuple[Tlsa, ...] | tuple[bytes, ...] | tuple[str, ...]
)


class NoSuchQuestion(ValueError):
    """The name cannot be asked for: a label over 63 octets, an empty label, a name over 255."""


@dataclass(frozen=True, slots=True)
class Question:
    """One query: its octets, and what a reply must match."""

    message: dns.message.QueryMessage
    wire: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says. `alias` is where a CNAME leads on, unanswered.

    `hops` are the CNAME records followed on the way, to `name`; `ttl` is in seconds. `secure`: the server says that
    all of it is signed (the AD bit, RFC 4035 3.2.3), which counts as far as the server and the way to it are trusted.
    """

    finding: Finding
    records: Records = ()
    ttl: float = 0.0
    alias: str = ""
    hops: int = 0
    cause: str = ""
    truncated: bool = False
    secure: bool = False
    name: str = ""


TOO_LARGE = Reading(Finding.TROUBLE, cause="too many records")


def name_servers(configured: Sequence[str], resolv_conf: str) -> tuple[NameServer, ...]:
    """The servers to ask: those configured ("127.0.0.1:53"), else those in the text of /etc/resolv.conf."""
    if configured:
        return tuple(split_host(text, 53, key="nameservers") for text in configured)
    lines = (line.split() for line in resolv_conf.splitlines())
    found = tuple((words[1], 53) for words in lines if len(words) > 1 and words[0] == "nameserver")
    return found or (("127.0.0.1", 53),)  # resolv.conf(5): the local machine when none is named


def are_local(servers: Sequence[NameServer]) -> bool:
    """Whether all are on this machine, so that nobody comes between them and us."""
    try:
        return all(ipaddress.ip_address(host).is_loopback for host, _ in servers)
    except ValueError:
        return False


def question(name: str, kind: RdataType, number: int) -> Question:
    """Ask for `kind` of `name` under the query id `number`; raises NoSuchQuestion."""
    try:
        message = dns.message.make_query(name + ".", kind, use_edns=0, payload=_UDP_PAYLOAD, id=number)
        message.flags |= dns.flags.AD  # we understand that bit, and need no signatures (RFC 6840 5.7)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise NoSuchQuestion(f"{name}: {error}") from error
    return Question(message, message.to_wire())


def read(asked: Question, wire: bytes) -> Reading | None:
    """What `wire` answers; None when it is no reply to the question (RFC 5452 9.1), or not to be understood."""
    if wire[:2] != asked.wire[:2]:
        return None
    if len(wire) > MAXIMUM_SIZE or _records(wire) > _MAXIMUM_RECORDS:
        return TOO_LARGE
    try:
        if _is_laborious(wire):
            return TOO_LARGE
        reply = dns.message.from_wire(wire, ignore_trailing=True, raise_on_truncation=False)
        if not asked.message.is_response(reply) or not isinstance(reply, dns.message.QueryMessage):
            return None
        return _reading(asked, reply)
    except (dns.exception.DNSException, ValueError, IndexError):
        return None


def _is_laborious(wire: bytes) -> bool:
    """Whether its names have more labels than are read; raises IndexError when it ends too soon."""
    labels, at = 0, 12
    questions = int.from_bytes(wire[4:6], "big")
    for number in range(_records(wire)):
        more, at = _walked(wire, at)
        labels += more
        if number < questions:
            at += 4
        else:
            kind, data = int.from_bytes(wire[at : at + 2], "big"), at + 10
            at = data + int.from_bytes(wire[at + 8 : data], "big")
            if kind in _NAMED:
                offset, names = _NAMED[kind]
                data += offset
                for _ in range(names):
                    more, data = _walked(wire, data)
                    labels += more
            elif kind not in _NAMELESS:  # it may have names
                labels += _LONGEST_NAME
        if labels > _MAXIMUM_LABELS:
            return True
    return False


def _walked(wire: bytes, at: int) -> tuple[int, int]:
    """How many labels and pointers the name at `at` has, as far as they matter, and where it ends."""
    steps, end = 0, 0
    while (octet := wire[at]) and steps <= _MAXIMUM_LABELS:
        steps += 1
        if octet >= 0xC0:
            end = end or at + 2
            at = (octet & 0x3F) << 8 | wire[at + 1]
        else:
            at += octet + 1
    return steps, end or at + 1


def _records(wire: bytes) -> int:
    """How many a reply says it has, the question among them (RFC 1035 4.1.1)."""
    return sum(int.from_bytes(wire[at : at + 2], "big") for at in (4, 6, 8, 10))


def _reading(asked: Question, reply: dns.message.QueryMessage) -> Reading:
    if reply.flags & dns.flags.TC:
        return Reading(Finding.TROUBLE, cause="truncated", truncated=True)
    rcode = reply.rcode()
    if rcode not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return Reading(Finding.TROUBLE, cause=f"the name server answered {dns.rcode.to_text(rcode)}")
    name, kind = asked.message.question[0].name, asked.message.question[0].rdtype
    ttl, hops = float("inf"), 0
    secure = bool(reply.flags & dns.flags.AD)
    while kind != CNAME and (found := _rrset(reply, name, CNAME)):
        name, ttl, hops = found[0].target, min(ttl, found.ttl), hops + 1
        if hops > len(reply.answer):
            return Reading(Finding.TROUBLE, cause="a loop of CNAME records", hops=hops)
    records = _rrset(reply, name, kind)
    final = _text(name) if hops else ""
    if records:
        ttl = min(ttl, records.ttl)
        return Reading(Finding.FOUND, _values(records), ttl, hops=hops, secure=secure, name=final)
    ttl = min(ttl, _negative_ttl(reply))
    if rcode == dns.rcode.NXDOMAIN:
        return Reading(Finding.NO_SUCH_NAME, ttl=ttl, hops=hops, secure=secure, name=final)
    alias = "" if _has_soa(reply) else final
    return Reading(Finding.NO_DATA, ttl=ttl, alias=alias, hops=hops, secure=secure, name=final)


def _rrset(reply: dns.message.QueryMessage, name: dns.name.Name, kind: RdataType) -> dns.rrset.RRset | None:
    return reply.get_rrset(reply.answer, name, dns.rdataclass.IN, kind)


def _values(records: dns.rrset.RRset) -> Records:
    if records.rdtype == MX:
        return tuple(MailExchanger(record.preference, _text(record.exchange)) for record in records)
    if records.rdtype == TLSA:
        return tuple(Tlsa(one.usage, one.selector, one.mtype, bytes(one.cert)) for one in records)
    if records.rdtype == TXT:
        return tuple(b"".join(record.strings) for record in records)
    if records.rdtype == CNAME:
        return tuple(_text(record.target) for record in records)
    return tuple(ipaddress.ip_address(record.address) for record in records)


def _text(name: dns.name.Name) -> str:
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True).lower()


def _has_soa(reply: dns.message.QueryMessage) -> bool:
    return any(rrset.rdtype == RdataType.SOA for rrset in reply.authority)


def _negative_ttl(reply: dns.message.QueryMessage) -> float:
    """How long a "no" holds (RFC 2308 5): the SOA's own TTL or its minimum, whichever is less."""
    for rrset in reply.authority:
        if rrset.rdtype == RdataType.SOA:
            return float(min(rrset.ttl, rrset[0].minimum))
    return _NEGATIVE_TTL
