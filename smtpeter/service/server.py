"""The whole server as one Twisted service.

Ports are bound before privileges are dropped, everything else starts after. It stops along the flow: listeners and
their sessions, then the relay (what is under way may finish), then the tracking host's events, then the store.
What keeps it from starting ends the process with one line and status 1.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from smtpeter import config
from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.model import SenderDomain, TokenKey
from smtpeter.config import Misconfigured, Settings
from smtpeter.rewrite.signature import Signatures
from smtpeter.service import returning, rooms
from smtpeter.service.answer import answered
from smtpeter.service.host import host, now
from smtpeter.service.keys import Keys
from smtpeter.service.outgoing import Rendered
from smtpeter.service.retention import Forgetting
from smtpeter.session.factory import SessionFactory
from smtpeter.storage.engine import StoreInUse, StoreUnusable
from smtpeter.storage.store import Store, open_for_command, open_for_server

_GRACE = 20.0  # seconds that a message on its way in, or an attempt, may take to end
_HASHING = 2  # slow passwords verified at a time


def endpoints(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Each listener: its key in the configuration, and its endpoint string."""
    listed = {
        "submission.starttls": settings.submission.starttls,
        "submission.implicit_tls": settings.submission.implicit_tls,
        "tracking.listen": settings.tracking.listen,
        "bounces.listen": settings.bounces.listeners,
    }
    return tuple((f"{key}[{n}]", text) for key, texts in listed.items() for n, text in enumerate(texts))


def load(path: Path) -> Settings:
    """The configuration, tried as far as it can be without starting; raises Misconfigured."""
    settings = config.load(path)
    try:
        _check(settings)
    except Misconfigured as error:
        raise Misconfigured(f"{path}: {error}") from error
    return settings


def _check(settings: Settings) -> None:
    from twisted.internet.task import Clock  # noqa: PLC0415 - nothing here waits

    for key, text in endpoints(settings):
        _endpoint(Clock(), key, text)
    if not settings.submission.starttls + settings.submission.implicit_tls:
        raise Misconfigured(
            'submission.starttls: no listener, here or in implicit_tls; expected one, as ["tcp:587"]'
        )
    rooms.certificates(settings)
    rooms.courier(settings, Clock(), Rendered(_no_ring, Signatures, now), rooms.resolver(settings, Clock()))
    if not settings.data_directory.parent.is_dir():
        raise Misconfigured(
            f"server.data_directory: {settings.data_directory.parent}: there is no such directory"
        )
    directory = settings.data_directory
    if directory.exists() and not directory.is_dir():
        raise Misconfigured(f"server.data_directory: {directory}: expected a directory")


def _no_ring() -> Any:
    raise AssertionError("nothing is rendered by a check")


def _endpoint(reactor: Any, key: str, text: str) -> Any:
    try:
        return serverFromString(reactor, text)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise Misconfigured(f'{key}: {text!r}: expected an endpoint such as "tcp:587": {error}') from error


def _reason(failure: Failure) -> str:
    """Why a port could not be bound, in the system's words."""
    failure.trap(CannotListenError, OSError)
    error = getattr(failure.value, "socketError", failure.value)
    return str(getattr(error, "strerror", None) or error)


def _end(problem: str) -> NoReturn:
    """End the process with one line; by now twistd has turned standard error into its log."""
    print(f"smtpeter: {problem}", file=sys.__stderr__, flush=True)
    raise SystemExit(1)


class Door(ServerFactory):
    """A port that is bound before what answers there is built."""

    noisy = False

    def __init__(self) -> None:
        self.build: Callable[[IAddress | None], Any] = _nobody_yet

    def buildProtocol(self, addr: IAddress | None) -> Any:  # noqa: N802
        return self.build(addr)


def _nobody_yet(_address: IAddress | None) -> None:
    """Nobody answers; the reactor does not run before somebody does."""


class Smtpeter(Service):
    """The server, of settings that `load` has tried."""

    _log = Logger()

    def __init__(self, settings: Settings, reactor: Any) -> None:
        self.setName("smtpeter")  # type: ignore[no-untyped-call]
        self._settings = settings
        self._reactor = reactor
        self._doors: dict[str, Door] = {}
        self._ports: list[IListeningPort] = []
        self._sessions: list[SessionFactory] = []

    # -- starting ----------------------------------------------------------------------------------------

    def privilegedStartService(self) -> None:  # noqa: N802
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        for key, text in endpoints(self._settings):
            door = self._doors[text] = Door()
            listening: list[IListeningPort | Failure] = []
            maybeDeferred(_endpoint(self._reactor, key, text).listen, door).addBoth(listening.append)
            for port in listening:  # an endpoint that binds a port answers at once
                if isinstance(port, Failure):
                    _end(f"{key}: {text!r}: {_reason(port)}")
                self._ports.append(port)

    def startService(self) -> None:  # noqa: N802
        store, keys, domains = self._open()
        super().startService()  # type: ignore[no-untyped-call]
        reactor, settings = self._reactor, self._settings
        self._store = store
        self._keys = Keys(store.accounts, keys, domains, reactor)
        self._forgetting = Forgetting(
            settings.retention, store.spool, store.journal, store.returns, store.suppressions, now, reactor
        )
        self._pool = ThreadPool(0, _HASHING, "smtpeter-hash")
        self._pool.start()
        self._reading = ThreadPool(0, 1, "smtpeter-recognise")
        self._reading.start()
        try:
            self._build(store)
        except Misconfigured as error:  # a file that only root may read, after privileges were dropped
            _end(str(error))
        for start in (
            self._keys.start,
            self._forgetting.start,
            self._recorder.start,
            self._relay.startService,
        ):
            start()
        # What is there now stays: no collection shall look at it again and hold up the reactor for it.
        gc.collect()
        gc.freeze()
        self._log.info("smtpeter is ready: {hostname}", hostname=settings.server.hostname)

    def _build(self, store: Store) -> None:
        reactor, settings = self._reactor, self._settings
        made = rooms.identifiers()
        outgoing = Rendered(self._keys.ring, self._keys.signatures, now)
        self._relay = rooms.relay(settings, reactor, store, outgoing, made, self._keys)
        self._rewriting = rooms.workers(settings, reactor)
        submission = rooms.submission(
            settings, reactor, store, self._relay, self._pool, self._rewriting, made, self._keys
        )
        for text, factory in submission.listeners():
            self._doors[text].build = factory.buildProtocol
            self._sessions.append(factory)
        self._recorder, tracking = rooms.tracking(settings, reactor, store, self._keys.ring)
        for text in settings.tracking.listen:
            self._doors[text].build = tracking.buildProtocol
        returns = returning.server(
            settings, reactor, store, self._keys, made, self._reading, rooms.certificates(settings)
        )
        for text, factory in returns.listeners():
            self._doors[text].build = factory.buildProtocol
            self._sessions.append(factory)

    def _open(self) -> tuple[Store, tuple[TokenKey, ...], tuple[SenderDomain, ...]]:
        """The store, the keys and the sender domains it holds; ends the process when it cannot be opened."""
        url, directory = self._settings.store.url, self._settings.data_directory
        try:
            store = open_for_server(url, directory, self._reactor, host())
            beside = open_for_command(url, directory, host())  # whose answers are there at once
            keys = tuple(answered(beside.accounts.keys()))
            domains = tuple(answered(beside.accounts.sender_domains()))
            beside.stop()
        except (StoreInUse, StoreUnusable, AccountsUnavailable) as error:
            key = "server.data_directory" if isinstance(error, StoreInUse) else "store.url"
            _end(f"{key}: {error}")
        return store, keys, domains

    def apply(self, settings: Settings) -> frozenset[str]:
        """Go on by these settings as far as that can be without a restart; the keys that count from now on."""
        self._forgetting.keep(settings.retention)
        return frozenset(f"retention.{key}" for key in settings.retention.__struct_fields__)

    # -- stopping ----------------------------------------------------------------------------------------

    def stopService(self) -> Deferred[None]:  # noqa: N802
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        """Each step whatever became of the one before: what is in the store must be written."""
        await self._all(port.stopListening for port in self._ports)
        await self._all(partial(factory.stop, _GRACE) for factory in self._sessions)
        await self._all((self._rewriting.stop, self._forgetting.stop, self._keys.stop))
        for stop in (
            self._relay.stopService,
            self._recorder.stop,
            self._pool.stop,
            self._reading.stop,
            self._store.stop,
        ):
            await self._all((stop,))

    async def _all(self, stops: Iterable[Callable[[], Awaitable[Any] | None]]) -> None:
        """Call them all, then wait for each; what fails is logged."""
        for stopping in [maybeDeferred(stop) for stop in stops]:
            await stopping.addErrback(self._not_stopped)

    def _not_stopped(self, failure: Failure) -> None:
        self._log.failure("something did not stop as it should", failure=failure)
