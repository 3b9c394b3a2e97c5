"""Worker processes for what is too heavy for the server's own: one message at a time each, a queue before each.

The logins take turns in it. A message waits as long as it takes; only the CPU time that it takes itself can cost it a feature. When a worker dies
under a message, that is tried once more in a new one; when it dies of its CPU time, or again, the message is prepared
without inline CSS; if even that fails it goes on as it came. The report says so. A worker is started when there is
something to do and none is there, and one that is seen to use no CPU time for a minute is taken for stuck and ended.
"""

from __future__ import annotations

import contextlib
import signal
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.message.edit import Edit, Report, Template, compile_template
from smtpeter.message.options import Switches
from smtpeter.rewrite.job import Failed, Frames, Job, decode_answer, frame
from smtpeter.rewrite.settings import Settings
from smtpeter.rewrite.turns import Turns

_STUCK = 60.0  # seconds without CPU time
_GRACE = 5.0  # seconds that a worker without jobs may take to end
_SPILL = 2  # jobs that a campaign's own worker may have more than another, before that gets them
_LONGEST_LINE = 500  # octets of what a worker prints, in the log


class WorkerLost(Exception):
    """The worker died under its job; the text says how."""


class CpuTimeSpent(WorkerLost):
    """It died since the job took more CPU time than it may."""


class PoolStopped(Exception):
    """The pool was stopped before it came to this job; another may do it."""


class RewritersFailed(Exception):
    """The worker is well, but could not prepare the message; the text says why."""


class Process(ProcessProtocol):
    """One worker process."""

    _log = Logger()

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._frames = Frames()
        self._waiting: Deferred[bytes] | None = None
        self.gone: Deferred[None] = Deferred()

    def connectionMade(self) -> None:  # noqa: N802
        self._child: Any = self.transport

    def run(self, data: bytes) -> Deferred[bytes]:
        """Give it a job's frame; the answer's content, or WorkerLost."""
        waiting = self._waiting = Deferred()
        with contextlib.suppress(KeyError):  # it has closed its input: processEnded is about to be called
            self._child.writeToChild(0, data)
        return waiting

    def finish(self) -> None:
        """Let it end: it does where its input ends."""
        self._child.closeStdin()

    def kill(self) -> None:
        with contextlib.suppress(ProcessExitedAlready):
            self._child.signalProcess("KILL")

    @property
    def pid(self) -> int:
        return int(self._child.pid)

    def outReceived(self, data: bytes) -> None:  # noqa: N802
        answer = self._frames.add(data)
        if answer is not None and self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(answer)

    def errReceived(self, data: bytes) -> None:  # noqa: N802
        for line in data[:_LONGEST_LINE].decode("utf-8", "replace").splitlines():
            self._log.warn("rewriting worker: {line}", line=line)

    def processEnded(self, reason: Failure) -> None:  # noqa: N802
        self._ended()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(_lost(reason.value))
        self.gone.callback(None)


def _lost(ended: Any) -> WorkerLost:
    number = getattr(ended, "signal", None)
    if number == signal.SIGPROF:
        return CpuTimeSpent()
    how = f"signal {number}" if number else f"status {getattr(ended, 'exitCode', None)}"
    return WorkerLost(f"its worker process ended with {how}")


class Line:
    """One worker, and the jobs that wait for it."""

    def __init__(
        self, reactor: Any, spawn: Callable[[Process], object], cpu_seconds: Callable[[int], float]
    ) -> None:
        self._reactor = reactor
        self._spawn = spawn
        self._cpu_seconds = cpu_seconds
        self._jobs: Turns[tuple[bytes, Deferred[bytes]]] = Turns()
        self._process: Process | None = None
        self._is_busy = False
        self._is_stopped = False
        self._watch: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._jobs) + self._is_busy

    def run(self, login: str, data: bytes) -> Deferred[bytes]:
        waiting: Deferred[bytes] = Deferred()
        self._jobs.add(login, (data, waiting))
        self._next()
        return waiting

    def stop(self) -> Deferred[None] | None:
        """Let the process end, fired when it has; what waits for it fails with PoolStopped."""
        self._is_stopped = True
        self._next()
        process = self._process
        if process is None:
            return None
        process.finish()
        deadline = self._reactor.callLater(_GRACE, process.kill)
        return process.gone.addCallback(lambda _: deadline.cancel() if deadline.active() else None)

    def _next(self) -> None:
        while self._is_stopped and self._jobs:
            self._jobs.take()[1].errback(PoolStopped())
        if self._is_busy or not self._jobs:
            return
        data, waiting = self._jobs.take()
        self._is_busy = True
        try:
            process = self._process or self._start()
        except OSError as error:
            lost = Failure(WorkerLost(f"no worker process could be started: {error}"))
            self._reactor.callLater(0, self._done, lost, waiting)
            return
        # What it has used so far is asked for only if the job takes that long: asking costs a tenth of a quick one.
        self._watch = self._reactor.callLater(_STUCK, self._look, process, -1.0)
        process.run(data).addBoth(self._done, waiting)

    def _start(self) -> Process:
        process = Process(self._gone)
        self._spawn(process)
        self._process = process
        return process

    def _gone(self) -> None:
        self._process = None

    def _done(self, result: bytes | Failure, waiting: Deferred[bytes]) -> None:
        self._is_busy = False
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        waiting.callback(result)  # a Failure makes it fail
        self._next()

    def _look(self, process: Process, before: float) -> None:
        """End a process that has a job and does nothing."""
        used = self._cpu_seconds(process.pid)
        if used <= before:
            self._watch = None
            process.kill()
        else:
            self._watch = self._reactor.callLater(_STUCK, self._look, process, used)


class Pool:
    """Prepares messages in `workers` processes, each made by `spawn(protocol)`.

    `cpu_time`: what one message may take, in seconds, for the report. `cpu_seconds(pid)`: what a process has used.
    """

    def __init__(
        self,
        reactor: Any,
        spawn: Callable[[Process], object],
        cpu_seconds: Callable[[int], float],
        workers: int,
        cpu_time: float,
    ) -> None:
        self._lines = [Line(reactor, spawn, cpu_seconds) for _ in range(workers)]
        self._overrun = f"took more than {cpu_time:g} s of CPU"

    def stop(self) -> Deferred[Any]:
        """Fired when no process is left. Jobs under way are finished first, those that wait fail."""
        return gatherResults([ended for line in self._lines if (ended := line.stop())])

    async def prepare(
        self,
        login: str,
        original: bytes,
        switches: Switches,
        header_edits: tuple[Edit, ...],
        hosts: Settings | None = None,
    ) -> tuple[Template, Report]:
        """As Pipeline.prepare, when it is the turn of `login`. Raises RewritersFailed, and PoolStopped."""
        try:
            return await self._patiently(login, original, switches, header_edits, hosts)
        except WorkerLost as lost:
            reason = self._reason(lost)
        if switches.inline_css:
            try:
                lighter = replace(switches, inline_css=False)
                template, report = await self._patiently(login, original, lighter, header_edits, hosts)
            except WorkerLost as lost:
                reason = self._reason(lost)
            else:
                notes = (*report.notes, f"inline css: {reason}")
                return template, msgspec.structs.replace(report, notes=notes)
        return compile_template(len(original), header_edits), Report(
            notes=(f"nothing was rewritten: {reason}",)
        )

    def _reason(self, lost: WorkerLost) -> str:
        return self._overrun if isinstance(lost, CpuTimeSpent) else str(lost)

    async def _patiently(
        self,
        login: str,
        original: bytes,
        switches: Switches,
        header_edits: tuple[Edit, ...],
        hosts: Settings | None,
    ) -> tuple[Template, Report]:
        """A worker that dies may have been at fault itself; one that ran out of time would do so again."""
        data = frame(Job(original, switches, header_edits, hosts))
        try:
            answer = await self._line(original).run(login, data)
        except CpuTimeSpent:
            raise
        except WorkerLost:
            answer = await self._line(original).run(login, data)
        made = decode_answer(answer)
        if isinstance(made, Failed):
            raise RewritersFailed(made.reason)
        return made.template, made.report

    def _line(self, original: bytes) -> Line:
        """One campaign's messages go to one worker, which knows them, unless that has much more to do."""
        shortest = min(self._lines, key=len)
        own = self._lines[_campaign(original) % len(self._lines)]
        return own if len(own) <= len(shortest) + _SPILL else shortest


def _campaign(original: bytes) -> int:
    """The same for messages with the same first style sheet, as far as it can be told without decoding them."""
    start = original.find(b"<style")
    return zlib.crc32(original[start : original.find(b"</style", start)]) if start >= 0 else 0


def cpu_seconds(process: int | str) -> float:
    """User and system time that a process has used, as Linux tells it (proc(5)); 0 where nothing tells it.

    By its number; "self/task/NUMBER" is a thread of this one.
    """
    try:
        with open(f"/proc/{process}/stat", "rb") as file:  # noqa: PTH123
            numbers = file.read().rpartition(b")")[2].split()
        return (int(numbers[11]) + int(numbers[12])) / 100
    except (OSError, IndexError, ValueError):
        return 0.0
