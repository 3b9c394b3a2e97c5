"""What is in a message: its texts, its header fields, what is attached and what is embedded. Pure, and it never raises.

Strangers' charsets and encodings that cannot be read are shown as far as they can.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser

from smtpeter.message import header
from smtpeter.message.content import Part, leaves

_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Found:
    """A file in a message."""

    name: str
    content_type: str
    content_id: str
    octets: bytes


def text(content: bytes, subtype: str) -> str | None:
    """The first text of this subtype (plain, html) that is no attachment; None when there is none."""
    for leaf in leaves(content):
        if leaf.content_type == f"text/{subtype}" and leaf.disposition != "attachment":
            return _decoded(_octets(content, leaf), leaf.charset)
    return None


def header_section(content: bytes) -> str:
    """The header section as it stands, without the empty line."""
    found, _ = header.fields(content)
    section = content[: found[-1].end] if found else b""
    return _decoded(section, "utf-8")


def attachments(content: bytes) -> list[Found]:
    """Everything that is not shown with the message, in its order."""
    return [_found(content, leaf, described) for leaf, described in _files(content) if not _cid(described)]


def embeds(content: bytes) -> list[Found]:
    """What the HTML shows by its Content-ID (RFC 2392)."""
    return [_found(content, leaf, described) for leaf, described in _files(content) if _cid(described)]


def chosen(files: list[Found], wanted: str) -> Found | None:
    """The file with this name, or at this place (from 0)."""
    for one in files:
        if wanted in {one.name, one.content_id} - {""}:
            return one
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 and int(wanted) < len(files):
        return files[int(wanted)]
    return None


def _files(content: bytes) -> Iterator[tuple[Part, Message]]:
    texts: set[str] = set()
    for leaf in leaves(content):
        described = _described(content, leaf)
        shown = leaf.disposition != "attachment" and not described.get_filename()
        if shown and leaf.content_type in {"text/plain", "text/html"} and leaf.content_type not in texts:
            texts.add(leaf.content_type)
            continue
        yield leaf, described


def _described(content: bytes, leaf: Part) -> Message:
    section = b"".join(
        content[one.start : one.end] for one in leaf.fields if one.name.lower().startswith("content-")
    )
    return BytesHeaderParser().parsebytes(section[:65_536])


def _cid(described: Message) -> str:
    if described.get_content_disposition() == "attachment":
        return ""
    return str(described.get("Content-ID", "")).strip().strip("<>")[:_LONGEST_NAME]


def _found(content: bytes, leaf: Part, described: Message) -> Found:
    return Found(_name(described), leaf.content_type, _cid(described), _octets(content, leaf))


def _name(described: Message) -> str:
    try:
        name = described.get_filename() or ""
        return str(make_header(decode_header(name)))[:_LONGEST_NAME]
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ):  # the email package's, over names like no other
        return ""


def _octets(content: bytes, leaf: Part) -> bytes:
    body = content[leaf.start : leaf.end]
    if leaf.encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if leaf.encoding == "base64":
        return _from_base64(body)
    return body


def _from_base64(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        whole = len(body) // 4 * 4
        try:
            return binascii.a2b_base64(body[:whole])
        except binascii.Error:
            return body


def _decoded(octets: bytes, charset: str) -> str:
    try:
        return octets.decode(charset if charset != "us-ascii" else "utf-8", "replace")
    except (LookupError, ValueError):
        return octets.decode("iso-8859-1")
