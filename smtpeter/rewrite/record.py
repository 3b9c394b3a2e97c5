"""What one rewriter does to one leaf, written down place by place: the change, its target, and the finding."""

from __future__ import annotations

from smtpeter.message.edit import Finding, Slot, Target, Verdict
from smtpeter.rewrite import reference
from smtpeter.rewrite.change import Change, Rewritten
from smtpeter.rewrite.target import Reason, Tracked, Tracker

LONGEST_VALUE = 2_000  # characters of a URL in the report


class Record:
    """Numbers slots from `first`; `part` is the leaf's path, for the report."""

    def __init__(
        self, name: str, tracker: Tracker, text: str, part: str, first: int, *, is_unicode: bool
    ) -> None:
        self.rewritten = Rewritten([], [], [], [])
        self._name = name
        self._tracker = tracker
        self._text = text
        self._part = part
        self._number = first
        self._is_unicode = is_unicode
        self._prefixes = {quote: reference.encode(tracker.prefix, quote) for quote in ('"', "'", "")}
        self._offset, self._line = 0, 1  # characters before the offset, and the line that it stands in

    def judge(self, url: str) -> Tracked | Reason:
        """What the next tracked place would be if it led to `url`."""
        return self._tracker.track(url, self._number, is_unicode=self._is_unicode)

    def put(
        self, what: str, url: str, result: Tracked | Reason, span: tuple[int, int], quote: str | None = None
    ) -> None:
        """A URL at characters `span`: of plain text, or inside an attribute's value between these quotes."""
        if isinstance(result, Reason):
            self._find(Verdict.LEFT, what, span[0], url, result.value)
        elif quote is None:
            self._change(span, self._tracker.prefix, result.tail, result.url)
            self._find(Verdict.CHANGED, what, span[0], url)
        else:
            self._change(span, self._prefixes[quote], reference.encode(result.tail, quote), result.url)
            self._find(Verdict.CHANGED, what, span[0], url)

    def pixel(self, at: int, before: str, tail: str, after: str) -> None:
        """Markup inserted at character `at`, whose target has no URL."""
        self._change((at, at), before + self._prefixes['"'], tail + after, "")
        self._find(Verdict.CHANGED, "pixel", at, "")

    def note(self, text: str) -> None:
        self.rewritten.notes.append(f"part {self._part}: {text}")

    def removal(self, start: int, end: int) -> None:
        self.rewritten.changes.append(Change(start, end, ()))

    def _change(self, span: tuple[int, int], before: str, after: str, url: str) -> None:
        slot = Slot(self._tracker.kind, self._number)
        self._number += 1
        self.rewritten.changes.append(Change(span[0], span[1], (before, slot, after)))
        self.rewritten.targets.append(Target(self._tracker.kind, url))

    def _find(self, verdict: Verdict, what: str, at: int, url: str, reason: str = "") -> None:
        if at >= self._offset:
            self._line += self._text.count("\n", self._offset, at)
        else:
            self._line -= self._text.count("\n", at, self._offset)
        self._offset = at
        place = f"part {self._part}, {what}, line {self._line}"
        self.rewritten.findings.append(Finding(self._name, verdict, place, url[:LONGEST_VALUE], reason))
