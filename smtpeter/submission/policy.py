"""What may be submitted: the rules of section [submission] and of a login, as pure functions that raise Refusal."""

from __future__ import annotations

from collections.abc import Iterable

from smtpeter.message.address import Address, is_public
from smtpeter.message.header import Field, find_all, value
from smtpeter.message.mailboxes import mailboxes
from smtpeter.message.status import refusal
from smtpeter.submission.senders import may_send_as


def judge_return_path(return_path: Address | None, senders: tuple[str, ...]) -> None:
    """A login may be bound to return paths; the null return path asks for no bounces and is everybody's."""
    if return_path is not None and not may_send_as(return_path, senders):
        raise refusal(553, "5.7.1", "This login may not use this return path", f"return path {return_path!s}")


def judge_from(content: bytes, found: Iterable[Field], senders: tuple[str, ...]) -> None:
    """Likewise for every address in the From field (RFC 6409 6.1); what cannot be read is not allowed."""
    if not senders:
        return
    values = [value(content, field) for field in find_all(found, "from")]
    addresses = [address for text in values for address in mailboxes(text)]
    if not addresses or not all(address and may_send_as(address, senders) for address in addresses):
        cause = f"From: {'; '.join(values)[:300]!r}"
        raise refusal(550, "5.7.1", "This login may not use this From address", cause)


def judge_recipient(recipient: Address, *, allow_private: bool) -> None:
    """Some recipients can have no next hop: a mailbox without a domain, and an address on our own network."""
    if not recipient.domain:
        raise refusal(550, "5.1.1", "There are no mailboxes here")
    if recipient.domain.startswith("[") and not allow_private:
        literal = recipient.literal
        if literal is None or not is_public(literal):
            raise refusal(550, "5.7.1", "No relaying to this address")


def judge_hops(found: Iterable[Field], maximum: int) -> None:
    """RFC 5321 6.3: a message that has come this far goes round in circles."""
    if sum(field.name.lower() == "received" for field in found) >= maximum:
        raise refusal(554, "5.4.6", "Too many hops: this message goes round in circles")
