"""Every parser of strangers' octets, as a function of octets: raises nothing but what it declares, which is caught here.

Beside each stand seeds to begin from, and units that, repeated, might cost more than their length. What was once
found to break one of them is kept in `corpus/NAME/`.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.rrset
import msgspec
from dns.rdatatype import MX
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher

from smtpeter import config
from smtpeter.accounts.spf import NotUnderstood, Spf
from smtpeter.accounts.tokens import split
from smtpeter.message import address, charset, content, header, identifier, xtext
from smtpeter.message.author import author_domain
from smtpeter.message.classification import classify
from smtpeter.message.mailboxes import mailboxes
from smtpeter.message.options import Switches
from smtpeter.message.status import Refusal
from smtpeter.relay import names
from smtpeter.request import target as request_target
from smtpeter.returns.recognise import recognise, tokens_within
from smtpeter.rewrite import leaf, quoted
from smtpeter.rewrite.change import LeftAlone
from smtpeter.rewrite.css import cascade, sheet
from smtpeter.rewrite.css.inline import Inliner
from smtpeter.rewrite.pipeline import Pipeline
from smtpeter.rewrite.render import render, to_seven_bit
from smtpeter.rewrite.settings import Settings
from smtpeter.service.answer import answered
from smtpeter.session.proxy import ProxyHeaderBroken, read_header
from smtpeter.smtp import extensions, framing, syntax
from smtpeter.submission.options import read_options
from smtpeter.web.api import parts
from smtpeter.web.api.compose import compose
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.shapes import Send
from smtpeter.web.dashboard.sessions import presented
from smtpeter.web.tracking import Tracking
from smtpeter.web.visit import Answer, Proxies, Visit
from tests.kit.returned import samples
from tests.rewrite.corpus import NEWSLETTERS, PIPELINE, message, multipart, part, token
from tests.session.wire import Wire
from tests.submission.door import TRUSTED, Door
from tests.web.test_web_server import Conversation
from tests.web.test_web_tracking import RING, Host

CORPUS = Path(__file__).parent / "corpus"
EVERYTHING = Switches(
    track_clicks=True, track_opens=True, prevent_scam=True, track_bounces=True, inline_css=True
)
PAGE = NEWSLETTERS[0].read_bytes()


@dataclass(frozen=True, slots=True)
class Target:
    """A parser; `units` are (before, repeated, after); `longest`: the octets that it gets from its caller, at most."""

    name: str
    call: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    units: tuple[tuple[bytes, bytes, bytes], ...]
    longest: int

    def kept(self) -> list[bytes]:
        """The seeds, and what is in the corpus."""
        found = sorted((CORPUS / self.name).glob("*")) if (CORPUS / self.name).is_dir() else []
        return [*self.seeds, *(file.read_bytes() for file in found)]


TARGETS: dict[str, Target] = {}


def target(
    *seeds: bytes, units: tuple[tuple[bytes, bytes, bytes], ...] = (), longest: int = 400_000
) -> Callable[..., object]:
    def registered(call: Callable[[bytes], object]) -> Callable[[bytes], object]:
        TARGETS[call.__name__] = Target(call.__name__, call, seeds, units, longest)
        return call

    return registered


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _each(before: bytes, *units: bytes, after: bytes = b"") -> tuple[tuple[bytes, bytes, bytes], ...]:
    return tuple((before, unit, after) for unit in units)


@contextlib.contextmanager
def nothing_logged_as_failure() -> Iterator[None]:
    """Doors catch what their handlers raise, and log it: here that counts."""
    seen: list[object] = []

    def observe(event: dict[str, object]) -> None:
        if "log_failure" in event or event.get("log_level") is LogLevel.critical:
            seen.append(event.get("log_failure", event))

    globalLogPublisher.addObserver(observe)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(observe)
    assert [] == seen


# -- SMTP ----------------------------------------------------------------------------------------------------


@target(
    b"MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=QQ+2B1 SMTPUTF8",
    b"RCPT TO:<a@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+40b.example",
    b'RCPT TO:<@x,@y:"a\\"b"@[IPv6:::1]>',
    b"EHLO [127.0.0.1]",
    b"BDAT 86 LAST",
    units=_each(b"MAIL FROM:<", b"a.", b'"', b"\\", b"@x,", after=b">")
    + _each(b"RCPT TO:<a@b> ", b"A=B ", b"NOTIFY=NEVER,", b"ORCPT=rfc822;+2B "),
    longest=40_000,
)
def smtp_command(octets: bytes) -> None:
    try:
        command = syntax.split_command(octets)
        if command.verb in {"HELO", "EHLO"}:
            assert syntax.parse_helo(command.argument).isprintable()
        elif command.verb == "BDAT":
            assert syntax.parse_bdat(command.argument).size >= 0
        elif command.verb == "MAIL":
            read = syntax.parse_mail(command.argument, utf8=True)
            extensions.mail_parameters(read.parameters, maximum_size=10_000_000)
        elif command.verb == "RCPT":
            extensions.rcpt_parameters(syntax.parse_rcpt(command.argument, utf8=True).parameters)
    except Refusal as refused:
        if not refused.reply.is_permanent:  # syntax and size are final
            raise


@target(
    b"a@b.example",
    b'"a b"@[192.0.2.1]',
    "jörg@bücher.example".encode(),
    b"a@[IPv6:2001:db8::1]",
    units=_each(b"", b"a.", b'"', b"\\\\", b"xn--a.", "ü".encode(), after=b"@b.example"),
)
def mail_address(octets: bytes) -> None:
    with contextlib.suppress(address.AddressSyntax):
        read = address.parse(_text(octets), utf8=True)
        assert read == address.parse(str(read), utf8=True)


@target(b"a+2Bb", b"\\x{1F600}", b"+", units=_each(b"", b"+2B", b"\\x{41}", b"+", b"\\x{"), longest=40_000)
def xtext_value(octets: bytes) -> None:
    for decode in (xtext.decode, xtext.decode_utf8):
        with contextlib.suppress(xtext.XtextSyntax):
            decode(_text(octets))


@target(
    b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: x\r\n\r\n..x\r\n.\r\nQUIT\r\n",
    b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nBDAT 3\r\nabcBDAT 0 LAST\r\n",
    b"EHLO x\r\nAUTH PLAIN =\r\nAUTH LOGIN\r\n*\r\nVRFY x\r\nHELP\r\nNOOP\r\nRSET\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    units=_each(b"EHLO x\r\n", b"NOOP\r\n", b"RSET\r\n")
    + _each(
        b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n",
        b"..\r\n",
        b"a: b\r\n",
        b"\r\n ",
        b"x" * 70 + b"\r\n",
        after=b"\r\n.\r\n",
    ),
)
def smtp_session(octets: bytes) -> None:
    """A client of a trusted network, whose every octet is somebody's."""
    door = _door()
    with nothing_logged_as_failure():
        wire = Wire(door.factory(), door.clock, address="192.0.2.7")
        wire.send(octets)
        door.clock.advance(1.0)
        assert wire.read().isascii()
        wire.lose()
        door.clock.advance(1000.0)


@functools.cache
def _door() -> Door:
    """One for all, as its factory: what a client leaves behind meets the next."""
    return Door(tls=False, trusted_networks=TRUSTED)


@target(
    b"one\r\n..two\r\n.\r\n",
    b"a\nb\r\n.\r\n",
    units=_each(b"", b"..\r\n", b"\r", b"\n", b"x", b"\r\n.", after=b"\r\n.\r\n"),
)
def smtp_content(octets: bytes) -> None:
    """Whole, and in two at each of some places: the same content, or the same refusal."""
    whole = _read(octets, len(octets))
    for place in {1, 2, 3, len(octets) // 2, len(octets) - 1} & set(range(1, min(len(octets), 2000))):
        assert whole == _read(octets, place)


def _read(octets: bytes, place: int) -> object:
    reader = framing.DataReader(100_000)
    rest = reader.feed(octets[:place])
    if rest is None:
        rest = reader.feed(octets[place:])
    elif place < len(octets):
        rest += octets[place:]
    if rest is None:
        return None
    try:
        return rest, reader.content()
    except Refusal as refused:
        return rest, refused.reply


@target(
    b"250-mx.example\r\n250-SIZE 1000\r\n250 DSN\r\n",
    b"550 5.1.1 No such user here\r\n",
    b"421-x\r\n421 4.7.0 Too many connections\r\n",
    units=_each(b"", b"250-a\r\n", b"2", b"\r", after=b"250 x\r\n")
    + _each(b"550 5.1.1 ", b"mailbox ", b"a", b"user not "),
)
def smtp_reply(octets: bytes) -> None:
    reader = framing.ReplyReader()
    reader.feed(octets)
    with contextlib.suppress(framing.ReplySyntax):
        while (reply := reader.reply()) is not None:
            classify(reply)
            extensions.Capabilities.parse(reply)


@target(
    b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 25\r\nEHLO",
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12),
    units=_each(b"PROXY ", b"TCP4 ", b"1."),
)
def proxy_header(octets: bytes) -> None:
    with contextlib.suppress(ProxyHeaderBroken):
        read = read_header(octets)
        assert read is None or read.length <= len(octets)


# -- content -------------------------------------------------------------------------------------------------

HEADER = b'From: "a, b" <c@d.example>, e@f.example (x)\r\nTo: g: h@i.example;\r\nX-smtpeter-Tags: a, b\r\nSubject: x\r\n y\r\n\r\nbody'


@target(
    HEADER,
    b"x-smtpeter-trackclicks: yes\r\nx-smtpeter-maxdelivertime: 2026-01-01\r\n\r\n",
    units=_each(b"From: ", b"(", b'"', b"\\", b"a,", b"<", b"=?utf-8?q?", b"\r\n ")
    + _each(b"", b"a: b\r\n", b":", b"\r\n", b"x-smtpeter-tags: a\r\n"),
)
def header_section(octets: bytes) -> None:
    found, body = header.fields(octets)
    assert 0 <= body <= len(octets)
    for one in found:
        mailboxes(header.value(octets, one))
    author_domain(octets, header.find_all(found, "from"))
    for edit in read_options(octets, found, EVERYTHING).edits:
        assert 0 <= edit.start <= edit.end <= len(octets)


MULTIPART = multipart(
    "mixed",
    part("text/html; charset=utf-8", "<a href='http://x.example/'>x</a>"),
    part("text/plain; charset=x", "http://x.example/", "Content-Transfer-Encoding: base64"),
)


@target(
    MULTIPART,
    message("<p>x", charset="iso-2022-jp", encoding="base64"),
    *(each.content for each in samples()[:3]),
    units=_each(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", b"--b\r\n\r\n", b"--b", b"--b--\r\n", b"--"
    )
    + _each(b"Content-Type: text/plain; ", b"a=b;", b"a*0=b;", b'"', b"\\", b"("),
)
def mime_parts(octets: bytes) -> None:
    for one in content.parts(octets):
        assert 0 <= one.start <= one.end <= len(octets)
    for one in content.leaves(octets):
        with contextlib.suppress(LeftAlone):
            leaf.read(octets, one)
        charset.codec(one.charset, octets[:200])
    parts.header_section(octets)
    parts.text(octets, "html")
    parts.attachments(octets)
    parts.embeds(octets)


@target(
    MULTIPART,
    message(_text(PAGE)),
    message(_text(PAGE), encoding="quoted-printable"),
    message("http://x.example/ see http://y.example/?a=b", subtype="plain", encoding="base64"),
    units=_each(
        b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body>",
        b"<a href='http://x.example/'>y</a>\r\n",
        b"<a ",
        b"<img src=",
        b"<!--",
        b"<script>",
        b"&amp;",
        b"<",
        b"'",
    )
    + _each(b"Content-Type: text/plain\r\n\r\n", b"http://", b"http://a.example/(", b"www.", b"\r\n"),
)
def rewriting(octets: bytes) -> None:
    """All but the inlining, which is a worker's; what is not edited leaves octet for octet."""
    switches = Switches(track_clicks=True, track_opens=True, prevent_scam=True)
    template, _ = _pipeline().prepare(octets, switches)
    rendered = render(octets, template, lambda kind, number: token(str(kind.value), number))
    if not template.targets and len(template.pieces) == 1:
        assert rendered == octets
    untouched, _ = PIPELINE.prepare(octets, Switches())
    assert octets == render(octets, untouched, None)
    seven = to_seven_bit(rendered)
    assert seven is None or seven.isascii()


def _pipeline() -> Pipeline:
    return Pipeline(Settings(click_url="https://click.example", open_url="https://open.example/o"))


@target(
    PAGE,
    b"<style>p{color:red!important;top:0}@media print{p{left:0}}</style><p style='top:1px' class=x>y",
    units=_each(b"<style>p{top:0}</style>", b"<p>", b"<b>", b"<br>", b"&amp;", b"<p style='a:b'>", b"<table>")
    + _each(b"<style>", b"p{top:0}", b"a ", b"{", b"/*", b"@media x{", b"'", b"\\", after=b"</style><p>"),
)
def inlining(octets: bytes) -> None:
    with contextlib.suppress(LeftAlone):
        Inliner().inline(_text(octets))


@target(
    b"p.a > b:hover, #c [d='e']{color:red;background:url(x)}",
    b"@import 'x';@media screen and (max-width:600px){a{b:c}}",
    units=_each(b"", b"a{b:c}", b"a,", b"a ", b":not(", b"[", b"{", b"/*", b"'", b"\\", b"@", b"(", b";")
    + _each(b"a{", b"b:c;", b"b:", b"!important", b"var(", after=b"}"),
)
def style_sheet(octets: bytes) -> None:
    with contextlib.suppress(LeftAlone):
        sheet.read(_text(octets))
    with contextlib.suppress(LeftAlone):
        cascade.read_own(_text(octets))


@target(b"a=3Db=\r\nc", b"=", b"a \r\n", units=_each(b"", b"=3D", b"=\r\n", b"=", b" \r\n", b"\t"))
def quoted_printable(octets: bytes) -> None:
    with contextlib.suppress(LeftAlone):
        decoded = quoted.decode(octets)
        if b"\n" not in decoded.replace(b"\r\n", b"") and b"\r" not in decoded.replace(b"\r\n", b""):
            assert decoded == quoted.decode(quoted.encode(decoded))


@target(
    b"utf-8",
    b"utf-7",
    b"idna",
    b"unicode_escape",
    b"rot13",
    b"iso-2022-jp\x1b",
    units=_each(b"", b"a", b"-", b"_"),
)
def charset_label(octets: bytes) -> None:
    label, _, text = octets.partition(b"\x1b")
    codec = charset.codec(label.decode("latin-1"), text)
    if codec is not None:
        with contextlib.suppress(UnicodeDecodeError):
            assert isinstance(text.decode(codec), str)


# -- what comes back, and what is answered -------------------------------------------------------------------


@target(
    *(each.content for each in samples()[::12]),
    units=_each(
        b"From: MAILER-DAEMON@x\r\nContent-Type: message/delivery-status\r\n\r\n",
        b"Final-Recipient: x\r\n\r\n",
    )
    + _each(b"Subject: Undeliverable\r\n\r\n", b"<a@b>: ", b"550 5.1.1 ", b">\r\n", b"\r\n", b"<p "),
)
def returned_mail(octets: bytes) -> None:
    for is_from_null in (None, True):
        recognise(octets, is_from_null=is_from_null)
    tokens_within(octets)


ASKED = names.question("example.com", MX, 7)


def _answered(*records: str) -> bytes:
    reply = dns.message.make_response(ASKED.message)
    reply.answer = [dns.rrset.from_text(*record.split(" ", 4)) for record in records]
    return reply.to_wire()


@target(
    _answered("example.com. 300 IN MX 10 mx.example.com."),
    _answered("example.com. 300 IN CNAME x.example.com.", "x.example.com. 5 IN MX 0 ."),
    units=_each(_answered()[:12], b"\xc0\x0c", b"\x01a", b"\x00\x00\x0f\x00\x01"),
)
def dns_answer(octets: bytes) -> None:
    names.read(ASKED, ASKED.wire[:2] + octets[2:])


@target(
    b"v=spf1 mx ip4:192.0.2.0/24 include:x.example -all",
    b"v=spf1 redirect=x",
    units=_each(b"v=spf1 ", b"a ", b"ip4:", b"include:x "),
)
def spf_record(octets: bytes) -> None:
    text = _text(octets)
    with contextlib.suppress(NotUnderstood):
        Spf(lambda _name, kind: [text] if kind == "TXT" else []).result(
            "x.example", ipaddress.ip_address("192.0.2.1")
        )


# -- HTTP ----------------------------------------------------------------------------------------------------


@target(
    b"GET /a HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
    units=_each(b"GET / HTTP/1.1\r\n", b"a: b\r\n", b":", b" x\r\n")
    + _each(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n", b"0"),
)
def http_request(octets: bytes) -> None:
    with nothing_logged_as_failure():
        conversation = Conversation()
        conversation.say(octets)
        if not conversation.transport.disconnecting:
            conversation.clock.advance(600.0)


TRACKING = Tracking(
    lambda: RING, Host(), lambda _hit: None, Proxies(["192.0.2.0/24"]), Clock(), lambda: 1_700_000_000.0
)
CLICK = f"/{RING.click(identifier.DeliveryId(1), 0, 'https://shop.example/a?b')}/shop.example/a?b".encode()


@target(
    CLICK,
    b"/" + b"A" * 36 + b"//evil.example",
    units=_each(CLICK, b"%2f", b"../", b"?", b"&a=b", b"\\") + _each(b"/", b"A"),
)
def tracking_request(octets: bytes) -> None:
    """Nobody is led but where a genuine token says."""
    visit = Visit(b"GET", octets, (("X-Forwarded-For", _text(octets)),), "192.0.2.9")
    found = TRACKING.answer(visit)
    answer = found if isinstance(found, Answer) else answered(found)
    assert answer.status in {200, 404} or octets[:37] == CLICK[:37]
    Proxies(["192.0.2.0/24"]).client(visit)
    RING.read_return_path(_text(octets))


# Of an address, the only thing in a header of ours that may be UTF-8 (RFC 6532): it has no other form.
_LOCAL_PART = re.compile(rb'(?:"(?:[^"\\]|\\.)*"|[^\s<>,"]+)@')


@target(
    json.dumps(
        {
            "recipient": "a@b.example",
            "from": "c@d.example",
            "to": "x <a@b.example>, y",
            "html": "<p>",
            "extra": {"x-a": "b"},
        }
    ).encode(),
    json.dumps(
        {"from": {"address": "a@b", "name": "ü"}, "subject": "x\r\ny", "unsubscribe": {"url": "https://x/"}}
    ).encode(),
    '{"recipient": "a", "from": "dњ@c"}'.encode(),
    units=_each(b'{"from":"a@b.example","to":"', b"a@b,", b"<", b"x ", b"(", after=b'"}')
    + _each(b'{"from":"a@b.example","subject":"', b"x ", "ü".encode(), after=b'"}'),
)
def api_send(octets: bytes) -> None:
    try:
        composed = compose(msgspec.json.decode(octets, type=Send), (), "mark")
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, Problem, RecursionError):
        return
    head = composed.partition(b"\r\n\r\n")[0]
    assert _LOCAL_PART.sub(b"@", head).isascii()
    head.decode()
    assert composed.count(b"\n") == composed.count(b"\r\n") == composed.count(b"\r")


@target(
    b"https://shop.example/a?b#c",
    b"http://[::1]/",
    b"http://0x7f.1/",
    "https://bücher.example/ü".encode(),
    units=_each(b"http://x/", b"a/", b"../", b"%41", b"@", "ü".encode())
    + _each(b"http://", b"a.", b"@", b"["),
)
def web_address(octets: bytes) -> None:
    text = _text(octets)
    with contextlib.suppress(request_target.NotAllowed):
        read = request_target.read(text, allow_private=False)
        assert "\r" not in read.path
        assert "\n" not in read.path


@target(
    b"smtpeter_session=x; a=b", b"smtpeter_0_x", b"aaaaaaaaaaaaa", units=_each(b"", b"a=b;", b"=", b";", b"a")
)
def secrets_presented(octets: bytes) -> None:
    text = _text(octets)
    presented(text, secure=True)
    split(text)
    with contextlib.suppress(identifier.NotAnIdentifier):
        assert identifier.read(text) >= 0


@target(
    b'[server]\nhostname = "m.example"\ndata_directory = "d"\n[relay]\nmode = "mx"\nretry = ["5m"]\n',
    b'[submission]\nstarttls = ["tcp:587"]\ntrusted_networks = { "192.0.2.0/24" = "joe" }\n',
    units=_each(b"[server]\n", b"a = 1\n", b"#\n", b"[a]\n"),
)
def configuration(octets: bytes) -> None:
    with contextlib.suppress(tomllib.TOMLDecodeError, config.Misconfigured, RecursionError):
        config.read(tomllib.loads(_text(octets)), Path("/etc/smtpeter"))
