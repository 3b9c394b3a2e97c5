"""Recipients on the suppression list: refused at RCPT, or accepted and then failed without an attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.suppression import EVERYBODY, Suppression, Suppressions, key, of_domain, of_login
from smtpeter.message.address import Address
from smtpeter.message.status import Outcome, Refusal, Reply, Result, Stage
from smtpeter.session.reply import LOCAL_TROUBLE
from smtpeter.spool.model import Delivery


async def suppressed(
    listed: Suppressions, login: str, domain: str, recipients: Sequence[Address], now: float
) -> Mapping[str, Suppression]:
    """Who of them is on the list for this login or sender domain ("": not known), by `key`; Refusal when that cannot be told."""
    scopes = [EVERYBODY, of_login(login), *([of_domain(domain)] if domain else [])]
    try:
        found = await listed.among(scopes, [key(recipient) for recipient in recipients], now)
    except AccountsUnavailable as unavailable:
        raise Refusal(LOCAL_TROUBLE, f"suppression list: {unavailable}") from unavailable
    return {one.recipient: one for one in found}


def reply(one: Suppression) -> Reply:
    """What the client, or the sender's report, is told."""
    return Reply(550, "5.7.1", f"The recipient is on the suppression list: {one.reason}")


def marked(delivery: Delivery, found: Mapping[str, Suppression]) -> Delivery:
    """The delivery as the relay gets it: already failed, when its recipient is on the list."""
    one = found.get(key(delivery.recipient.address))
    if one is None:
        return delivery
    return replace(delivery, last=Outcome(Result.FAILED, Stage.SUPPRESSION, reply(one)))
