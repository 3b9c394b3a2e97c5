"""The MIME structure of a message as parts by octet offset (RFC 2045, 2046).

Nothing is copied or decoded. Each part knows its header fields, the span of its body, and whether it is sealed: inside
something signed or encrypted, an attachment, or written in a way that two programs may read differently.
Strangers' bytes never raise here. Time is linear in the content, depth and number of parts are bounded; what is
malformed or beyond the bounds gives sealed parts or none.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import NamedTuple

from smtpeter.message import header
from smtpeter.message.header import Field

MAXIMUM_DEPTH = 100
MAXIMUM_PARTS = 10_000
MAXIMUM_LINES = (
    30_000  # that begin as a delimiter does, and are none, and fields of inner parts: patches have many
)
MAXIMUM_PART_HEADER = 65_536  # octets of an inner part's header section
_LONGEST_FIELD = 65_536  # octets of a field that describes a part
_MAXIMUM_BOUNDARY = 200  # octets; RFC 2046 5.1.1 allows 70, some programs write more

_ATOM = r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]++"
_TYPE = re.compile(rf"[ \t]*+({_ATOM}/{_ATOM})[ \t]*+(?:;|\(|\Z)")
_WORD = re.compile(rf"[ \t]*+({_ATOM})")
# Lenient with values that ought to be quoted (`boundary=a=b/c`), since all mail programs are.
_PARAMETER = re.compile(r';[ \t]*+([^\s=;"()]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]++|\\.)*)"|([^\s;"]*+))')
_ESCAPED = re.compile(r"\\(.)")
_IDENTITY = frozenset(("7bit", "8bit", "binary"))
_DESCRIBING = frozenset(("content-type", "content-transfer-encoding", "content-disposition"))


class Seal(enum.StrEnum):
    """Why a part must leave as it came, the stronger reason later; the texts complete "left alone: …"."""

    NONE = ""
    ATTACHMENT = "it is an attachment"
    REPORT = "it belongs to a report"
    SIGNED = "it is signed"
    ENCRYPTED = "it is encrypted"
    MALFORMED = "its MIME structure is malformed"


_STRENGTH = {seal: strength for strength, seal in enumerate(Seal)}


class Part(NamedTuple):
    """A part: its header section is `fields`, its body octets [start, end) of the content.

    `path` counts as IMAP does (RFC 3501 6.4.5): "1.2"; the message itself is "" when it is a multipart, else "1".
    `content_type` and `encoding` are in lower case, so are the names in `parameters`.
    """

    path: str
    content_type: str
    parameters: dict[str, str]
    encoding: str
    disposition: str
    fields: tuple[Field, ...]
    header_end: int  # where a field can be added: right after the last one
    start: int
    end: int
    seal: Seal

    @property
    def is_multipart(self) -> bool:
        return self.content_type.startswith("multipart/")

    @property
    def charset(self) -> str:
        """As written, in lower case (RFC 2045 5.2: us-ascii where there is none)."""
        return self.parameters.get("charset", "us-ascii").lower()


class _Open:
    """A multipart that has begun: its index among the parts, how many children it has had."""

    __slots__ = ("boundary", "children", "index")

    def __init__(self, boundary: bytes, index: int) -> None:
        self.boundary = boundary
        self.index = index
        self.children = 0


def parts(content: bytes) -> tuple[Part, ...]:
    """Every part in its order, each multipart before what it holds."""
    return _Walk(content).run()


def leaves(content: bytes) -> tuple[Part, ...]:
    """The parts that hold no others; a message inside the message (message/rfc822) is one."""
    return tuple(part for part in parts(content) if not part.is_multipart)


class _Walk:
    """One pass over the delimiter lines, with the stack of multiparts that are open."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._parts: list[Part] = []
        self._open: list[_Open] = []
        self._depth: dict[bytes, int] = {}  # boundary to its place in the stack
        self._leaf: int | None = None  # index of the leaf that has begun
        self._lines = 0  # that were looked at, as MAXIMUM_LINES counts them

    def run(self) -> tuple[Part, ...]:
        fields, body = header.fields(self._content)
        position = self._begin("", fields, 0, body, Seal.NONE, is_ended=self._is_ended(fields, 0, body))
        while self._open and len(self._parts) < MAXIMUM_PARTS and self._lines < MAXIMUM_LINES:
            newline = self._content.find(b"\n--", position)
            if newline < 0:
                break
            position = self._line(newline + 1)
        self._end_leaf(len(self._content))
        self._forget(0)
        return tuple(self._parts)

    def _line(self, start: int) -> int:
        """A line that starts with two hyphens; returns from where to look for the next."""
        content = self._content
        end = content.find(b"\r\n", start)
        end = len(content) if end < 0 else end
        if end - start > _MAXIMUM_BOUNDARY or content[start - 2 : start] != b"\r\n":
            self._lines += 1
            return max(start, end - 1)
        line = content[start + 2 : end].rstrip(b" \t")
        depth = self._depth.get(line)
        is_last = depth is None and line.endswith(b"--")
        if is_last:
            depth = self._depth.get(line[:-2])
        if depth is None:
            self._lines += 1
            return end
        self._end_leaf(start - 2)
        self._forget(depth + 1)
        if is_last:
            self._close(start - 2)
            return end
        return self._part(min(end + 2, len(content)))

    def _part(self, start: int) -> int:
        parent = self._open[-1]
        parent.children += 1
        outer = self._parts[parent.index]
        path = f"{outer.path}.{parent.children}" if outer.path else str(parent.children)
        end = min(len(self._content), start + MAXIMUM_PART_HEADER)
        fields, body = header.fields(self._content, start, end)
        self._lines += len(fields)
        if not self._is_ended(fields, start, body):
            fields, body = (), start
            return self._begin(path, fields, start, body, outer.seal, is_ended=False)
        return self._begin(path, fields, start, body, outer.seal, is_ended=True)

    def _is_ended(self, fields: tuple[Field, ...], start: int, body: int) -> bool:
        """Whether the header section ends in an empty line, and no delimiter line was taken for a field."""
        end = fields[-1].end if fields else start
        return (
            self._content[end:body] == b"\r\n"
            and (end == start or self._content[end - 2 : end] == b"\r\n")
            and not any(field.name.startswith("--") for field in fields)
        )

    def _begin(
        self, path: str, fields: tuple[Field, ...], start: int, body: int, outer: Seal, *, is_ended: bool
    ) -> int:
        described = _describe(self._content, fields, self._default_type()) if is_ended else None
        content_type, parameters, encoding, disposition = described or ("text/plain", {}, "7bit", "")
        own = _seal(content_type, parameters, disposition) if described else Seal.MALFORMED
        boundary = None
        if content_type.startswith("multipart/"):
            boundary = self._boundary(parameters) if encoding in _IDENTITY else None
            own = own if boundary else Seal.MALFORMED
        seal = max(outer, own, key=_STRENGTH.__getitem__)
        header_end = fields[-1].end if fields else start
        end = len(self._content)
        path = path or ("" if boundary else "1")
        part = Part(
            path, content_type, parameters, encoding, disposition, fields, header_end, body, end, seal
        )
        if boundary is None:
            self._leaf = len(self._parts)
        else:
            self._depth[boundary] = len(self._open)
            self._open.append(_Open(boundary, len(self._parts)))
        self._parts.append(part)
        return max(body - 1, 0)

    def _boundary(self, parameters: dict[str, str]) -> bytes | None:
        """None when it is missing, too long, or such that its delimiter lines could be another's."""
        text = parameters.get("boundary", "").rstrip(" \t")
        if not text or not text.isascii() or len(text) > _MAXIMUM_BOUNDARY - 4:
            return None
        if len(self._open) >= MAXIMUM_DEPTH:
            return None
        boundary = text.encode("ascii")
        rivals = (boundary, boundary + b"--", boundary.removesuffix(b"--"))
        return None if any(rival in self._depth for rival in rivals) else boundary

    def _default_type(self) -> str:
        """RFC 2046 5.1.5."""
        inside_digest = self._open and self._parts[self._open[-1].index].content_type == "multipart/digest"
        return "message/rfc822" if inside_digest else "text/plain"

    def _end_leaf(self, end: int) -> None:
        if self._leaf is not None:
            part = self._parts[self._leaf]
            self._parts[self._leaf] = part._replace(end=max(part.start, end))
            self._leaf = None

    def _close(self, end: int) -> None:
        """The innermost multipart has had its last delimiter."""
        closed = self._open.pop()
        del self._depth[closed.boundary]
        part = self._parts[closed.index]
        self._parts[closed.index] = part._replace(end=max(part.start, end))

    def _forget(self, depth: int) -> None:
        """Multiparts from `depth` on end without their last delimiter: all that they hold is sealed."""
        if len(self._open) <= depth:
            return
        first = self._open[depth].index
        for index in range(first, len(self._parts)):
            part = self._parts[index]
            if part.seal is not Seal.MALFORMED:
                self._parts[index] = part._replace(seal=Seal.MALFORMED)
        for unclosed in self._open[depth:]:
            del self._depth[unclosed.boundary]
        del self._open[depth:]


def _describe(
    content: bytes, fields: Iterable[Field], default_type: str
) -> tuple[str, dict[str, str], str, str] | None:
    """Content type, parameters, encoding and disposition; None when a field is doubled, endless, or makes no sense."""
    values: dict[str, str] = {}
    for field in fields:
        name = field.name.lower()
        if name in _DESCRIBING:
            if name in values or field.end - field.start > _LONGEST_FIELD:
                return None
            values[name] = header.value(content, field)
    content_type, parameters = default_type, dict[str, str]()
    if "content-type" in values:
        read = _media_type(values["content-type"])
        if read is None:
            return None
        content_type, parameters = read
    encoding = _WORD.match(values.get("content-transfer-encoding", "7bit"))
    raw_disposition = values.get("content-disposition", "")
    disposition = _WORD.match(raw_disposition)
    if encoding is None or (raw_disposition and disposition is None):
        return None
    if "filename" in raw_disposition.lower():
        parameters = {**parameters, "name": parameters.get("name", "") or "file"}
    return content_type, parameters, encoding[1].lower(), disposition[1].lower() if disposition else ""


def _media_type(text: str) -> tuple[str, dict[str, str]] | None:
    """RFC 2045 5.1; None when there is no type, or two values for one parameter."""
    match = _TYPE.match(text)
    if match is None:
        return None
    parameters: dict[str, str] = {}
    for found in _PARAMETER.finditer(text, match.end(1)):
        name = found[1].lower()
        value = found[3] if found[2] is None else _ESCAPED.sub(r"\1", found[2])
        if parameters.setdefault(name, value) != value:
            return None
    return match[1].lower(), parameters


def _seal(content_type: str, parameters: dict[str, str], disposition: str) -> Seal:
    if content_type == "multipart/signed":
        return Seal.SIGNED
    if content_type == "multipart/encrypted":
        return Seal.ENCRYPTED
    if content_type == "multipart/report":
        return Seal.REPORT
    # RFC 2183 2.8: what is not known as inline is an attachment. A file name makes a file of it, too.
    if disposition not in {"", "inline"} or any(name.startswith("name") for name in parameters):
        return Seal.ATTACHMENT
    return Seal.NONE
