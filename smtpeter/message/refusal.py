"""Why a message was refused or returned, in one word: the class of a failure.

The relay gives one to what a server says in the session, the returns room to what comes back later, so that the
operator reads the same words for both. Nothing follows from a class by itself: whether to try again is the reply's
matter, and who does not know says OTHER.
"""

from __future__ import annotations

import enum


class FailureClass(enum.StrEnum):
    """What a refusal is about. Only the first is about the address itself."""

    NO_SUCH_USER = "no such user"  # the mailbox does not exist
    NO_SUCH_DOMAIN = "no such domain"  # no such host, or one that takes no mail (RFC 7505)
    DISABLED = "mailbox disabled"  # it exists, and is inactive, suspended or has moved
    MAILBOX_FULL = "mailbox full"
    TOO_LARGE = "message too large"
    GREYLISTING = "greylisting"  # "come back in a few minutes"
    RATE = "rate"  # too much, too fast, too many connections
    REPUTATION = "reputation"  # block lists; an address or a domain that is not trusted
    AUTHENTICATION = "authentication"  # SPF, DKIM, DMARC, reverse DNS, TLS
    CONTENT = "content"  # taken for spam or a virus, or malformed
    POLICY = "policy"  # relaying denied, not allowed to send to this recipient
    INFRASTRUCTURE = "infrastructure"  # DNS, network, loops, a disk that is full, expiry
    OTHER = "other"
