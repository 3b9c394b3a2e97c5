"""The door for what comes back, in memory: fakes behind it, wires in front of it, and deliveries that were made."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock, deferLater

from smtpeter.accounts.model import Bounces, Login
from smtpeter.accounts.suppression import Breadth
from smtpeter.message.envelope import Envelope, OriginalRecipient, Recipient, Ret
from smtpeter.message.identifier import Identifiers
from smtpeter.message.options import Switches
from smtpeter.message.returning import Returning
from smtpeter.message.token import KeyRing
from smtpeter.returns.interface import Neighbours
from smtpeter.returns.recognise import recognise
from smtpeter.returns.server import Means, ReturnsServer
from smtpeter.returns.settings import Settings
from smtpeter.session.limits import Limits, Quota
from tests.kit.fakes.accounts import FakeAccounts
from tests.kit.fakes.returns import FakeReturns, FakeSuppressions
from tests.kit.fakes.spool import FakeSpool
from tests.session.wire import Wire
from tests.storage.stores import accepted, address, settlement
from tests.submission.door import reply, speak

HOST = "bounces.example"
NOW = 1_800_000_000.0
RING = KeyRing({0: bytes(32)}, 0)
CUSTOMER = address("me@customer.example")
CONTENT = (
    b"From: News <news@shop.example>\r\nSubject: Spring\r\nMessage-ID: <1@shop.example>\r\n\r\nHello.\r\n"
)
LOGIN = Login("bench", "", Switches(track_bounces=True), 0.0, bounces=Bounces(suppress=Breadth.LOGIN))
LIMITS = Limits(
    maximum_size=600_000,
    maximum_recipients=10,
    maximum_errors=5,
    maximum_junk=20,
    minimum_rate=1,
    command_timeout=60.0,
    session_timeout=600.0,
    error_delay=0.0,
)
SETTINGS = {"domain": HOST, "postmaster": "op@home.example", "complaint_addresses": ("fbl@Home.example",)}


class Hall:
    """`bring` is what a remote host does; what came of it stands in `spool`, `journal`, `returns` and `listed`."""

    def __init__(self, login=LOGIN, **settings):
        self.clock = Clock()
        self.spool = FakeSpool()
        self.journal = self.spool.journal
        self.suppressions = FakeSuppressions()
        self.returns = FakeReturns(self.spool, self.suppressions)
        self.accounts = FakeAccounts(login)
        self.recognise = recognise
        self.paused = []
        neighbours = Neighbours(
            spool=self.spool,
            returns=self.returns,
            accounts=self.accounts,
            identifiers=Identifiers(lambda: NOW, lambda bits: 0),
            recognise=lambda content: maybeDeferred(self.recognise, content),
            ring=lambda: RING,
            hosts=lambda: frozenset((HOST, "b.shop.example")),
            sender_domain=lambda author: author.removeprefix("news."),
            now=lambda: NOW,
            pause=self._pause,
        )
        quota = Quota(maximum_connections=10, maximum_per_address=10, maximum_memory=2_000_000)
        means = Means(self.clock, None, LIMITS, quota, 20)
        self.server = ReturnsServer(
            Settings(**{**SETTINGS, **settings}), "mail.home.example", neighbours, means
        )
        self.factory = self.server.factory()

    def _pause(self, seconds):
        self.paused.append(seconds)
        return deferLater(self.clock, 0)

    def wire(self):
        wire = Wire(self.factory, self.clock)
        wire.read_line()
        speak(wire, "EHLO remote.example")
        return wire

    def bring(self, recipient, content, *, sender="", wire=None):
        """One transaction; the last reply."""
        wire = wire or self.wire()
        *_, judged = speak(wire, f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>")
        if not judged.startswith("250"):
            speak(wire, "RSET")
            return judged
        speak(wire, "DATA")
        wire.send(content + b".\r\n")
        return reply(wire)

    def delivered(self, number=1, *, to="joe@there.example", notify=None, reports_to=CUSTOMER, **more):
        """A tracked delivery that the next hop has taken: its number, and its return path."""
        recipient = Recipient(
            address(to), notify=notify, orcpt=OriginalRecipient("rfc822", "first@there.example")
        )
        made = accepted(
            number,
            (recipient,),
            content=CONTENT,
            claimed=True,
            envelope=Envelope(CUSTOMER, (recipient,), ret=Ret.HDRS, envid="QQ314"),
            returning=Returning(HOST, 0, reports_to),
            facts={"from": "News <news@news.shop.example>"},
            tags=("spring",),
            **more,
        )
        (claim,) = self.spool.accept(made).result
        self.spool.settle([settlement(claim)])
        return claim.delivery.id, path(claim.delivery.id)

    @property
    def forwards(self):
        """What was passed on: messages of ours."""
        return [each for each in self.spool.shelf.messages.values() if each.login == ""]

    def kinds(self, delivery):
        return [event.kind for event in self.journal.events if event.delivery == delivery]

    def last(self, kind):
        return [event for event in self.journal.events if event.kind == kind][-1]


def path(delivery) -> str:
    return f"{RING.return_path(delivery)}@{HOST}"


def dsn(action="failed", status="5.1.1", said="550 5.1.1 No such user here", recipient="joe@there.example"):
    return (
        "From: MAILER-DAEMON@mx.there.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n'
        "\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.there.example\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {said}\r\n\r\n--b--\r\n"
    ).encode()


AWAY = (
    b"From: joe@there.example\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n"
)


def complaint(within: bytes, kind="abuse"):
    return (
        b"From: fbl@provider.example\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n"
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        b"Feedback-Type: " + kind.encode() + b"\r\nUser-Agent: P/1\r\nVersion: 1\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + within + b"\r\n--b--\r\n"
    )


def wishing(login: Login, **bounces) -> Login:
    return replace(login, bounces=replace(login.bounces, **bounces))
