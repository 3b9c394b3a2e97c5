"""Between the reactor, which never waits, and the store, which does: a writer thread and some reader threads.

Whatever waits to be written when the writer comes free is written in one transaction; `gathering` says when it gets
what was asked for. Answers come as Deferreds in the reactor's thread. `Inline` has the same face and does everything at
once, for commands and tests.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from twisted.internet.defer import Deferred, fail, succeed

from smtpeter.storage.engine import Trouble, for_writing
from smtpeter.storage.gathering import Clock, Gathering
from smtpeter.storage.group import Answer, Job, Refuse, Regret, Session, nothing

_T = TypeVar("_T")
_A = TypeVar("_A")
# Within it this process may write, where several stand in line for that.
Turn = Callable[[], AbstractContextManager[None]]
_Asked = tuple[Job, Deferred[Any]]
_MOST_AT_ONCE = 256  # writes in one transaction, so that none waits long for the others'
_READERS = 2
WRITER = "smtpeter-writer"  # the name of the thread that writes


class Reactor(Clock, Protocol):
    """The part of Twisted's reactor that brings answers back from threads."""

    def callFromThread(self, callable: Callable[..., object], /, *arguments: Any) -> None: ...  # noqa: A002, N802 - Twisted's names


class Access(Protocol):
    """How the ledgers reach the store."""

    def write(
        self,
        write: Callable[[Connection, Sequence[_A]], Sequence[_T]],
        argument: _A,
        refuse: Refuse,
        regret: Regret = nothing,
        *,
        urgent: bool = True,
    ) -> Deferred[_T]:
        """Do a write, together with whatever else waits; fires when it is committed.

        `regret` takes back what it did if it is refused and was committed all the same. What is not `urgent` may
        wait some milliseconds for what is.
        """

    def read(self, read: Callable[..., _T], *arguments: Any, refuse: Refuse) -> Deferred[_T]:
        """Call `read` with a connection and the arguments, in a transaction that sees one state of the store."""

    def stop(self) -> Deferred[None]:
        """Refuse what comes; fires when all that came before is done and all connections are closed."""


class Inline:
    """Does everything at once, in the caller's thread."""

    def __init__(self, engine: Engine, turn: Turn = nullcontext) -> None:
        self._turn = turn
        self._writing = Session(for_writing(engine))
        self._reading = Session(engine)

    def write(
        self,
        write: Callable[[Connection, Sequence[_A]], Sequence[_T]],
        argument: _A,
        refuse: Refuse,
        regret: Regret = nothing,
        *,
        urgent: bool = True,  # noqa: ARG002 - all is done at once
    ) -> Deferred[_T]:
        with self._turn():
            return _fired(self._writing.write([Job(write, argument, refuse, regret)])[0])

    def read(self, read: Callable[..., _T], *arguments: Any, refuse: Refuse) -> Deferred[_T]:
        return _fired(self._reading.read(lambda connection: read(connection, *arguments), refuse))

    def stop(self) -> Deferred[None]:
        self._writing.close()
        self._reading.close()
        return succeed(None)


def _fired(answer: Answer) -> Deferred[Any]:
    return succeed(answer.value) if answer.error is None else fail(answer.error)


class Threads:
    """One writer thread and some reader threads; `reactor` brings the answers back.

    `chore` makes a job that the writer does every `chore_every` seconds, however busy or idle it is, by a clock
    that nobody sets.
    """

    def __init__(
        self,
        engine: Engine,
        reactor: Reactor,
        chore: Callable[[], Job],
        chore_every: float,
        monotonic: Callable[[], float],
        turn: Turn = nullcontext,
    ) -> None:
        self._engine = engine
        self._reactor = reactor
        self._chore = chore
        self._chore_every = chore_every
        self._monotonic = monotonic
        self._turn = turn
        self._gathering: Gathering[_Asked] = Gathering(reactor, self._hand_over)
        self._writes: deque[_Asked] = deque()
        self._work = threading.Condition()
        self._reads: SimpleQueue[tuple[Callable[[Connection], Any], Refuse, Deferred[Any]] | None] = (
            SimpleQueue()
        )
        self._stopping = False
        self._stopped: Deferred[None] = Deferred()
        targets = [(WRITER, self._write_all)]
        targets += [(f"smtpeter-reader-{number}", self._read_all) for number in range(_READERS)]
        # Daemons: a process that dies of something else must not hang for them; what is committed is safe.
        self._threads = [threading.Thread(target=t, name=name, daemon=True) for name, t in targets]
        self._running = len(self._threads)
        for thread in self._threads:
            thread.start()

    def write(
        self,
        write: Callable[[Connection, Sequence[_A]], Sequence[_T]],
        argument: _A,
        refuse: Refuse,
        regret: Regret = nothing,
        *,
        urgent: bool = True,
    ) -> Deferred[_T]:
        if self._stopping:
            return fail(refuse(Trouble("the store is closed")))
        answer: Deferred[_T] = Deferred()
        self._gathering.add((Job(write, argument, refuse, regret), answer), urgent=urgent)
        return answer

    def _hand_over(self, gathered: Sequence[_Asked]) -> None:
        with self._work:
            self._writes.extend(gathered)
            self._work.notify()

    def read(self, read: Callable[..., _T], *arguments: Any, refuse: Refuse) -> Deferred[_T]:
        if self._stopping:
            return fail(refuse(Trouble("the store is closed")))
        answer: Deferred[_T] = Deferred()
        self._reads.put((lambda connection: read(connection, *arguments), refuse, answer))
        return answer

    def stop(self) -> Deferred[None]:
        if not self._stopping:
            self._gathering.flush()
            self._stopping = True
            with self._work:
                self._work.notify()
            for _ in self._threads[1:]:
                self._reads.put(None)
        return self._stopped

    # -- in the threads ----------------------------------------------------------------------------------

    def _write_all(self) -> None:
        session = Session(for_writing(self._engine))
        chore_at = self._monotonic() + self._chore_every
        while True:
            stopping = self._stopping  # before it is looked for work, of which none comes after that
            if self._is_wanted(chore_at - self._monotonic()):
                self._write_waiting(session)
            elif stopping:
                break
            if self._monotonic() >= chore_at:
                with self._turn():
                    session.write([self._chore()])
                chore_at = self._monotonic() + self._chore_every
        session.close()
        self._reactor.callFromThread(self._ended)

    def _is_wanted(self, timeout: float) -> bool:
        """Whether anything waits; not, when nothing came in time, or all is done and it shall end."""
        with self._work:
            if not self._writes and not self._stopping:
                self._work.wait(max(0.0, timeout))
            return bool(self._writes)

    def _write_waiting(self, session: Session) -> None:
        """Write all that waits once it is our turn, up to a limit."""
        with self._turn():
            with self._work:
                waiting = [self._writes.popleft() for _ in range(min(len(self._writes), _MOST_AT_ONCE))]
            answers = session.write([job for job, _ in waiting])
        self._reactor.callFromThread(
            _deliver,
            [(deferred, answer) for (_, deferred), answer in zip(waiting, answers, strict=True)],
        )

    def _read_all(self) -> None:
        session = Session(self._engine)
        while (wanted := self._reads.get()) is not None:
            read, refuse, deferred = wanted
            self._reactor.callFromThread(_deliver, [(deferred, session.read(read, refuse))])
        session.close()
        self._reactor.callFromThread(self._ended)

    def _ended(self) -> None:
        self._running -= 1
        if not self._running:
            self._stopped.callback(None)


def _deliver(answers: Sequence[tuple[Deferred[Any], Answer]]) -> None:
    """In the reactor's thread: who waited may go on (or has long been cancelled)."""
    for deferred, answer in answers:
        if deferred.called:
            continue
        if answer.error is None:
            deferred.callback(answer.value)
        else:
            deferred.errback(answer.error)
