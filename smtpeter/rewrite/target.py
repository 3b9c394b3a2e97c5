"""Where a link or image leads, and what its tracked form is, or why it has none.

The tracked form is `BASE/TOKEN/host/path?query#fragment`: the reader sees where it leads, and nothing is looked up to
redirect. Its tail is the URL's WHATWG serialisation, ASCII only, without user information or IPv6 literals.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from typing import NamedTuple

from smtpeter.message.edit import SlotKind
from smtpeter.message.token import TOKEN_LENGTH, Untrackable, tracked_tail

LONGEST = 2_000  # octets of a tracked URL: what all mail programs and browsers take
MOST = 5_000  # links and images of one message that are tracked; a token has room for 32,768


class Reason(enum.StrEnum):
    """Why a link or image was left as it was; `NONE`: it was not."""

    NONE = ""
    OPTED_OUT = "it is marked data-smtpeter-track"
    SCAM = "its text names another place than the tracking host (prevent scam warnings)"
    EMPTY = "it is empty"
    ANCHOR = "it leads to a place in the message itself"
    RELATIVE = "it is relative"
    SCHEME = "only http and https can be tracked"
    PLACEHOLDER = "it holds a template placeholder"
    USER = "it holds user information"
    IPV6 = "its host is an IPv6 literal"
    CHARSET = "its query has characters that browsers may encode in two ways in this charset"
    TRACKED = "it leads to the tracking host already"
    INSECURE = "it is https, and the tracking host is not"
    LONG = "it would become too long"
    MANY = "the message has too many links and images"
    INVALID = "it is not a valid URL"
    UNDECIDED = "where it ends cannot be decided"
    ESCAPED = "it is written with CSS escapes"
    PROPERTY = "it is not an image that mail programs load"


# What the serialiser gives back as it stands; most links are like this. No IPv4 (the last label is letters), no
# A-label, no dot segment, nothing that would be encoded, no port. A test compares it with the serialiser.
_PLAIN = re.compile(
    r"(https?)://((?:(?!xn--)[a-z0-9][a-z0-9-]*+\.)+[a-z]{2,}+)"
    r"(/[A-Za-z0-9._~%+,;=:@!$&()*/-]*+)?"
    r"((?:\?[A-Za-z0-9._~%+,;=:@!$&()*/?-]*+)?(?:#[A-Za-z0-9._~%+,;=:@!$&()*/?-]*+)?)"
)
_NOT_PLAIN = re.compile(r"/\.|/%2|%%")
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{%|%\}|\{[$#]|[$#]\{|%%|\*\||<%|\[%|\[\[")
_SCHEME = re.compile(r"[\x00-\x20]*+([A-Za-z][A-Za-z0-9+.\t\r\n-]*+):")
_SLASHES = re.compile(r"[\x00-\x20]*+[A-Za-z\t\r\n]++:[\t\r\n]*+/[\t\r\n]*+/([^/?#]*+)")
_LINE_ENDS = str.maketrans("", "", "\t\r\n")


class Tracked(NamedTuple):
    """`url` in its WHATWG serialisation; `tail` is what follows the token."""

    url: str
    tail: str


class Tracker:
    """Makes the tracked form of URLs; `base` is click_url or open_url, as it was validated."""

    def __init__(self, kind: SlotKind, base: str) -> None:
        self.kind = kind
        self.prefix = base.rstrip("/") + "/"
        scheme, _, rest = self.prefix.partition("://")
        self.host = _host(rest.partition("/")[0])
        self._refuses_https = scheme.lower() != "https" and not _is_loopback(self.host)
        self._room = LONGEST - len(self.prefix) - TOKEN_LENGTH

    def track(self, url: str, number: int, *, is_unicode: bool = True) -> Tracked | Reason:
        """`number`: of the message's tracked places; `is_unicode`: the text around is in UTF-8 or the like."""
        match = _PLAIN.fullmatch(url)
        if match is not None and not _NOT_PLAIN.search(url):
            scheme, host, path, rest = match.groups()
            tail = f"/{host}{path or '/'}{rest}"
        else:
            reason = self._judge(url, is_unicode=is_unicode)
            if reason:
                return reason
            scheme = _scheme(url)
            try:
                tail = tracked_tail(url)
            except Untrackable:
                return Reason.INVALID
            if tail.startswith(("/./", "/../")):
                return Reason.INVALID  # a host of dots would be a path segment that leads elsewhere
        if self._refuses_https and scheme == "https":
            return Reason.INSECURE
        if len(tail) > self._room:
            return Reason.LONG
        if number >= MOST:
            return Reason.MANY
        if url.startswith(self.prefix):
            return Reason.TRACKED
        return Tracked(f"{scheme}:/{tail}", tail)

    def _judge(self, url: str, *, is_unicode: bool) -> Reason:
        if _PLACEHOLDER.search(url):
            return Reason.PLACEHOLDER
        scheme = _scheme(url)
        if not scheme:
            stripped = url.strip("\t\n\f\r ")
            if not stripped:
                return Reason.EMPTY
            return Reason.ANCHOR if stripped.startswith("#") else Reason.RELATIVE
        if scheme not in {"http", "https"}:
            return Reason.SCHEME
        slashes = _SLASHES.match(url)
        if slashes is None:
            return Reason.RELATIVE  # `http:page`, read as relative to a base, or not
        if "\x00" in url or "\\" in slashes[1]:
            return Reason.INVALID  # browsers take a backslash for a slash, others do not
        if "@" in slashes[1]:
            return Reason.USER
        if slashes[1].startswith("["):
            return Reason.IPV6
        if not is_unicode and not url.partition("#")[0].partition("?")[2].isascii():
            return Reason.CHARSET
        return Reason.NONE


def _scheme(url: str) -> str:
    """In lower case; "" when there is none. Browsers remove tabs and line ends first."""
    match = _SCHEME.match(url)
    return match[1].translate(_LINE_ENDS).lower() if match else ""


def _host(authority: str) -> str:
    """Without port, in lower case, as A-labels (the setting is validated, so it has no user information)."""
    host = authority.lower()
    return host if host.endswith("]") else re.sub(r":\d*\Z", "", host)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
