"""What a /send asks for beside its content, judged: recipients, return path, DSN parameters, switches, tags, deadline."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from smtpeter.message.address import Address
from smtpeter.message.envelope import Notify, OriginalRecipient, Recipient, Ret
from smtpeter.message.options import MAXIMUM_TAGS, is_tag
from smtpeter.web.api import fields
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.shapes import Dsn, Send

_SWITCHES = {
    "trackclicks": "track_clicks",
    "trackopens": "track_opens",
    "trackbounces": "track_bounces",
    "preventscam": "prevent_scam",
    "inlinecss": "inline_css",
}
# What `mime` has of its own.
_FIELDS = ("from_", "to", "cc", "bcc", "replyto", "subject", "text", "html", "unsubscribe", "extra", "headers", "attachments")  # fmt: skip
_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
_PRINTABLE = re.compile(r"[ -~]{1,100}")  # RFC 3461 4.4
_KINDS = {"SUCCESS": Notify.SUCCESS, "FAILURE": Notify.FAILURE, "DELAY": Notify.DELAY}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`give_up_at` in Unix seconds; `switches` only those that were named; `smtputf8`: the header is UTF-8 by right."""

    recipients: tuple[Recipient, ...]
    return_path: Address | None
    ret: Ret | None
    envid: str | None
    switches: Mapping[str, bool]
    tags: tuple[str, ...]
    give_up_at: float | None = None
    smtputf8: bool = False


def wanted(send: Send, now: float, *, needs_recipients: bool = True) -> Wanted:
    """Raises Problem, which names the field."""
    _judge_content(send)
    dsn = send.dsn or Dsn()
    recipients = _recipients(send, dsn)
    if needs_recipients and not recipients:
        raise Problem(422, "expected a recipient; they are not taken from to and cc", "recipients")
    if needs_recipients:
        _judge_bcc(send, recipients)
    if dsn.envid is not None and _PRINTABLE.fullmatch(dsn.envid) is None:
        raise Problem(422, "expected printable ASCII", "dsn.envid")
    return Wanted(
        recipients=recipients,
        return_path=None if not send.envelope else fields.address(send.envelope, "envelope"),
        ret=None if dsn.ret is None else Ret(dsn.ret),
        envid=dsn.envid,
        switches={
            switch: on for name, switch in _SWITCHES.items() if (on := getattr(send, name)) is not None
        },
        tags=read_tags(send.tags),
        give_up_at=None if send.maxdelivertime is None else _deadline(send.maxdelivertime, now),
    )


def _judge_content(send: Send) -> None:
    given = [name for name in _FIELDS if getattr(send, name) not in (None, {}, [])]
    if send.mime is None:
        if send.from_ is None:
            raise Problem(422, "missing", "from")
    elif given:
        raise Problem(422, f"mime is a whole message: {given[0].rstrip('_')} has no place beside it", "mime")
    elif not send.mime.strip():
        raise Problem(422, "a message has at least one header field", "mime")


def _recipients(send: Send, dsn: Dsn) -> tuple[Recipient, ...]:
    """Each once, in their order."""
    if send.recipient is not None and send.recipients is not None:
        raise Problem(422, "there is recipient as well; one of the two", "recipients")
    listed = send.recipients if send.recipient is None else [send.recipient]
    texts = _split(listed) if isinstance(listed, str) else listed or []
    found: dict[str, Address] = {}
    where = "recipient" if send.recipient is not None else "recipients"
    for number, text in enumerate(texts):
        place = where if send.recipient is not None else f"{where}[{number}]"
        for one in [text] if "," not in text or '"' in text else _split(text):
            address = fields.address(one, place)
            found.setdefault(address.key, address)
    notify = _notify(dsn)
    return tuple(Recipient(address, notify, _orcpt(dsn)) for address in found.values())


def _split(text: str) -> list[str]:
    return [one for one in text.split(",") if one.strip()]


def _judge_bcc(send: Send, recipients: tuple[Recipient, ...]) -> None:
    """Blind copies are recipients; one that is not among them would get nothing, and nobody would know."""
    known = {recipient.address.key for recipient in recipients}
    for _, address in fields.mailboxes(send.bcc, "bcc"):
        if address.key not in known:
            raise Problem(422, f"<{address}> is not among the recipients", "bcc")


def _notify(dsn: Dsn) -> Notify | None:
    """RFC 3461 4.1."""
    if dsn.notify is None:
        return None
    names = dsn.notify.split(",") if isinstance(dsn.notify, str) else dsn.notify
    words = [name.strip().upper() for name in names]
    if words == ["NEVER"]:
        return Notify.NEVER
    asked = Notify.NEVER
    for word in words:
        if word not in _KINDS:
            raise Problem(422, "expected NEVER, or some of SUCCESS, FAILURE and DELAY", "dsn.notify")
        asked |= _KINDS[word]
    if not words:
        raise Problem(422, "expected NEVER, or some of SUCCESS, FAILURE and DELAY", "dsn.notify")
    return asked


def _orcpt(dsn: Dsn) -> OriginalRecipient | None:
    if dsn.orcpt is None:
        return None
    address = fields.address(dsn.orcpt, "dsn.orcpt")
    return OriginalRecipient("rfc822" if address.is_ascii else "utf-8", str(address))


def read_tags(given: str | list[str] | None) -> tuple[str, ...]:
    texts = given.split(",") if isinstance(given, str) else given or []
    tags = tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))
    for number, tag in enumerate(tags):
        if not is_tag(tag):
            raise Problem(
                422, "a tag has 1 to 100 characters, no white space, no comma or semicolon", f"tags[{number}]"
            )
    if len(tags) > MAXIMUM_TAGS:
        raise Problem(422, f"more than {MAXIMUM_TAGS}", "tags")
    return tags


def _deadline(text: str, now: float) -> float:
    problem = Problem(422, "expected YYYY-MM-DD hh:mm:ss, in UTC", "maxdelivertime")
    if _TIME.fullmatch(text) is None:
        raise problem
    try:
        when = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        raise problem from None
    if when <= now:
        raise Problem(422, "this time is over", "maxdelivertime")
    return when
