"""The lower half of the sender: octets, replies and time on one connection, no judgement of replies.

A reply counts only for what was written before it came. Whatever else the host sends, or does not send in time,
ends the connection: `ended` then says why, whoever waits gets the replies there were, and nothing is written more.
"""
# ruff: noqa: N802 - Twisted names these methods

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import cast

from OpenSSL import SSL
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IConsumer,
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    IPushProducer,
    ITCPTransport,
    ITLSTransport,
)
from twisted.internet.protocol import connectionDone
from twisted.mail import smtp
from twisted.python.failure import Failure
from zope.interface import implementer

from smtpeter.message.status import Reply, Stage
from smtpeter.relay.settings import Timeouts
from smtpeter.relay.transaction import Ending, lost, out_of_turn
from smtpeter.session.deadline import Clock, Deadline
from smtpeter.smtp.framing import ReplyReader, ReplySyntax

_PARTING = 5.0  # seconds until a connection that was said farewell to is cut
_IDLE = (Stage.MAIL,)  # what a connection that ends between messages would have done next


@implementer(IOpenSSLClientConnectionCreator)
class _Creator:
    """Gives Twisted's startTLS the connection that we made."""

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection

    def clientConnectionForTLS(self, _protocol: object) -> SSL.Connection:
        return self._connection


@implementer(IHandshakeListener, IPushProducer)
class Wire(smtp.ESMTPSender):
    """A connection; `ended` is None while it can be used. Only one question may be under way at a time."""

    debug = False  # stock's log would keep passwords
    ended: Ending | None = None
    dot_sent = False  # whether all of the last content was written
    source = ""  # our address

    _timeouts: Timeouts
    _deadline: Deadline
    _tcp: ITCPTransport
    _waiter: Deferred[list[Reply]] | None = None
    _closed: Deferred[None] | None = None
    _is_lost = False
    _stages: Sequence[Stage] = _IDLE
    _unsent: Iterator[bytes] | None = None
    _following = b""  # the block before those unsent
    _is_paused = False

    __setattr__ = object.__setattr__  # stock looks at each assignment, for a name deprecated since 13.0

    def start(self, clock: Clock, timeouts: Timeouts) -> None:
        """Take over the connection that has just been made."""
        self._timeouts = timeouts
        self._deadline = Deadline(clock, self._late)
        self._replies: list[Reply] = []
        self._reader = ReplyReader()
        self._tcp = cast("ITCPTransport", self.transport)
        self._tcp.setTcpNoDelay(True)  # or each content waits for a delayed acknowledgement
        self.source = getattr(self._tcp.getHost(), "host", "")

    # -- questions and answers ----------------------------------------------------------------------------

    def exchange(self, data: bytes, stages: Sequence[Stage]) -> Deferred[list[Reply]]:
        """Write `data` and wait for a reply to each of `stages`; there are fewer when the connection ends."""
        if self.ended is not None:
            return succeed([])
        waiter = self._expect(stages)
        if data:
            self._tcp.write(data)
        return waiter

    def _expect(self, stages: Sequence[Stage]) -> Deferred[list[Reply]]:
        assert self._waiter is None
        waiter = self._waiter = Deferred(self._cancelled)
        self._replies = []
        self._stages = stages
        self._deadline.set(self._timeouts.of(stages[0]))
        return waiter

    def _cancelled(self, _waiter: Deferred[list[Reply]]) -> None:
        self._waiter = None
        self.end(Ending(self._stage, Reply(451, "4.4.2", "The attempt was stopped"), "cancelled"))

    @property
    def _stage(self) -> Stage:
        return self._stages[min(len(self._replies), len(self._stages) - 1)]

    def dataReceived(self, data: bytes) -> None:
        if self.ended is not None:
            return
        known = len(self._replies)
        try:
            self._reader.feed(data)
            while self.ended is None and (reply := self._reader.reply()) is not None:
                self._replied(reply)
        except ReplySyntax as error:
            self.end(Ending(self._stage, Reply(451, "4.5.0", "The host's answer is no reply"), str(error)))
        if len(self._replies) > known:  # some of several came; the next has its own time
            self._deadline.set(self._timeouts.of(self._stage))

    def _replied(self, reply: Reply) -> None:
        if reply.code == 421:  # at any time (RFC 5321 3.8)
            self.end(Ending(self._stage, reply))
        elif self._waiter is None:
            self.end(Ending(self._stage, out_of_turn(reply), "a reply to nothing"))
        elif self._unsent is not None:
            self._interrupted(reply)
        else:
            self._replies.append(reply)
            if len(self._replies) < len(self._stages):
                return
            if not self._reader.is_empty:
                # What comes too early could be taken for the answer to what is written next (RFC 3207 6).
                told = Reply(451, "4.5.0", "The host answers more than it is asked")
                self.end(Ending(self._stage, told))
            else:
                self._answer()

    def _answer(self) -> None:
        waiter, self._waiter = self._waiter, None
        self._deadline.lift()
        replies, self._stages = self._replies, _IDLE
        self._replies = []
        if waiter is not None:
            waiter.callback(replies)

    # -- content ------------------------------------------------------------------------------------------

    def upload(self, blocks: Iterator[bytes]) -> Deferred[list[Reply]]:
        """Write a content with its final dot, block after block as the host reads them, and wait for the reply."""
        self._following, second = next(blocks), next(blocks, b"")
        self.dot_sent = not second
        if self.dot_sent:
            return self.exchange(self._following, (Stage.MESSAGE,))
        if self.ended is not None:
            return succeed([])
        waiter = self._expect((Stage.MESSAGE,))
        self._unsent = chain((second,), blocks)
        cast("IConsumer", self._tcp).registerProducer(self, True)
        self.resumeProducing()
        return waiter

    def resumeProducing(self) -> None:
        self._is_paused = False
        while self._unsent is not None and not self._is_paused:
            block, self._following = self._following, next(self._unsent, b"")
            is_last = not self._following
            if is_last:
                self._unsent = None
            self._deadline.set(self._timeouts.message if is_last else self._timeouts.block)
            self._tcp.write(block)
            if is_last:
                self.dot_sent = True
                cast("IConsumer", self._tcp).unregisterProducer()

    def pauseProducing(self) -> None:
        self._is_paused = True

    def stopProducing(self) -> None:
        self._unsent = None

    def _interrupted(self, reply: Reply) -> None:
        """A reply before the final dot can refuse, never accept; and what was written cannot be taken back."""
        if reply.code >= 400:
            self._replies.append(reply)
        self.end(Ending(Stage.MESSAGE, out_of_turn(reply), "a reply before the final dot"))

    # -- TLS ----------------------------------------------------------------------------------------------

    def secure(self, connection: SSL.Connection) -> Deferred[list[Reply]]:
        """Shake hands; `ended` tells whether it failed, once this has fired."""
        waiter = self._expect((Stage.HANDSHAKE,))
        cast("ITLSTransport", self.transport).startTLS(_Creator(connection))
        return waiter

    def handshakeCompleted(self) -> None:
        if self.ended is None:
            self._answer()

    # -- the end ------------------------------------------------------------------------------------------

    def _late(self) -> None:
        told = Reply(451, "4.4.2", "The host did not answer in time")
        self.end(Ending(self._stage, told, timed_out=True))
        self._tcp.abortConnection()

    def end(self, ending: Ending) -> None:
        """The connection is of no more use (what ended it first stands)."""
        if self.ended is not None:
            return
        self.ended = ending
        self._unsent = None
        if not self._is_lost:
            self._tcp.abortConnection()
        self._answer()

    def quit(self) -> Deferred[None]:
        """Take leave; fires when the connection is closed."""
        if self._is_lost:
            return succeed(None)
        if self._closed is None:
            self._closed = Deferred()
            if self.ended is None:
                self.ended = Ending(self._stage, Reply(451, "4.4.2", "The connection was closed"), "our QUIT")
                self._tcp.write(b"QUIT\r\n")
                self._deadline.set(_PARTING)
                self._tcp.loseConnection()  # the answer is not waited for: it could not change anything
        return self._closed

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._is_lost = True
        self.end(lost(self._stage, self._replies, str(reason.value)))
        self._deadline.cancel()
        if self._closed is not None:
            self._closed.callback(None)
