"""Composes delivery status notifications (RFC 3464, RFC 6522; RFC 6533 where addresses are not ASCII).

`compose` gives the content, `envelope` what it must be sent with. Whatever strangers said stands in them on lines of
ours, as printable ASCII, bounded and folded: no reply can add a field or a part. The original is returned octet by
octet, never encoded (RFC 2046 5.2.1 allows message/rfc822 no encoding), so 8-bit originals make an 8BITMIME report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from smtpeter.message import header
from smtpeter.message.address import Address
from smtpeter.message.delivery_report import Action, DeliveryReport, RecipientReport
from smtpeter.message.envelope import Body, Envelope, Notify, Recipient
from smtpeter.message.explanation import SUBJECTS, explain, printable
from smtpeter.message.status import Result
from smtpeter.message.trace import date, message_id

__all__ = ["Action", "DeliveryReport", "RecipientReport", "compose", "envelope"]

_LINE = 76
_LONGEST_WORD = 500  # a longer one is broken, so that no line comes near 998 octets (RFC 5322 2.1.1)
_LONGEST_DIAGNOSTIC = 4_096
_LONGEST_SUBJECT = 200
_LONGEST_HEADER = 65_536  # octets of the original's header section that are returned
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


def compose(report: DeliveryReport) -> bytes:
    """The report's content, lines ended by CRLF."""
    original = report.original or b""
    found, _ = header.fields(original)
    parts = [_explanation(report, found), _status(report)]
    if report.original is not None:
        parts.append(_returned(report, report.original, found))
    boundary = _boundary(f"=_{report.identifier}", parts)
    return "".join(_head(report, found, boundary)).encode() + _joined(boundary, parts)


def envelope(report: DeliveryReport, content: bytes) -> Envelope:
    """Null return path, the one recipient with NOTIFY=NEVER (RFC 3461 6.1), and the BODY and SMTPUTF8 it needs."""
    return Envelope(
        return_path=None,
        recipients=(Recipient(report.to, notify=Notify.NEVER),),
        body=None if content.isascii() else Body.EIGHTBITMIME,
        smtputf8=not report.to.is_ascii,
    )


def _head(report: DeliveryReport, found: tuple[header.Field, ...], boundary: str) -> Iterator[str]:
    worst = next(action for action in SUBJECTS if any(each.action is action for each in report.recipients))
    kind = "global-delivery-status" if _is_global(report) else "delivery-status"
    yield _field("From", f"Mail Delivery System <MAILER-DAEMON@{report.hostname}>")
    yield _field("To", f"<{report.to}>")
    yield _field("Subject", SUBJECTS[worst])
    yield _field("Date", date(report.created_at))
    yield _field("Message-ID", message_id(report.identifier, report.hostname))
    original = header.find(found, "Message-ID")
    if original and _MESSAGE_ID.fullmatch(identifier := header.value(report.original or b"", original)):
        yield _field("In-Reply-To", identifier)
        yield _field("References", identifier)
    yield _field("Auto-Submitted", "auto-replied")  # RFC 3834 5
    yield _field("MIME-Version", "1.0")
    yield f'Content-Type: multipart/report; report-type={kind};\r\n\tboundary="{boundary}"\r\n'


def _joined(boundary: str, parts: Sequence[bytes]) -> bytes:
    """The body of a multipart entity, its first delimiter on a line of its own."""
    delimiter = b"--" + boundary.encode("ascii")
    joined = b"".join(b"\r\n" + delimiter + b"\r\n" + part for part in parts)
    return joined + b"\r\n" + delimiter + b"--\r\n"


def _boundary(boundary: str, parts: Sequence[bytes]) -> str:
    """A line that stands in no part, and begins so."""
    while any(boundary.encode("ascii") in part for part in parts):
        boundary += "_"
    return boundary


def _part(content_type: str, description: str, content: bytes) -> bytes:
    """A body part; its encoding is 7bit or 8bit, since nothing in a report is ever encoded."""
    encoding = "7bit" if content.isascii() else "8bit"
    return (
        f"Content-Type: {content_type}\r\nContent-Description: {description}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    ).encode("ascii") + content


def _explanation(report: DeliveryReport, found: tuple[header.Field, ...]) -> bytes:
    subject = header.find(found, "Subject")
    text = explain(report, _decoded(header.value(report.original or b"", subject)) if subject else "")
    charset = "us-ascii" if text.isascii() else "utf-8"
    content = text.replace("\n", "\r\n").encode()
    words = _part(f"text/plain; charset={charset}", "What happened", content)
    return _with_attachment(report, words) if report.attached else words


def _with_attachment(report: DeliveryReport, words: bytes) -> bytes:
    """Words and attachment as one: a report has three parts and no more (RFC 6522 3), and the first is for people."""
    kind, attached = "message/rfc822", report.attached
    if len(attached) > report.maximum_returned:
        kind, attached = "text/rfc822-headers", _header_section(attached, header.fields(attached)[0])
    parts = (words, _part(kind, "What the other server sent", attached))
    boundary = _boundary(f"=-{report.identifier}", parts)
    content = _joined(boundary, parts)
    return _part(f'multipart/mixed; boundary="{boundary}"', "What happened", content)


def _decoded(subject: str) -> str:
    """A subject as people read it (RFC 2047); as it stands when it cannot be decoded."""
    try:
        decoded = str(make_header(decode_header(subject[: 4 * _LONGEST_SUBJECT])))
    except (HeaderParseError, LookupError, ValueError):
        decoded = subject
    return _CONTROL.sub(" ", decoded)[:_LONGEST_SUBJECT].strip()


def _status(report: DeliveryReport) -> bytes:
    groups = [_field_group(_about_message(report))]
    groups.extend(_field_group(_about_recipient(each)) for each in report.recipients)
    kind = "global-delivery-status" if _is_global(report) else "delivery-status"
    return _part(f"message/{kind}", "Report for programs", "\r\n".join(groups).encode())


def _is_global(report: DeliveryReport) -> bool:
    """Whether a field needs more than ASCII (RFC 6533 3)."""
    return not all(
        each.recipient.address.is_ascii
        and (each.recipient.orcpt is None or each.recipient.orcpt.address.isascii())
        for each in report.recipients
    )


def _about_message(report: DeliveryReport) -> Iterator[tuple[str, str]]:
    """RFC 3464 2.2."""
    if report.envid is not None:
        yield "Original-Envelope-Id", report.envid.encode("ascii", "replace").decode("ascii")
    yield "Reporting-MTA", f"dns; {report.hostname}"
    yield "Arrival-Date", date(report.arrived_at)


def _about_recipient(each: RecipientReport) -> Iterator[tuple[str, str]]:
    """RFC 3464 2.3."""
    outcome = each.outcome
    orcpt = each.recipient.orcpt
    if orcpt is not None:
        yield "Original-Recipient", f"{orcpt.address_type}; {orcpt.address}"
    yield "Final-Recipient", _typed(each.recipient.address)
    yield "Action", each.action
    yield "Status", _status_code(each)
    if outcome.host:
        yield "Remote-MTA", f"dns; {printable(outcome.host, 255)}"
    if diagnostic := printable(str(outcome.reply), _LONGEST_DIAGNOSTIC):
        yield "Diagnostic-Code", f"{'smtp' if each.is_quoted else 'X-smtpeter'}; {diagnostic}"
    if each.attempted_at is not None:
        yield "Last-Attempt-Date", date(each.attempted_at)
    if each.log_id:
        yield "Final-Log-ID", each.log_id
    if each.retry_until is not None and each.action is Action.DELAYED:
        yield "Will-Retry-Until", date(each.retry_until)


def _typed(address: Address) -> str:
    """RFC 3464 2.3.2, RFC 6533 3."""
    return f"{'rfc822' if address.is_ascii else 'utf-8'}; {address}"


def _status_code(each: RecipientReport) -> str:
    """The reply's enhanced status code where it fits the action (RFC 3464 2.3.4), else the general one."""
    if each.outcome.result is Result.EXPIRED:
        return "4.4.7"
    fitting = {Action.FAILED: "54", Action.DELAYED: "4"}.get(each.action, "2")
    enhanced = each.outcome.reply.enhanced
    return enhanced if _STATUS.fullmatch(enhanced) and enhanced[0] in fitting else f"{fitting[0]}.0.0"


def _returned(report: DeliveryReport, original: bytes, found: tuple[header.Field, ...]) -> bytes:
    """The third part (RFC 6522 3, 4): the message, or its header section, as it came."""
    if report.returns_all:
        kind, description, content = "rfc822", "Your message", original
    else:
        kind, description = "rfc822-headers", "The header of your message"
        content = _header_section(original, found)
    if report.smtputf8 and not content.isascii():
        content_type = "message/global" if report.returns_all else "message/global-headers"
    else:
        content_type = f"{'message' if report.returns_all else 'text'}/{kind}"
    return _part(content_type, description, content)


def _header_section(original: bytes, found: tuple[header.Field, ...]) -> bytes:
    """The header fields without the empty line; of a monstrous section as many whole lines as are returned."""
    section = original[: found[-1].end] if found else b""
    if len(section) <= _LONGEST_HEADER:
        return section
    return section[: section.rfind(b"\r\n", 0, _LONGEST_HEADER) + 2]


def _field_group(fields: Iterator[tuple[str, str]]) -> str:
    return "".join(_field(name, value) for name, value in fields)


def _field(name: str, value: str) -> str:
    """One header field, folded at blanks; control characters become blanks, so that it stays one field."""
    lines = [f"{name}:"]
    for word in _CONTROL.sub(" ", value).rstrip().split(" "):
        for start in range(0, max(1, len(word)), _LONGEST_WORD):
            piece = word[start : start + _LONGEST_WORD]
            if piece and len(lines[-1]) + 1 + len(piece) > _LINE and lines != [f"{name}:"]:
                lines.append("")
            lines[-1] += f" {piece}"
    return "\r\n".join(lines) + "\r\n"
