"""The manual's blocks: what stands in a fence, and the comment right above it, which says what a test does with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.kit.daemon import ROOT

_FENCE = re.compile(
    r"(?:^<!-- (?P<mark>.*?) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the language it says, its mark (what is before a colon, and what after), its text."""

    page: Path
    kind: str
    mark: str
    detail: str
    text: str


def pages() -> list[Path]:
    return sorted((ROOT / "docs/manual").glob("*.md"))


def blocks(page: Path) -> list[Block]:
    """All of a page, in order."""
    found = []
    for match in _FENCE.finditer(page.read_text("utf-8")):
        mark, _, detail = (match["mark"] or "").partition(": ")
        found.append(Block(page, match["kind"], mark, detail, match["text"]))
    return found


def settings(mark: str, detail: str) -> str:
    """The text of the one block with this mark."""
    [found] = [one for page in pages() for one in blocks(page) if (one.mark, one.detail) == (mark, detail)]
    return found.text


def main_cf(text: str) -> dict[str, str]:
    """Lines of main.cf as settings."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
