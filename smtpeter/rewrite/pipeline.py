"""Prepare: once a message, what the switches ask is decided and compiled to a wire template.

The rewriters are a tuple, in their order. Each sees one leaf's characters and says which it wants changed; what comes
out is proved and compiled by `leaf`. A rewriter that raises, or a leaf that cannot be read or changed safely, costs
that feature there, with a note in the report; never the message. Nothing to do: only the header edits are made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from smtpeter.message import charset, content
from smtpeter.message.content import Part
from smtpeter.message.edit import (
    Edit,
    Finding,
    Report,
    SlotKind,
    Target,
    Template,
    compile_template,
)
from smtpeter.message.options import Switches
from smtpeter.rewrite import html, images, leaf, links, text
from smtpeter.rewrite.campaign import Campaigns, Judging, made_of
from smtpeter.rewrite.change import LeftAlone, Rewritten, joined
from smtpeter.rewrite.leaf import Leaf
from smtpeter.rewrite.record import Record
from smtpeter.rewrite.settings import Settings
from smtpeter.rewrite.stretches import Stretches
from smtpeter.rewrite.target import Tracker

LARGEST_LEAF = 1_000_000  # characters; this runs beside the conversations, and no newsletter comes near
_INLINE_PGP = "-----BEGIN PGP "

_SELECTED = (
    "a style sheet selects elements by href, src or background: once tracked, they may match no longer"
)
_SELECTOR = re.compile(r"\[[\t\n\f\r ]*+(?:href|src|background)(?![\w-])", re.IGNORECASE | re.ASCII)
_SHEET = re.compile(r"<style(?=[\t\n\f\r />])", re.IGNORECASE | re.ASCII)
_SHEET_END = re.compile(r"</style", re.IGNORECASE | re.ASCII)

_NONE: frozenset[str] = frozenset()
_LINK_STARTS = html.tag_starts(links.TAGS)
_STARTS = {
    (True, False, False): _LINK_STARTS,
    (True, True, False): html.tag_starts(links.TAGS_AND_ENDS),
    (False, False, True): html.tag_starts(images.TAGS),
    (True, False, True): html.tag_starts((*links.TAGS, *images.TAGS)),
    (True, True, True): html.tag_starts((*links.TAGS_AND_ENDS, *images.TAGS)),
}


Trackers = Mapping[SlotKind, Tracker]  # of those hosts that are set


def _trackers(settings: Settings) -> Trackers:
    bases = {SlotKind.CLICK: settings.click_url, SlotKind.OPEN: settings.open_url}
    return {kind: Tracker(kind, base) for kind, base in bases.items() if base}


class Job:
    """One leaf in the hands of the rewriters."""

    def __init__(self, leaf: Leaf, switches: Switches, trackers: Trackers, *, is_first: bool) -> None:
        self.leaf = leaf
        self.switches = switches
        self.trackers = trackers
        self.is_first = is_first  # the first HTML leaf of the message, which gets the pixel
        self.notes: list[str] = []

    @cached_property
    def page(self) -> html.Page:
        """The tags that the rewriters in use look at."""
        clicks, opens = self.switches.track_clicks, self.switches.track_opens
        starts = _STARTS[clicks, clicks and self.switches.prevent_scam, opens]
        attributes = (links.ATTRIBUTES if clicks else _NONE) | (images.ATTRIBUTES if opens else _NONE)
        page = html.scan(self.leaf.text, starts, images.INSIDE if opens else (), attributes)
        self.note(page.notes)
        return page

    @property
    def label_host(self) -> str | None:
        """The host that the text of links may name, where scam warnings are prevented."""
        is_asked = self.switches.track_clicks and self.switches.prevent_scam
        return self.trackers[SlotKind.CLICK].host if is_asked and SlotKind.CLICK in self.trackers else None

    def note(self, notes: Iterable[str]) -> None:
        self.notes.extend(f"part {self.leaf.part.path}: {note}" for note in notes)

    def record(self, name: str, kind: SlotKind, first: int) -> Record:
        """What a rewriter writes its changes down in."""
        is_unicode = charset.is_unicode(self.leaf.codec)
        return Record(
            name, self.trackers[kind], self.leaf.text, self.leaf.part.path, first, is_unicode=is_unicode
        )


def _track_clicks(job: Job, first: int) -> Rewritten:
    record = job.record(links.NAME, SlotKind.CLICK, first)
    links.rewrite(job.page, record, job.label_host)
    return record.rewritten


def _track_opens(job: Job, first: int) -> Rewritten:
    record = job.record(images.NAME, SlotKind.OPEN, first)
    images.rewrite(job.page, record)
    if job.is_first and (job.switches.always_pixel or not record.rewritten.targets):
        images.add_pixel(job.page, record)
    return record.rewritten


def _track_text(job: Job, first: int) -> Rewritten:
    record = job.record(text.NAME, SlotKind.CLICK, first)
    parameters = job.leaf.part.parameters
    text.rewrite(job.leaf.text, record, joins_lines=parameters.get("delsp", "").lower() == "yes")
    return record.rewritten


@dataclass(frozen=True, slots=True)
class Rewriter:
    """One feature on one kind of leaf; `rewrite` numbers its slots from the number it is given."""

    name: str
    content_type: str
    kind: SlotKind | None  # what its slots are, if it has any: then it needs that tracking host
    is_wanted: Callable[[Switches], bool]
    rewrite: Callable[[Job, int], Rewritten]


def _wants_text_links(switches: Switches) -> bool:
    return switches.track_clicks and switches.track_text_links


REWRITERS = (
    Rewriter("clicks", "text/html", SlotKind.CLICK, lambda switches: switches.track_clicks, _track_clicks),
    Rewriter("opens", "text/html", SlotKind.OPEN, lambda switches: switches.track_opens, _track_opens),
    Rewriter("text links", "text/plain", SlotKind.CLICK, _wants_text_links, _track_text),
)


@dataclass(slots=True)
class _Draft:
    """What has been decided about a message so far."""

    trackers: Trackers
    edits: list[Edit] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    has_html: bool = False


class Pipeline:
    """The rewriters with this server's settings. It remembers campaigns, so only one thread may use it at a time."""

    def __init__(self, settings: Settings, rewriters: tuple[Rewriter, ...] = REWRITERS) -> None:
        self._rewriters = rewriters
        self._settings = settings
        self._own = _trackers(settings)
        self._campaigns = Campaigns()
        self._stretches = Stretches()

    def prepare(
        self,
        original: bytes,
        switches: Switches,
        header_edits: tuple[Edit, ...] = (),
        hosts: Settings | None = None,
    ) -> tuple[Template, Report]:
        """The message's template, `header_edits` in it, and what to tell about it. ValueError when those overlap.

        `hosts`: the tracking hosts of this message's sender, in place of the server's.
        """
        trackers = self._own if hosts is None or hosts == self._settings else _trackers(hosts)
        draft = _Draft(trackers)
        rewriters = self._wanted(switches, draft)
        for part in content.leaves(original) if rewriters else ():
            concerned = [one for one in rewriters if one.content_type == part.content_type]
            if concerned:
                self._leaf(original, part, switches, concerned, draft)
        template = compile_template(len(original), [*header_edits, *draft.edits], tuple(draft.targets))
        return template, Report(tuple(draft.findings), tuple(draft.notes))

    def _wanted(self, switches: Switches, draft: _Draft) -> list[Rewriter]:
        wanted = [one for one in self._rewriters if one.is_wanted(switches)]
        homeless = [one for one in wanted if one.kind is not None and one.kind not in draft.trackers]
        draft.notes.extend(f"{one.name} not tracked: no {one.kind}_url is set" for one in homeless)
        return [one for one in wanted if one not in homeless]

    def _leaf(
        self, original: bytes, part: Part, switches: Switches, rewriters: list[Rewriter], draft: _Draft
    ) -> None:
        try:
            read = _readable(original, part)
        except LeftAlone as reason:
            draft.notes.append(f"part {part.path} left alone: {reason}")
            return
        is_first = part.content_type == "text/html" and not draft.has_html
        draft.has_html = draft.has_html or is_first
        job = Job(read, switches, draft.trackers, is_first=is_first)
        first = len(draft.targets)
        tracking = [one for one in rewriters if one.kind is not None and one.content_type == "text/html"]
        made = self._tracked(job, tracking, first) if tracking else []
        first += sum(len(one.targets) for one in made)
        made += _run(job, [one for one in rewriters if one not in tracking], first)
        try:
            changes = [change for one in made for change in one.changes]
            edits = leaf.compile_changes(original, read, changes, self._stretches)
        except (LeftAlone, ValueError) as reason:
            draft.notes.append(f"part {part.path} left alone: {reason}")
            return
        draft.edits.extend(edits)
        for one in made:
            draft.targets.extend(one.targets)
            draft.findings.extend(one.findings)
            draft.notes.extend(one.notes)
        draft.notes.extend(job.notes)
        if part.content_type == "text/html" and any(one.targets for one in made) and _selects(read.text):
            draft.notes.append(f"part {part.path}: {_SELECTED}")

    def _tracked(self, job: Job, rewriters: list[Rewriter], first: int) -> list[Rewritten]:
        """What those that track make of an HTML leaf, scanned or as another message of its campaign."""
        text, judging = job.leaf.text, Judging(job.trackers, charset.is_unicode(job.leaf.codec))
        hosts = tuple((one.name, job.trackers[one.kind].prefix) for one in rewriters if one.kind is not None)
        asked = (hosts, job.switches, job.is_first, first, job.leaf.part.path, judging.is_unicode)
        remembered = self._campaigns.recall(asked, text, judging)
        if remembered is not None:
            rewritten, notes = remembered
            job.note(notes)
            return [rewritten]
        made = _run(job, rewriters, first)
        if not any(one.has_failed for one in made):
            self._campaigns.remember(asked, text, made_of(job.page, job.label_host, joined(made)))
        return made


def _selects(text: str) -> bool:
    """Whether a style sheet has selectors that look at what tracking changes."""
    if not _SELECTOR.search(text):
        return False
    sheets = _SHEET.split(text)[1:]
    return any(_SELECTOR.search(sheet, 0, _sheet_end(sheet)) for sheet in sheets)


def _sheet_end(text: str) -> int:
    match = _SHEET_END.search(text)
    return match.start() if match else len(text)


def _readable(original: bytes, part: Part) -> Leaf:
    read = leaf.read(original, part)
    if len(read.text) > LARGEST_LEAF:
        raise LeftAlone(f"it has more than {LARGEST_LEAF} characters")
    if _INLINE_PGP in read.text:
        raise LeftAlone("it holds inline PGP")
    return read


def _run(job: Job, rewriters: list[Rewriter], first: int) -> list[Rewritten]:
    """What each made of the leaf; one that fails leaves nothing but a note."""
    made: list[Rewritten] = []
    for rewriter in rewriters:
        try:
            one = rewriter.rewrite(job, first)
        except Exception as error:  # noqa: BLE001  whatever it is, it costs the feature and not the message
            note = f"part {job.leaf.part.path}: {rewriter.name} failed with {type(error).__name__}"
            one = Rewritten([], [], [], [note], has_failed=True)
        made.append(one)
        first += len(one.targets)
    return made
