"""Whose mail a message is: the domain of its From field, as far as every reader finds the same one.

With another number of From fields than one, or an author that cannot be read, it is nobody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from smtpeter.message import header
from smtpeter.message.address import AddressSyntax, ascii_domain
from smtpeter.message.header import Field
from smtpeter.message.mailboxes import mailboxes

T = TypeVar("T")


def author_domain(content: bytes, authors: Sequence[Field]) -> str:
    """The first author's domain in lower case and A-labels, of all the From fields; "" for what cannot be read."""
    addresses = mailboxes(header.value(content, authors[0])) if len(authors) == 1 else ()
    first = addresses[0] if addresses else None
    try:
        return ascii_domain(first.domain) if first is not None else ""
    except AddressSyntax:
        return ""


def closest(domain: str, among: Mapping[str, T]) -> T | None:
    """What is known of this domain, or of the closest one above it; None when nothing is."""
    while domain:
        found = among.get(domain)
        if found is not None:
            return found
        domain = domain.partition(".")[2]
    return None
