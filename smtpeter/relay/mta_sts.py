"""The two texts of MTA-STS as strangers publish them: the TXT record and the policy (RFC 8461 3.1, 3.2). Pure.

What breaks the grammar is no policy; what it does not know is passed over. Time is linear in the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from smtpeter.message.address import AddressSyntax, ascii_domain
from smtpeter.spool.mta_sts import PolicyMode

MAXIMUM_SIZE = 65_536  # octets of a policy (RFC 8461 3.2)
_MOST_AGE = 31_557_600  # seconds
_MOST_HOSTS = 100  # what is kept of a policy is bounded; more than that nobody has
_MOST_OCTETS = 4096  # of their names
_VERSION = re.compile(rb"v=STSv1[ \t]*;")
_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([!-:<>-~]+)")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


class NoPolicy(ValueError):
    """The text is no policy; says why."""


@dataclass(frozen=True, slots=True)
class Text:
    """A policy as it was fetched; `max_age` is in seconds."""

    mode: PolicyMode
    mx: tuple[str, ...]
    max_age: int


def identifier(records: Iterable[bytes]) -> str | None:
    """The id that the TXT records of `_mta-sts.DOMAIN` tell; None unless exactly one of them is a policy's (3.1)."""
    ours = [record for record in records if _VERSION.match(record)]
    if len(ours) != 1:
        return None
    try:
        parts = [part.strip(" \t") for part in ours[0].decode("ascii").split(";")]
    except UnicodeDecodeError:
        return None
    if not parts[-1]:
        parts.pop()
    fields = [_FIELD.fullmatch(part) for part in parts[1:]]
    ids = [field[2] for field in fields if field is not None and field[1] == "id"]
    if None in fields or len(ids) != 1 or not _ID.fullmatch(ids[0]):
        return None
    return ids[0]


def parse(body: bytes) -> Text:
    """The policy in an answer's body; raises NoPolicy."""
    if len(body) > MAXIMUM_SIZE:
        raise NoPolicy(f"more than {MAXIMUM_SIZE} octets")
    try:
        lines = body.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise NoPolicy("no UTF-8") from None
    first: dict[str, str] = {}  # of what stands more than once the first counts
    hosts: dict[str, None] = {}
    for line in lines:
        key, colon, value = line.rstrip("\r \t").partition(":")
        if not (key or colon):
            continue
        if not colon or not _KEY.fullmatch(key):
            raise NoPolicy(f"no field: {line[:60]!r}")
        if key == "mx":
            hosts[_pattern(value.strip(" \t"))] = None
        else:
            first.setdefault(key, value.strip(" \t"))
    return _text(first, tuple(hosts))


def _text(fields: dict[str, str], hosts: tuple[str, ...]) -> Text:
    if fields.get("version") != "STSv1":
        raise NoPolicy("no version STSv1")
    try:
        mode = PolicyMode(fields.get("mode", ""))
    except ValueError:
        raise NoPolicy("no mode that is known") from None
    age = fields.get("max_age", "")
    if not re.fullmatch(r"[0-9]{1,10}", age):
        raise NoPolicy("no max_age")
    if mode is not PolicyMode.NONE and not hosts:
        raise NoPolicy("no mx")
    if len(hosts) > _MOST_HOSTS:
        raise NoPolicy(f"more than {_MOST_HOSTS} mx")
    if sum(map(len, hosts)) > _MOST_OCTETS:
        raise NoPolicy(f"more than {_MOST_OCTETS} octets of mx")
    return Text(mode, hosts, min(int(age), _MOST_AGE))


def _pattern(value: str) -> str:
    """A host name in lower-case A-labels, its first label perhaps "*"; raises NoPolicy."""
    star = "*." if value.startswith("*.") else ""
    try:
        name = ascii_domain(value.removeprefix(star).removesuffix("."))
    except AddressSyntax:
        name = "["
    if name.startswith("["):
        raise NoPolicy(f"no host name: {value[:60]!r}")
    return star + name
