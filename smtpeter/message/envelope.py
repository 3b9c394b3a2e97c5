"""The envelope (RFC 5321 2.3.1): return path, recipients, and what their ESMTP parameters asked for."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from smtpeter.message.address import Address


class Notify(enum.Flag):
    """NOTIFY of RCPT (RFC 3461 4.1); NEVER is the empty set, and None stands for "not given"."""

    NEVER = 0
    SUCCESS = 1
    FAILURE = 2
    DELAY = 4


_UNLESS_TOLD: int = (Notify.FAILURE | Notify.DELAY).value


class Ret(enum.StrEnum):
    """RET of MAIL (RFC 3461 4.3): how much of the message a failure report returns."""

    FULL = "FULL"
    HDRS = "HDRS"


class Body(enum.StrEnum):
    """BODY of MAIL (RFC 6152 3)."""

    SEVENBIT = "7BIT"
    EIGHTBITMIME = "8BITMIME"


@dataclass(frozen=True, slots=True)
class OriginalRecipient:
    """ORCPT of RCPT (RFC 3461 4.2): address type and the decoded address."""

    address_type: str
    address: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """One RCPT TO with its DSN parameters."""

    address: Address
    notify: Notify | None = None
    orcpt: OriginalRecipient | None = None

    def wants(self, kind: Notify) -> bool:
        """Whether a report of `kind` is owed; not given means FAILURE, and DELAY at our choice (RFC 3461 4.1)."""
        asked = _UNLESS_TOLD if self.notify is None else self.notify.value
        return bool(asked & kind.value)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Return path (None is the null return path `<>`), recipients in their order, and MAIL's parameters."""

    return_path: Address | None
    recipients: tuple[Recipient, ...]
    ret: Ret | None = None
    envid: str | None = None  # decoded (RFC 3461 4.4)
    body: Body | None = None
    smtputf8: bool = False
