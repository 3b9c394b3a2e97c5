"""One request to a webhook for the operator who tests it, in a process of a command."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor

from smtpeter.accounts.webhooks import Webhook
from smtpeter.config import Settings
from smtpeter.report.following import Posted
from smtpeter.report.webhook import test_request
from smtpeter.service import rooms
from smtpeter.service.host import now
from smtpeter.service.posting import Poster


def trial(settings: Settings, webhook: Webhook) -> Posted:
    """What the receiver answers now."""
    reactor: Any = EPollReactor()  # type: ignore[no-untyped-call]
    installReactor(reactor)  # type: ignore[no-untyped-call]  # TLS asks for it by itself
    held: list[Posted] = []

    def begin() -> None:
        headers, body = test_request(webhook, now())
        poster = Poster(rooms.client(settings, reactor))
        posting = Deferred.fromCoroutine(poster(webhook.url, headers, body))
        posting.addCallback(held.append).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    return held[0]
