"""The door to other servers: twisted.mail's ESMTPSender and its factory, with the conversation replaced.

One factory makes one connection, which carries many messages. The stock protocol can smuggle, take one reply for
another's, and report as sent what was not; what is kept of it is its shape. Passwords go to verified hosts only.
"""
# ruff: noqa: N802 - Twisted names these methods

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from errno import EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM
from typing import Protocol

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConnector
from twisted.internet.protocol import ClientFactory
from twisted.mail import smtp
from twisted.python.failure import Failure

from smtpeter.message.status import Reply, Stage
from smtpeter.relay import dane, tls
from smtpeter.relay.route import Hop
from smtpeter.relay.sender_wire import Wire
from smtpeter.relay.settings import Timeouts
from smtpeter.relay.sources import Face
from smtpeter.relay.tls import Contexts, Flaw, Security
from smtpeter.relay.transaction import Dialogue, Ending, Peer, Script, is_accepting, is_senseless, out_of_turn
from smtpeter.session.deadline import Clock
from smtpeter.smtp.extensions import Capabilities

# What this machine, not the host, is short of: descriptors, memory, ports; or it has no such source address.
_OURS = frozenset((EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL))


class HostUnusable(Exception):
    """The host takes no mail from us now, or at all: final when the code of `ending.reply` is 5xx.

    `tls_failed`: it may be usable in clear.
    """

    def __init__(self, ending: Ending, peer: Peer, *, tls_failed: bool = False) -> None:
        super().__init__(f"{peer.host} [{peer.address}]: {ending.stage}: {ending.reply}")
        self.ending = ending
        self.peer = peer
        self.tls_failed = tls_failed


@dataclass(frozen=True, slots=True)
class Credentials:
    """What we show to the smarthost, and to nobody else: no log, no traceback."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(...)"


class Reactor(Clock, Protocol):
    """The part of Twisted's reactor that connects."""

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: ClientFactory,
        timeout: float,
        source: tuple[str, int] | None = None,
        /,
    ) -> IConnector: ...


@dataclass(frozen=True, slots=True)
class Connector:
    """Opens connections. `identity` is the name that EHLO gives where no face has another."""

    reactor: Reactor
    identity: str
    timeouts: Timeouts
    contexts: Contexts
    credentials: Credentials | None = None

    def open(self, hop: Hop, security: Security, face: Face | None = None) -> Deferred[Sender]:
        """Connect (from `face`), greet, secure and authenticate; fails with HostUnusable."""
        factory = SenderFactory(self, hop, security, self.identity if face is None else face.name)
        ready = factory.ready
        source = None if face is None else (face.address, 0)
        factory.connector = self.reactor.connectTCP(
            hop.address, hop.port, factory, self.timeouts.connect, source
        )
        return ready


class SenderFactory(smtp.ESMTPSenderFactory):
    """Makes one Sender; `ready` fires with it when it can take a message, or fails with HostUnusable."""

    noisy = False

    def __init__(self, ours: Connector, hop: Hop, security: Security, identity: str) -> None:
        self.ready: Deferred[Sender] = Deferred(self._cancelled)
        super().__init__(None, None, "", [], None, self.ready, retries=0)  # type: ignore[no-untyped-call]
        self.protocol = Sender
        self.domain = identity.encode("ascii")
        self.ours = ours
        self.hop = hop
        self.security = security
        self.connector: IConnector | None = None

    def succeed(self, sender: Sender) -> None:
        if not self.sendFinished:
            self.sendFinished = True
            self.result.callback(sender)

    def fail(self, error: Exception | Failure) -> None:
        if not self.sendFinished:
            self.sendFinished = True
            self.result.errback(error)

    def _cancelled(self, _ready: Deferred[Sender]) -> None:
        self.sendFinished = True
        if self.connector is not None:
            self.connector.disconnect()

    def clientConnectionFailed(self, _connector: IConnector, reason: Failure) -> None:
        if getattr(reason.value, "osError", None) in _OURS:  # that is no sign of how the host is
            ending = Ending(
                Stage.PROCESS, Reply(451, "4.3.2", "No socket to connect with"), str(reason.value)
            )
        else:
            told = Reply(451, "4.4.1", f"No connection to {self.hop.host} [{self.hop.address}]")
            ending = Ending(Stage.CONNECT, told, str(reason.value))
        self.fail(HostUnusable(ending, Peer(self.hop.host, self.hop.address)))


class Sender(Wire):
    """A conversation with one host: opened by its factory, then one `deliver` after the other until it `ended`."""

    factory: SenderFactory
    identity: bytes
    capabilities = Capabilities()
    messages = 0  # begun so far
    tls = ""  # version and cipher

    _secured: SSL.Connection | None = None
    _is_securing = False
    _must_reset = False

    @property
    def peer(self) -> Peer:
        hop = self.factory.hop
        return Peer(hop.host, hop.address, self.source, self.tls, self.capabilities.dsn)

    # -- opening ------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.start(self.factory.ours.reactor, self.factory.ours.timeouts)
        opening = Deferred.fromCoroutine(self._open())
        opening.addCallbacks(lambda _: self.factory.succeed(self), self._failed)

    def _failed(self, failure: Failure) -> None:
        self.quit()
        self.factory.fail(failure)

    async def _open(self) -> None:
        security = self.factory.security
        greeting = await self._ask(Stage.GREETING, b"")
        if greeting.code != 220:
            raise self._refused(Stage.GREETING, greeting)
        await self._hello()
        if self.capabilities.starttls and security is not Security.NONE:
            await self._start_tls(security)
        elif security.is_mandatory:
            told = Reply(451, "4.7.4", "The host offers no TLS")
            raise self._unusable(Ending(Stage.STARTTLS, told, Flaw.NO_TLS))
        if self.factory.ours.credentials is not None:
            await self._authenticate(self.factory.ours.credentials)

    async def _ask(self, stage: Stage, line: bytes) -> Reply:
        """The reply to a line; raises HostUnusable when there is none."""
        replies = await self.exchange(line and line + b"\r\n", (stage,))
        if not replies or self.ended is not None:
            raise self._unusable(self.ended)
        return replies[0]

    async def _hello(self) -> None:
        """EHLO; else HELO, unless what only EHLO offers is needed (RFC 5321 3.2)."""
        reply = await self._ask(Stage.EHLO, b"EHLO " + self.identity)
        if is_accepting(reply):
            self.capabilities = Capabilities.parse(reply)
            return
        if reply.is_permanent and not self._is_securing and not self.factory.security.is_mandatory:
            reply = await self._ask(Stage.EHLO, b"HELO " + self.identity)
        if not is_accepting(reply):
            raise self._refused(Stage.EHLO, reply)

    async def _start_tls(self, security: Security) -> None:
        """STARTTLS (RFC 3207) and the EHLO that follows; what was offered in clear is forgotten."""
        replies = await self.exchange(b"STARTTLS\r\n", (Stage.STARTTLS,))
        if replies and self.ended is not None:  # more was sent in clear, to be taken for an answer under TLS
            raise self._unusable(self.ended)
        self._is_securing = True
        if not replies:
            raise self._unusable(self.ended)
        if replies[0].code != 220:
            told = Reply(451, "4.7.4", f"The host does not start TLS: {replies[0]}")
            raise self._unusable(Ending(Stage.STARTTLS, told))
        self.capabilities = Capabilities()
        await self._shake_hands(security)
        await self._hello()
        self._is_securing = False

    async def _shake_hands(self, security: Security) -> None:
        host, wanted = self.factory.hop.host, self.factory.hop.guard.dane
        connection = self.factory.ours.contexts.connection(security, wanted.base if wanted else host)
        await self.secure(connection)
        if self.ended is not None:
            told = Reply(451, "4.7.5", "TLS with the host failed")
            cause = f"{tls.flaw(connection)}: {self.ended.cause or self.ended.reply}"
            raise self._unusable(Ending(Stage.HANDSHAKE, told, cause))
        self.tls = tls.describe(connection)
        self._secured = connection
        try:
            if security is Security.VERIFIED:
                tls.verify(connection, host)
            if wanted is not None and wanted.records:
                dane.check(wanted, tls.shown(connection))
        except tls.NotVerified as error:
            told = Reply(451, "4.7.5", "The host's certificate is not its own")
            cause = f"{Flaw.OTHER_NAME}: {error}"
            raise self._unusable(Ending(Stage.HANDSHAKE, told, cause)) from error
        except dane.Mismatch as error:
            told = Reply(451, "4.7.5", "The host's certificate is not the one that its TLSA records ask for")
            raise self._unusable(Ending(Stage.HANDSHAKE, told, f"{Flaw.TLSA}: {error}")) from error

    def doubt(self, host: str) -> Flaw | None:
        """Why this connection would not do as a verified one to `host`."""
        if self._secured is None:
            return Flaw.NO_TLS
        return self.factory.ours.contexts.doubt(self._secured, host)

    async def _authenticate(self, credentials: Credentials) -> None:
        """PLAIN, else LOGIN, under verified TLS only (RFC 4954). A refusal is our own trouble: never final."""
        if not self.tls or self.factory.security is not Security.VERIFIED:
            raise self._unusable(
                Ending(Stage.AUTH, Reply(451, "4.7.0", "No verified TLS to send a password by"))
            )
        user, password = credentials.username.encode(), credentials.password.encode()
        if "PLAIN" in self.capabilities.auth:
            lines = [b"AUTH PLAIN " + b64encode(b"\0" + user + b"\0" + password)]
        elif "LOGIN" in self.capabilities.auth:
            lines = [b"AUTH LOGIN", b64encode(user), b64encode(password)]
        else:
            raise self._unusable(
                Ending(Stage.AUTH, Reply(451, "4.7.4", "The host offers no AUTH that we know"))
            )
        for line in lines:
            reply = await self._ask(Stage.AUTH, line)
            if reply.code != (235 if line is lines[-1] else 334):
                told = Reply(451, "4.7.8", f"The host does not take our login: {reply}")
                raise self._unusable(Ending(Stage.AUTH, told))

    def _refused(self, stage: Stage, reply: Reply) -> HostUnusable:
        return self._unusable(Ending(stage, reply if reply.code >= 400 else out_of_turn(reply)))

    def _unusable(self, ending: Ending | None) -> HostUnusable:
        assert ending is not None
        return HostUnusable(ending, self.peer, tls_failed=self._is_securing)

    # -- messages -----------------------------------------------------------------------------------------

    async def deliver(self, said: Script) -> Dialogue:
        """One transaction. Never raises: the dialogue tells how far it came."""
        self.messages += 1
        if self._must_reset:
            await self._told(b"RSET\r\n", (Stage.MAIL,))
        self._must_reset = True
        dialogue = Dialogue()
        if self.capabilities.pipelining:
            await self._envelope_at_once(said, dialogue)
        else:
            await self._envelope_in_steps(said, dialogue)
        if dialogue.data is not None and self.ended is None:
            await self._after_data(dialogue.data, said, dialogue)
        dialogue.ended = self.ended
        return dialogue

    async def _told(self, data: bytes, stages: Sequence[Stage]) -> list[Reply]:
        """As `exchange`; a reply that makes no sense ends the connection, before anything else is written."""
        replies = await self.exchange(data, stages)
        for stage, reply in zip(stages, replies, strict=False):
            if stage is not Stage.DATA:
                self._distrust(stage, reply)
        return replies

    async def _envelope_at_once(self, said: Script, dialogue: Dialogue) -> None:
        """RFC 2920 3.1."""
        count = len(said.commands)
        stages = (Stage.MAIL, *(Stage.RCPT,) * (count - 1), Stage.DATA)
        replies = await self._told(b"".join(said.commands) + b"DATA\r\n", stages)
        dialogue.envelope = replies[:count]
        if len(replies) > count:
            dialogue.data = replies[count]

    async def _envelope_in_steps(self, said: Script, dialogue: Dialogue) -> None:
        stage = Stage.MAIL
        for command in said.commands:
            dialogue.envelope += await self._told(command, (stage,))
            if self.ended is not None or not is_accepting(dialogue.envelope[0]):
                return
            stage = Stage.RCPT
        if dialogue.is_wanted:
            dialogue.data = next(iter(await self.exchange(b"DATA\r\n", (Stage.DATA,))), None)

    async def _after_data(self, data: Reply, said: Script, dialogue: Dialogue) -> None:
        if data.code != 354:
            if data.code < 400:  # 250 to DATA: nobody knows what the host waits for
                self.end(Ending(Stage.DATA, out_of_turn(data)))
        elif dialogue.is_wanted:
            replies = await self.upload(said.blocks)
            dialogue.dot_sent = self.dot_sent
            if replies:
                dialogue.final = replies[0]
                self._must_reset = not is_accepting(replies[0])
                self._distrust(Stage.MESSAGE, replies[0])
        else:  # a content for nobody (RFC 2920 3.1)
            for reply in await self.exchange(b".\r\n", (Stage.DATA,)):
                self._distrust(Stage.DATA, reply)

    def _distrust(self, stage: Stage, reply: Reply) -> None:
        if is_senseless(reply):
            self.end(Ending(stage, out_of_turn(reply)))
