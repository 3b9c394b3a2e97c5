"""One request to a webhook for the operator who tests it, in the process of a command."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from smtpeter.accounts.webhooks import Webhook
from smtpeter.config import Settings
from smtpeter.report.following import Posted
from smtpeter.report.webhook import test_request
from smtpeter.service import rooms
from smtpeter.service.host import now
from smtpeter.service.posting import Poster


def trial(settings: Settings, webhook: Webhook) -> Posted:
    """What the receiver answers now."""
    held: list[Posted] = []

    async def ask(reactor: Any) -> None:
        headers, body = test_request(webhook, now())
        held.append(await Poster(rooms.client(settings, reactor))(webhook.url, headers, body))

    with suppress(SystemExit):  # how it says that it is done
        react(lambda reactor: Deferred.fromCoroutine(ask(reactor)))
    return held[0]
