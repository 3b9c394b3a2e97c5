"""ESMTP extensions: what a client asks for by parameters, what a server offers by EHLO, and the commands we then send.

The server's side refuses what is malformed, doubled or unknown (RFC 5321 4.1.1.11). The client's side sends an
address as it was written, and a parameter only where it was offered; no text that is no address, and no line end, can get
into a command.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

from smtpeter.message import xtext
from smtpeter.message.address import Address, AddressSyntax, ascii_domain, parse
from smtpeter.message.envelope import Body, Notify, OriginalRecipient, Recipient, Ret
from smtpeter.message.status import Refusal, Reply, refusal
from smtpeter.smtp.limits import LIMITS

# The server's side


@dataclass(frozen=True, slots=True)
class MailParameters:
    """Parameters of MAIL, decoded; AUTH (RFC 4954 5) means nothing here."""

    size: int | None = None  # octets declared; None when not given
    body: Body | None = None
    smtputf8: bool = False
    ret: Ret | None = None
    envid: str | None = None


@dataclass(frozen=True, slots=True)
class RcptParameters:
    """Parameters of RCPT, decoded."""

    notify: Notify | None = None
    orcpt: OriginalRecipient | None = None


_Choice = TypeVar("_Choice", Body, Ret)

_WORD = re.compile(r"[^ \t]+")
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\U0010ffff]+))?")
_OF_MAIL = frozenset({"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"})
_OF_RCPT = frozenset({"NOTIFY", "ORCPT"})
_NUMBER = re.compile(r"[0-9]{1,20}")  # RFC 1870 3
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9!#$%&'*+/?^_`{|}~-]+")
_PRINTABLE = re.compile(
    r"[\t -~]*"
)  # "graphic and white space" (RFC 3461 4.2, 4.4): the fields of a DSN can hold no more
_PRINTABLE_UTF8 = re.compile(r"[\t -~\u00a0-\u2027\u202a-\U0010ffff]*")


def mail_parameters(raw: str, *, maximum_size: int) -> MailParameters:
    """Refusal 501 5.5.4 (malformed, twice), 555 5.5.4 (unknown), 552 5.3.4 (SIZE above `maximum_size` octets)."""
    given = _parameters(raw, _OF_MAIL)
    if given.get("SMTPUTF8"):
        raise _malformed("SMTPUTF8")
    if "AUTH" in given:
        _xtext("AUTH", given["AUTH"])
    return MailParameters(
        size=_size(given["SIZE"], maximum_size) if "SIZE" in given else None,
        body=_chosen(Body, "BODY", given),
        smtputf8="SMTPUTF8" in given,
        ret=_chosen(Ret, "RET", given),
        envid=_envid(given["ENVID"]) if "ENVID" in given else None,
    )


def rcpt_parameters(raw: str) -> RcptParameters:
    """Refusal 501 5.5.4 (malformed, twice), 555 5.5.4 (unknown)."""
    given = _parameters(raw, _OF_RCPT)
    return RcptParameters(
        notify=_notify(given["NOTIFY"]) if "NOTIFY" in given else None,
        orcpt=_orcpt(given["ORCPT"]) if "ORCPT" in given else None,
    )


def _parameters(raw: str, known: frozenset[str]) -> dict[str, str]:
    """Keywords in upper case with their values, "" where there is none."""
    given: dict[str, str] = {}
    for word in _WORD.findall(raw):
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise refusal(501, "5.5.4", "A parameter is malformed")
        keyword = match[1].upper()
        if keyword not in known:
            raise refusal(555, "5.5.4", "A parameter is unknown here")
        if keyword in given:
            raise refusal(501, "5.5.4", f"{keyword} is given twice")
        given[keyword] = match[2] or ""
    return given


def _malformed(keyword: str) -> Refusal:
    return refusal(501, "5.5.4", f"The value of {keyword} is malformed")


def _size(value: str, maximum: int) -> int:
    if _NUMBER.fullmatch(value) is None:
        raise _malformed("SIZE")
    size = int(value)
    if size > maximum:
        raise refusal(552, "5.3.4", f"A message of more than {maximum} octets is not accepted")
    return size


def _chosen(choices: type[_Choice], keyword: str, given: dict[str, str]) -> _Choice | None:
    try:
        return choices(given[keyword].upper()) if keyword in given else None
    except ValueError as error:
        raise _malformed(keyword) from error


def _xtext(keyword: str, value: str) -> str:
    try:
        text = xtext.decode(value)
    except xtext.XtextSyntax as error:
        raise _malformed(keyword) from error
    if not value or _PRINTABLE.fullmatch(text) is None:
        raise _malformed(keyword)
    return text


def _envid(value: str) -> str:
    if len(value) > LIMITS.envid:
        raise _malformed("ENVID")
    return _xtext("ENVID", value)


def _notify(value: str) -> Notify:
    """NEVER alone, or a list of the others (RFC 3461 4.1)."""
    names = value.upper().split(",")
    if names == ["NEVER"]:
        return Notify.NEVER
    asked = Notify.NEVER
    for name in names:
        if name not in {"SUCCESS", "FAILURE", "DELAY"}:
            raise _malformed("NOTIFY")
        asked |= Notify[name]
    return asked


def _orcpt(value: str) -> OriginalRecipient:
    """`address-type;address` (RFC 3461 4.2), the address in xtext, or as RFC 6533 3 has it for the type utf-8."""
    address_type, separator, encoded = value.partition(";")
    if len(value) > LIMITS.orcpt or not separator or _ADDRESS_TYPE.fullmatch(address_type) is None:
        raise _malformed("ORCPT")
    if address_type.lower() != "utf-8":
        return OriginalRecipient(address_type, _xtext("ORCPT", encoded))
    try:
        address = xtext.decode_utf8(encoded)
    except xtext.XtextSyntax as error:
        raise _malformed("ORCPT") from error
    if not address or _PRINTABLE_UTF8.fullmatch(address) is None:
        raise _malformed("ORCPT")
    return OriginalRecipient(address_type, address)


# The client's side


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server offers. The default is what one may ask of a server that knows HELO only: nothing."""

    size: int | None = None  # None: not offered; 0: offered without a limit (RFC 1870 4)
    pipelining: bool = False
    eightbitmime: bool = False
    smtputf8: bool = False
    dsn: bool = False
    starttls: bool = False
    auth: frozenset[str] = frozenset()  # mechanisms in upper case
    maximum_recipients: int | None = None  # LIMITS RCPTMAX (RFC 9422)
    maximum_messages: int | None = None  # LIMITS MAILMAX: messages per connection

    @classmethod
    def parse(cls, ehlo: Reply) -> Capabilities:
        """Read an EHLO reply (its first line is the server's name); keywords in any case, unknown ones ignored."""
        offered: dict[str, str] = {}
        for line in ehlo.text.upper().split("\n")[1:]:
            # Servers older than RFC 4954 write AUTH=PLAIN, some beside AUTH PLAIN.
            keyword, _, argument = line.replace("AUTH=", "AUTH ", 1).strip().partition(" ")
            offered[keyword] = f"{offered.get(keyword, '')} {argument}".strip()
        limits = dict(word.partition("=")[::2] for word in offered.get("LIMITS", "").split())
        return cls(
            size=(_number(offered["SIZE"]) or 0) if "SIZE" in offered else None,
            pipelining="PIPELINING" in offered,
            eightbitmime="8BITMIME" in offered,
            smtputf8="SMTPUTF8" in offered,
            dsn="DSN" in offered,
            starttls="STARTTLS" in offered,
            auth=frozenset(offered.get("AUTH", "").split()),
            maximum_recipients=_number(limits.get("RCPTMAX", "")),
            maximum_messages=_number(limits.get("MAILMAX", "")),
        )

    def obstacle(self, *, size: int, body: Body | None, smtputf8: bool) -> Reply | None:
        """Return why this server cannot take such a message (552 5.3.4, 554 5.6.3, 553 5.6.7), or None: no need to ask it."""
        if self.size and size > self.size:
            return Reply(552, "5.3.4", f"The message has {size} octets, the next host takes {self.size}")
        if body is Body.EIGHTBITMIME and not self.eightbitmime:
            return Reply(554, "5.6.3", "The message is 8-bit, the next host takes 7-bit only")
        if smtputf8 and not self.smtputf8:
            return Reply(553, "5.6.7", "The message needs SMTPUTF8, which the next host does not offer")
        return None


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def mail_command(
    return_path: Address | None,
    capabilities: Capabilities,
    *,
    size: int | None = None,
    body: Body | None = None,
    smtputf8: bool = False,
    ret: Ret | None = None,
    envid: str | None = None,
) -> bytes:
    """`MAIL FROM:<...> ...` with its CRLF; the address verbatim, parameters only where offered (RFC 3461 5.2.1).

    A UTF-8 address goes out as it is under SMTPUTF8 (asked for and offered); else its domain in A-labels.
    Refusal 553 5.6.7: its local part is not ASCII and SMTPUTF8 is not to be had; 501 5.1.7: no address at all.
    """
    utf8 = smtputf8 and capabilities.smtputf8
    words = [f"MAIL FROM:<{'' if return_path is None else _path(return_path, '5.1.7', utf8=utf8)}>"]
    if size is not None and capabilities.size is not None:
        words.append(f"SIZE={size:d}")
    if body is not None and capabilities.eightbitmime:
        words.append(f"BODY={body}")
    if utf8:
        words.append("SMTPUTF8")
    if ret is not None and capabilities.dsn:
        words.append(f"RET={ret}")
    if envid and capabilities.dsn and len(encoded := xtext.encode(envid)) <= LIMITS.envid:
        words.append(f"ENVID={encoded}")
    return f"{' '.join(words)}\r\n".encode()


def rcpt_command(recipient: Recipient, capabilities: Capabilities, *, smtputf8: bool = False) -> bytes:
    """`RCPT TO:<...> ...` with its CRLF, under the rules of `mail_command`; NOTIFY and ORCPT where DSN is offered.

    Refusal 553 5.6.7, or 501 5.1.3: no address at all.
    """
    utf8 = smtputf8 and capabilities.smtputf8
    words = [f"RCPT TO:<{_path(recipient.address, '5.1.3', utf8=utf8)}>"]
    if recipient.notify is not None and capabilities.dsn:
        words.append(f"NOTIFY={','.join(kind.name or '' for kind in recipient.notify) or 'NEVER'}")
    if recipient.orcpt is not None and capabilities.dsn:
        words.extend(_orcpt_parameter(recipient.orcpt, utf8=utf8))
    return f"{' '.join(words)}\r\n".encode()


def _path(address: Address, enhanced: str, *, utf8: bool) -> str:
    """Return the mailbox as it may travel; it is read once more, so that nothing but an address can get into a command."""
    if not utf8 and not address.local_part.isascii():
        raise refusal(553, "5.6.7", "The address needs SMTPUTF8, which the next host does not offer")
    if not address.domain and address.local_part.lower() == "postmaster":
        return address.local_part
    try:
        if not utf8 and not address.domain.isascii():
            address = Address(address.local_part, ascii_domain(address.domain))
        text = str(address)
        if parse(text, utf8=utf8) == address:
            return text
    except AddressSyntax as error:
        raise refusal(501, enhanced, f"The address is malformed: {error}") from error
    raise refusal(501, enhanced, "The address is malformed")


def _orcpt_parameter(orcpt: OriginalRecipient, *, utf8: bool) -> list[str]:
    """ORCPT as it may travel; one that the encoding makes longer than the standard allows is left out, not the message."""
    if orcpt.address_type.lower() == "utf-8":
        encoded = xtext.encode_utf8(orcpt.address, ascii_only=not utf8)
    else:
        encoded = xtext.encode(orcpt.address)
    value = f"{orcpt.address_type};{encoded}"
    fits = len(value) <= LIMITS.orcpt and _ADDRESS_TYPE.fullmatch(orcpt.address_type)
    return [f"ORCPT={value}"] if fits else []
