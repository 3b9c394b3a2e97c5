"""Trace information: the Received field (RFC 5321 4.4), dates, and Message-IDs.

Whatever a stranger chose (HELO name, recipient) stands in the field only when it fits the grammar; otherwise it is
left out, so that nobody can write a header field of his own into our trace.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from smtpeter.message.address import Address, is_helo_name

_LINE = 77  # RFC 5322 2.1.1 asks for 78 octets at most; 77 keeps below
_ATOM = re.compile(r"[!#$%&'*+/=?^_`{|}~0-9A-Za-z-]+")
_TLS_FACTS = re.compile(r"[A-Za-z0-9._ -]{1,100}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MAXIMUM_PATH = 320  # octets; RFC 5321 4.5.3.1: 64 + 1 + 255


def protocol(*, extended: bool, tls: bool, authenticated: bool, utf8: bool = False) -> str:
    """The `with` word: SMTP, ESMTP[S][A] (RFC 3848) or UTF8SMTP[S][A] (RFC 6531 4.3)."""
    if not extended:
        return "SMTP"
    return ("UTF8SMTP" if utf8 else "ESMTP") + "S" * tls + "A" * authenticated


def received(
    *,
    helo: str,
    peer_address: str,
    hostname: str,
    protocol: str,
    identifier: str,
    recipient: Address | None,
    when: float,
    tls: str = "",
) -> bytes:
    """The Received field, CRLF included, in lines below 78 octets wherever it can be folded.

    `peer_address` is an IP address ("" when there is none), `identifier` one in its shown form, `when` Unix seconds,
    `tls` facts as "TLSv1.3 TLS_AES_256_GCM_SHA384" or "". Give `recipient` only when the envelope has exactly one, so
    that blind copies stay blind (RFC 5321 7.2).
    """
    clauses = [
        ("from", *_extended_domain(helo, peer_address)),
        ("by", hostname),
        ("with", protocol, "id", identifier),
    ]
    if recipient is not None and _may_be_shown(str(recipient), protocol):
        clauses.append(("for", f"<{recipient}>"))
    clauses.extend(_tls_clauses(tls))
    clauses[-1] = (*clauses[-1][:-1], clauses[-1][-1] + ";")
    clauses.append((date(when),))
    return _folded("Received:", clauses)


def _extended_domain(helo: str, peer_address: str) -> tuple[str, ...]:
    """RFC 5321 4.4: Domain or address-literal, and what the TCP connection itself tells about the client."""
    literal = _address_literal(peer_address)
    name = helo if is_helo_name(helo) else literal or "unknown"
    return (name, f"({literal})") if literal else (name,)


@lru_cache(maxsize=1024)
def _address_literal(peer_address: str) -> str:
    """RFC 5321 4.1.3; "" for what is no IP address. A zone (RFC 4007 11) means nothing to others."""
    try:
        address = ipaddress.ip_address(peer_address.partition("%")[0])
    except ValueError:
        return ""
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"


def _may_be_shown(path: str, protocol: str) -> bool:
    """Whether this recipient fits a `for` clause; non-ASCII only under SMTPUTF8 (RFC 6531 3.7.3)."""
    if len(path.encode("utf-8", "surrogateescape")) > _MAXIMUM_PATH or _UNSAFE.search(path):
        return False
    return path.isascii() or protocol.startswith("UTF8")


def _tls_clauses(facts: str) -> list[tuple[str, ...]]:
    """The registered clause `tls` takes IANA's cipher names only (RFC 8314 4.3); the rest is a comment."""
    if not _TLS_FACTS.fullmatch(facts):
        return []
    version, _, cipher = facts.partition(" ")
    if cipher.startswith("TLS_") and _ATOM.fullmatch(cipher):
        return [("tls", cipher, f"({version})")]
    return [(f"({facts})",)]


def _folded(name: str, clauses: list[tuple[str, ...]]) -> bytes:
    """Clauses stay whole where they fit a line; one that is too long is folded between its words."""
    lines = [name]
    for clause in clauses:
        whole = " ".join(clause)
        room = _LINE - 1 - (len(name) if lines == [name] else 0)
        for part in (whole,) if len(whole) <= room else clause:
            if len(lines[-1]) + 1 + len(part) <= _LINE or lines == [name]:
                lines[-1] += f" {part}"
            else:
                lines.append(f"\t{part}")
    return "\r\n".join(lines).encode() + b"\r\n"


def date(when: float) -> str:
    """Unix seconds as an RFC 5322 3.3 date, in UTC: `Sat, 22 Nov 2025 08:23:00 +0000`."""
    return _date(int(when))


@lru_cache(maxsize=16)  # a busy second asks for the same date hundreds of times
def _date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


def message_id(identifier: str, hostname: str) -> str:
    """A Message-ID (RFC 5322 3.6.4) with its angle brackets, from an identifier in its shown form."""
    return f"<{identifier}@{hostname}>"
