"""Makes sessions: one factory a listener, which counts them, turns the excess away, and ends them at a shutdown."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.message.status import Reply
from smtpeter.session.complaints import Complaints
from smtpeter.session.conversation import Conversation, Setup
from smtpeter.session.deadline import Deadline
from smtpeter.session.exchange import Session
from smtpeter.session.limits import Network, plain_address, source_of
from smtpeter.session.proxy import ProxyHeaderBroken, read_header
from smtpeter.session.reply import SHUTTING_DOWN, TOO_MANY_CONNECTIONS, encode


class SessionFactory(ServerFactory):
    """`proxies`: the listener speaks the PROXY protocol, with peers in these networks only; None: it does not.

    A UNIX socket's peers have no address: who may connect to it, its file's permissions say.
    """

    noisy = False
    _log = Logger()

    def __init__(self, setup: Setup, *, proxies: Sequence[Network] | None = None) -> None:
        self.setup = setup
        self._proxies = proxies
        self._excess = Complaints(setup.clock.seconds)
        self._strangers = Complaints(setup.clock.seconds)
        self._sessions: set[Conversation] = set()
        self._stopped: Deferred[None] | None = None
        self._impatience: IDelayedCall | None = None

    def buildProtocol(self, addr: IAddress | None) -> Protocol:  # noqa: N802
        address = plain_address(getattr(addr, "host", ""))
        if self._proxies is None:
            return self.session(address)
        if address and not any(ip_address(address) in network for network in self._proxies):
            if count := self._strangers.due(source_of(address)):
                self._log.warn(
                    "{address}: not in submission.proxies, connections turned away: {count}",
                    address=address,
                    count=count,
                )
            return TurnedAway(None)
        # Who it is and how often it is there is known after the header; until then it counts as nobody's.
        if self.setup.quota.enter(""):
            return Arrival(self, address)
        self._too_many(address)
        return TurnedAway(None)

    def session(self, address: str) -> Protocol:
        """The protocol for a client at this IP address."""
        if self._stopped is not None:
            return TurnedAway(None if self.setup.implicit_tls else SHUTTING_DOWN)
        if not self.setup.quota.enter(address):
            self._too_many(address)
            return TurnedAway(None if self.setup.implicit_tls else TOO_MANY_CONNECTIONS)
        session = Session(self.setup, address, self._over)
        self._sessions.add(session)
        return session

    @property
    def open(self) -> int:
        """How many conversations there are now."""
        return len(self._sessions)

    def _too_many(self, address: str) -> None:
        if count := self._excess.due(source_of(address)):
            self._log.warn(
                "{address}: too many connections, turned away: {count}", address=address, count=count
            )

    def _over(self, session: Conversation) -> None:
        self._sessions.discard(session)
        self.setup.quota.leave(session.address)
        self._end_if_empty()

    def stop(self, grace: float) -> Deferred[None]:
        """End all sessions; what is coming in has `grace` seconds to finish. Fires when none is left."""
        if self._stopped is None:
            self._stopped = Deferred()
            for session in tuple(self._sessions):
                session.finish()
            if self._sessions:
                self._impatience = self.setup.clock.callLater(grace, self._abort)
            self._end_if_empty()
        return succeed(None) if self._stopped.called else self._stopped

    def _abort(self) -> None:
        self._impatience = None
        for session in tuple(self._sessions):
            session.abort()

    def _end_if_empty(self) -> None:
        if self._stopped is not None and not self._sessions and not self._stopped.called:
            if self._impatience is not None:
                self._impatience.cancel()
                self._impatience = None
            self._stopped.callback(None)


class TurnedAway(Protocol):
    """A connection that gets a word (inside TLS there is none) and is closed."""

    def __init__(self, reply: Reply | None) -> None:
        self._reply = reply

    def connectionMade(self) -> None:  # noqa: N802
        assert self.transport is not None
        if self._reply is not None:
            self.transport.write(encode(self._reply))
        self.transport.loseConnection()


class Arrival(Protocol):
    """A connection that begins with a PROXY header; then a session takes its place."""

    _log = Logger()

    def __init__(self, factory: SessionFactory, address: str) -> None:
        self._factory = factory
        self._address = address
        self._header = b""
        self._deadline = Deadline(factory.setup.clock, self._refuse)
        self._counted = True

    def connectionMade(self) -> None:  # noqa: N802
        self._deadline.set(self._factory.setup.limits.handshake_timeout)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self._header += data
        try:
            header = read_header(self._header)
        except ProxyHeaderBroken as broken:
            self._log.warn("{address}: {broken}", address=self._address, broken=str(broken))
            self._refuse()
            return
        if header is not None:
            self._leave()
            self._give_way(
                header.client[0] if header.client else self._address, self._header[header.length :]
            )

    def _give_way(self, address: str, rest: bytes) -> None:
        transport = self.transport
        session = self._factory.session(plain_address(address))
        transport.protocol = session  # type: ignore[union-attr]
        session.makeConnection(transport)  # type: ignore[no-untyped-call]
        if rest:
            transport.protocol.dataReceived(rest)  # type: ignore[union-attr]  # by now perhaps TLS

    def _refuse(self) -> None:
        assert self.transport is not None
        self._deadline.cancel()
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802
        self._leave()

    def _leave(self) -> None:
        """It arrives no longer."""
        self._deadline.cancel()
        if self._counted:
            self._counted = False
            self._factory.setup.quota.leave("")
