"""Where what comes back about a message comes back to, and who is told: decided when the message is accepted."""

from __future__ import annotations

from dataclasses import dataclass

from smtpeter.message.address import Address


@dataclass(frozen=True, slots=True)
class Returning:
    """A message whose bounces are tracked leaves with a return path of ours, one for each delivery.

    `host`: the domain of that return path. `key`: the number of the key on the ring that signs its local part, so
    that it stays the same over all attempts (greylisting goes by it). `reports_to`: to whom reports about the message
    go, ours and others'; None is nobody.
    """

    host: str
    key: int
    reports_to: Address | None
