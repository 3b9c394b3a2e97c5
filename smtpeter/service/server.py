"""The whole server as one Twisted service.

Ports are bound before privileges are dropped, everything else starts after. It stops along the flow: listeners, their
sessions and the API's requests, then the relay (what is under way may finish), then the tracking host's events, then the store.
What keeps it from starting ends the process with a line for each mistake and status 1.
"""

from __future__ import annotations

import gc
import secrets
import sys
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from smtpeter import config
from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.model import SenderDomain, TokenKey
from smtpeter.config import Misconfigured, Settings
from smtpeter.message.identifier import Identifiers
from smtpeter.service import api, returning, rooms
from smtpeter.service.affinity import Affinity, Linux
from smtpeter.service.answer import answered
from smtpeter.service.filing import Filing
from smtpeter.service.host import host, now
from smtpeter.service.judgement import endpoint_of, endpoints
from smtpeter.service.keys import Keys
from smtpeter.service.lateness import Lateness
from smtpeter.service.mta_sts import policies
from smtpeter.service.nearness import Nearness, longest_wait
from smtpeter.service.outgoing import Rendered
from smtpeter.service.preparing import Preparing
from smtpeter.service.retention import Forgetting
from smtpeter.session.factory import SessionFactory
from smtpeter.storage.engine import StoreInUse, StoreUnusable
from smtpeter.storage.store import Store, open_for_command, open_for_server
from smtpeter.submission.direct import DirectSubmission
from smtpeter.web.api.door import Door as ApiDoor

_GRACE = 20.0  # seconds that a message on its way in, or an attempt, may take to end
_HASHING = 2  # slow passwords verified at a time
_SIGNING = 2  # large messages made ready to be sent at a time
_ASIDE = 2  # threads for what takes the API long

RELOADED = frozenset(  # keys that `Smtpeter.apply` takes without a restart
    (
        "tls.certificate",
        "tls.private_key",
        "submission.trusted_networks",
        *(f"retention.{key}" for key in config.Retention.__struct_fields__),
    )
)


def _reason(failure: Failure) -> str:
    """Why a port could not be bound, in the system's words."""
    failure.trap(CannotListenError, OSError)
    error = getattr(failure.value, "socketError", failure.value)
    return str(getattr(error, "strerror", None) or error)


def complaint(problem: str) -> str:
    """Its lines, as the server says them."""
    return "\n".join(f"smtpeter: {line}" for line in problem.split("\n"))


def end(problem: str) -> NoReturn:
    """End the process with a line for each problem; by now twistd has turned standard error into its log."""
    print(complaint(problem), file=sys.__stderr__, flush=True)
    raise SystemExit(1)


def unopened(error: Exception) -> str:
    """Why there is no store, with the key at fault."""
    key = "server.data_directory" if isinstance(error, StoreInUse) else "store.url"
    return f"{key}: {' '.join(str(error).split())}"


class Door(ServerFactory):
    """A port that is bound before what answers there is built."""

    noisy = False

    def __init__(self, key: str) -> None:
        self._key = key
        self.build: Callable[[IAddress | None], Any] = _nobody_yet

    def logPrefix(self) -> str:  # noqa: N802 - what Twisted logs of a port begins with it
        return self._key

    def buildProtocol(self, addr: IAddress | None) -> Any:  # noqa: N802
        return self.build(addr)


def _nobody_yet(_address: IAddress | None) -> None:
    """Nobody answers; the reactor does not run before somebody does."""


class Place(Protocol):
    """Where a process serves: alone, or as one of several; `number` counts from 1."""

    number: int

    def listen(self, key: str, text: str, door: Door) -> IListeningPort:
        """The port of this endpoint, with `door` behind it; ends the process when there is none."""

    def open(self, url: str, directory: Path, reactor: Any) -> Store:
        """The store, with this process's claims; raises StoreInUse, StoreUnusable."""


class Alone:
    """The only process: it binds its ports, and takes over what its predecessor held."""

    number = 1

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def listen(self, key: str, text: str, door: Door) -> IListeningPort:
        return bind(self._reactor, key, text, door)

    def open(self, url: str, directory: Path, reactor: Any) -> Store:
        return open_for_server(url, directory, reactor, host())


def bind(reactor: Any, key: str, text: str, door: Door) -> IListeningPort:
    """Listen on an endpoint; ends the process when that cannot be."""
    listening: list[IListeningPort | Failure] = []
    try:
        endpoint = endpoint_of(reactor, key, text)
    except Misconfigured as error:
        end(str(error))
    maybeDeferred(endpoint.listen, door).addBoth(listening.append)
    [port] = listening  # an endpoint that binds a port answers at once
    if isinstance(port, Failure):
        end(f"{key}: {text!r}: {_reason(port)}")
    return port


class Smtpeter(Service):
    """A process that serves, of settings that `load` has tried."""

    _log = Logger()

    def __init__(self, settings: Settings, reactor: Any, place: Place) -> None:
        self.setName("smtpeter")  # type: ignore[no-untyped-call]
        self._settings = settings
        self._reactor = reactor
        self._place = place
        self._doors: dict[str, Door] = {}
        self._ports: list[IListeningPort] = []
        self._sessions: list[SessionFactory] = []
        self._api: list[ApiDoor] = []  # none, or one

    # -- starting ----------------------------------------------------------------------------------------

    def privilegedStartService(self) -> None:  # noqa: N802
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        for key, text in endpoints(self._settings):
            door = self._doors[text] = Door(key)
            self._ports.append(self._place.listen(key, text, door))

    def startService(self) -> None:  # noqa: N802
        store, keys, domains = self._open()
        super().startService()  # type: ignore[no-untyped-call]
        reactor, settings = self._reactor, self._settings
        self._store = store
        self._keys = Keys(store.accounts, keys, domains, reactor)
        self._lateness = Lateness(reactor)
        self._affinity = Affinity(reactor, self._place.number, Linux(), partial(secrets.randbits, 1))
        self._filing = Filing(store.journal, reactor)
        self._posting = rooms.posting(settings, reactor, store)
        self._forgetting = Forgetting(
            settings.retention,
            store.spool,
            store.journal,
            store.returns,
            store.suppressions,
            store.operators,
            now,
            reactor,
        )
        self._nearness = Nearness(store.spool, longest_wait(settings.relay.retry), now, reactor)
        self._pool = ThreadPool(0, _HASHING, "smtpeter-hash")
        self._pool.start()
        self._aside = ThreadPool(0, _ASIDE, "smtpeter-web")
        self._aside.start()
        self._asking = ThreadPool(0, 1, "smtpeter-dns")
        self._asking.start()
        self._reading = ThreadPool(0, 1, "smtpeter-recognise")
        self._reading.start()
        self._signing = ThreadPool(0, _SIGNING, "smtpeter-sign")
        self._signing.start()
        try:
            self._build(store)
        except Misconfigured as error:  # a file that only root may read, after privileges were dropped
            end(str(error))
        if settings.metrics.listen:
            self._lateness.start()
        if settings.server.cpu_affinity:
            self._affinity.start()
        for start in (
            self._keys.start,
            self._posting.start,
            self._recorder.start,
            self._relay.startService,
        ):
            start()
        if self._place.number == 1:  # once on a host
            for start in (self._forgetting.start, self._filing.start, self._nearness.start):
                start()
            if self._policies is not None:
                self._policies.start()
        # What is there now stays: no collection shall look at it again and hold up the reactor for it.
        gc.collect()
        gc.freeze()
        self._log.info("smtpeter is ready: {hostname}", hostname=settings.server.hostname)

    def _build(self, store: Store) -> None:
        reactor, settings = self._reactor, self._settings
        made = rooms.identifiers()
        beside = partial(deferToThreadPool, reactor, self._signing)
        outgoing = Rendered(self._keys.ring, self._keys.signatures, now, beside)
        self._rewriting = rooms.workers(settings, reactor, self._affinity.free)
        preparing = rooms.preparing(settings, reactor, store.spool, self._rewriting, self._keys.sender_domain)
        self._certificates = rooms.certificates(settings)
        resolver = rooms.resolver(settings, reactor)
        self._policies = policies(settings, reactor, store, resolver)
        self._relay = rooms.relay(
            settings, reactor, store, outgoing, preparing, made, self._keys, resolver, self._policies
        )
        submission = self._submission = rooms.submission(
            settings, reactor, store, self._relay, self._pool, preparing, made, self._keys, self._certificates
        )
        for text, factory in submission.listeners():
            self._doors[text].build = factory.buildProtocol
            self._sessions.append(factory)
        self._recorder, tracking = rooms.tracking(
            settings, reactor, store, self._keys.ring, self._place.number
        )
        for text in settings.tracking.listen:
            self._doors[text].build = tracking.buildProtocol
        returns = returning.server(
            settings, reactor, store, self._keys, made, self._reading, self._certificates
        )
        for text, factory in returns.listeners():
            self._doors[text].build = factory.buildProtocol
            self._sessions.append(factory)
        monitor = rooms.monitor(
            settings,
            reactor,
            store,
            lambda: sum(factory.open for factory in self._sessions),
            lambda: tracking.connections,
            self._lateness.worst,
        )
        for text in settings.metrics.listen:
            self._doors[text].build = monitor.buildProtocol
        if settings.web.listen or settings.web.tls:
            self._build_api(store, submission.direct, outgoing, preparing, made)

    def _build_api(
        self,
        store: Store,
        submission: DirectSubmission,
        outgoing: Rendered,
        preparing: Preparing,
        made: Identifiers,
    ) -> None:
        door = api.door(
            self._settings,
            self._reactor,
            store,
            submission,
            outgoing,
            self._keys.ring,
            preparing,
            self._aside,
            made,
            self._asking,
        )
        self._api.append(door)
        for text in self._settings.web.listen:
            self._doors[text].build = door.buildProtocol
        for text in self._settings.web.tls:
            assert self._certificates is not None  # config asks for one
            self._doors[text].build = api.over_tls(door, self._certificates).buildProtocol

    def _open(self) -> tuple[Store, tuple[TokenKey, ...], tuple[SenderDomain, ...]]:
        """The store, the keys and the sender domains it holds; ends the process when it cannot be opened."""
        url, directory = self._settings.store.url, self._settings.data_directory
        try:
            store = self._place.open(url, directory, self._reactor)
            beside = open_for_command(url, directory, host())  # whose answers are there at once
            keys = tuple(answered(beside.accounts.keys()))
            domains = tuple(answered(beside.accounts.sender_domains()))
            beside.stop()
        except (StoreInUse, StoreUnusable, AccountsUnavailable) as error:
            end(unopened(error))
        return store, keys, domains

    def apply(self, settings: Settings) -> frozenset[str]:
        """Go on by these settings as far as that can be without a restart; the keys that count from now on.

        Raises Misconfigured, and then nothing has changed.
        """
        assert self._certificates is not None  # submission asks for one
        rooms.renew(self._certificates, settings)
        self._log.info("certificates read anew")
        self._submission.trust(settings.submission.trusted_networks)
        self._forgetting.keep(settings.retention)
        return RELOADED

    # -- stopping ----------------------------------------------------------------------------------------

    def stopService(self) -> Deferred[None]:  # noqa: N802
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        """Each step whatever became of the one before: what is in the store must be written."""
        await self._all(port.stopListening for port in self._ports)
        under_way = [one.stop for one in self._sessions] + [one.stop for one in self._api]
        await self._all(partial(stop, _GRACE) for stop in under_way)
        duties = (
            self._forgetting,
            self._filing,
            self._nearness,
            self._lateness,
            self._posting,
            self._keys,
            self._affinity,
        )
        await self._all((self._rewriting.stop, *(duty.stop for duty in duties)))
        if self._policies is not None:
            self._policies.stop()
        pools = self._pool.stop, self._aside.stop, self._asking.stop, self._reading.stop, self._signing.stop
        for stop in (self._relay.stopService, self._recorder.stop, *pools, self._store.stop):
            await self._all((stop,))

    async def _all(self, stops: Iterable[Callable[[], Awaitable[Any] | None]]) -> None:
        """Call them all, then wait for each; what fails is logged."""
        for stopping in [maybeDeferred(stop) for stop in stops]:
            await stopping.addErrback(self._not_stopped)

    def _not_stopped(self, failure: Failure) -> None:
        self._log.failure("something did not stop as it should", failure=failure)
