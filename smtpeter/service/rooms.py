"""Each room, built from its settings and its neighbours."""

from __future__ import annotations

import os
import random
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from OpenSSL import SSL
from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from smtpeter import __version__
from smtpeter.accounts.model import SenderDomain
from smtpeter.config import Misconfigured, Settings
from smtpeter.journal.interface import JournalUnavailable
from smtpeter.message.identifier import Identifiers, RandomBits
from smtpeter.message.token import KeyRing
from smtpeter.relay import names
from smtpeter.relay.attempt import Attempts
from smtpeter.relay.connections import Connections
from smtpeter.relay.destination import Destination, ExchangerDestination, SmarthostDestination
from smtpeter.relay.guards import Guards
from smtpeter.relay.interface import Courier, Outgoing, Preparation, Resolver
from smtpeter.relay.limit_settings import named_sites, sources
from smtpeter.relay.limits import Site
from smtpeter.relay.pacing import Bounds
from smtpeter.relay.policy_book import ForewarnedSites, PolicyBook
from smtpeter.relay.resolver import DnsResolver
from smtpeter.relay.route import Rules as RouteRules
from smtpeter.relay.sandbox import Sandbox
from smtpeter.relay.sender import Connector, Credentials
from smtpeter.relay.service import Neighbours as RelayNeighbours
from smtpeter.relay.service import Relay
from smtpeter.relay.settings import Dane, Mode
from smtpeter.relay.settlement import Settling
from smtpeter.relay.sites import ExchangerSites, OneSite, Sites
from smtpeter.relay.tls import Contexts
from smtpeter.report.following import Following
from smtpeter.report.metrics import CONTENT_TYPE, Metrics, Sources
from smtpeter.report.notification import Notification
from smtpeter.request.client import Client
from smtpeter.rewrite.pipeline import Pipeline
from smtpeter.rewrite.pool import Pool, Process, cpu_seconds
from smtpeter.rewrite.settings import Settings as RewriteSettings
from smtpeter.service.host import now
from smtpeter.service.keys import Keys
from smtpeter.service.posting import Poster, Posting, SystemNames, gather
from smtpeter.service.preparing import Preparing
from smtpeter.service.questions import name_servers
from smtpeter.service.returning import ReturnPaths, Sparing
from smtpeter.session.certificates import Certificates, CertificateUnusable, Pair
from smtpeter.spool.interface import Spool
from smtpeter.spool.schedule import Schedule
from smtpeter.storage.store import Store
from smtpeter.submission.delivery import Rules as SubmissionRules
from smtpeter.submission.interface import Neighbours as SubmissionNeighbours
from smtpeter.submission.server import Means, SubmissionServer
from smtpeter.web.monitor import Monitor
from smtpeter.web.pictures import Pictures
from smtpeter.web.recorder import Recorder
from smtpeter.web.server import Server
from smtpeter.web.spill import Spill
from smtpeter.web.tracking import Tracking
from smtpeter.web.visit import Proxies

_PICTURE_TIME = 10.0  # seconds that a tracked image may take to come
_TLS_KEYS = ("tls.certificate", "tls.private_key")
_chance = random.SystemRandom()


def identifiers() -> Identifiers:
    return Identifiers(now, RandomBits(secrets.token_bytes))


def pipeline(settings: Settings, domain: SenderDomain | None) -> Pipeline:
    """All rewriters, as a worker process has them, with the hosts that this sender domain's mail has."""
    from smtpeter.rewrite import worker  # noqa: PLC0415 - the server itself never reads HTML and CSS that deep

    return worker.pipeline(_tracking_hosts(settings, domain))


def _tracking_hosts(settings: Settings, domain: SenderDomain | None = None) -> RewriteSettings:
    """The server's, or a sender domain's own; those count only where something of ours listens."""
    if domain is not None and settings.tracking.listen:
        return RewriteSettings(
            click_url=domain.click_url or settings.tracking.click_url,
            open_url=domain.open_url or domain.click_url or settings.tracking.open_url,
        )
    return RewriteSettings(click_url=settings.tracking.click_url, open_url=settings.tracking.open_url)


def certificates(settings: Settings) -> Certificates | None:
    """The server's certificates; None when it has none. Raises Misconfigured."""
    known = pairs(settings)
    try:
        return Certificates(known, time.monotonic) if known else None
    except CertificateUnusable as error:
        raise Misconfigured(str(error)) from error


def renew(certificates: Certificates, settings: Settings) -> None:
    """Have what serves by them go on by the certificates of these settings. Raises Misconfigured."""
    try:
        certificates.use(pairs(settings))
    except CertificateUnusable as error:
        raise Misconfigured(str(error)) from error


def pairs(settings: Settings) -> list[Pair]:
    """The files of the server's certificates, with the settings that name them."""
    return [Pair(*pair, *_TLS_KEYS) for pair in settings.tls.pairs()]


def workers(settings: Settings, reactor: Any, spawned: Callable[[int | None], None]) -> Pool:
    """The processes that rewrite; each is started when it is first needed, and `spawned` told its number (None: it has ended)."""
    means = msgspec.json.encode({"settings": _tracking_hosts(settings), "limits": settings.rewrite}).decode()
    command = [sys.executable, "-P", "-m", "smtpeter.rewrite.worker", means]
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipes = {0: "w", 1: "r", 2: "r"}

    def spawn(process: Process) -> None:
        spawned(reactor.spawnProcess(process, sys.executable, command, environment, childFDs=pipes).pid)

    return Pool(reactor, spawn, cpu_seconds, settings.rewrite.workers, settings.rewrite.cpu_time)


def resolver(settings: Settings, reactor: Any) -> DnsResolver:
    servers = name_servers(settings.relay.nameservers)
    return DnsResolver(reactor, servers, secrets.randbits, trusted=is_trusted(settings))


def is_trusted(settings: Settings) -> bool:
    """Whether what the name servers say is signed counts as that."""
    dane = settings.relay.dane
    return dane is Dane.ON or (
        dane is Dane.AUTO and names.are_local(name_servers(settings.relay.nameservers))
    )


def preparing(
    settings: Settings,
    reactor: Any,
    spool: Spool,
    rewriting: Pool,
    sender_domain: Callable[[bytes], SenderDomain | None],
) -> Preparing:
    def hosts(content: bytes) -> RewriteSettings:
        return _tracking_hosts(settings, sender_domain(content))

    return Preparing(Pipeline(_tracking_hosts(settings)), rewriting, hosts, spool, reactor)


def courier(
    settings: Settings,
    reactor: Any,
    outgoing: Outgoing,
    resolver: DnsResolver,
    policies: PolicyBook | None = None,
) -> Courier:
    """Who brings groups to their next hop, by the mode. Raises Misconfigured."""
    relay = settings.relay
    if relay.mode is Mode.SANDBOX:
        return Sandbox(settings.data_directory / "sandbox", outgoing)
    destination: Destination
    if relay.mode is Mode.SMARTHOST:
        host, port = relay.smarthost_address
        destination = SmarthostDestination(resolver, host, port, relay.maximum_addresses)
        security = relay.smarthost_security
    else:
        # Mail that an MX of our own name takes is no loop: beside us lives a Postfix, or it is our own door for what
        # comes back, which relays nothing.
        rules = RouteRules(relay.port, relay.maximum_addresses, relay.allow_private_addresses)
        guards = Guards(resolver, policies, dane=relay.dane is not Dane.OFF, port=relay.port)
        destination = ExchangerDestination(resolver, rules, _chance, guards)
        security = relay.tls
    connector = Connector(
        reactor, settings.server.hostname, relay.timeouts, contexts(settings), credentials(settings)
    )
    connections = Connections(
        connector, reactor, keep=relay.keep_connections, maximum_messages=relay.messages_per_connection
    )
    return Attempts(destination, connections, outgoing, security)


def contexts(settings: Settings) -> Contexts:
    """Whom the relay believes. Raises Misconfigured."""
    try:
        return Contexts(settings.relay.certificate_authorities)
    except SSL.Error as error:  # it has no words for people
        raise Misconfigured(
            f"relay.certificate_authorities: {settings.relay.certificate_authorities}: no readable PEM file"
        ) from error


def credentials(settings: Settings) -> Credentials | None:
    """What the smarthost asks for, if anything. Raises Misconfigured."""
    relay = settings.relay
    if not relay.smarthost_username:
        return None
    try:
        password = Path(relay.smarthost_password_file).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"relay.smarthost_password_file: {error}") from error
    return Credentials(relay.smarthost_username, password)


def relay(
    settings: Settings,
    reactor: Any,
    store: Store,
    outgoing: Outgoing,
    preparation: Preparation,
    made: Identifiers,
    keys: Keys,
    asked: DnsResolver,
    policies: PolicyBook | None,
) -> Relay:
    chosen = settings.relay
    schedule = Schedule(chosen.retry, chosen.warn_after, chosen.give_up_after)
    reports = Notification(settings.server.hostname, made, now, schedule, final=chosen.mode is Mode.SANDBOX)
    sites = _sites(settings, asked)
    neighbours = RelayNeighbours(
        spool=store.spool,
        courier=Sparing(courier(settings, reactor, outgoing, asked, policies), store, keys),
        outgoing=outgoing,
        reports=reports,
        settling=Settling(schedule, _chance.random),
        clock=reactor,
        now=now,
        sites=sites if policies is None else ForewarnedSites(sites, policies),
        quota=store.quota,
        book=store.sites,
        preparation=preparation,
    )
    return Relay(neighbours, _bounds(settings))


def _bounds(settings: Settings) -> Bounds:
    """What the operator allows is shared by all processes; what pacing finds by itself is each one's own part."""
    chosen, workers = settings.relay, settings.server.workers
    bounds = Bounds() if chosen.mode is Mode.MX else Bounds.of_one_site()
    site = chosen.connections_per_site if chosen.mode is Mode.MX else bounds.site
    return replace(
        bounds,
        site=max(1, site // workers),
        backoff=min(bounds.backoff, chosen.retry[0]),
        is_shared=settings.is_shared,
        logins={name: one.limit for name, one in chosen.logins.items()},
        sources=sources(chosen.source_addresses),
    )


def _sites(settings: Settings, resolver: Resolver) -> Sites:
    """All mail for a smarthost goes to one site; else the MX hosts tell."""
    chosen = settings.relay
    named = named_sites(chosen.sites)
    if chosen.mode is Mode.MX:
        return ExchangerSites(resolver, named)
    name = chosen.mode.value if chosen.mode is Mode.SANDBOX else chosen.smarthost_address[0].lower()
    return OneSite(named.get(name) or Site(name))


def submission(
    settings: Settings,
    reactor: Any,
    store: Store,
    handoff: Relay,
    pool: ThreadPool,
    preparing: Preparing,
    made: Identifiers,
    keys: Keys,
    certificates: Certificates | None,
) -> SubmissionServer:
    def defer_to_pool(function: Callable[..., Any], /, *arguments: object) -> Deferred[Any]:
        return deferToThreadPool(reactor, pool, function, *arguments)

    rules = SubmissionRules(
        settings.server.hostname,
        settings.submission.maximum_hops,
        allow_private=settings.relay.allow_private_addresses or settings.relay.mode is Mode.SANDBOX,
    )
    neighbours = SubmissionNeighbours(
        accounts=store.accounts,
        spool=store.spool,
        prepare=preparing,
        handoff=handoff,
        identifiers=made,
        clock=now,
        return_paths=ReturnPaths(settings.bounces, keys),
        suppressions=store.suppressions,
        sender_domain=keys.known_as,
        allowances=store.allowances,
        uses=store.uses,
        afterwards=partial(reactor.callLater, 0),
    )
    means = Means(reactor, defer_to_pool, secrets.token_bytes, certificates)
    return SubmissionServer(settings.submission, rules, neighbours, means)


def tracking(
    settings: Settings, reactor: Any, store: Store, ring: Callable[[], KeyRing], number: int = 1
) -> tuple[Recorder, Server]:
    """Who writes down clicks and opens, and the server that answers them, in process `number` of this host."""
    recorder = Recorder(reactor, store.spool, store.journal.append, _spill(settings, number))
    proxies = Proxies(settings.tracking.trusted_proxies)
    chosen = settings.tracking
    names = SystemNames(reactor)
    fetching = Client(reactor, names, allow_private=chosen.allow_private_addresses, time_limit=_PICTURE_TIME)
    handler = Tracking(
        ring,
        store.spool,
        recorder.record,
        proxies,
        reactor,
        now,
        pictures=Pictures(fetching.request, reactor) if chosen.images == "serve" else None,
        anonymous=chosen.anonymous,
    )
    return recorder, Server(handler.answer, reactor)


def _spill(settings: Settings, number: int) -> Spill:
    """Each process has a file of its own; the first also brings in those of processes that are no more."""
    directory = settings.data_directory
    if number > 1:
        return Spill(directory / f"hits-{number}")
    spill = Spill(directory / "hits")
    for other in directory.glob("hits-*"):
        whose = other.name.removeprefix("hits-")
        if whose.isdecimal() and int(whose) > settings.server.workers:
            with suppress(OSError):  # the next start tries again
                spill.adopt(other)
    return spill


def posting(settings: Settings, reactor: Any, store: Store) -> Posting:
    """Who posts events to webhooks."""
    poster = Poster(client(settings, reactor))
    return Posting(
        Following(store.webhooks, store.journal, store.returns, poster, gather, now), reactor, poster.stop
    )


def client(settings: Settings, reactor: Any) -> Client:
    """Makes requests to hosts that others have named."""
    chosen = settings.webhooks
    return Client(
        reactor,
        SystemNames(reactor),
        allow_private=chosen.allow_private_addresses,
        time_limit=chosen.timeout,
    )


def monitor(
    settings: Settings,
    reactor: Any,
    store: Store,
    sessions: Callable[[], int],
    visitors: Callable[[], int],
    delay: Callable[[], float],
) -> Server:
    """What answers those who watch the server."""
    directory = settings.data_directory

    def free() -> int:
        disk = os.statvfs(directory)
        return disk.f_bavail * disk.f_frsize

    sources = Sources(store.spool, store.journal, store.webhooks, sessions, visitors, delay, free, now)
    metrics = Metrics(CollectorRegistry(), sources, __version__)
    if settings.metrics.listen:  # while the store is away, they count from the first scrape on
        Deferred.fromCoroutine(metrics.begin()).addErrback(lambda failed: failed.trap(JournalUnavailable))
    handler = Monitor(metrics.text, CONTENT_TYPE, store.spool.next_due, reactor)
    return Server(handler.answer, reactor)
