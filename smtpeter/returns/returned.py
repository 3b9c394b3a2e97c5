"""A message that came back, read for recognition: its fields, what it says in words, its reports, what it returns.

Reading never raises and is bounded: of a message of any size only the first octets of each part are decoded. Text
comes in two forms: `text`, its lines as they stand, and `words`, the same case-folded with single blanks, in which
the phrases of the tables are looked for wherever a line was broken.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from smtpeter.message import charset, header
from smtpeter.message.content import Part, Seal, parts
from smtpeter.message.encoded import decoded
from smtpeter.returns.phrases import RETURNED_BELOW

MAXIMUM_TEXT = 32_768  # characters of text that are looked at; what matters stands at the beginning
_MAXIMUM_VALUE = 2_000  # characters of a field
_MAXIMUM_LEAVES = 50
_TAG = re.compile(r"<[^<>]*>")
_LINE_TAG = re.compile(r"<(?:br|/?p|/?div|/?tr|/?h[1-6]|/?li)\b[^<>]{0,200}>", re.IGNORECASE)
# What people quote, and the returned message's subject, which may say anything.
_QUOTED_LINE = re.compile(
    r"^[ \t]*(?:>.*|(?:subject|betreff|objet|asunto|oggetto|assunto|onderwerp|temat|тема|ämne|emne|件名|主题|主題) ?:.*)$",
    re.MULTILINE | re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# In languages without blanks words stand right beside an address, so their letters are taken for none of it.
_LETTERS = r"[^\s<>()\[\],;:\"'@\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]"
_ADDRESS = re.compile(rf"{_LETTERS}{{1,64}}@{_LETTERS}{{1,255}}")
_RETURNED_BELOW = re.compile("|".join(RETURNED_BELOW), re.MULTILINE | re.IGNORECASE)
_EMBEDDED = frozenset(("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"))
_STATUS = frozenset(("message/delivery-status", "message/global-delivery-status"))
_RECEIPT = frozenset(("message/disposition-notification", "message/global-disposition-notification"))

Group = Mapping[str, str]  # field names in lower case


@dataclass(frozen=True, slots=True)
class Returned:
    """What there is to judge by. Everything but `text` and `content` is in lower case where case means nothing."""

    content: bytes
    fields: Group  # the first field of each name
    subject: str  # decoded (RFC 2047), case-folded
    sender: str  # the address in From, case-folded, "" when there is none
    is_from_null: bool  # it came with the null return path
    content_type: str
    report_type: str
    text: str
    words: str
    status: (
        tuple[Group, ...] | None
    )  # the groups of a delivery status part (RFC 3464), None when there is none
    receipt: Group | None  # a disposition notification (RFC 8098)
    feedback: Group | None  # a feedback report (RFC 5965)
    embedded: tuple[Part, ...]  # the message, or its header, that is returned


def read(content: bytes, *, is_from_null: bool | None) -> Returned:
    """Read a message; `is_from_null`, when the envelope is not known, is what its Return-Path field says."""
    found = parts(content)
    top = found[0]
    fields = _named(content, top.fields)
    leaves = [part for part in found if not part.is_multipart][:_MAXIMUM_LEAVES] or [top]
    text = _text(content, leaves)
    if is_from_null is None:
        is_from_null = fields.get("return-path") == "<>"
    status = _first(leaves, _STATUS)
    receipt = _first(leaves, _RECEIPT)
    feedback = _first(leaves, frozenset(("message/feedback-report",)))
    return Returned(
        content=content,
        fields=fields,
        subject=fold(decoded(fields.get("subject", ""))),
        sender=_address(fields.get("from", "")).casefold(),
        is_from_null=is_from_null,
        content_type=top.content_type,
        report_type=top.parameters.get("report-type", "").lower(),
        text=text,
        words=fold(text),
        status=None if status is None else groups(decoded_text(content, status)),
        receipt=None if receipt is None else _merged(groups(decoded_text(content, receipt))),
        feedback=None if feedback is None else _merged(groups(decoded_text(content, feedback))),
        embedded=tuple(leaf for leaf in leaves if leaf.content_type in _EMBEDDED),
    )


def fold(text: str) -> str:
    """Text in the form in which phrases are looked for: case-folded, runs of white space are one blank."""
    return " ".join(text.casefold().replace("\u2019", "'").split())


def groups(text: str) -> tuple[Group, ...]:
    """Groups of fields parted by empty lines, as in a delivery status (RFC 3464 2.1); what is no field is passed by."""
    found: list[dict[str, str]] = []
    current: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if not line.strip():
            current, name = {}, ""
        elif line[0] in " \t" and name:
            current[name] = f"{current[name]} {line.strip()}"[:_MAXIMUM_VALUE]
        else:
            head, colon, value = line.strip().partition(":")
            name = head.rstrip().lower() if colon and " " not in head.rstrip() else ""
            if name and name not in current:
                if not current:
                    found.append(current)
                current[name] = value.strip()[:_MAXIMUM_VALUE]
            else:
                name = ""
    return tuple(found)


def decoded_text(content: bytes, part: Part) -> str:
    """The beginning of a leaf, its transfer encoding and charset undone as far as that goes."""
    raw = content[part.start : min(part.end, part.start + 4 * MAXIMUM_TEXT)]
    octets = _plain_octets(raw, part.encoding)
    codec = charset.codec(part.charset, octets)
    codec = "utf_8" if codec in {None, "ascii"} else codec
    text = octets.decode(codec, "replace")
    if codec == "utf_8" and "\ufffd" in text[:MAXIMUM_TEXT]:
        text = octets.decode("cp1252", "replace")
    return text[:MAXIMUM_TEXT].replace("\r\n", "\n")


def one_line(text: str, longest: int = 500) -> str:
    """A stranger's words on one line, printable and bounded."""
    line = " ".join(text[: 4 * longest].split())
    return "".join(c if c.isprintable() else "?" for c in line)[:longest].strip()


def addresses(text: str) -> Iterator[str]:
    """Everything that looks like an address, in its order, without the punctuation of the sentence around it."""
    return (match[0].strip("*`.") for match in _ADDRESS.finditer(text))


def _plain_octets(raw: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return binascii.a2b_qp(raw)
    if encoding == "base64":
        alphabet = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
        return binascii.a2b_base64(alphabet[: len(alphabet) // 4 * 4] or b"")
    return raw


def _named(content: bytes, fields: Iterable[header.Field]) -> dict[str, str]:
    named: dict[str, str] = {}
    for field in fields:
        bounded = field._replace(end=min(field.end, field.value_start + 2 * _MAXIMUM_VALUE))
        named.setdefault(field.name.lower(), header.value(content, bounded)[:_MAXIMUM_VALUE])
    return named


def _address(value: str) -> str:
    """The address in angle brackets, else the first that looks like one."""
    before, angle, rest = value.rpartition("<")
    found = next(addresses(rest if angle else value), "")
    return found or next(addresses(before), "")


def _first(leaves: Iterable[Part], types: frozenset[str]) -> Part | None:
    return next((leaf for leaf in leaves if leaf.content_type in types), None)


def _merged(found: tuple[Group, ...]) -> Group:
    """All groups as one, earlier ones first: some programs write empty lines where there are none."""
    merged: dict[str, str] = {}
    for group in reversed(found):
        merged.update(group)
    return merged


def _text(content: bytes, leaves: list[Part]) -> str:
    """What the program, or the person, says: readable leaves before the returned message, without what they quote."""
    readable: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    for leaf in leaves:
        if leaf.content_type in _EMBEDDED and readable["text/plain"] + readable["text/html"]:
            break
        kind = leaf.content_type if leaf.content_type in readable else ""
        if leaf.content_type.startswith("multipart/"):  # one whose delimiters were lost
            kind = "text/plain"
        if kind and leaf.seal is not Seal.ATTACHMENT:
            readable[kind].append(decoded_text(content, leaf))
    plain = "\n".join(readable["text/plain"])[:MAXIMUM_TEXT]
    text = plain if plain.strip() else _from_html("\n".join(readable["text/html"])[:MAXIMUM_TEXT])
    below = _RETURNED_BELOW.search(text)
    return _CONTROL.sub("", _QUOTED_LINE.sub("", text[: below.start()] if below else text))


def _from_html(source: str) -> str:
    text = _TAG.sub(" ", _LINE_TAG.sub("\n", source))
    try:
        return html.unescape(text)
    except ValueError:  # a character reference of thousands of digits
        return text
