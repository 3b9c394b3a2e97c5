"""Keeps the relay busy: has what is claimed tried, and settles what became of it.

At any time a bounded window of deliveries is claimed, and nothing begins while the spool cannot record its end. An
outcome is kept, with its place in the window, until it is recorded. When the relay is stopped, attempts under way
may end within a grace time; all else is released.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredLock, FirstError
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.message import identifier
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.relay.admission import Admission
from smtpeter.relay.contents import Entrant
from smtpeter.relay.dispatch import Window
from smtpeter.relay.ending import WaysOut, Work
from smtpeter.relay.faults import caught
from smtpeter.relay.finishing import Finishing
from smtpeter.relay.intake import Intake, Surroundings
from smtpeter.relay.interface import Courier, Group, Outgoing, Preparation
from smtpeter.relay.lane import Batch
from smtpeter.relay.leases import Leases
from smtpeter.relay.limits import Throttle
from smtpeter.relay.notes import Notes
from smtpeter.relay.pacer import Pacer
from smtpeter.relay.pacing import Bounds
from smtpeter.relay.patience import Patience
from smtpeter.relay.settlement import Reports, Settling, no_reports
from smtpeter.relay.sites import Sites
from smtpeter.relay.tasks import Tasks
from smtpeter.spool.interface import Spool, SpoolUnavailable
from smtpeter.spool.model import Claim, Delivery, Message
from smtpeter.spool.quota import Quota
from smtpeter.spool.sites import SiteBook
from smtpeter.spool.states import State
from smtpeter.spool.waiting import Reason

_SHORT_OF_SPACE = 2.0  # seconds between two looks whether there is room again
_LAST_WORD = 5.0  # seconds that what was cancelled has to hand back its claims


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the relay works with. `now` gives Unix seconds; `quota` is what the operator's limits are leased from."""

    spool: Spool
    courier: Courier
    outgoing: Outgoing
    reports: Reports
    settling: Settling
    clock: IReactorTime  # for intervals
    now: Callable[[], float]
    sites: Sites
    quota: Quota
    book: SiteBook
    preparation: Preparation


LOST = Outcome(
    Result.FAILED,
    Stage.PROCESS,
    Reply(554, "5.3.0", "The content of the message has been lost here"),
    cause="the spool has no content of a message that it gave out",
)


TOO_LATE = Outcome(
    Result.DEFERRED,
    Stage.PROCESS,
    Reply(451, "4.4.7", "The time that the message had for its delivery is over"),
)


class Relay(Service):
    """The service. `room` and `born` are for those who accept messages; `why` for those who ask."""

    _log = Logger()

    def __init__(self, neighbours: Neighbours, bounds: Bounds, grace: float = 20.0) -> None:
        self._n = neighbours
        self._grace = grace
        self._window = Window(bounds, neighbours.sites, neighbours.outgoing.per_recipient)
        self._tasks = Tasks(neighbours.clock)
        self._patience = Patience(self._sleep, self._spool_changed)
        self._admission = Admission(
            spool=neighbours.spool,
            contents=self._window.contents,
            patience=self._patience,
            now=neighbours.now,
            enter=self._enter,
            pump=self._pump,
        )
        self._notes = Notes(neighbours.book, self._window, neighbours.clock, neighbours.now, self._run)
        self._intake = Intake(
            Surroundings(
                spool=neighbours.spool,
                window=self._window,
                patience=self._patience,
                now=neighbours.now,
                clock=neighbours.clock.seconds,
                obey=self._notes.obey,
                later=neighbours.clock.callLater,
                run=self._run,
                admit=self._admission.admit,
            )
        )
        leases = Leases(neighbours.quota, self._window.throttles, self._kept) if bounds.is_shared else None
        self._pacer = Pacer(self._window, leases, neighbours.clock, self._run, self._pump)
        self._finishing = Finishing(
            spool=neighbours.spool,
            preparation=neighbours.preparation,
            window=self._window,
            admission=self._admission,
            patience=self._patience,
        )
        self._ending = WaysOut(
            spool=neighbours.spool,
            window=self._window,
            settling=neighbours.settling,
            admission=self._admission,
            patience=self._patience,
            now=neighbours.now,
            owed=self._intake.expect,
            left=self._intake.look,
        )
        self._in_turn = DeferredLock()
        self._stopping = False
        self._pumping = False
        self._short: IDelayedCall | None = None  # while there is no room to record an outcome

    # -- the service's life ------------------------------------------------------------------------------

    def startService(self) -> None:  # noqa: N802 - Twisted's name
        super().startService()  # type: ignore[no-untyped-call]
        self._stopping = False
        self._intake.open()
        self._pacer.open()
        self._notes.open()

    def stopService(self) -> Deferred[None]:  # noqa: N802 - Twisted's name
        """Fires when every attempt is settled or handed back, and the courier has taken its leave."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._stopping = True
        self._intake.close()
        self._pacer.close()
        self._notes.close()
        if self._short is not None:
            self._short.cancel()
            self._short = None
        self._give_back(self._window.drain())
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._tasks.wait(self._grace)
        self._tasks.cancel()
        await self._tasks.wait(_LAST_WORD)
        await self._n.courier.stop()

    def _run(self, coroutine: Coroutine[Any, Any, None], work: Work | None = None) -> None:
        """Own a coroutine until it ends; one that fails costs at most an attempt."""
        self._tasks.run(coroutine, partial(self._stumbled, work))

    def _kept(self, throttle: Throttle) -> int:
        return self._n.courier.kept(throttle.site)

    def _sleep(self, seconds: float) -> Deferred[None]:
        awake: Deferred[None] = Deferred(lambda _: call.cancel())
        call = self._n.clock.callLater(seconds, awake.callback, None)
        return awake

    def _spool_changed(self, trouble: SpoolUnavailable | None) -> None:
        if trouble is not None:
            self._log.warn("the spool is unavailable: {trouble}", trouble=str(trouble))
            return
        self._log.info("the spool is available again")
        self._intake.wake()
        self._pump()

    # -- what others ask ---------------------------------------------------------------------------------

    def room(self, message: Message) -> bool:
        """Whether this message may be born claimed now: as far as the window, its login and its sites have room."""
        if self._stopping or self._patience.is_away or not self.running:
            return False
        if self._window.has_room(message, self._n.clock.seconds()):
            return True
        self._intake.expect()
        return False

    def born(self, message: Message, claims: tuple[Claim, ...]) -> None:
        """Take over a message that is safely kept, with this worker's claims on its deliveries."""
        self._enter(Entrant(message, claims, is_born=True))
        self._pump()

    def why(self, delivery: Delivery) -> Reason | None:
        """Why the delivery waits; None when it waits no longer."""
        if delivery.state.is_final:
            return None
        if delivery.state is State.HELD:
            return Reason.HELD
        waits = self._window.why(delivery, self._n.clock.seconds())
        if waits is not None:
            is_away = self._patience.is_away or self._short is not None
            return Reason.SPOOL if is_away and waits is not Reason.IN_PROGRESS else waits
        if self._window.trouble(delivery.recipient.address.domain, self._n.clock.seconds()):
            return Reason.SITE_TROUBLE
        if delivery.due_at > self._n.now():
            return Reason.SCHEDULE if delivery.attempts else Reason.NOT_DUE
        return Reason.BACKLOG

    # -- work comes in -----------------------------------------------------------------------------------

    def _enter(self, entrant: Entrant) -> None:
        if entrant.message.pending:
            self._run(self._finish(entrant))
            return
        now = self._n.clock.seconds()
        to_try, decided = _parted(entrant.claims)
        if decided:
            self._settle_decided(self._window.put_aside(replace(entrant, claims=decided), now))
            entrant = replace(entrant, claims=to_try)
        if to_try:
            self._turn_away(self._window.add(entrant, now))
        if self._stopping:
            self._turn_away(self._window.drain())

    def _settle_decided(self, batches: Iterable[Batch]) -> None:
        """Settle what was decided when it was accepted: no attempt is made, and no site's limit is touched."""
        if self._stopping:
            self._give_back(batches)
            return
        for batch in batches:
            outcomes = {c.delivery.id: c.delivery.last for c in batch.claims if c.delivery.last is not None}
            work = Work(batch, self._n.now(), batch.held.message, outcomes)
            self._run(self._settle_untried(work), work)

    async def _finish(self, entrant: Entrant) -> None:
        finished = await self._finishing.finish(entrant)
        if finished is not None:
            self._enter(finished)
            self._pump()
        self._intake.look()

    # -- and is tried ------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Begin whatever may begin. Not entered twice: an attempt may end before it returns here."""
        if self._pumping or self._stopping or self._short is not None:
            return
        if self._window.claimed > self._window.running and not self._n.spool.can_record():
            self._short = self._n.clock.callLater(_SHORT_OF_SPACE, self._look_again)
            return
        self._pumping = True
        try:
            while not (self._stopping or self._patience.is_away):
                batch = self._window.begin(self._n.clock.seconds())
                if batch is None:
                    break
                work = Work(batch, self._n.now(), batch.held.message)
                self._run(self._attempt(work), work)
        finally:
            self._pumping = False
        if self._window.has_limits:
            self._pacer.look()

    def _look_again(self) -> None:
        self._short = None
        self._pump()

    async def _attempt(self, work: Work) -> None:
        if not self._window.is_placed(work.batch, self._n.clock.seconds()) and await self._moved(work):
            return
        if not work.batch.held.is_whole:
            await self._fetch(work)
            self._window.weigh(work.batch)
            self._pump()
        await self._try(work)

    async def _moved(self, work: Work) -> bool:
        """Find the site of the batch's domain; whether the batch waits there now."""
        batch, now = work.batch, self._n.clock.seconds
        found = await caught(self._n.sites.find(batch.domain, now()), f"finding the site of {batch.domain}")
        if isinstance(found, Exception):
            return False
        if found.name == batch.pace.name:
            batch.site = found
            return False
        self._turn_away(self._window.place(batch, found, now()))
        self._pump()
        return True

    async def _fetch(self, work: Work) -> None:
        held = work.batch.held
        if not held.is_whole:
            message = await self._patience.insist(partial(self._n.spool.message, held.message.id))
            if message is None:
                self._log.error(
                    "message {message}: its content is lost", message=identifier.show(held.message.id)
                )
                work.outcomes = {claim.delivery.id: LOST for claim in work.batch.claims}
            else:
                self._window.contents.fill(held, message)
                work.message = message
        if held.is_whole:
            work.message = held.message

    async def _try(self, work: Work) -> None:
        batch = work.batch
        work.began = self._n.now()
        if work.outcomes is None and self._n.settling.is_past(work.message, work.began):
            work.outcomes = {claim.delivery.id: claim.delivery.last or TOO_LATE for claim in batch.claims}
        if work.outcomes is None:
            deliveries = tuple(claim.delivery for claim in batch.claims)
            group = Group(work.message, deliveries, batch.domain, batch.site, self._window.source(batch))
            work.outcomes = await self._n.courier.attempt(group)
        self._turn_away(self._window.end(batch, work.outcomes, self._n.clock.seconds()))
        self._pump()
        await self._ending.settle(work, self._n.reports)

    # -- and is settled ----------------------------------------------------------------------------------

    def _stumbled(self, work: Work | None, failure: Failure) -> None:
        """A task ended by exception: by cancellation at the end of the grace time, or by a fault of ours."""
        if isinstance(failure.value, FirstError):
            failure = failure.value.subFailure
        is_cancelled = failure.check(CancelledError)
        if not is_cancelled:
            self._log.failure("the relay stumbled", failure)
        if work is not None and is_cancelled:
            self._cancelled(work)
        elif work is not None:
            self._recover(work)

    def _recover(self, work: Work) -> None:
        """Settle what is known, without what stumbled; a fault must not cost a place in the window."""
        self._turn_away(self._window.end(work.batch, work.outcomes or {}, self._n.clock.seconds()))
        if work.stumbled:
            self._run(self._ending.let_go(work))
            return
        work.stumbled = True
        self._run(self._ending.settle(work, no_reports), work)
        self._pump()

    def _cancelled(self, work: Work) -> None:
        self._window.end(work.batch, {}, self._n.clock.seconds())
        if work.outcomes is None:
            self._give_back([work.batch])
            return
        self._window.leave(work.batch)
        self._ending.tell_unrecorded(work)

    # -- or given back -----------------------------------------------------------------------------------

    def _turn_away(self, batches: Iterable[Batch]) -> None:
        """Release batches that cannot wait here; those whose sender must hear of it now are settled instead."""
        if self._stopping:
            self._give_back(batches)
            return
        now = self._n.clock.seconds()
        for batch in batches:
            unreached = self._unreached(batch, now)
            if unreached is None:
                self._run(self._ending.release(batch, self._n.now() + batch.pace.book(now)))
            else:
                self._run(self._settle_untried(unreached), unreached)

    def _unreached(self, batch: Batch, now: float) -> Work | None:
        trouble = self._window.trouble(batch.domain, now)
        if trouble is None:
            return None
        outcome, age = trouble
        since = self._n.now() - age
        message = batch.held.message
        if not any(self._n.settling.is_overdue(message, c.delivery, since) for c in batch.claims):
            return None
        return Work(batch, since, message, {claim.delivery.id: outcome for claim in batch.claims})

    async def _settle_untried(self, work: Work) -> None:
        """Settle with what was decided before, or with the trouble that another attempt met at the site a moment ago."""
        async with self._in_turn:  # they are as many as wait for a site, each with its content
            await self._fetch(work)
            await self._ending.settle(work, self._n.reports)

    def _give_back(self, batches: Iterable[Batch]) -> None:
        """Release batches as they came: due as before."""
        for batch in batches:
            self._run(self._ending.release(batch, None))


def _parted(claims: Iterable[Claim]) -> tuple[list[Claim], list[Claim]]:
    """Those to try, and those whose end was decided when their message was accepted."""
    parted: tuple[list[Claim], list[Claim]] = ([], [])
    for claim in claims:
        last = claim.delivery.last
        parted[last is not None and last.is_final].append(claim)
    return parted
