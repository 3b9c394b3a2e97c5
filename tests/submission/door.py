"""A submission door with fake neighbours, for dialogues in memory."""

from __future__ import annotations

import base64
import functools
import ssl
from dataclasses import replace

from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock

from smtpeter.accounts.model import Login
from smtpeter.accounts.passwords import keep_generated
from smtpeter.message.edit import Report, compile_template
from smtpeter.message.identifier import Identifiers
from smtpeter.message.options import Switches
from smtpeter.message.returning import Returning
from smtpeter.session.certificates import Certificates, Pair
from smtpeter.session.selfmade import self_made
from smtpeter.submission.delivery import Rules
from smtpeter.submission.interface import Neighbours, Prepared, at_once
from smtpeter.submission.server import Means, SubmissionServer
from smtpeter.submission.settings import Settings
from tests.kit.fakes.accounts import FakeAccounts, FakeAllowances, FakeUses
from tests.kit.fakes.journal import FakeJournal
from tests.kit.fakes.returns import FakeSuppressions
from tests.kit.fakes.spool import FakeSpool
from tests.session.wire import Wire

HOSTNAME = "mail.test"
USERNAME = "alice"
PASSWORD = "pä:ss w0rd"  # UTF-8, a colon and a blank
NOW = 1_780_000_000.0
TRUSTED = {"192.0.2.0/24": USERNAME}


def zeros(octets: int) -> bytes:
    return bytes(octets)


def login(**changes) -> Login:
    made = Login(USERNAME, keep_generated(PASSWORD, zeros), Switches(), NOW, trusted_option_headers=True)
    return replace(made, **changes)


@functools.cache
def pem(*hosts: str) -> tuple[bytes, bytes]:
    return self_made(hosts, NOW)


class Identity:
    """The rewriters with nothing to do; `trouble` is what they fail with."""

    def __init__(self):
        self.trouble = None
        self.pending = False
        self.switches = []

    async def prepare(self, message, login, original, switches, header_edits):
        self.switches.append(switches)
        if self.trouble is not None:
            raise self.trouble
        return Prepared(compile_template(len(original), header_edits), Report(), self.pending)


class Relay:
    """Takes what is born claimed."""

    def __init__(self):
        self.has_room = False
        self.taken = []
        self.trouble = None

    def room(self, message):
        return self.has_room

    def born(self, message, claims):
        self.taken.append((message, claims))
        if self.trouble is not None:
            raise self.trouble


class Door:
    """`wire()` is a new client; what was accepted stands in `spool` and `journal`.

    What is done `afterwards` is done at once, until a test says otherwise.
    """

    def __init__(
        self, tmp_path=None, *, logins=None, tls=True, pool=maybeDeferred, allow_private=False, **settings
    ):
        self.clock = Clock()
        self.clock.advance(1000)
        self.journal = FakeJournal()
        self.spool = FakeSpool(self.journal)
        self.accounts = FakeAccounts(*(logins or (login(),)))
        self.suppressions = FakeSuppressions()
        self.allowances, self.uses = FakeAllowances(), FakeUses()
        self.bounce_host = ""
        self.prepare = Identity()
        self.relay = Relay()
        self.afterwards = at_once
        self.certificate, key = pem(HOSTNAME)
        certificates = None
        if tls and tmp_path is not None:
            (tmp_path / "cert.pem").write_bytes(self.certificate)
            (tmp_path / "key.pem").write_bytes(key)
            certificates = Certificates(
                [Pair(tmp_path / "cert.pem", tmp_path / "key.pem")], self.clock.seconds
            )
        settings.setdefault("error_delay", 0.0)
        self.server = SubmissionServer(
            Settings(**settings),
            Rules(HOSTNAME, settings.get("maximum_hops", 100), allow_private),
            Neighbours(
                self.accounts,
                self.spool,
                self.prepare,
                self.relay,
                Identifiers(lambda: NOW, lambda bits: 0),
                lambda: NOW + self.clock.seconds() - 1000,
                self._return_paths,
                self.suppressions,
                lambda author: author.removeprefix("news."),
                self.allowances,
                self.uses,
                self._afterwards,
            ),
            Means(self.clock, pool, zeros, certificates),
        )
        self.factories = {}

    def _afterwards(self, *asked):
        self.afterwards(*asked)

    def _return_paths(self, content, reports_to):
        return Returning(self.bounce_host, 0, reports_to) if self.bounce_host else None

    def factory(self, endpoint="tcp:587", *, implicit_tls=False):
        key = (endpoint, implicit_tls)
        if key not in self.factories:
            self.factories[key] = self.server.factory(endpoint, implicit_tls=implicit_tls)
        return self.factories[key]

    def wire(self, *, implicit_tls=False, endpoint="tcp:587", **options) -> Wire:
        context = ssl.create_default_context(cadata=self.certificate.decode())
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        wire = Wire(
            self.factory(endpoint, implicit_tls=implicit_tls),
            self.clock,
            context=context,
            hostname=HOSTNAME,
            **options,
        )
        if implicit_tls:
            wire.start_tls()
        return wire

    @property
    def quota(self):
        return self.factory().setup.quota

    def clock_calls(self) -> int:
        """Timers left behind."""
        return len(self.clock.getDelayedCalls())

    @property
    def messages(self):
        return list(self.spool.shelf.messages.values())


def speak(wire: Wire, *lines: str | bytes) -> list[str]:
    """Send each line by itself; the whole reply to each, its lines joined by LF."""
    replies = []
    for line in lines:
        wire.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        replies.append(reply(wire))
    return replies


def reply(wire: Wire) -> str:
    lines = [wire.read_line()]
    while lines[-1][3:4] == b"-":
        lines.append(wire.read_line())
    return b"".join(lines).decode().replace("\r\n", "\n").rstrip("\n")


def plain(username=USERNAME, password=PASSWORD, identity="") -> str:
    return base64.b64encode(f"{identity}\0{username}\0{password}".encode()).decode()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def trusted(tmp_path=None, **settings) -> tuple[Door, Wire]:
    """A door whose first client is greeted and may send without AUTH."""
    door = Door(tmp_path, trusted_networks=TRUSTED, **settings)
    wire = door.wire()
    wire.read_line()
    assert speak(wire, "EHLO client.test")[0].startswith("250")
    return door, wire


def submit(wire: Wire, content: bytes, *, sender="a@b.test", recipients=("c@d.test",)) -> str:
    """One whole transaction; the reply to the final dot."""
    speak(wire, f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{recipient}>" for recipient in recipients))
    speak(wire, "DATA")
    wire.send(content + b".\r\n")
    return reply(wire)
