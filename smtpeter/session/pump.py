"""Between the octets that come and the conversation: one thing at a time, in order.

The pump gives the conversation one line, or the end of one content, and then nothing more until that has been
answered; so replies come in the order of their commands however slowly the room judges, and PIPELINING (RFC 2920)
may be offered. While more waits than is good, or the client does not read our replies, the client is held; one that
pipelines without end lets the others have their turn.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from smtpeter.smtp.framing import EndlessLine, LineReader, LineTooLong

_STEPS = 200  # lines and contents in a row; then the reactor's other work has its turn


class Channel(Protocol):
    """What the pump needs of a transport (IConsumer and IPushProducer)."""

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None: ...  # noqa: N802

    def pauseProducing(self) -> None: ...  # noqa: N802

    def resumeProducing(self) -> None: ...  # noqa: N802


class ContentReader(Protocol):
    """smtp.framing's DataReader and BdatReader."""

    @property
    def wanted(self) -> int | None:
        """Octets that it can still take; None when it cannot tell."""

    def feed(self, data: bytes, /) -> bytes | None:
        """None while content is missing; then the octets behind it."""


class LineConsumer(Protocol):
    """The conversation: what comes, or does not end, is answered once, by `Pump.answered`."""

    def line_limit(self) -> int:
        """Octets the next line may have, CRLF included."""

    def line_came(self, line: bytes, /) -> None: ...

    def line_was_too_long(self) -> None: ...

    def line_does_not_end(self) -> None: ...

    def busy(self) -> None:
        """What was given last is being judged; the answer will come later."""

    def flush(self) -> None:
        """There is no more to answer for now: what was said leaves together (RFC 2920 3.2)."""


class ContentConsumer(Protocol):
    """Who expects content; both are told how many octets came since the last call, the second is answered once."""

    def content_grew(self, octets: int, /) -> None: ...

    def content_ended(self, octets: int, /) -> None: ...


@implementer(IPushProducer)
class Pump:
    """Input buffer and gate of one session; to the transport, the producer of its replies."""

    __slots__ = (
        "_answering", "_clock", "_consumer", "_content", "_content_consumer", "_held", "_input", "_limit", "_pause",
        "_running", "_stopped", "_transport", "_unread_replies",
    )  # fmt: skip

    def __init__(self, consumer: LineConsumer, limit: int, clock: IReactorTime) -> None:
        self._consumer = consumer
        self._limit = limit
        self._clock = clock
        self._pause: IDelayedCall | None = None  # while the reactor's other work has its turn
        self._input = LineReader()
        self._content: ContentReader | None = None
        self._content_consumer: ContentConsumer
        self._transport: Channel | None = None
        self._answering = False  # something was given and is not yet answered
        self._running = False
        self._stopped = False
        self._held = False  # the transport reads nothing
        self._unread_replies = False  # the client leaves our replies lying

    def connect(self, transport: Channel) -> None:
        self._transport = transport
        transport.registerProducer(self, streaming=True)

    @property
    def is_idle(self) -> bool:
        """Nothing is being judged, no content is coming in."""
        return not self._answering and self._content is None

    @property
    def expects_content(self) -> bool:
        return self._content is not None

    def feed(self, data: bytes) -> None:
        """Octets from the client."""
        if self._stopped:
            return
        self._input.feed(data)
        self._run()

    def answered(self) -> None:
        """The reply is said: what comes next may come."""
        self._answering = False
        self._run()

    def expect(self, content: ContentReader, consumer: ContentConsumer) -> None:
        """What comes next is content; to be called before `answered`."""
        self._content = content
        self._content_consumer = consumer

    def forget(self) -> int:
        """Drop what waits; how many octets that was."""
        return self._input.clear()

    def stop(self) -> None:
        """Nothing more is taken."""
        self._stopped = True
        self._content = None
        self._input.clear()
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._hold_or_let_go()

    def _run(self) -> None:
        if self._running:
            return
        self._running = True
        try:
            self._steps()
        finally:
            self._running = False
            self._consumer.flush()
        if self._answering:
            self._consumer.busy()
        self._hold_or_let_go()

    def _steps(self) -> None:
        if self._pause is not None:
            return
        for _ in range(_STEPS):
            if not (self._may_go_on() and self._step()):
                return
        if self._may_go_on():
            self._pause = self._clock.callLater(0, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._run()

    def _may_go_on(self) -> bool:
        return not (self._answering or self._stopped or self._unread_replies)

    def _step(self) -> bool:
        """Give the conversation the next thing; False when there is nothing."""
        if self._content is not None:
            return self._content_step(self._content)
        try:
            line = self._input.line(self._consumer.line_limit())
        except LineTooLong:
            self._answering = True
            self._consumer.line_was_too_long()
            return True
        except EndlessLine:
            self._answering = True
            self._consumer.line_does_not_end()
            return False
        if line is None:
            return False
        self._answering = True
        self._consumer.line_came(line)
        return True

    def _content_step(self, content: ContentReader) -> bool:
        data = self._input.take(content.wanted)
        rest = content.feed(data)
        if rest is None:
            if data:
                self._content_consumer.content_grew(len(data))
            return False
        if rest:
            self._input.unread(rest)
        self._content = None
        self._answering = True
        self._content_consumer.content_ended(len(data) - len(rest))
        return True

    def _hold_or_let_go(self) -> None:
        hold = not self._stopped and (self._unread_replies or len(self._input) > self._limit)
        if hold != self._held and self._transport is not None:
            self._held = hold
            if hold:
                self._transport.pauseProducing()
            else:
                self._transport.resumeProducing()

    def pauseProducing(self) -> None:  # noqa: N802 - IPushProducer
        """The client does not read our replies: make no more of them."""
        self._unread_replies = True
        self._hold_or_let_go()

    def resumeProducing(self) -> None:  # noqa: N802
        self._unread_replies = False
        self._run()

    def stopProducing(self) -> None:  # noqa: N802
        self.stop()
