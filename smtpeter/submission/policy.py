"""What may be submitted: the rules of section [submission] and of a login, as pure functions that raise Refusal."""

from __future__ import annotations

from collections.abc import Iterable

from smtpeter.message.address import Address, is_public
from smtpeter.message.header import MAXIMUM_FIELDS, Field, fields, find_all, value
from smtpeter.message.mailboxes import mailboxes
from smtpeter.message.status import refusal
from smtpeter.submission.senders import may_send_as

MAXIMUM_HEADER = 1_000_000  # octets of a header section; mailing lists come to some ten thousand
_LONGEST_FROM = 65_536  # octets of all From fields together


def judge_return_path(return_path: Address | None, senders: tuple[str, ...]) -> None:
    """A login may be bound to return paths; the null return path asks for no bounces and is everybody's."""
    if return_path is not None and not may_send_as(return_path, senders):
        raise refusal(553, "5.7.1", "This login may not use this return path", f"return path {return_path!s}")


def judge_from(content: bytes, found: Iterable[Field], senders: tuple[str, ...]) -> None:
    """Likewise for every address in the From field (RFC 6409 6.1); what cannot be read is not allowed."""
    if not senders:
        return
    froms = find_all(found, "from")
    if sum(field.end - field.start for field in froms) > _LONGEST_FROM:
        raise refusal(550, "5.7.1", f"From fields of more than {_LONGEST_FROM} octets are not read")
    values = [value(content, field) for field in froms]
    addresses = [address for text in values for address in mailboxes(text)]
    if not addresses or not all(address and may_send_as(address, senders) for address in addresses):
        cause = f"From: {'; '.join(values)[:300]!r}"
        raise refusal(550, "5.7.1", "This login may not use this From address", cause)


def header_section(content: bytes, senders: tuple[str, ...]) -> tuple[Field, ...]:
    """The fields of a content's header section, as far as every program that reads it sees the same ones.

    One that is without bound is refused: fields would be overlooked that others see. So is one that ends in a line that
    is no field, for a login that is bound to senders: many programs go on there, and may find another From.
    """
    limit = min(len(content), MAXIMUM_HEADER)
    found, body = fields(content, 0, limit)
    end = found[-1].end if found else 0
    if body > end or end == len(content):
        return found  # it ends at an empty line, or with the content
    if b"\n" not in content[end:limit] and limit < len(content):
        raise refusal(554, "5.6.0", f"A header section of more than {MAXIMUM_HEADER} octets is not accepted")
    if len(found) >= MAXIMUM_FIELDS:
        raise refusal(554, "5.6.0", f"More than {MAXIMUM_FIELDS} header fields are not accepted")
    if senders:
        raise refusal(554, "5.6.0", "The header section has a line that is no field (RFC 5322 2.2)")
    return found


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
