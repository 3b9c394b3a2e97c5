"""The REST API with fake ledgers, spoken to in memory: requests in, answers out, at once."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from twisted.internet.defer import Deferred, maybeDeferred

from smtpeter.accounts import tokens
from smtpeter.accounts.model import Login
from smtpeter.accounts.published import Server, Unanswered
from smtpeter.message.edit import Report, compile_template
from smtpeter.message.identifier import Identifiers, read
from smtpeter.message.options import Switches
from smtpeter.spool.sites import Standing
from smtpeter.submission.delivery import Rules
from smtpeter.submission.direct import DirectSubmission, Sizes
from smtpeter.submission.interface import Neighbours as SubmissionNeighbours
from smtpeter.submission.interface import Prepared
from smtpeter.web.api.app import Api
from smtpeter.web.api.interface import Explained, Neighbours
from smtpeter.web.api.problem import Problem
from smtpeter.web.visit import Proxies, Visit
from tests.kit.fakes.accounts import FakeAccounts, FakeAllowances, FakeUses
from tests.kit.fakes.journal import FakeJournal
from tests.kit.fakes.programs import FakeRepeats, FakeTokens, FakeWebhooks
from tests.kit.fakes.returns import FakeReturns, FakeSuppressions
from tests.kit.fakes.spool import FakeSpool
from tests.kit.fakes.work import FakeSites
from tests.storage.stores import result

NOW = 1_780_000_000.0  # 2026-05-28
MESSAGE = {
    "recipient": "john@doe.example",
    "from": "info@example.com",
    "to": "john@doe.example",
    "subject": "hello",
    "text": "How are you?",
}


@dataclass
class Answered:
    """An answer, taken apart."""

    status: int
    content_type: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[str, str]:
        """The field and the message of a mistake."""
        return self.json["error"].get("field", ""), self.json["error"]["message"]


class Rewriters:
    """The rewriters with nothing to do."""

    def __init__(self):
        self.switches = []

    async def prepare(self, message, login, original, switches, header_edits):
        self.switches.append(switches)
        return Prepared(compile_template(len(original), header_edits), Report())


class Handoff:
    """A relay that takes nothing."""

    def room(self, message):
        return False

    def born(self, message, claims):
        raise AssertionError


class Files:
    """What can be fetched."""

    def __init__(self):
        self.known = {}

    async def __call__(self, url, field, limit):
        if url not in self.known:
            raise Problem(422, "its host cannot be reached", field)
        return self.known[url]


class Rest:
    """The API. `token` is that of the login `shop`, `operator` an operator's; `now` moves all clocks."""

    def __init__(
        self, *, proxies=(), rate=1000.0, maximum_size=1_000_000, maximum_recipients=100, is_shared=False
    ):
        self.now = NOW
        self._secrets = iter(range(1, 1 << 30))
        self.journal = FakeJournal()
        self.spool = FakeSpool(self.journal)
        self.sites = FakeSites(self.spool)
        self.login = Login("shop", "blake2$", Switches(track_clicks=True), NOW - 1000)
        self.accounts = FakeAccounts(self.login)
        self.token, kept = tokens.make("shop", tokens.OF_A_LOGIN, NOW, self.secret)
        self.operator, operators = tokens.make("", ("read", "queue", "admin"), NOW, self.secret)
        self.tokens = FakeTokens(kept, operators)
        self.repeats = FakeRepeats()
        self.suppressions = FakeSuppressions()
        self.webhooks = FakeWebhooks()
        self.changes = []  # that were written down
        self.allowances, self.uses = FakeAllowances(), FakeUses()
        self.trials = []  # webhooks that were tested
        self.trial = (200, "")
        self.prepare = Rewriters()
        self.files = Files()
        self.dns = {}  # (name, kind): texts; a text alone is why it cannot be asked
        self.identifiers = Identifiers(lambda: self.now, lambda bits: 0)
        self.submission = DirectSubmission(
            SubmissionNeighbours(
                self.accounts,
                self.spool,
                self.prepare,
                Handoff(),
                self.identifiers,
                lambda: self.now,
                lambda content, reports_to: None,  # no bounce host
                self.suppressions,
                lambda author: author,
                self.allowances,
                self.uses,
            ),
            Rules("mail.test", 100),
            Sizes(maximum_size, maximum_recipients),
        )
        self.neighbours = Neighbours(
            accounts=self.accounts,
            tokens=self.tokens,
            uses=self.uses,
            allowances=self.allowances,
            spool=self.spool,
            journal=self.journal,
            original=FakeReturns(self.spool, self.suppressions).original,
            standings=self._standings,
            sites=self.sites,
            repeats=self.repeats,
            suppressions=self.suppressions,
            webhooks=self.webhooks,
            record=self._record,
            trial=self._trial,
            private_webhooks=False,
            submission=self.submission,
            rendered=lambda message, delivery: message.content,
            return_path=lambda message, delivery: message.envelope.return_path,
            explain=self._explain,
            fetch=self.files,
            aside=maybeDeferred,
            identifiers=self.identifiers,
            clock=lambda: self.now,
            monotonic=lambda: self.now,
            token_bytes=self.secret,
            server=Server("mail.test", "links.test"),
            tracks=True,
            sender="mail.test",
            ask=self._ask,
            asking=maybeDeferred,
        )
        self.api = Api(
            self.neighbours,
            Proxies(proxies),
            "http://api.test",
            rate=rate,
            maximum_size=maximum_size,
            is_shared=is_shared,
        )

    def secret(self, length):
        return next(self._secrets).to_bytes(length, "big")

    def _record(self, change):
        return self.record(change)

    async def record(self, change):
        self.changes.append(change)

    def _ask(self, name, kind):
        found = self.dns.get((name, kind), [])
        if isinstance(found, str):
            raise Unanswered(found)
        return found

    async def _trial(self, webhook):
        self.trials.append(webhook)
        return self.trial

    async def _standings(self, domains):
        return {domain: Standing(f"mx.{domain}") for domain in domains}

    async def _explain(self, username, content, switches):
        if not username:
            return None
        return Explained(("track_clicks",), Report(notes=(content.decode("utf-8", "replace"),)), [])

    def ask(
        self, method, path, body=None, *, token=None, secure=False, peer="127.0.0.1", form=False, **headers
    ):
        """One request; `token` "" brings none."""
        token = self.token if token is None else token
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            fields["Authorization"] = f"Bearer {token}"
        octets = b""
        if body is not None:
            fields.setdefault(
                "Content-Type", "application/x-www-form-urlencoded" if form else "application/json"
            )
            octets = (
                body if isinstance(body, bytes) else (urlencode(body) if form else json.dumps(body)).encode()
            )
        visit = Visit(method.encode(), f"/v1{path}".encode(), tuple(fields.items()), peer)
        return self.answer(visit, octets, secure=secure)

    def answer(self, visit, octets, *, secure=False):
        given = result(Deferred.fromCoroutine(self.api.answer(visit, octets, secure=secure)))
        body = (
            given.body if isinstance(given.body, bytes) else result(Deferred.fromCoroutine(whole(given.body)))
        )
        headers = {name.decode(): value.decode() for name, value in given.headers}
        return Answered(given.status, given.content_type, headers, body)

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.ask("POST", path, body, **options)

    def send(self, **changes):
        """Send MESSAGE, altered; what is None is left out."""
        headers = {name: changes.pop(name) for name in ("Idempotency_Key", "token") if name in changes}
        body = {
            name.rstrip("_"): value for name, value in {**MESSAGE, **changes}.items() if value is not None
        }
        body = {name: value for name, value in body.items() if value is not None}
        return self.post("/send", body, **headers)

    def sent(self, **changes):
        """Send it, which must succeed: the message that is kept."""
        answered = self.send(**changes)
        assert 200 == answered.status, answered.body
        [identifier, *_] = answered.json
        return self.message(identifier)

    def message(self, identifier):
        """The message of a delivery."""
        delivery = result(self.spool.delivery(read(identifier)))
        return self.spool.shelf.messages[delivery.message]

    @property
    def messages(self):
        return list(self.spool.shelf.messages.values())


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
