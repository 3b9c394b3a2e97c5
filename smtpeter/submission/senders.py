"""Who may be named as the sender: a login's list of senders, and the mailboxes of a From field (RFC 5322 3.4).

The reader of From is made for judging, not for showing: it never overlooks an address. What it cannot read counts
as a mailbox that nobody may use. Linear in the field's length.
"""

from __future__ import annotations

import re

from smtpeter.message.address import Address, AddressSyntax, ascii_domain, parse

# One piece of a mailbox list: quoted string, quoted pair, delimiter, or what is none of these. In a comment quotes
# mean nothing: a reader who thought so could be made to overlook an address.
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"|\\.|[()<>,:;]|[^"\\()<>,:;]++|["\\]', re.DOTALL)
_COMMENT_PIECE = re.compile(r"\\.|[()]|[^\\()]++|\\", re.DOTALL)


def may_send_as(address: Address, senders: tuple[str, ...]) -> bool:
    """Whether the list allows this mailbox: () allows any.

    An entry is an address, a domain (`example.com`), or the subdomains of one (`.example.com`).
    """
    return not senders or any(_matches(address, entry) for entry in senders)


def _matches(address: Address, entry: str) -> bool:
    try:
        if "@" in entry:
            return parse(entry, utf8=True).key == address.key
        domain = ascii_domain(address.domain)
        if entry.startswith("."):
            return domain.endswith("." + ascii_domain(entry[1:]))
        return domain == ascii_domain(entry)
    except AddressSyntax:
        return False


def mailboxes(text: str) -> list[Address | None]:
    """The mailboxes of a From field's value; None for each that cannot be read."""
    found: list[Address | None] = []
    plain: list[str] = []  # what stands outside angles: an address, or a display name
    angle: list[str] | None = None
    named = False  # this entry has had its angle address
    depth = 0
    position = 0
    while match := (_COMMENT_PIECE if depth else _PIECE).match(text, position):
        piece, position = match[0], match.end()
        if depth or piece == "(":
            depth += (piece == "(") - (piece == ")")
        elif piece == "<" and angle is None and not named:
            angle = []
        elif piece == ">" and angle is not None:
            found.append(_mailbox(angle))
            angle, named, plain = None, True, []
        elif angle is not None:
            angle.append(piece)
        elif piece in {",", ";"}:
            if not named and "".join(plain).strip():
                found.append(_mailbox(plain))
            plain, named = [], False
        elif piece == ":":
            plain = []  # the name of a group
        else:
            plain.append(piece)
    if angle is not None or depth or (named and "".join(plain).strip()):
        found.append(None)
    elif not named and "".join(plain).strip():
        found.append(_mailbox(plain))
    return found


def _mailbox(pieces: list[str]) -> Address | None:
    try:
        return parse("".join(pieces).strip(), utf8=True)
    except AddressSyntax:
        return None
