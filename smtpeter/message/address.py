"""Mail addresses as RFC 5321 4.1.2 and RFC 6531 3.3 have them, kept as they were written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: local part as written (quotes included) and domain as written ("" only for `<Postmaster>`)."""

    local_part: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local_part}@{self.domain}" if self.domain else self.local_part


class AddressSyntax(ValueError):
    """The text is no address; the message says what is wrong with it."""
