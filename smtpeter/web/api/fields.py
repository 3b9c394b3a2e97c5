"""Header fields of a message that is made of JSON (RFC 5322, RFC 2047, RFC 2231).

The email package's own policies turn a long word, such as the URL in List-Unsubscribe, into encoded words, which no
mail program reads there; so lines are folded here, at blanks and nowhere else. No line end can get into a field.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from email.utils import encode_rfc2231

from smtpeter.message import identifier
from smtpeter.message.address import Address, AddressSyntax, ascii_domain, parse
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.shapes import Mailbox, Mailboxes

_LINE = 76
_WORD_OCTETS = 39  # of an encoded word, which so has 64 characters
_LONGEST_WORD = 990  # octets: one line of a header field (RFC 5322 2.1.1)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,75}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
# A display name and an address in angles, or an address alone; the name may be quoted, and hold commas then. A quote
# that is not closed takes the rest: to look for its end from each quote within it would take quadratic time.
_PIECE = re.compile(r'"(?:[^"\\]++|\\.)*(?:"|\Z|\\\Z)|,|<[^<>]*+>|[^",<]++|<', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
_MOST_MAILBOXES = 1000

Shown = tuple[str, Address]  # display name ("" when there is none) and address


def field(name: str, value: str) -> bytes:
    """One field, CRLF included; `value` is ASCII or has encoded words already, but for addresses under RFC 6532."""
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if len(line) + 1 + len(word) > _LINE and line.strip() not in {"", f"{name}:"}:
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line]).encode() + b"\r\n"


def text(name: str, value: str, where: str) -> bytes:
    """An unstructured field (RFC 5322 2.2.1), in encoded words where it is not ASCII."""
    clean(value, where)
    value = value.replace("\t", " ").strip()
    if value.isascii() and "=?" not in value and max(map(len, value.split(" "))) <= _LONGEST_WORD:
        return field(name, value)
    return field(name, encoded(value))


def encoded(value: str) -> str:
    """The text in encoded words (RFC 2047), separated by blanks, each of whole characters."""
    words, octets = [], b""
    for character in value:
        more = character.encode("utf-8", "replace")
        if len(octets) + len(more) > _WORD_OCTETS:
            words.append(octets)
            octets = b""
        octets += more
    return " ".join(
        f"=?utf-8?b?{binascii.b2a_base64(word, newline=False).decode('ascii')}?=" for word in [*words, octets]
    )


def clean(value: str, where: str) -> str:
    """The value; raises Problem when it has line ends or other control characters."""
    if _CONTROL.search(value.replace("\t", " ")):
        raise Problem(422, "a header field cannot have line ends or control characters", where)
    return value


def field_name(name: str, where: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise Problem(422, "this cannot be the name of a header field", where)
    return name


def address(value: str, where: str) -> Address:
    """A pure address; raises Problem."""
    try:
        read = parse(value.strip(), utf8=True)
        # What can be written in ASCII needs nothing of the next host (RFC 5890).
        return Address(read.local_part, ascii_domain(read.domain)) if read.local_part.isascii() else read
    except AddressSyntax as error:
        raise Problem(422, f"no mail address: {error}", where) from None


def identified(value: str, where: str) -> int:
    """The number of an identifier as it is shown; raises Problem."""
    try:
        return identifier.read(value)
    except identifier.NotAnIdentifier as error:
        raise Problem(422, str(error), where) from None


def addresses(name: str, mailboxes: Iterable[Shown]) -> bytes:
    """A field of mailboxes (RFC 5322 3.4)."""
    return field(name, ", ".join(_shown(*one) for one in mailboxes))


def _shown(name: str, mailbox: Address) -> str:
    if not name:
        return str(mailbox)
    if not name.isascii() or "=?" in name:
        return f"{encoded(name)} <{mailbox}>"
    if _ATOMS.fullmatch(name):
        return f"{name} <{mailbox}>"
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{mailbox}>'


def mailboxes(value: Mailboxes | None, where: str) -> list[Shown]:
    """The mailboxes of `from`, `to` and their like; raises Problem, which names the one that is wrong."""
    if value is None:
        return []
    found: list[Shown] = []
    several = isinstance(value, list)
    for number, one in enumerate(value if isinstance(value, list) else [value]):
        place = f"{where}[{number}]" if several else where
        if isinstance(one, Mailbox):
            found.append((clean(one.name, place).strip(), address(one.address, place)))
        else:
            found.extend(_listed(one, place))
        if len(found) > _MOST_MAILBOXES:
            raise Problem(422, f"more than {_MOST_MAILBOXES} mailboxes", where)
    return found


def _listed(line: str, where: str) -> Iterable[Shown]:
    """A comma list of addresses, with or without names."""
    clean(line, where)
    name: list[str] = []
    angle: str | None = None
    for piece in [*_PIECE.findall(line), ","]:
        if piece == ",":
            words = "".join(name).strip()
            if angle is not None:
                yield _unquoted(words), address(angle, where)
            elif words:
                yield "", address(words, where)
            name, angle = [], None
        elif piece.startswith("<") and len(piece) > 1:
            if angle is not None:
                raise Problem(422, "no mail address: two in angle brackets", where)
            angle = piece[1:-1]
        elif angle is not None and piece.strip():
            raise Problem(422, "no mail address: something follows its angle brackets", where)
        else:
            name.append(piece)


def _unquoted(words: str) -> str:
    if len(words) > 1 and words[0] == words[-1] == '"':
        return _ESCAPED.sub(r"\1", words[1:-1])
    return words


def parameter(name: str, value: str) -> str:
    """`; name="value"`, as RFC 2231 has it where it is not ASCII."""
    if value.isascii():
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'; {name}="{quoted}"'
    return f"; {name}*={encode_rfc2231(value, 'utf-8')}"
