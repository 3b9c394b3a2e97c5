"""What programs use, in memory: tokens, requests that may come twice, webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred

from smtpeter.accounts.tokens import AccessToken, NoSuchToken
from smtpeter.accounts.webhooks import Aside, Health, NoSuchWebhook, Webhook, WebhookId
from smtpeter.spool.repeats import KEPT_FOR, Repeat
from tests.kit.fakes.answering import Fake


class FakeTokens(Fake):
    """Access tokens in memory."""

    def __init__(self, *tokens: AccessToken) -> None:
        super().__init__()
        self._tokens = {token.id: token for token in tokens}

    def token(self, identifier: str, /) -> Deferred[AccessToken | None]:
        return self._answer(self._tokens.get, identifier)

    def tokens(self) -> Deferred[Sequence[AccessToken]]:
        return self._answer(self._listed)

    def _listed(self) -> Sequence[AccessToken]:
        return tuple(sorted(self._tokens.values(), key=lambda token: (token.created_at, token.id)))

    def create(self, token: AccessToken, /) -> Deferred[None]:
        return self._answer(self._tokens.__setitem__, token.id, token)

    def delete(self, identifier: str, /) -> Deferred[None]:
        return self._answer(self._delete, identifier)

    def _delete(self, identifier: str) -> None:
        if self._tokens.pop(identifier, None) is None:
            raise NoSuchToken(identifier)


class FakeRepeats(Fake):
    """Requests that may come twice, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[bytes, Repeat] = {}

    def first(self, asked: Repeat, /) -> Deferred[Repeat]:
        return self._answer(self._first, asked)

    def _first(self, asked: Repeat) -> Repeat:
        self._kept = {
            key: one for key, one in self._kept.items() if one.asked_at >= asked.asked_at - KEPT_FOR
        }
        return self._kept.setdefault(asked.key, asked)


class FakeWebhooks(Fake):
    """Webhooks in memory, without the posting. `healths` and `refused` are a test's to fill."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[int, Webhook] = {}
        self.healths: dict[int, Health] = {}
        self.refused: dict[int, list[Aside]] = {}
        self._last = 0

    def webhooks(self) -> Deferred[Sequence[Webhook]]:
        return self._answer(lambda: tuple(self.kept.values()))

    def create(self, webhook: Webhook, /) -> Deferred[Webhook]:
        return self._answer(self._create, webhook)

    def _create(self, webhook: Webhook) -> Webhook:
        self._last += 1
        self.kept[self._last] = replace(webhook, id=WebhookId(self._last))
        return self.kept[self._last]

    def replace(self, webhook: Webhook, /) -> Deferred[None]:
        return self._answer(self._replace, webhook)

    def _replace(self, webhook: Webhook) -> None:
        self.kept[webhook.id] = replace(webhook, cursor=self._there(webhook.id).cursor)

    def delete(self, number: WebhookId, /) -> Deferred[None]:
        return self._answer(self._delete, number)

    def _delete(self, number: WebhookId) -> None:
        del self.kept[self._there(number).id]

    def replay(self, number: WebhookId, cursor: int, /) -> Deferred[None]:
        return self._answer(self._replay, number, cursor)

    def _replay(self, number: WebhookId, cursor: int) -> None:
        self.kept[number] = replace(self._there(number), cursor=cursor)

    def health(self, number: WebhookId, /) -> Deferred[Health]:
        return self._answer(lambda: self.healths.get(self._there(number).id, Health()))

    def aside(self, number: WebhookId, limit: int, /) -> Deferred[Sequence[Aside]]:
        return self._answer(lambda: self.refused.get(number, [])[:limit])

    def _there(self, number: WebhookId) -> Webhook:
        if number not in self.kept:
            raise NoSuchWebhook(number)
        return self.kept[number]
