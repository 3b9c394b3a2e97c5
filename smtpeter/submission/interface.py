"""What submission asks of its neighbours; it owns these Protocols, the composition root fills them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from twisted.internet.defer import Deferred

from smtpeter.accounts.allowance import Allowances
from smtpeter.accounts.interface import Accounts
from smtpeter.accounts.suppression import Suppressions
from smtpeter.accounts.uses import Uses
from smtpeter.message.edit import Edit, Report, Template
from smtpeter.message.identifier import Identifiers, MessageId
from smtpeter.message.options import Switches
from smtpeter.spool.interface import Spool
from smtpeter.spool.model import Claim, Message
from smtpeter.submission.returning import ReturnPaths

T = TypeVar("T")


class Prepared(NamedTuple):
    """What a message becomes. `pending`: with the edits of its header section only; the rest is still being made."""

    template: Template
    report: Report
    pending: bool = False


class Prepare(Protocol):
    """The rewriters, once a message."""

    def prepare(
        self,
        message: MessageId,
        login: str,
        original: bytes,
        switches: Switches,
        header_edits: tuple[Edit, ...],
        /,
    ) -> Awaitable[Prepared]:
        """What the switches ask, with `header_edits` in it. A rewriter that fails costs its feature only.

        Edits that are pending come to the spool later, by who makes them.
        """


class Handoff(Protocol):
    """The relay of this process, which takes over what is born claimed."""

    def room(self, message: Message, /) -> bool:
        """Whether this message may be born claimed now."""

    def born(self, message: Message, claims: tuple[Claim, ...], /) -> None:
        """Take over a message that is safely kept, with this worker's claims on its deliveries."""


class HashPool(Protocol):
    """Calls a function in a bounded pool of threads (argon2 would hold the reactor for tens of milliseconds)."""

    def __call__(self, function: Callable[..., T], /, *arguments: object) -> Deferred[T]: ...


def at_once(function: Callable[..., object], /, *arguments: object) -> None:
    """Where nobody waits for a word that should come first."""
    function(*arguments)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What a submission door works with; `clock` gives Unix seconds.

    `sender_domain` gives the name by which the suppression list knows an author's domain. `afterwards` calls what
    it is given when the reply that is being made has been written.
    """

    accounts: Accounts
    spool: Spool
    prepare: Prepare
    handoff: Handoff
    identifiers: Identifiers
    clock: Callable[[], float]
    return_paths: ReturnPaths
    suppressions: Suppressions
    sender_domain: Callable[[str], str]
    allowances: Allowances
    uses: Uses
    afterwards: Callable[..., object] = at_once
