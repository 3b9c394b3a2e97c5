"""Where lines, contents and replies begin and end in a stream of octets, however it is split. No I/O, no clock.

A content ends at CRLF.CRLF, or where BDAT says, and nowhere else: what some other server might take for an end (a bare
CR or LF, a NUL) refuses the whole message, after its true end has been found. All of it is linear in the octets, holds
no more of them than its limits say, and works by bulk operations on bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import IncrementalNewlineDecoder

from smtpeter.message.status import Refusal, Reply, refusal, split_enhanced
from smtpeter.smtp.limits import LIMITS

CRLF = b"\r\n"
_END = b"\r\n.\r\n"
_DOT = re.compile(rb"\r\n\.")
_BLOCK = 65_536  # octets of content that are looked at, or made ready to be written, at once


class LineTooLong(Exception):
    """A line over its limit came to its end and was dropped (reply 500 5.5.6, the session goes on)."""


class EndlessLine(Exception):
    """A line over its limit does not end (reply 500 5.5.6 and close)."""


class LineReader:
    """The server's input buffer. Lines end in CRLF only; a bare CR or LF stays inside its line.

    Usage: feed(data); while (line := reader.line(limit)) is not None: ...
    For DATA and BDAT: rest = content_reader.feed(reader.take(content_reader.wanted)); unless None: reader.unread(rest).
    """

    __slots__ = ("_buffer", "_dropped", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # so far there is no CRLF
        self._dropped = 0  # octets of a line that is too long

    def feed(self, data: bytes) -> None:
        """Add octets from the network."""
        self._buffer += data

    def line(self, limit: int) -> bytes | None:
        """Take the next line without its CRLF, None if it has not ended; `limit` octets count the CRLF. LineTooLong, EndlessLine."""
        end = self._buffer.find(CRLF, self._searched)
        if end < 0:
            self._await_end(limit)
            return None
        too_long = self._dropped or end + len(CRLF) > limit
        line = b"" if too_long else bytes(self._buffer[:end])
        del self._buffer[: end + len(CRLF)]
        self._searched = self._dropped = 0
        if too_long:
            raise LineTooLong
        return line

    def _await_end(self, limit: int) -> None:
        if len(self._buffer) >= limit:
            kept = 1 if self._buffer.endswith(b"\r") else 0
            self._dropped += len(self._buffer) - kept
            del self._buffer[: len(self._buffer) - kept]
            if self._dropped > LIMITS.endless_line:
                raise EndlessLine
        self._searched = max(0, len(self._buffer) - 1)

    def take(self, octets: int | None = None) -> bytes:
        """Take that many octets of what waits, or all of it, for a reader of content."""
        data = bytes(self._buffer[:octets])
        del self._buffer[:octets]
        self._searched = 0
        return data

    def unread(self, data: bytes) -> None:
        """Put octets back in front."""
        self._buffer[:0] = data
        self._searched = 0

    def clear(self) -> int:
        """Forget everything that waits (before TLS starts) and return how many octets that was."""
        waited = len(self._buffer) + self._dropped
        self._buffer.clear()
        self._searched = self._dropped = 0
        return waited

    def __len__(self) -> int:
        """Octets that wait."""
        return len(self._buffer)


def has_bare_octets(lines: bytes) -> bool:
    """Whether there is a NUL, or a CR or LF outside CRLF, in `lines`, which end in CRLF or are empty."""
    # The library's quickest pass over line ends: it notes which kinds it has seen, and makes no object for each line.
    ends = IncrementalNewlineDecoder(None, translate=False)
    for start in range(0, len(lines), _BLOCK):
        ends.decode(lines[start : start + _BLOCK].decode("latin-1"))
    ends.decode("", final=True)
    return b"\0" in lines or ends.newlines not in {None, "\r\n"}


def has_long_line(lines: bytes) -> bool:
    """Whether a line in `lines`, which end in CRLF or are empty, is over RFC 5321 4.5.3.1.6."""
    start = 0
    while len(lines) - start > LIMITS.text_line:  # one search per thousand octets, not one per line
        end = lines.rfind(b"\n", start, start + LIMITS.text_line)
        if end < 0:
            return True
        start = end + 1
    return False


class _ContentReader:
    """Keeps lines of content as they come in, or the reason why they are refused."""

    __slots__ = ("_kept", "_maximum_size", "refusal")

    refusal: Refusal | None  # set as soon as it is known; the end of the content must still be awaited

    def __init__(self, maximum_size: int) -> None:
        self._maximum_size = maximum_size
        self._kept = bytearray()
        self.refusal = None

    @property
    def size(self) -> int:
        """Octets of content kept so far, all in whole lines."""
        return len(self._kept)

    def refuse(self, refusal: Refusal) -> None:
        """Refuse, perhaps for a reason of the session's (memory, shutdown): what is kept is forgotten, the rest drained.

        The first refusal stands.
        """
        if self.refusal is None:
            self.refusal = refusal
            self._kept.clear()

    def _add(self, lines: bytes) -> None:
        """Keep `lines`, which end in CRLF or are empty, unless there is something against them."""
        if self.refusal is not None or not lines:
            return
        if len(self._kept) + len(lines) > self._maximum_size:
            self._refuse_size()
        elif has_bare_octets(lines):
            self._refuse_octets(
                "Bare CR, bare LF and NUL are not allowed in a message (RFC 5321 2.3.8, RFC 5322 2.3)"
            )
        elif has_long_line(lines):
            self._refuse_long_line()
        else:
            self._kept += lines

    def _refuse_size(self) -> None:
        self.refuse(
            refusal(552, "5.3.4", f"A message of more than {self._maximum_size} octets is not accepted")
        )

    def _refuse_octets(self, text: str) -> None:
        self.refuse(refusal(550, "5.6.0", text))

    def _refuse_long_line(self) -> None:
        # Nobody need carry such a line on, so no promise could be kept to deliver it as it came.
        self._refuse_octets(
            f"A line of more than {LIMITS.text_line - 2} octets is not allowed (RFC 5322 2.1.1)"
        )

    def content(self) -> bytes:
        """Return the content, when its end has come: CRLF lines, and CRLF at its end (empty if empty). Raises the Refusal."""
        if self.refusal is not None:
            raise self.refusal
        return bytes(self._kept)


class DataReader(_ContentReader):
    """Content after DATA, until CRLF.CRLF and nothing else; dots un-stuffed (RFC 5321 4.5.2).

    What is refused (size: 552 5.3.4; bare CR or LF, NUL, a line over 998 octets: 550 5.6.0) is drained to its true end,
    without being kept; `content()` then raises the Refusal.
    """

    __slots__ = ("_tail",)

    wanted: int | None = None  # octets that may be its own: there is no telling before its end

    def __init__(self, maximum_size: int) -> None:
        super().__init__(maximum_size)
        self._tail = CRLF  # the CRLF before the line that has not ended, and what there is of the line

    def feed(self, data: bytes) -> bytes | None:
        """None while the end has not come; then the octets behind it (perhaps none), which are the next command's."""
        block = self._tail + data
        dot = _DOT.search(block)
        end = -1 if dot is None else block.find(_END, dot.start())
        if end < 0 and self.refusal is not None:
            self._tail = block[-len(_END) + 1 :]
            return None
        cut = block.rfind(CRLF) if end < 0 else end
        if dot is not None and dot.start() < cut:
            self._add(block[: cut + len(CRLF)].replace(b"\r\n.", CRLF)[len(CRLF) :])
        else:
            self._add(block[len(CRLF) : cut + len(CRLF)])
        if end >= 0:
            return block[end + len(_END) :]
        self._tail = block[cut:]
        if len(self._tail) > LIMITS.text_line + len(CRLF):
            self._refuse_long_line()
        return None


class BdatReader(_ContentReader):
    """Content of BDAT chunks (RFC 3030) under the same rules as DataReader's; a missing last CRLF is added.

    Usage: begin(chunk.size), feed until it is not None, reply; after the chunk that says LAST: content().
    """

    __slots__ = ("_tail", "wanted")

    wanted: int  # octets that the chunk lacks

    def __init__(self, maximum_size: int) -> None:
        super().__init__(maximum_size)
        self.wanted = 0
        self._tail = b""  # what there is of the line that has not ended

    def begin(self, size: int) -> None:
        """Expect a chunk of `size` octets (0 is legal: feed(b"") then ends it)."""
        self.wanted = size
        if len(self._kept) + len(self._tail) + size > self._maximum_size:
            self._refuse_size()

    def feed(self, data: bytes) -> bytes | None:
        """None while octets of the chunk are missing; then the octets behind it."""
        part = data[: self.wanted]
        self.wanted -= len(part)
        if self.refusal is None:
            block = self._tail + part
            cut = block.rfind(CRLF) + len(CRLF) if CRLF in block else 0
            self._add(block[:cut])
            self._tail = block[cut:]
            if len(self._tail) >= LIMITS.text_line:
                self._refuse_long_line()
        return None if self.wanted else data[len(part) :]

    def content(self) -> bytes:
        """As DataReader.content."""
        if self._tail:
            self._add(self._tail + CRLF)
            self._tail = b""
        return super().content()


class ReplySyntax(Exception):
    """What the server sent is no reply (RFC 5321 4.2): the connection is of no more use, the message is deferred."""


_REPLY_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
# Nearly every reply: one line of printable ASCII, perhaps with an enhanced status code of the reply's own class.
_PLAIN_REPLY = re.compile(
    rb"(([2-5])[0-9]{2}) (?:((?=[245])\2\.(?:0|[1-9][0-9]{0,2})\.(?:0|[1-9][0-9]{0,2}))(?: ++|\Z))?([ -~]*+)"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class ReplyReader:
    """The client's input buffer: octets in, replies out, in bounded memory.

    LF alone ends a line too. Lines over 2,048 octets are cut, control characters become blanks, text that is no UTF-8 is escaped.
    """

    __slots__ = ("_buffer", "_code", "_lines", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # so far there is no LF
        self._code = b""
        self._lines: list[str] = []

    def feed(self, data: bytes) -> None:
        """Add octets from the network."""
        self._buffer += data

    def reply(self) -> Reply | None:
        """Take the next whole reply, or None.

        ReplySyntax: garbage, 0xx, 1xx, 6xx, codes that differ, more than 100 lines, a line without end.
        """
        while (line := self._line()) is not None:
            if not self._lines and (plain := _PLAIN_REPLY.fullmatch(line)) is not None:
                return Reply(int(plain[1]), (plain[3] or b"").decode("ascii"), plain[4].decode("ascii"))
            match = _REPLY_LINE.fullmatch(line)
            if match is None:
                raise ReplySyntax(f"this is no reply: {line[:80]!r}")
            if self._lines and match[1] != self._code:
                raise ReplySyntax(f"a reply changes its code from {self._code!r} to {match[1]!r}")
            if len(self._lines) == LIMITS.reply_lines:
                raise ReplySyntax(f"a reply has more than {LIMITS.reply_lines} lines")
            self._code = match[1]
            self._lines.append(_CONTROL.sub(" ", (match[3] or b"").decode("utf-8", "backslashreplace")))
            if match[2] != b"-":
                lines, self._lines = self._lines, []
                return _reply(int(self._code), lines)
        return None

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            if len(self._buffer) > LIMITS.endless_line:
                raise ReplySyntax("a line has no end")
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[: min(end, LIMITS.reply_line)]).rstrip(b"\r")
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    @property
    def is_empty(self) -> bool:
        """Nothing waits, not even half a reply (must hold before TLS starts, and while the session idles)."""
        return not self._buffer and not self._lines


def _reply(code: int, lines: list[str]) -> Reply:
    """Make one value of a reply's lines; its enhanced status code stands on each (RFC 2034 4), and agrees with its code."""
    split = [split_enhanced(line) for line in lines]
    enhanced = split[0][0]
    if not enhanced.startswith(str(code)[0]):
        return Reply(code, "", "\n".join(lines))
    texts = (text if own == enhanced else line for line, (own, text) in zip(lines, split, strict=True))
    return Reply(code, enhanced, "\n".join(texts))


class NotCanonical(ValueError):
    """The content has a bare CR, bare LF or NUL: no server must see it, since some would take it for two messages."""


def stuffed(content: bytes) -> Iterator[bytes]:
    """Yield what is to be written after 354, in blocks of whole lines: the content dot-stuffed (RFC 5321 4.5.2), a missing
    last CRLF, and the final `.CRLF`.

    Raises NotCanonical, at the call. A block has about 64 KB, so that making one holds nobody up.
    """
    if content and not content.endswith(CRLF):
        content += CRLF
    if has_bare_octets(content):
        raise NotCanonical("the content has a bare CR, a bare LF or a NUL")
    return _blocks(content)


def _blocks(content: bytes) -> Iterator[bytes]:
    start, length = 0, len(content)
    while start < length:
        end = content.rfind(CRLF, start, start + _BLOCK)
        if end < 0:  # a line longer than a block
            end = content.find(CRLF, start + _BLOCK - 1)
        end += len(CRLF)
        block = content[start:end].replace(b"\r\n.", b"\r\n..")
        yield b"." + block if block.startswith(b".") else block
        start = end
    yield b".\r\n"
