"""What a mail host may do to its clients: rules that say at which stage it answers what, and how often."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Stage(enum.Enum):
    """Where a rule applies. CONTENT is the reply to the final dot; HANDSHAKE what follows the 220 to STARTTLS."""

    GREETING = "greeting"
    EHLO = "ehlo"
    HELO = "helo"
    STARTTLS = "starttls"
    HANDSHAKE = "handshake"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    RSET = "rset"
    NOOP = "noop"
    QUIT = "quit"


class Action(enum.Enum):
    """What a bad host does instead of answering."""

    DROP = "closes the connection"
    RESET = "resets the connection"
    SILENCE = "keeps the connection and says nothing more"
    HALF_CLOSE = "closes its sending side and reads on"


@dataclass(frozen=True, slots=True)
class Slow:
    """The reply, `seconds` late."""

    reply: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Dripping:
    """The reply octet by octet, with `seconds` between two."""

    reply: str
    seconds: float


Answer = str | bytes | Action | Slow | Dripping


@dataclass(frozen=True, slots=True)
class Rule:
    """At this stage, this answer: `times` times (None: always), for each recipient if `each`.

    `recipient` is a regular expression searched in the recipient's address (RCPT) or in those of the
    transaction (DATA, CONTENT). A `str` is a reply (lines parted by a newline), after 421 and 521 the
    connection is closed; `bytes` go out as they are.
    """

    stage: Stage
    answer: Answer
    recipient: str | None = None
    times: int | None = None
    each: bool = False


def greylisted(seconds_text: str = "300") -> Rule:
    """The first RCPT of every recipient is put off (RFC 6647)."""
    return Rule(Stage.RCPT, f"450 4.7.1 Greylisted, try again in {seconds_text} seconds", times=1, each=True)


def is_positive(answer: Answer) -> bool:
    """Whether the answer is a reply of 2xx or 3xx."""
    reply = answer.reply if isinstance(answer, Slow | Dripping) else answer
    if isinstance(reply, bytes):
        reply = reply.decode("latin-1")
    return isinstance(reply, str) and reply[:1] in {"2", "3"}
