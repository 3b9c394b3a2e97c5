"""A message made of JSON: pure, and the same for the same request and `mark`.

Text goes as it is where it is plain ASCII in short lines, else in quoted-printable or base64; what is attached goes in
base64. The structure is multipart/mixed (attachments) of multipart/related (embedded files) of multipart/alternative.
Date and Message-ID are given at submission to a message that has none.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from smtpeter.web.api import fields
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.shapes import Send, Unsubscribe

_LINE_END = re.compile(r"\r\n|\r|\n")
_TYPE = re.compile(r"([a-z]+)/[a-z0-9!#$&^_.+-]+")
_LONGEST_PLAIN = 900  # octets of a line that goes as it is; links may still grow
_PLAIN = "!$&'*+-/=?^_`{|}~@."  # of an address, what stays in a URL, besides letters and digits
_CID = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]+")
_URL = re.compile(r"[a-z][a-z0-9+.-]*:[\x21\x23-\x3b\x3d\x3f-\x7e]+", re.IGNORECASE)
# What is ours to say, or another parameter's.
_OURS = frozenset(
    ("from", "to", "cc", "bcc", "reply-to", "subject", "sender", "return-path", "received", "mime-version")
)


@dataclass(frozen=True, slots=True)
class File:
    """Something attached or, with a `cid`, embedded."""

    octets: bytes
    name: str = ""
    content_type: str = ""
    cid: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """Header fields, and the body they describe."""

    header: bytes
    body: bytes

    def octets(self) -> bytes:
        return self.header + b"\r\n" + self.body


def compose(send: Send, files: Sequence[File], mark: str) -> bytes:
    """The content; `mark` makes boundaries that no content has. Raises Problem."""
    header = b"".join(_header(send))
    attached = [_file(one, f"attachments[{number}]") for number, one in enumerate(files) if not one.cid]
    embedded = [_file(one, f"attachments[{number}]") for number, one in enumerate(files) if one.cid]
    texts = []
    if send.text is not None or send.html is None:
        texts.append(_text("plain", send.text or ""))
    if send.html is not None:
        html = _text("html", send.html)
        texts.append(_joined("related", f"{mark}r", [html, *embedded]) if embedded else html)
    else:
        attached = embedded + attached
    body = texts[0] if len(texts) == 1 else _joined("alternative", f"{mark}a", texts)
    if attached:
        body = _joined("mixed", f"{mark}m", [body, *attached])
    return header + b"MIME-Version: 1.0\r\n" + body.octets()


def _header(send: Send) -> Iterable[bytes]:
    senders = fields.mailboxes(send.from_, "from")
    if len(senders) != 1:
        raise Problem(422, "expected one sender", "from")
    yield fields.addresses("From", senders)
    for name, value, where in (
        ("Reply-To", send.replyto, "replyto"),
        ("To", send.to, "to"),
        ("Cc", send.cc, "cc"),
    ):
        if found := fields.mailboxes(value, where):
            yield fields.addresses(name, found)
    if send.subject is not None:
        yield fields.text("Subject", send.subject, "subject")
    if send.unsubscribe is not None:
        yield from _unsubscribe(send.unsubscribe)
    for where, given, prefix in (("extra", send.extra, "x-"), ("headers", send.headers, "")):
        for name, value in given.items():
            yield _other(name, value, f"{where}.{name}", prefix)


def _other(name: str, value: str, where: str, prefix: str) -> bytes:
    fields.field_name(name, where)
    low = name.lower()
    if not low.startswith(prefix):
        raise Problem(422, "expected a name that begins with x-", where)
    if low in _OURS or low.startswith(("content-", "list-unsubscribe", "dkim-")):
        raise Problem(422, "this header field is not set here", where)
    return fields.text(name, value, where)


def _unsubscribe(asked: Unsubscribe) -> Iterable[bytes]:
    """RFC 2369 3.2, RFC 8058 3.1."""
    places = []
    if asked.email:
        address = str(fields.address(asked.email, "unsubscribe.email"))
        # Beyond ASCII a URL has another form (RFC 6068 5), which asks nothing of the next host.
        places.append(f"<mailto:{address if address.isascii() else quote(address, safe=_PLAIN)}>")
    if asked.url:
        if _URL.fullmatch(asked.url) is None or len(asked.url) > _LONGEST_PLAIN:
            raise Problem(422, "no URL", "unsubscribe.url")
        places.append(f"<{asked.url}>")
    if not places:
        raise Problem(422, "expected an email or a url", "unsubscribe")
    yield fields.field("List-Unsubscribe", ", ".join(places))
    if asked.oneclick:
        if not asked.url.lower().startswith("https:"):
            raise Problem(422, "needs an https url (RFC 8058)", "unsubscribe.oneclick")
        yield b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def _text(subtype: str, text: str) -> _Part:
    octets = _LINE_END.sub("\r\n", text).encode("utf-8", "replace")
    if not octets.endswith(b"\r\n"):
        octets += b"\r\n"
    encoding, body = _encoded(octets)
    charset = "us-ascii" if octets.isascii() else "utf-8"
    header = f"Content-Type: text/{subtype}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return _Part(header.encode(), body)


def _encoded(octets: bytes) -> tuple[str, bytes]:
    """As it is, or whichever of the two encodings is the shorter (RFC 2045 6)."""
    if octets.isascii() and b"\0" not in octets and max(map(len, octets.split(b"\r\n"))) <= _LONGEST_PLAIN:
        return "7bit", octets
    if sum(octet > 0x7F for octet in octets[:4096]) * 4 > len(octets[:4096]):
        return "base64", _base64(octets)
    return "quoted-printable", _quoted(octets)


def _quoted(octets: bytes) -> bytes:
    """RFC 2045 6.7; the C function takes its line ends from the text, and writes soft ones as LF or CRLF alike."""
    coded = binascii.b2a_qp(octets, istext=True)
    return re.sub(rb"\r?\n", b"\r\n", coded)


def _base64(octets: bytes) -> bytes:
    """RFC 2045 6.8: lines of 76 characters."""
    coded = binascii.b2a_base64(octets, newline=False)
    return b"\r\n".join(coded[place : place + 76] for place in range(0, len(coded), 76)) + b"\r\n"


def _file(one: File, where: str) -> _Part:
    content_type = one.content_type.strip().lower() or "application/octet-stream"
    match = _TYPE.fullmatch(content_type)
    if match is None:
        raise Problem(422, "expected a media type such as image/png", f"{where}.type")
    if match[1] in {"message", "multipart"}:  # these cannot be in base64 (RFC 2046 5.1, 5.2)
        content_type = "application/octet-stream"
    name = fields.clean(one.name, f"{where}.name")
    shown = fields.parameter("filename", name) if name else ""
    disposition = ("inline" if one.cid else "attachment") + shown
    header = fields.field("Content-Type", content_type)
    header += fields.field("Content-Disposition", disposition)
    header += b"Content-Transfer-Encoding: base64\r\n"
    if one.cid:
        if _CID.fullmatch(one.cid.strip("<>")) is None:
            raise Problem(422, "expected printable ASCII", f"{where}.cid")
        header += fields.field("Content-ID", f"<{one.cid.strip('<>')}>")
    return _Part(header, _base64(one.octets))


def _joined(subtype: str, boundary: str, parts: Sequence[_Part]) -> _Part:
    """RFC 2046 5.1.1; "=_" stands in neither of the encodings."""
    delimiter = f"--=_{boundary}".encode()
    header = f'Content-Type: multipart/{subtype}; boundary="=_{boundary}"\r\n'
    body = b"".join(delimiter + b"\r\n" + part.octets() + b"\r\n" for part in parts)
    return _Part(header.encode(), body + delimiter + b"--\r\n")
