"""What a server says, and what became of an attempt: Reply, Outcome, and Refusal.

`Outcome` is the one type by which rooms tell each other what happened and whether it is final; whoever
does not know says `deferred`, so that nobody loses mail by our ignorance.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

_ENHANCED = re.compile(r"([245])\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})(?=[ \t]|$)")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply (RFC 5321 4.2): code, enhanced status code (RFC 3463, "" when there is none), text lines joined by LF."""

    code: int
    enhanced: str
    text: str

    @property
    def is_permanent(self) -> bool:
        return 500 <= self.code < 600

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text.replace("\n", " "))))


def split_enhanced(text: str) -> tuple[str, str]:
    """Split a reply's text into its enhanced status code ("" if it has none) and the rest (RFC 2034 4)."""
    match = _ENHANCED.match(text)
    if match is None:
        return "", text
    return match[0], text[match.end() :].lstrip(" \t")


class Result(enum.StrEnum):
    """How an attempt, or a delivery, ended."""

    DELIVERED = "delivered"  # the next hop took responsibility (or the sandbox kept it)
    DEFERRED = "deferred"  # to be tried again
    FAILED = "failed"  # permanently refused
    EXPIRED = "expired"  # given up after its time


class Stage(enum.StrEnum):
    """Where in the conversation an attempt ended; the words of the product's `failures` log."""

    PROCESS = "process"  # before any conversation: expiry, suppression, our own trouble
    DNS = "dns"
    CONNECT = "connect"
    HANDSHAKE = "handshake"
    GREETING = "intro"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mailfrom"
    RCPT = "rcptto"
    DATA = "data"
    MESSAGE = "message"  # after the final dot
    SUPPRESSION = "suppression"  # the recipient is on the suppression list: nothing was tried
    BOUNCE = "bounce"  # later: the next hop took it, and a report of its failure came back


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt for one delivery.

    `reply` is what strangers may read (the remote server's words, or ours); `cause` is for the log only.
    `host` and `address` name the remote side ("" when it never came to that), `source` our own address.
    `dsn_offered` tells whether the next hop took over the duty to report success (RFC 3461 5.2.2).
    `duplicate_possible`: the connection was lost after the final dot (RFC 1047).
    """

    result: Result
    stage: Stage
    reply: Reply
    cause: str = ""
    host: str = ""
    address: str = ""
    source: str = ""
    tls: str = ""  # "TLSv1.3 TLS_AES_256_GCM_SHA384", or ""
    dsn_offered: bool = False
    duplicate_possible: bool = False

    @property
    def is_final(self) -> bool:
        return self.result is not Result.DEFERRED


class Refusal(Exception):
    """Something is refused with `reply`; `cause` is the truth for our log, which strangers never read.

    `retry_after`: the seconds after which it would not be refused for this any more, where they are known.
    """

    def __init__(self, reply: Reply, cause: str = "", retry_after: int | None = None) -> None:
        super().__init__(str(reply))
        self.reply = reply
        self.cause = cause
        self.retry_after = retry_after


def refusal(code: int, enhanced: str, text: str, cause: str = "") -> Refusal:
    """A Refusal with this reply."""
    return Refusal(Reply(code, enhanced, text), cause)
