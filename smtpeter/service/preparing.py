"""The rewriters, as submission and the relay ask for them: what is light here and now, what is not in a worker process.

Who submits waits for a worker as long as the budget: what it has not done by then is accepted with edits pending, kept
as such by the spool, and made before the first attempt. Only so much may be pending at a time, and no login has all of
it: beyond that the 250 waits, so that whoever sends more than the workers can do is slowed down, and nobody else.
After a restart what is pending is made anew when the relay comes to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, execute
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.message.edit import Edit, Report, Template, compile_template, edits_of
from smtpeter.message.identifier import MessageId, show
from smtpeter.message.options import Switches
from smtpeter.relay.interface import NotNow
from smtpeter.relay.shares import Shares
from smtpeter.rewrite.pipeline import Pipeline
from smtpeter.rewrite.pool import Pool, PoolStopped, RewritersFailed
from smtpeter.rewrite.settings import Settings
from smtpeter.spool.interface import Spool, SpoolUnavailable
from smtpeter.spool.model import Message
from smtpeter.submission.interface import Prepared

# Octets of a message that is not rewritten beside the conversations: the worst below takes 100 ms.
_LARGE = 65_536
# Seconds. A first sight takes some 0.1 s; twenty clients that send one campaign together wait as long for one worker, and
# what is made pending costs the store as much again.
_BUDGET = 0.3
_PENDING = 32 * 1024 * 1024  # octets of messages with edits pending, and
_OVERHEAD = 65_536  # octets that each counts for beside its content
_GREED = 3  # one login alone may have three quarters

_NOBODY = ""  # whose turn a dry run takes

NOTE = "the edits are pending: they are made before the first attempt"
_FAILED = "nothing was rewritten: the rewriters failed"


class Preparing:
    """`hosts(original)`: the tracking hosts of a message."""

    _log = Logger()

    def __init__(
        self,
        light: Pipeline,
        workers: Pool,
        hosts: Callable[[bytes], Settings],
        spool: Spool,
        clock: IReactorTime,
    ) -> None:
        self._light = light
        self._workers = workers
        self._hosts = hosts
        self._spool = spool
        self._clock = clock
        self._shares = Shares(_PENDING, _GREED)
        self._under_way: dict[MessageId, Deferred[Message | None]] = {}

    def prepare(
        self,
        message: MessageId,
        login: str,
        original: bytes,
        switches: Switches,
        header_edits: tuple[Edit, ...],
        /,
    ) -> Awaitable[Prepared]:
        if not switches.on():
            return execute(Prepared, compile_template(len(original), header_edits), Report())
        if _is_light(original, switches):
            return execute(self._here, original, switches, header_edits)
        making = self._make(login, original, switches, header_edits)
        return Deferred.fromCoroutine(self._within_budget(making, message, login, original, header_edits))

    async def dry_run(
        self, original: bytes, switches: Switches, header_edits: tuple[Edit, ...], /
    ) -> tuple[Template, Report]:
        """What `prepare` comes to in the end, however long that takes."""
        if _is_light(original, switches):
            return self._light.prepare(original, switches, header_edits, self._hosts(original))
        return await self._make(_NOBODY, original, switches, header_edits)

    def _here(self, original: bytes, switches: Switches, header_edits: tuple[Edit, ...]) -> Prepared:
        return Prepared(*self._light.prepare(original, switches, header_edits, self._hosts(original)))

    def _make(
        self, login: str, original: bytes, switches: Switches, header_edits: tuple[Edit, ...]
    ) -> Deferred[tuple[Template, Report]]:
        hosts = self._hosts(original)
        return Deferred.fromCoroutine(self._workers.prepare(login, original, switches, header_edits, hosts))

    async def _within_budget(
        self,
        making: Deferred[tuple[Template, Report]],
        message: MessageId,
        login: str,
        original: bytes,
        header_edits: tuple[Edit, ...],
    ) -> Prepared:
        made: Deferred[tuple[Template, Report]] = Deferred()
        await self._budget(making, made)
        amount = len(original) + _OVERHEAD
        plain = compile_template(len(original), header_edits)
        pending = Prepared(plain, Report(notes=(NOTE,)), pending=True)
        # Who comes again with an identifier waits: what is still being made may be of another content.
        if made.called or message in self._under_way or not self._shares.allows(login, amount):
            try:
                return Prepared(*await made)
            except PoolStopped:  # which is no reason to do without them
                return pending
        self._shares.take(login, amount)
        amending = Deferred.fromCoroutine(self._amend(message, original, made, plain))
        self._under_way[message] = amending.addErrback(self._not_amended, message)
        amending.addCallback(self._done, message, login, amount)
        return pending

    def _budget(self, making: Deferred[Any], made: Deferred[Any]) -> Deferred[None]:
        """Fires when it is spent, or when `made` has what was made: then nothing more is to be waited for."""
        spent: Deferred[None] = Deferred()
        call = self._clock.callLater(_BUDGET, spent.callback, None)

        def pass_on(result: Any) -> None:
            made.callback(result)  # a Failure makes it fail
            if call.active():
                call.cancel()
                spent.callback(None)

        making.addBoth(pass_on)
        return spent

    # -- what was pending --------------------------------------------------------------------------------

    async def finish(self, identifier: MessageId, /) -> Message | None:
        """As relay.interface.Preparation has it."""
        under_way = self._under_way.get(identifier)
        finished = None if under_way is None else await under_way
        if finished is not None:
            return finished
        kept = await self._spool.message(identifier)
        if kept is None or not kept.pending:
            return kept
        edits = edits_of(len(kept.content), kept.template)
        making = self._make(kept.login, kept.content, kept.switches, edits)
        finished = await self._amend(identifier, kept.content, making, kept.template)
        return finished or await self._spool.message(identifier)

    async def _amend(
        self,
        identifier: MessageId,
        original: bytes,
        making: Deferred[tuple[Template, Report]],
        otherwise: Template,
    ) -> Message | None:
        """Tell the spool what was made of `original`; where that fails, the features are lost and the message goes on.

        The message as it is now, unless that is for the spool to say.
        """
        try:
            template, report = await making
        except PoolStopped as stopped:
            raise NotNow from stopped
        except RewritersFailed as failed:
            self._log.error("{message}: {why}", message=show(identifier), why=str(failed))
            template, report = otherwise, Report(notes=(_FAILED,))
        kept = await self._spool.message(identifier)
        # Not accepted yet, or never, or from another process with another content: who comes for it makes it anew.
        if kept is None or kept.content != original:
            return None
        notes = tuple(note for note in kept.report.notes if note != NOTE) + report.notes
        report = Report(report.findings, notes)
        if not await self._spool.amend(identifier, template, report):
            return None  # another was first
        return replace(kept, template=template, report=report, pending=False)

    def _not_amended(self, failure: Failure, message: MessageId) -> None:
        """Nobody may be waiting: whoever comes for the message tries again."""
        if failure.check(SpoolUnavailable, NotNow, CancelledError) is None:
            self._log.failure("{message}: its edits could not be made", failure, message=show(message))

    def _done(self, finished: Message | None, message: MessageId, login: str, amount: int) -> Message | None:
        del self._under_way[message]
        self._shares.give_back(login, amount)
        return finished


def _is_light(original: bytes, switches: Switches) -> bool:
    """Whether it may be rewritten beside the conversations."""
    return not switches.inline_css and len(original) <= _LARGE
