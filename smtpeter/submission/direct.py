"""Submission without SMTP: a program of this process hands over a message, and it walks the same road.

The same judgement, the same rewriters, the same acceptance; what a session checks on the way (size, number of
recipients, octets that no content may have) is checked here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from twisted.internet.defer import maybeDeferred

from smtpeter.accounts.model import Login
from smtpeter.message.address import Address
from smtpeter.message.envelope import Body, Recipient, Ret
from smtpeter.message.identifier import MessageId
from smtpeter.message.status import Refusal, Reply, refusal
from smtpeter.session.interface import Client, Origin
from smtpeter.smtp.extensions import MailParameters
from smtpeter.smtp.limits import LIMITS
from smtpeter.spool.model import Accepted
from smtpeter.submission import policy
from smtpeter.submission.delivery import Rules, SubmissionDelivery, SubmittedMessage, Submitter
from smtpeter.submission.interface import Neighbours
from smtpeter.submission.options import Wishes

_NO_LONGER = Reply(550, "5.7.1", "This login may not send")


@dataclass(frozen=True, slots=True)
class Sizes:
    """The part of the settings that holds here too."""

    maximum_size: int
    maximum_recipients: int


class Direct(Submitter):
    """Who may submit as `username` because somebody else has made sure of it."""

    async def login(self) -> Login:
        try:
            return await super().login()
        except Refusal as refused:
            if refused.reply.enhanced == "4.7.0":  # no enabled login of this name
                raise Refusal(_NO_LONGER, refused.cause) from refused
            raise

    def honours_options(self, login: Login) -> bool:  # noqa: ARG002
        return True


class DirectSubmission:
    """The door for programs; all verbs raise Refusal, whose reply speaks as an SMTP server's would."""

    def __init__(self, neighbours: Neighbours, rules: Rules, sizes: Sizes) -> None:
        self._neighbours = neighbours
        self._rules = rules
        self.sizes = sizes

    def judge_recipient(self, recipient: Address, /) -> None:
        policy.judge_recipient(recipient, allow_private=self._rules.allow_private)

    async def submit(
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
    ) -> Accepted:
        """Accept durably; what was accepted, with the public id of each recipient's delivery.

        `content` has CRLF lines. `switches` are those that the program names, by their names; the login's hold for the
        others. `smtputf8`: its header is UTF-8 by right (RFC 6532); an address in UTF-8 says so by itself. `message`: the
        identifier it shall have; the spool takes one once.
        """
        self._judge(recipients, content)
        addresses = [recipient.address for recipient in recipients]
        addresses += [return_path] if return_path is not None else []
        parameters = MailParameters(
            body=None if content.isascii() else Body.EIGHTBITMIME,
            smtputf8=smtputf8 or not all(address.is_ascii for address in addresses),
            ret=ret,
            envid=envid,
        )
        submitter = Direct(self._neighbours, self._rules, username, None)
        delivery = SubmissionDelivery(submitter)
        origin = await delivery.validateFrom(None, Origin(return_path, parameters, client))
        for recipient in recipients:
            await _judged(delivery, recipient)
        submitted = SubmittedMessage(submitter, origin, tuple(recipients))
        return await submitted.accept(content, Wishes(switches, tags, give_up_at, message))

    def _judge(self, recipients: Sequence[Recipient], content: bytes) -> None:
        if not recipients:
            raise refusal(554, "5.5.1", "There is no recipient")
        if len(recipients) > self.sizes.maximum_recipients:
            most = self.sizes.maximum_recipients
            raise refusal(552, "5.5.3", f"A message of more than {most} recipients is not accepted")
        if len(content) > self.sizes.maximum_size:
            most = self.sizes.maximum_size
            raise refusal(552, "5.3.4", f"A message of more than {most} octets is not accepted")
        if b"\0" in content or content.count(b"\r\n") != content.count(b"\r") or _has_bare_lf(content):
            raise refusal(554, "5.6.0", "A content has no NUL, and lines that end in CRLF")
        longest = max(map(len, content.split(b"\r\n")))
        if longest + 2 > LIMITS.text_line:
            raise refusal(
                554, "5.6.0", f"A line of more than {LIMITS.text_line - 2} octets (RFC 5321 4.5.3.1.6)"
            )


async def _judged(delivery: SubmissionDelivery, recipient: Recipient) -> None:
    """Raises a Refusal that names the recipient: there is one answer for all of them."""
    try:
        await maybeDeferred(delivery.validateTo, recipient)
    except Refusal as refused:
        named = replace(refused.reply, text=f"{recipient.address}: {refused.reply.text}")
        raise Refusal(named, refused.cause) from refused


def _has_bare_lf(content: bytes) -> bool:
    return content.count(b"\n") != content.count(b"\r\n")
