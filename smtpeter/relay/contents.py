"""The messages whose deliveries are in the window: fetched once, kept while any of their batches waits or runs.

Content is kept within a bound of octets; what does not fit is left out, and fetched when its attempt begins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from smtpeter.message.edit import Template
from smtpeter.message.identifier import MessageId
from smtpeter.spool.model import Message


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
    """All that are held, and how many octets of content that is."""

    def __init__(self, octets: int) -> None:
        self.octets = 0
        self._most = octets
        self._held: dict[MessageId, Held] = {}

    @property
    def is_full(self) -> bool:
        return self.octets >= self._most

    def known(self, message: MessageId) -> Held | None:
        return self._held.get(message)

    def hold(self, message: Message, batches: int, *, is_whole: bool = True) -> Held:
        """Keep `message` for `batches` more batches."""
        held = self._held.get(message.id)
        if held is None:
            held = self._held[message.id] = Held(message, is_whole, len(message.content))
            self.octets += len(message.content)
            if is_whole and self.octets > self._most:
                self._strip(held)
        held.batches += batches
        return held

    def fill(self, held: Held, message: Message) -> None:
        """Its content has been fetched, for an attempt that begins now."""
        if not held.is_whole:
            held.message, held.is_whole, held.size = message, True, len(message.content)
            self.octets += len(message.content)

    def drop(self, held: Held) -> None:
        """One of its batches is done with."""
        held.batches -= 1
        if not held.batches:
            self.octets -= len(held.message.content)
            del self._held[held.message.id]
        elif self.octets > self._most:
            self._strip(held)

    def _strip(self, held: Held) -> None:
        self.octets -= len(held.message.content)
        targets = held.message.template.targets  # by which its recipients are told apart
        held.message = replace(held.message, content=b"", template=Template((), targets))
        held.is_whole = False
