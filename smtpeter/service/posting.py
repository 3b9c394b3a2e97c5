"""Runs the webhooks: every half second each that may be worked on is, side by side, in the one process that has the duty."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IHostResolution, IReactorTime, IResolutionReceiver
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.webhooks import Webhook
from smtpeter.journal.interface import JournalUnavailable
from smtpeter.report.following import Posted
from smtpeter.request.client import Client, NoAnswer
from smtpeter.spool.interface import SpoolUnavailable

_EVERY = 0.5  # seconds


class Rounds(Protocol):
    """As report.following.Following."""

    def ready(self) -> Awaitable[Sequence[Webhook]]: ...

    def work(self, webhook: Webhook, /) -> Awaitable[bool]: ...


class Posting:
    """While the store is away nothing is posted, and nothing is lost."""

    _log = Logger()

    def __init__(self, rounds: Rounds, clock: IReactorTime, give_up: Callable[[], None]) -> None:
        """`give_up` makes every post that is under way or wanted raise."""
        self._rounds = rounds
        self._give_up = give_up
        self._clock = clock
        self._again: IDelayedCall | None = None  # set when there is more to do at once
        self._is_away = False  # the store did not answer last time
        self._working: set[Deferred[None]] = set()
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def start(self) -> None:
        self._loop.start(_EVERY, now=False)

    def stop(self) -> None:
        """What is being posted is given up; the next process posts it again."""
        if self._loop.running:
            self._loop.stop()
        if self._again is not None:
            self._again.cancel()
            self._again = None
        self._give_up()
        for working in list(self._working):
            working.cancel()

    def _look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._begin()).addErrback(self._failed)

    async def _begin(self) -> None:
        for webhook in await self._rounds.ready():
            working = Deferred.fromCoroutine(self._work(webhook))
            self._working.add(working)
            working.addErrback(self._failed).addBoth(lambda _, one: self._working.discard(one), working)
        self._is_away = False

    async def _work(self, webhook: Webhook) -> None:
        if await self._rounds.work(webhook):
            self._again = self._again or self._clock.callLater(0.0, self._go_on)

    def _go_on(self) -> None:
        self._again = None
        self._look()

    def _failed(self, failure: Failure) -> None:
        if not self._loop.running:
            return  # cancelled by us
        if not failure.check(AccountsUnavailable, JournalUnavailable, SpoolUnavailable):
            self._log.failure("a webhook could not be worked on", failure=failure)
        elif not self._is_away:
            self._is_away = True
            self._log.warn("webhooks wait for the store: {why}", why=failure.getErrorMessage())


def gather(works: Iterable[Awaitable[None]]) -> Deferred[None]:
    """All at once; fires when all have ended, fails as the first that failed."""
    every = [Deferred.fromCoroutine(_of(one)) for one in works]
    return DeferredList(every, fireOnOneErrback=True, consumeErrors=True).addCallbacks(
        lambda _: None, lambda failure: failure.value.subFailure
    )


async def _of(work: Awaitable[None]) -> None:
    await work


class Stopping(Exception):
    """The server stops; what became of the request is not known."""


class Poster:
    """Makes webhooks' requests, until it is stopped."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._is_stopping = False

    def stop(self) -> None:
        self._is_stopping = True

    async def __call__(self, url: str, headers: Sequence[tuple[str, str]], body: bytes, /) -> Posted:
        try:
            if self._is_stopping:
                raise Stopping
            answer = await self._client.request("POST", url, headers, body)
        except NoAnswer as error:
            if self._is_stopping:
                raise Stopping from error
            return Posted(0, str(error))
        wait = answer.field("retry-after")
        return Posted(answer.status, "", float(wait) if wait.isdecimal() and len(wait) < 10 else 0.0)


@implementer(IResolutionReceiver)
class _Found:
    """Gathers a host's addresses."""

    def __init__(self, done: Deferred[Sequence[str]]) -> None:
        self._done = done
        self._addresses: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None: ...  # noqa: N802, N803

    def addressResolved(self, address: Any) -> None:  # noqa: N802
        self._addresses.append(str(ip_address(address.host.partition("%")[0])))

    def resolutionComplete(self) -> None:  # noqa: N802
        if not self._done.called:
            self._done.callback(list(dict.fromkeys(self._addresses)))


class SystemNames:
    """Looks hosts up as every program of this machine does, in /etc/hosts and the DNS, in the reactor's threads."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def __call__(self, host: str) -> Deferred[Sequence[str]]:
        done: Deferred[Sequence[str]] = Deferred()
        self._reactor.nameResolver.resolveHostName(_Found(done), host)
        return done
