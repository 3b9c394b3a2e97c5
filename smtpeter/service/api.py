"""The REST API and the dashboard, built from the settings and their neighbours: one door for both."""

from __future__ import annotations

import difflib
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.threadpool import ThreadPool

from smtpeter.accounts.interface import Accounts
from smtpeter.accounts.published import Server
from smtpeter.accounts.webhooks import Webhook
from smtpeter.config import Settings
from smtpeter.message.edit import Report, SlotKind
from smtpeter.message.header import fields
from smtpeter.message.identifier import Identifiers
from smtpeter.message.token import TOKEN_LENGTH, KeyRing, link
from smtpeter.relay.interface import Outgoing
from smtpeter.relay.settings import Mode
from smtpeter.report.following import Post
from smtpeter.report.webhook import test_request
from smtpeter.request.client import Client
from smtpeter.rewrite.render import render
from smtpeter.service import rooms
from smtpeter.service.host import now
from smtpeter.service.posting import Poster, SystemNames
from smtpeter.service.preparing import Preparing
from smtpeter.service.questions import Dns
from smtpeter.session.certificates import Certificates
from smtpeter.spool.model import Delivery, Message
from smtpeter.storage.store import Store
from smtpeter.submission.direct import DirectSubmission
from smtpeter.submission.options import read_options
from smtpeter.web.api.app import PREFIX, Api
from smtpeter.web.api.door import Door, Sizes
from smtpeter.web.api.fetch import PATIENCE, Fetching
from smtpeter.web.api.interface import Aside, Explained, Neighbours
from smtpeter.web.dashboard.app import Dashboard
from smtpeter.web.dashboard.interface import Connecting
from smtpeter.web.dashboard.interface import Neighbours as DashboardNeighbours
from smtpeter.web.visit import Proxies, Visit

_MORE = 1_048_576  # octets of a request besides its message
_DNS_PATIENCE = 3.0  # seconds for one question, while somebody looks at the page
_LONGEST_COMPARED = 262_144  # octets: comparing takes more than twice as long for twice as much


def door(
    settings: Settings,
    reactor: Any,
    store: Store,
    submission: DirectSubmission,
    outgoing: Outgoing,
    ring: Callable[[], KeyRing],
    preparing: Preparing,
    pool: ThreadPool,
    made: Identifiers,
    asking: ThreadPool,
) -> Door:
    """What listens on [web]; `pool` is for what takes long, `asking` for questions to the DNS."""
    aside = _threaded(reactor, pool)
    web = settings.web
    client = Client(
        reactor, SystemNames(reactor), allow_private=web.allow_private_addresses, time_limit=PATIENCE
    )
    neighbours = Neighbours(
        accounts=store.accounts,
        tokens=store.tokens,
        uses=store.uses,
        allowances=store.allowances,
        spool=store.spool,
        journal=store.journal,
        original=store.returns.original,
        standings=store.sites.standings,
        sites=store.sites,
        repeats=store.repeats,
        suppressions=store.suppressions,
        webhooks=store.webhooks,
        record=store.operators.record,
        trial=Trials(Poster(rooms.client(settings, reactor))),
        private_webhooks=settings.webhooks.allow_private_addresses,
        submission=submission,
        rendered=Sent(ring),
        return_path=outgoing.return_path,
        explain=Explaining(store.accounts, preparing, aside),
        fetch=Fetching(client.request),
        aside=aside,
        identifiers=made,
        clock=now,
        monotonic=reactor.seconds,
        token_bytes=secrets.token_bytes,
        server=Server.at(settings.server.hostname, settings.tracking.click_url, settings.tracking.open_url),
        tracks=bool(settings.tracking.listen),
        sender="" if settings.relay.mode is Mode.SMARTHOST else settings.server.hostname,
        ask=Dns(settings.relay.nameservers, _DNS_PATIENCE).ask,
        asking=_threaded(reactor, asking),
    )
    maximum_size = submission.sizes.maximum_size
    proxies = Proxies(web.trusted_proxies)
    api = _api(settings, neighbours, proxies, maximum_size)
    dashboard = _dashboard(settings, neighbours, store, partial(deferLater, reactor))

    def answer(visit: Visit, body: bytes, secure: bool) -> Any:
        app = api if visit.target.startswith(f"{PREFIX}/".encode()) else dashboard
        return app.answer(visit, body, secure=secure)

    return Door(answer, reactor, Sizes(largest_request(maximum_size), web.maximum_memory), proxies.client)


def _threaded(reactor: Any, pool: ThreadPool) -> Aside:
    def call(function: Callable[..., Any], /, *arguments: object) -> Deferred[Any]:
        return deferToThreadPool(reactor, pool, function, *arguments)

    return call


def largest_request(maximum_size: int) -> int:
    """Octets: base64 and JSON's escapes make a message half as large again."""
    return maximum_size * 3 // 2 + _MORE


def _api(settings: Settings, neighbours: Neighbours, proxies: Proxies, maximum_size: int) -> Api:
    web = settings.web
    return Api(
        neighbours, proxies, web.public_url, rate=web.requests_per_second, maximum_size=maximum_size,
        is_shared=settings.is_shared,
    )  # fmt: skip


def _dashboard(
    settings: Settings, neighbours: Neighbours, store: Store, pause: Callable[[float], Deferred[None]]
) -> Dashboard:
    known = DashboardNeighbours(
        neighbours,
        store.operators,
        connecting(settings),
        store.sites,
        store.spool,
        lambda: certificate_ends([file for file, _ in settings.tls.pairs()]),
        pause,
    )
    return Dashboard(known, Proxies(settings.web.trusted_proxies))


def certificate_ends(files: Sequence[Path]) -> list[tuple[str, float]]:
    """Each that can be read, and when it ends, in Unix seconds; what cannot be read was told where it is used."""
    ends = []
    for file in files:
        with suppress(OSError, ValueError):
            first = x509.load_pem_x509_certificates(file.read_bytes())[0]
            ends.append((str(file), first.not_valid_after_utc.timestamp()))
    return ends


def connecting(settings: Settings) -> Connecting:
    """How programs reach the listeners of submission."""
    submission = settings.submission
    return Connecting(settings.server.hostname, _port(submission.starttls), _port(submission.implicit_tls))


def _port(listeners: Sequence[str]) -> int | None:
    """The first port of TCP."""
    found = (text.split(":") for text in listeners)
    return next((int(one[1]) for one in found if one[0] == "tcp" and one[1].isdecimal()), None)


def over_tls(door: Door, certificates: Certificates) -> TLSMemoryBIOFactory:
    """The same door, behind TLS."""
    return TLSMemoryBIOFactory(certificates, isClient=False, wrappedFactory=door)


class Trials:
    """Posts a request that tells of nothing, and says what was answered."""

    def __init__(self, post: Post) -> None:
        self._post = post

    async def __call__(self, webhook: Webhook, /) -> tuple[int, str]:
        posted = await self._post(webhook.url, *test_request(webhook, now()))
        return posted.status, posted.problem


class Sent:
    """What left for a delivery, but for the signatures, which are made at each attempt."""

    def __init__(self, ring: Callable[[], KeyRing]) -> None:
        self._ring = ring

    def __call__(self, message: Message, delivery: Delivery, /) -> bytes:
        tokens = self._ring().delivery(delivery.id)
        targets = message.template.targets

        def token(kind: SlotKind, number: int) -> str:
            return tokens.token(link(kind, number, targets[number].url))

        return render(message.content, message.template, token)


class Explaining:
    """A dry run by the same rewriters."""

    def __init__(self, accounts: Accounts, preparing: Preparing, aside: Aside) -> None:
        self._accounts = accounts
        self._preparing = preparing
        self._aside = aside

    async def __call__(
        self, username: str, content: bytes, switches: Mapping[str, bool], /
    ) -> Explained | None:
        login = await self._accounts.login(username)
        if login is None:
            return None
        found, _ = fields(content)
        options = read_options(content, found, replace(login.switches, **switches))
        template, report = await self._preparing.dry_run(content, options.switches, options.edits)
        notes = options.notes + report.notes
        differences: list[str] = []
        if len(content) <= _LONGEST_COMPARED:
            result = render(content, template, _sample)
            differences = await self._aside(diff, content, result)
        else:
            notes += (f"a message of more than {_LONGEST_COMPARED} octets is not shown line by line",)
        return Explained(options.switches.on(), Report(report.findings, notes), differences)


def _sample(_kind: SlotKind, _number: int) -> str:
    return "T" * TOKEN_LENGTH


def diff(original: bytes, result: bytes) -> list[str]:
    """A unified diff of the two, octets above 127 shown as they would be in ISO-8859-1."""
    before, after = (text.decode("iso-8859-1").split("\r\n") for text in (original, result))
    return list(difflib.unified_diff(before, after, "original", "as it would leave", lineterm="", n=1))
