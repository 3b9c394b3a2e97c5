"""The octets of what is attached: decoded, or fetched; all of it within the size of one message."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from smtpeter.web.api.compose import File
from smtpeter.web.api.interface import Aside, Fetch
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.shapes import Attachment

_LARGE = 1_000_000  # characters: decoding them takes milliseconds
_BLANKS = re.compile(r"[ \t\r\n]+")


class Files:
    """`limit`: octets of all files of a message together; `aside` is for what is large."""

    def __init__(self, fetch: Fetch, aside: Aside, limit: int) -> None:
        self._fetch = fetch
        self._aside = aside
        self._limit = limit

    async def read(self, attachments: Sequence[Attachment]) -> list[File]:
        """Raises Problem, which names the one that cannot be had."""
        files: list[File] = []
        left = self._limit
        for number, one in enumerate(attachments):
            where = f"attachments[{number}]"
            file = await self._file(one, where, left)
            left -= len(file.octets)
            if left < 0:
                raise Problem(413, f"all attachments together have more than {self._limit} octets", where)
            files.append(file)
        return files

    async def _file(self, one: Attachment, where: str, left: int) -> File:
        if (one.data is None) is (one.url is None):
            raise Problem(422, "expected data or url", where)
        if one.data is not None:
            octets = await self._decoded(one.data, f"{where}.data")
            return File(octets, one.name, one.type, one.cid)
        assert one.url is not None
        octets, kind = await self._fetch(one.url, f"{where}.url", left)
        return File(octets, one.name or _named(one.url), one.type or kind, one.cid)

    async def _decoded(self, text: str, where: str) -> bytes:
        if len(text) < _LARGE:
            return _decoded(text, where)
        octets: bytes = await self._aside(_decoded, text, where)
        return octets


def _decoded(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(_BLANKS.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        raise Problem(422, "no base64", where) from None


def _named(url: str) -> str:
    """What a URL ends in."""
    last = unquote(urlsplit(url).path.rpartition("/")[2])
    return last[:255] if last.isprintable() else ""
