"""What failed, from what was said: a failure class, and whether it is certain.

Words weigh more than codes, since many hosts send 5.1.1 or 5.7.1 with everything. Where they contradict each other
the class is not certain, and only a certain "no such user" may have consequences.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from smtpeter.message.refusal import FailureClass
from smtpeter.returns.classes import BOILERPLATE, CLASSES, STATUSES, SUBJECTS
from smtpeter.returns.returned import fold, one_line

STATUS = re.compile(r"(?<![\d.])[45]\.[0-7]\.\d{1,3}(?!\.?\d)", re.ASCII)
_AFTER_CODE = re.compile(r"(?<![\w.])[45][0-5]\d[ -]{1,3}#?([45]\.[0-7]\.\d{1,3})(?!\.?\d)", re.ASCII)
_REPLY = re.compile(r"(?<![\w.:/-])[45][0-5]\d(?=[ \n]|-\S)")
_ADDRESS = re.compile(r"[^\s<>]{1,64}@[^\s<>]{1,255}")
_PARAGRAPHS = 100  # that are searched, each for all phrases


class Classified(NamedTuple):
    """A class; `is_certain` also when it claims nothing (OTHER)."""

    failure_class: FailureClass
    is_certain: bool


def classify(diagnostic: str, status: str, words: str) -> Classified:
    """The class of a failure; `words`, the folded text of the whole report, only counts when nothing else tells."""
    spoken = _by_words(fold(diagnostic))
    coded = by_status(status)
    if spoken is None and coded is None:
        spoken = _by_words(words)
        return Classified(spoken.failure_class if spoken else FailureClass.OTHER, is_certain=spoken is None)
    if spoken is None or (not spoken.is_certain and coded is not None and coded.is_certain):
        assert coded is not None
        return coded
    is_contradicted = (
        coded is not None and coded.is_certain and coded.failure_class is not spoken.failure_class
    )
    is_doubtful = spoken.failure_class is FailureClass.NO_SUCH_USER and status.startswith(("4", "5.7."))
    return Classified(spoken.failure_class, spoken.is_certain and not is_contradicted and not is_doubtful)


def by_status(status: str) -> Classified | None:
    """By the enhanced status code alone; None when it tells nothing (X.0.0, RFC 3463 3.1)."""
    kind, _, rest = status.partition(".")
    if rest in STATUSES:
        return Classified(STATUSES[rest], is_certain=kind == "5")
    general = SUBJECTS.get(rest.partition(".")[0])
    return None if general is None else Classified(general, is_certain=False)


def find_status(text: str) -> str:
    """The enhanced status code in a diagnostic or a report's text: one after a reply code, else the first, else ""."""
    after = _AFTER_CODE.search(text)
    if after:
        return after[1]
    found = STATUS.search(text)
    return found[0] if found else ""


def find_diagnostic(text: str) -> str:
    """What the refusing host said: the paragraph from its reply code on, else the first that tells what failed."""
    reply = _REPLY.search(text)
    if reply:
        return one_line(text[reply.start() :].partition("\n\n")[0])
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n", _PARAGRAPHS)[:_PARAGRAPHS])
    return one_line(next((found for found in paragraphs if found and _by_words(fold(found))), ""))


def _by_words(words: str) -> Classified | None:
    """By the first class that has a phrase in these words, addresses aside: people are called "virus" too."""
    words = _ADDRESS.sub(" ", words)
    for phrase in BOILERPLATE:
        words = words.replace(phrase, " ")
    for failure_class, certain, uncertain in CLASSES:
        if any(phrase in words for phrase in certain):
            return Classified(failure_class, is_certain=True)
        if any(phrase in words for phrase in uncertain):
            return Classified(failure_class, is_certain=False)
    return None
