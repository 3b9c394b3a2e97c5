"""What the returns room asks of its neighbours; the composition root fills it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from smtpeter.accounts.interface import Accounts
from smtpeter.message.identifier import Identifiers
from smtpeter.message.token import KeyRing
from smtpeter.returns.recognition import Recognition
from smtpeter.spool.interface import Spool
from smtpeter.spool.returned import Returns


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the room works with.

    `recognise` may work elsewhere. `ring` and `hosts` (the bounce domains) give what holds now; `sender_domain` the
    name by which the suppression list knows an author's domain. `now` gives Unix seconds, `pause` lets so many pass.
    """

    spool: Spool
    returns: Returns
    accounts: Accounts
    identifiers: Identifiers
    recognise: Callable[[bytes], Awaitable[Recognition]]
    ring: Callable[[], KeyRing]
    hosts: Callable[[], frozenset[str]]
    sender_domain: Callable[[str], str]
    now: Callable[[], float]
    pause: Callable[[float], Awaitable[None]]
