"""What the API asks of its neighbours; it owns these Protocols, the composition root fills them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from smtpeter.accounts.allowance import Allowances
from smtpeter.accounts.interface import Accounts
from smtpeter.accounts.operators import Change
from smtpeter.accounts.passwords import Randomness
from smtpeter.accounts.published import Server
from smtpeter.accounts.spf import Ask
from smtpeter.accounts.suppression import Suppressions
from smtpeter.accounts.tokens import Tokens
from smtpeter.accounts.uses import Uses
from smtpeter.accounts.webhooks import Webhook, Webhooks
from smtpeter.journal.daily import Original
from smtpeter.journal.interface import Journal
from smtpeter.message.address import Address
from smtpeter.message.edit import Report
from smtpeter.message.envelope import Recipient, Ret
from smtpeter.message.identifier import Identifiers, MessageId
from smtpeter.session.interface import Client
from smtpeter.spool.interface import Spool
from smtpeter.spool.model import Accepted, Delivery, Message
from smtpeter.spool.repeats import Repeats
from smtpeter.spool.sites import SiteBook, Standing


class Submission(Protocol):
    """The door of submission for programs; raises Refusal."""

    def judge_recipient(self, recipient: Address, /) -> None: ...

    def submit(
        self,
        username: str,
        client: Client,
        return_path: Address | None,
        recipients: Sequence[Recipient],
        content: bytes,
        /,
        *,
        ret: Ret | None = None,
        envid: str | None = None,
        smtputf8: bool = False,
        switches: Mapping[str, bool],
        tags: tuple[str, ...] = (),
        give_up_at: float | None = None,
        message: MessageId | None = None,
    ) -> Awaitable[Accepted]:
        """Accept durably, by the same judgement and rewriters as over SMTP; `smtputf8`: its header is UTF-8 by right."""


class Rendering(Protocol):
    """What left, or would leave, for a delivery, but for our signatures; may be called in any thread."""

    def __call__(self, message: Message, delivery: Delivery, /) -> bytes: ...


class ReturnPath(Protocol):
    """The return path that a delivery leaves with."""

    def __call__(self, message: Message, delivery: Delivery, /) -> Address | None: ...


@dataclass(frozen=True, slots=True)
class Explained:
    """What a message would become."""

    switches: tuple[str, ...]
    report: Report
    diff: list[str]


class Explain(Protocol):
    """A dry run: what the switches of a login would change in a content."""

    def __call__(
        self, username: str, content: bytes, switches: Mapping[str, bool], /
    ) -> Awaitable[Explained | None]:
        """None when there is no such login."""


class Fetch(Protocol):
    """Fetches a URL from a public address; raises Problem, which names `field`."""

    def __call__(self, url: str, field: str, limit: int, /) -> Awaitable[tuple[bytes, str]]:
        """Its octets, at most `limit`, and its media type."""


class Trial(Protocol):
    """Posts a request that tells of nothing to a webhook."""

    def __call__(self, webhook: Webhook, /) -> Awaitable[tuple[int, str]]:
        """The status of the answer; 0 when there was none, and why."""


class Aside(Protocol):
    """Calls a function in a thread: what takes long must not hold up the conversations."""

    def __call__(self, function: Callable[..., Any], /, *arguments: object) -> Awaitable[Any]: ...


class Standings(Protocol):
    """Where domains, in lower case, stand (spool.sites.SiteBook)."""

    def __call__(self, domains: Collection[str], /) -> Awaitable[Mapping[str, Standing]]: ...


class Record(Protocol):
    """Keeps who changed what (accounts.operators.Operators.record); raises AccountsUnavailable."""

    def __call__(self, change: Change, /) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the API works with; `clock` gives Unix seconds, `monotonic` seconds that never jump."""

    accounts: Accounts
    tokens: Tokens
    uses: Uses
    allowances: Allowances
    spool: Spool
    journal: Journal
    original: Original
    standings: Standings
    sites: SiteBook
    repeats: Repeats
    suppressions: Suppressions
    webhooks: Webhooks
    record: Record
    trial: Trial
    private_webhooks: bool  # may they go to addresses that are not public
    submission: Submission
    rendered: Rendering
    return_path: ReturnPath
    explain: Explain
    fetch: Fetch
    aside: Aside
    identifiers: Identifiers
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    token_bytes: Randomness
    server: Server  # whither the hosts of sender domains have to lead
    tracks: bool  # is there a listener that answers at a click_url
    sender: str  # the host whose address the world sees, "" when that is not ours to know
    ask: Ask  # the DNS, in any thread: takes as long as the answer does; raises published.Unanswered
    asking: Aside  # for that alone: name servers that do not answer must not hold up what else takes long
