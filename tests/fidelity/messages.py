"""Messages around those documents: charsets, transfer encodings and nestings, written by Python's email and by hand."""

from __future__ import annotations

import base64
import email.policy
import quopri
from email.message import EmailMessage, MIMEPart

from smtpeter.message.edit import Report, SlotKind
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.options import Switches
from smtpeter.message.token import KeyRing, link
from smtpeter.rewrite.pipeline import Pipeline
from smtpeter.rewrite.render import render
from smtpeter.rewrite.settings import Settings
from smtpeter.rewrite.worker import pipeline
from tests.fidelity.account import CLICK, OPEN

RING = KeyRing({7: b"fidelity" * 4}, 7)
DELIVERY = DeliveryId(0x0123456789ABCDEF)
PIPELINE: Pipeline = pipeline(Settings(click_url=CLICK, open_url=OPEN))
TRACKING = Switches(
    track_clicks=True, track_opens=True, prevent_scam=True, track_text_links=True, always_pixel=True
)

# What people write in each, beside the ASCII of the markup.
WORDS = {
    "us-ascii": "Ferries at nine",
    "utf-8": "Fähren um neun 🛥 フェリー",
    "iso-8859-1": "Fähren, dîner à neuf heures, ¡olé!",
    "iso-8859-15": "Fähren für 5 €",
    "windows-1252": "“Fähren” – für 5 € …",
    "koi8-r": "Паром в девять часов",
    "windows-1251": "Паром в девять часов – «Гавань»",
    "iso-2022-jp": "九時のフェリー、港の便り",
    "shift_jis": "九時のフェリー、港の便り、表示",
    "euc-jp": "九時のフェリー、港の便り",
    "gb18030": "九点的渡轮，€ 5，港口通讯",
    "big5": "九點的渡輪，港口通訊",
    "euc-kr": "아홉 시 배편",
    "utf-16": "Fähren um neun 🛥",
}
ENCODINGS = ("7bit", "8bit", "quoted-printable", "base64")
CHARSETS = tuple(
    (charset, encoding)
    for charset in WORDS
    for encoding in ENCODINGS
    if (charset != "utf-16" or encoding == "base64") and (encoding != "7bit" or charset in {"us-ascii", "iso-2022-jp"})
)  # fmt: skip

HEAD = "From: The Harbour <news@example.com>\r\nTo: Reader <reader@example.net>\r\nSubject: Ferries\r\nMIME-Version: 1.0\r\n"


def crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def worded(text: str, charset: str) -> str:
    """The document with words of that charset in it, and nothing that it does not hold."""
    words = f"{WORDS[charset]} & <a href='https://www.example.com/{charset}'>{WORDS[charset]}</a>"
    put_in = text.replace("</body>", f"<p>{words}</p></body>", 1).replace(
        "</BODY>", f"<p>{words}</p></BODY>", 1
    )
    return put_in.encode(charset, "xmlcharrefreplace").decode(charset)


def encoded(octets: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return base64.encodebytes(octets).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        return quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return octets


def by_hand(
    text: str, charset: str = "utf-8", encoding: str = "quoted-printable", subtype: str = "html"
) -> bytes:
    """A message that is one text part."""
    head = f'{HEAD}Content-Type: text/{subtype}; charset="{charset}"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode("ascii") + encoded(crlf(text).encode(charset), encoding)


def by_python(
    text: str, charset: str = "utf-8", encoding: str = "quoted-printable", plain: str = ""
) -> bytes:
    """As Python's email writes it: alternatives where there is plain text."""
    message = _started()
    if plain:
        message.set_content(plain, charset=charset, cte=encoding)
        message.add_alternative(text, subtype="html", charset=charset, cte=encoding)
    else:
        message.set_content(text, subtype="html", charset=charset, cte=encoding)
    return message.as_bytes()


PLAIN = (
    "The Insider\n\nFerries: https://www.example.com/ferries?day=4&lang=en.\n(See <https://www.example.com/a(b)c>)\n"
    "Agenda, http://agenda.example.com; mail desk@example.com, www.example.com/x or ftp://files.example.com/\n"
)
PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
SECRET = '<a href="https://never.example.com/">never</a>'


def nestings(text: str) -> dict[str, bytes]:
    """The same document at several places of a MIME tree, each beside what must not be touched."""
    return {
        "alternative": by_python(text, plain=PLAIN),
        "related": _related(text).as_bytes(),
        "mixed": _mixed(text).as_bytes(),
        "mixed 8bit": _mixed(text, "8bit").as_bytes(),
        "forwarded": _forwarded(text).as_bytes(),
        "by hand": _nested_by_hand(text),
    }


def _started() -> EmailMessage:
    message = EmailMessage(policy=email.policy.SMTP)
    for field, value in (
        ("From", "The Harbour <news@example.com>"),
        ("To", "Reader <reader@example.net>"),
        ("Subject", "Fähren um neun, und was sonst noch im Hafen geschieht: Kuchen, Kaffee und Kapitäne"),
    ):
        message[field] = value
    return message


def _related(text: str, encoding: str = "quoted-printable") -> EmailMessage:
    message = _started()
    message.set_content(PLAIN, cte=encoding)
    message.add_alternative(text, subtype="html", cte=encoding)
    html = message.get_payload()[1]
    assert isinstance(html, MIMEPart)
    html.add_related(PICTURE, "image", "gif", cid="<logo@example.com>")
    return message


def _mixed(text: str, encoding: str = "base64") -> EmailMessage:
    message = _related(text, encoding)
    message.add_attachment(PICTURE, "image", "gif", filename="picture.gif")
    message.add_attachment(SECRET, "html", filename="page.html")
    return message


def _forwarded(text: str) -> EmailMessage:
    message = _related(text)
    inner = EmailMessage(policy=email.policy.SMTP)
    inner.set_content(SECRET, subtype="html")
    message.add_attachment(inner)
    return message


def _nested_by_hand(text: str) -> bytes:
    """With preamble, epilogue, folded fields, blanks after boundaries, an empty part, and a signed one."""
    html = (
        encoded(crlf(text).encode("iso-8859-1", "xmlcharrefreplace"), "quoted-printable")
        .decode("ascii")
        .rstrip("\r\n")
    )
    signed = f"--s\r\nContent-Type: text/html\r\n\r\n{SECRET}\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--s--\r\n"
    return (
        f'{HEAD}Content-Type: multipart/mixed;\r\n\tboundary="a b"\r\n\r\nThis is MIME: http://preamble.example/\r\n--a b  \r\n'
        'content-type: Multipart/Alternative; Boundary="a b.alt"\r\n\r\n--a b.alt\r\n\r\nHello http://plain.example/\r\n--a b.alt\r\n'
        "Content-Transfer-Encoding: QUOTED-PRINTABLE\r\nContent-Type: TEXT/HTML;\r\n charset=ISO-8859-1;\r\n format=flowed\r\n\r\n"
        f"{html}\r\n--a b.alt--\r\nbetween\r\n--a b\r\n\r\n\r\n--a b\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n{signed}"
        "--a b\r\nContent-Type: text/html; charset=us-ascii\r\nContent-Disposition: inline\r\n\r\n<p><a href=http://second.example/>2</a></p>\r\n"
        "--a b--\r\nepilogue http://epilogue.example/\r\n"
    ).encode("ascii")


def sent(
    raw: bytes, switches: Switches = TRACKING, by: Pipeline = PIPELINE, delivery: DeliveryId = DELIVERY
) -> tuple[bytes, Report]:
    """The message as it leaves for one recipient, with genuine tokens, and the report."""
    template, report = by.prepare(raw, switches)
    targets = [link(target.kind, number, target.url) for number, target in enumerate(template.targets)]
    tokens = RING.delivery(delivery)

    def token(kind: SlotKind, number: int) -> str:
        assert kind == targets[number].kind
        return tokens.token(targets[number])

    return render(raw, template, token), report
