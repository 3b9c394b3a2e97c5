"""twisted.mail's delivery objects for submission: judge, rewrite, accept, as one chain that ends in the 250.

A Submitter is what a login gets; it makes a Delivery for each MAIL; a Delivery makes the one Message of its
transaction. Whatever goes wrong before the spool has the message is a refusal, 4xx when it is our trouble; a
rewriter that fails costs its features; nothing that goes wrong afterwards takes the 250 back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.mail.interfaces import IMessageDelivery, IMessageDeliveryFactory
from zope.interface import implementer

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.model import Login
from smtpeter.accounts.suppression import Suppression, Treatment
from smtpeter.accounts.uses import Kind
from smtpeter.message.address import AddressSyntax, ascii_domain
from smtpeter.message.author import author_domain
from smtpeter.message.edit import Edit, Report, compile_template
from smtpeter.message.envelope import Recipient
from smtpeter.message.header import Field, find_all
from smtpeter.message.identifier import MessageId, show
from smtpeter.message.status import Refusal, Reply
from smtpeter.session.interface import Origin
from smtpeter.session.reply import LOCAL_TROUBLE
from smtpeter.session.whole import WholeMessage
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import Accepted, Claim
from smtpeter.submission import limits, policy
from smtpeter.submission.acceptance import Incoming, accepted, queued, top_fields
from smtpeter.submission.interface import Neighbours, Prepared
from smtpeter.submission.options import Options, Wishes, is_read, joined, read_options, wished
from smtpeter.submission.returning import decide
from smtpeter.submission.suppression import reply, suppressed

_FULL = Reply(452, "4.3.1", "No room for mail now, try again later")
_NO_LONGER = Reply(535, "5.7.8", "This login may send no longer")
_NO_LOGIN = Reply(451, "4.7.0", "The login of this network cannot send now")


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for every submitter."""

    hostname: str
    maximum_hops: int
    allow_private: bool = False


@implementer(IMessageDeliveryFactory)
class Submitter:
    """A client that may submit as the login `username`.

    `password_hash`: what it authenticated against, so that a changed password ends it; None for a trusted network.
    """

    def __init__(
        self, neighbours: Neighbours, rules: Rules, username: str, password_hash: str | None
    ) -> None:
        self.neighbours = neighbours
        self.rules = rules
        self._username = username
        self._password_hash = password_hash

    def getMessageDelivery(self) -> SubmissionDelivery:  # noqa: N802
        return SubmissionDelivery(self)

    async def login(self) -> Login:
        """The login as it stands now; Refusal when it may send no longer."""
        try:
            login = await self.neighbours.accounts.login(self._username)
        except AccountsUnavailable as unavailable:
            raise Refusal(LOCAL_TROUBLE, f"accounts: {unavailable}") from unavailable
        if login is None or not login.enabled:
            if self._password_hash is None:
                raise Refusal(_NO_LOGIN, f"trusted_networks: no enabled login {self._username!r}")
            raise Refusal(_NO_LONGER)
        if self._password_hash not in {None, *login.kept(self.neighbours.clock())}:
            raise Refusal(_NO_LONGER)
        return login

    async def suppressed(
        self, login: str, author: str, recipients: tuple[Recipient, ...]
    ) -> Mapping[str, Suppression]:
        """Who of these gets no mail from this login, or from an author at this domain; Refusal when that cannot be told."""
        neighbours = self.neighbours
        addresses = [recipient.address for recipient in recipients]
        domain = neighbours.sender_domain(author) if author else ""
        return await suppressed(neighbours.suppressions, login, domain, addresses, neighbours.clock())

    def used(self, login: Login, now: float) -> None:
        """It has sent something; by the previous password, if that still opens it."""
        self.neighbours.uses.used(Kind.LOGIN, login.username, now)
        if self._password_hash not in {None, login.password_hash}:
            self.neighbours.uses.used(Kind.PREVIOUS, login.username, now)

    def honours_options(self, login: Login) -> bool:
        """Whether `x-smtpeter-*` fields count: from who logged in, yes; from a trusted network, if the login says so."""
        return self._password_hash is not None or login.trusted_option_headers


@implementer(IMessageDelivery)
class SubmissionDelivery:
    """One transaction."""

    def __init__(self, submitter: Submitter) -> None:
        self._submitter = submitter
        self._origin: Origin
        self._login: Login
        self._recipients: list[Recipient] = []

    def validateFrom(self, helo: object, origin: Origin) -> Deferred[Origin]:  # noqa: ARG002, N802
        return Deferred.fromCoroutine(self._judge(origin))

    async def _judge(self, origin: Origin) -> Origin:
        login = await self._submitter.login()
        policy.judge_return_path(origin.return_path, login.senders)
        self._origin, self._login = origin, login
        return origin

    def validateTo(  # noqa: N802
        self, user: Recipient
    ) -> Callable[[], WholeMessage] | Deferred[Callable[[], WholeMessage]]:
        policy.judge_recipient(user.address, allow_private=self._submitter.rules.allow_private)
        if self._login.bounces.suppressed is Treatment.REFUSE:
            return Deferred.fromCoroutine(self._judge_listed(user))
        return self._accepted(user)

    async def _judge_listed(self, user: Recipient) -> Callable[[], WholeMessage]:
        """Refuse who is on the suppression list. The author is not known yet: his domain is taken for the return path's."""
        found = await self._submitter.suppressed(self._login.username, _domain_of(self._origin), (user,))
        for one in found.values():
            raise Refusal(reply(one))
        return self._accepted(user)

    def _accepted(self, user: Recipient) -> Callable[[], WholeMessage]:
        self._recipients.append(user)
        return self._open

    def _open(self) -> WholeMessage:
        submitted = SubmittedMessage(self._submitter, self._origin, tuple(self._recipients))
        return WholeMessage(submitted.take)

    def receivedHeader(self, helo: object, origin: object, recipients: object) -> bytes:  # noqa: ARG002, N802
        """None from here: the Received field tells the message's id and time, which come with its final dot."""
        return b""


def _domain_of(origin: Origin) -> str:
    try:
        return "" if origin.return_path is None else ascii_domain(origin.return_path.domain)
    except AddressSyntax:
        return ""


class SubmittedMessage:
    """The message of one transaction, for all its recipients."""

    _log = Logger()

    def __init__(
        self,
        submitter: Submitter,
        origin: Origin,
        recipients: tuple[Recipient, ...],
    ) -> None:
        self._submitter = submitter
        self._origin = origin
        self._recipients = recipients

    async def take(self, content: bytes) -> Reply:
        """Accept, and say so. Raises Refusal."""
        kept = await self.accept(content, Wishes())
        return queued(kept.message.id, kept.deliveries)

    async def accept(self, content: bytes, wishes: Wishes) -> Accepted:
        """Judge, rewrite, accept; what the spool keeps now. Raises Refusal."""
        neighbours, rules = self._submitter.neighbours, self._submitter.rules
        login = await self._submitter.login()  # as it stands now: it may have changed since MAIL
        incoming = self._incoming(content, login, wishes.message)
        if "received" in incoming.first:
            policy.judge_hops(incoming.found, rules.maximum_hops)
        policy.judge_from(content, incoming.found, login.senders)
        options = wished(login.switches, wishes)
        if any(map(is_read, incoming.first)):
            honoured = self._submitter.honours_options(login)
            read = read_options(content, incoming.found, options.switches, honoured=honoured)
            options = joined(options, read)
        options = options.over(login, incoming.when)
        returning, notes = decide(
            options.switches,
            login.bounces,
            self._origin.return_path,
            content,
            incoming.first,
            neighbours.return_paths,
        )
        options = replace(options, notes=options.notes + notes) if notes else options
        author = author_domain(content, find_all(incoming.found, "from"))
        listed = await self._submitter.suppressed(login.username, author, self._recipients)
        edits = (top_fields(incoming), *options.edits)
        await limits.take(neighbours.allowances, login, len(self._recipients), incoming.when)
        try:
            prepared = await self._prepare(incoming, options, edits)
            wanted = accepted(incoming, options, prepared, returning, listed)
            if neighbours.handoff.room(wanted.message):
                wanted = replace(wanted, claimed=True)
            claims = await self._keep(wanted)
        except CancelledError:  # it may have been accepted all the same: who hangs up in time gains nothing
            raise
        except Exception:
            await limits.give_back(neighbours.allowances, login, len(self._recipients), incoming.when)
            raise
        if claims:
            neighbours.afterwards(self._hand_off, wanted, claims)
        self._submitter.used(login, incoming.when)
        return wanted

    def _incoming(self, content: bytes, login: Login, message: MessageId | None) -> Incoming:
        identifiers = self._submitter.neighbours.identifiers
        found = policy.header_section(content, login.senders)
        first: dict[str, Field] = {}
        for field in found:
            first.setdefault(field.name.lower(), field)
        return Incoming(
            content=content,
            found=found,
            first=first,
            origin=self._origin,
            recipients=self._recipients,
            login=login.username,
            message=identifiers.message() if message is None else message,
            deliveries=tuple(identifiers.delivery() for _ in self._recipients),
            when=self._submitter.neighbours.clock(),
            hostname=self._submitter.rules.hostname,
        )

    async def _prepare(self, incoming: Incoming, options: Options, edits: tuple[Edit, ...]) -> Prepared:
        content = incoming.content
        try:
            made = await self._submitter.neighbours.prepare.prepare(
                incoming.message, incoming.login, content, options.switches, edits
            )
        except Exception:  # noqa: BLE001 - whatever ails a rewriter, it costs the feature, never the message
            self._log.failure("a message could not be rewritten and goes out as it is")
            report = Report(notes=("nothing was rewritten: the rewriters failed",))
            made = Prepared(compile_template(len(content), edits), report)
        if options.notes:
            notes = options.notes + made.report.notes
            made = made._replace(report=msgspec.structs.replace(made.report, notes=notes))
        return made

    async def _keep(self, wanted: Accepted) -> tuple[Claim, ...]:
        try:
            return await self._submitter.neighbours.spool.accept(wanted)
        except SpoolUnavailable as unavailable:
            raise Refusal(
                _FULL if unavailable.full else LOCAL_TROUBLE, f"spool: {unavailable}"
            ) from unavailable

    def _hand_off(self, wanted: Accepted, claims: tuple[Claim, ...]) -> None:
        try:
            self._submitter.neighbours.handoff.born(wanted.message, claims)
        except Exception:  # noqa: BLE001 - the message is kept: nothing may take the 250 back
            self._log.failure("the relay could not take over {message}", message=show(wanted.message.id))
            for claim in claims:  # the 250 does not wait for it
                Deferred.fromCoroutine(self._give_back(claim))

    async def _give_back(self, claim: Claim) -> None:
        """A claim that nobody works on would keep its delivery from ever being tried."""
        try:
            await self._submitter.neighbours.spool.release(claim, claim.delivery.due_at)
        except Exception:  # noqa: BLE001 - as above; it is tried after a restart, which takes back all claims
            self._log.failure("{delivery} stays claimed", delivery=show(claim.delivery.id))
