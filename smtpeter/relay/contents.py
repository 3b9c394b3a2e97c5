"""The messages whose deliveries are in the window: fetched once, kept while any of their batches waits or runs.

Content is kept within a bound of octets; what does not fit is left out, and fetched for each of its attempts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smtpeter.message.edit import Template
from smtpeter.message.identifier import MessageId
from smtpeter.relay.shares import Shares
from smtpeter.spool.model import Claim, Message


@dataclass(frozen=True, slots=True)
class Entrant:
    """A message and claims on deliveries of it, on their way into the window.

    `is_born`: they were born claimed. `is_whole`: the message has its content.
    """

    message: Message
    claims: Sequence[Claim]
    is_born: bool = False
    is_whole: bool = True


@dataclass(slots=True, eq=False)
class Held:
    """A message in the window; `is_whole` when its content and all of its template are here.

    `size` is that of its content, 0 when it is not known.
    """

    message: Message
    is_whole: bool
    size: int
    batches: int = 0


class Contents:
    """All that are held, and how many octets of content that is; no login's take all the room."""

    def __init__(self, octets: int, greed: int) -> None:
        self._shares = Shares(octets, greed)
        self._held: dict[MessageId, Held] = {}

    @property
    def octets(self) -> int:
        return self._shares.taken

    @property
    def is_full(self) -> bool:
        """Only small contents of few logins would find room."""
        return self._shares.is_scarce

    def allows(self, message: Message) -> bool:
        """Whether there is room for the content of one more message."""
        return self._shares.allows(message.login, len(message.content))

    def known(self, message: MessageId) -> Held | None:
        return self._held.get(message)

    def hold(self, message: Message, batches: int, *, is_whole: bool = True) -> Held:
        """Keep `message` for `batches` more batches, with its content where there is room for it."""
        held = self._held.get(message.id)
        if held is None:
            held = self._held[message.id] = Held(message, False, len(message.content))
            if is_whole:
                self.fill(held, message)
            if not held.is_whole:
                held.message = _outline(message)
        held.batches += batches
        return held

    def fill(self, held: Held, message: Message) -> None:
        """Its content has been fetched, and is kept if there is room for it."""
        held.size = len(message.content)
        if not held.is_whole and self.allows(message):
            self._shares.take(message.login, held.size)
            held.message, held.is_whole = message, True

    def drop(self, held: Held) -> None:
        """One of its batches is done with."""
        held.batches -= 1
        if not held.batches:
            if held.is_whole:
                self._shares.give_back(held.message.login, held.size)
            del self._held[held.message.id]


def _outline(message: Message) -> Message:
    targets = message.template.targets  # by which its recipients are told apart
    return replace(message, content=b"", template=Template((), targets))
