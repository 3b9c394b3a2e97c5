"""The mailboxes of a From field (RFC 5322 3.4).

Made for judging, not for showing: it never overlooks an address, and what it cannot read counts as a mailbox that
nobody may use. So does what another program could take for an address: before an angle bracket, and as the name of a
group, only a phrase may stand, and nothing behind. Linear in the field's length, which is bounded.
"""

from __future__ import annotations

import re

from smtpeter.message.address import Address, AddressSyntax, parse

_LONGEST = 65_536  # characters: no field is read that has more
# One piece of a mailbox list: quoted string, quoted pair, delimiter, or what is none of these. In a comment quotes
# mean nothing: a reader who thought so could be made to overlook an address.
_PIECE = re.compile(r'"(?:[^"\\]++|\\.)*"|\\.|[()<>,:;]|[^"\\()<>,:;]++|["\\]', re.DOTALL)
# What a phrase has besides quoted strings: atoms, blanks, and dots as RFC 5322 4.1 tolerates them.
_PHRASE_TEXT = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\"(),:;<>@\[\\\]]*")
_COMMENT_PIECE = re.compile(r"\\.|[()]|[^\\()]++|\\", re.DOTALL)


def mailboxes(text: str) -> list[Address | None]:
    """The mailboxes of a From field's value; None for each that cannot be read."""
    if len(text) > _LONGEST:
        return [None]
    found: list[Address | None] = []
    plain: list[str] = []  # what stands outside angles: an address, or a display name
    is_phrase = True  # and only a phrase so far
    angle: list[str] | None = None
    named = False  # this entry has had its angle address: nothing may follow
    depth = 0
    position = 0
    while match := (_COMMENT_PIECE if depth else _PIECE).match(text, position):
        piece, position = match[0], match.end()
        if depth or piece == "(":
            depth += (piece == "(") - (piece == ")")
        elif piece == ">" and angle is not None:
            found.append(_mailbox(angle))
            angle, named, plain = None, True, []
        elif angle is not None:
            angle.append(piece)
        elif piece == "<" and is_phrase and not named:
            angle = []
        elif piece == ":" and is_phrase and not named and not _is_blank(plain):
            plain = []  # it was the name of a group
        elif piece in {",", ";"}:
            if not _is_blank(plain):
                found.append(None if named else _mailbox(plain))
            plain, named, is_phrase = [], False, True
        else:
            plain.append(piece)
            is_phrase = is_phrase and _is_word(piece)
    if angle is not None or depth:
        found.append(None)
    elif not _is_blank(plain):
        found.append(None if named else _mailbox(plain))
    return found


def _is_blank(pieces: list[str]) -> bool:
    return not "".join(pieces).strip()


def _is_word(piece: str) -> bool:
    """Whether it may stand in a phrase: a quoted string, or such text."""
    return (piece[0] == '"' and len(piece) > 1) or _PHRASE_TEXT.fullmatch(piece) is not None


def _mailbox(pieces: list[str]) -> Address | None:
    try:
        return parse("".join(pieces).strip(), utf8=True)
    except AddressSyntax:
        return None
