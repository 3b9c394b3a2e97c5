"""The mailboxes of a From field (RFC 5322 3.4).

Made for judging, not for showing: it never overlooks an address, and what it cannot read counts as a mailbox that
nobody may use. Linear in the field's length, which is bounded.
"""

from __future__ import annotations

import re

from smtpeter.message.address import Address, AddressSyntax, parse

_LONGEST = 65_536  # characters: no field is read that has more
# One piece of a mailbox list: quoted string, quoted pair, delimiter, or what is none of these. In a comment quotes
# mean nothing: a reader who thought so could be made to overlook an address.
_PIECE = re.compile(r'"(?:[^"\\]++|\\.)*"|\\.|[()<>,:;]|[^"\\()<>,:;]++|["\\]', re.DOTALL)
_COMMENT_PIECE = re.compile(r"\\.|[()]|[^\\()]++|\\", re.DOTALL)


def mailboxes(text: str) -> list[Address | None]:
    """The mailboxes of a From field's value; None for each that cannot be read."""
    if len(text) > _LONGEST:
        return [None]
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
