"""The message object of rooms that judge a message once it is whole: gathers the content, then asks the room."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from twisted.internet.defer import Deferred
from zope.interface import implementer

from smtpeter.message.status import Reply
from smtpeter.session.interface import IContentMessage


@implementer(IContentMessage)
class WholeMessage:
    """`take(content)` gives the reply once the message is safely kept, or raises Refusal."""

    def __init__(self, take: Callable[[bytes], Coroutine[Deferred[object], object, Reply]]) -> None:
        self._take = take
        self._chunks: list[bytes] = []

    def contentReceived(self, content: bytes) -> None:  # noqa: N802
        self._chunks.append(content)

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        self.contentReceived(line + b"\r\n")

    def connectionLost(self) -> None:  # noqa: N802
        self._chunks = []

    def eomReceived(self) -> Deferred[Reply]:  # noqa: N802
        content, self._chunks = b"".join(self._chunks), []
        return Deferred.fromCoroutine(self._take(content))
