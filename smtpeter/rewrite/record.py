"""What one rewriter does to one leaf, written down place by place: the change, its target, and the finding."""

from __future__ import annotations

from smtpeter.message.edit import Slot, Target
from smtpeter.rewrite import reference
from smtpeter.rewrite.change import Change, Lines, Rewritten, finding
from smtpeter.rewrite.target import Reason, Tracked, Tracker


class Record:
    """Numbers slots from `first`; `part` is the leaf's path, for the report."""

    def __init__(
        self, name: str, tracker: Tracker, text: str, part: str, first: int, *, is_unicode: bool
    ) -> None:
        self.rewritten = Rewritten([], [], [], [])
        self._name = name
        self._tracker = tracker
        self._lines = Lines(text)
        self._part = part
        self._first = first
        self._is_unicode = is_unicode
        self._prefixes = {quote: reference.encode(tracker.prefix, quote) for quote in ('"', "'", "")}

    @property
    def tracked(self) -> int:
        """How many places have been changed so far."""
        return len(self.rewritten.targets)

    def judge(self, url: str) -> Tracked | Reason:
        return self._tracker.track(url, self._first + self.tracked, is_unicode=self._is_unicode)

    def attribute(
        self, what: str, url: str, result: Tracked | Reason, span: tuple[int, int], quote: str
    ) -> None:
        """A URL at characters `span`, inside an attribute's value between these quotes."""
        if isinstance(result, Tracked):
            self._change(span, self._prefixes[quote], reference.encode(result.tail, quote), result.url)
        self._find(what, span[0], url, "" if isinstance(result, Tracked) else result.value)

    def plain(self, what: str, url: str, result: Tracked | Reason, span: tuple[int, int]) -> None:
        """A URL at characters `span` of plain text."""
        if isinstance(result, Tracked):
            self._change(span, self._tracker.prefix, result.tail, result.url)
        self._find(what, span[0], url, "" if isinstance(result, Tracked) else result.value)

    def pixel(self, at: int, before: str, tail: str, after: str) -> None:
        """Markup inserted at character `at`, whose target has no URL."""
        self._change((at, at), before + self._prefixes['"'], tail + after, "")
        self._find("pixel", at, "", "")

    def note(self, text: str) -> None:
        self.rewritten.notes.append(f"part {self._part}: {text}")

    def removal(self, start: int, end: int) -> None:
        self.rewritten.changes.append(Change(start, end, ()))

    def _change(self, span: tuple[int, int], before: str, after: str, url: str) -> None:
        changes, targets, _, _ = self.rewritten
        slot = Slot(self._tracker.kind, self._first + len(targets))
        changes.append(Change(*span, (before, slot, after)))
        targets.append(Target(self._tracker.kind, url))

    def _find(self, what: str, start: int, url: str, reason: str) -> None:
        place = f"part {self._part}, {what}, line {self._lines.at(start)}"
        self.rewritten.findings.append(finding(self._name, place, url, reason))
