"""Group commit: all writes that wait together share one transaction, and none spoils its neighbours.

The whole group is tried at once. If anything in it fails, all is rolled back and each write is done again in a
savepoint of its own, unless the store itself is in trouble: then all of them are refused and nothing is written.
A connection that met trouble is closed; the next group opens another, so the store recovers by itself.
One that is lost while it commits leaves doubt: all are refused, and before the next group it is found out whether they
were committed after all; then what would be left behind, such as claims that nobody knows of, is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from smtpeter.storage.engine import Trouble, is_store_wide, transaction_name, trouble, was_committed

# A statement or several: takes the connection and the arguments of all that wait for it; an answer for each.
Write = Callable[[Connection, Sequence[Any]], Sequence[Any]]
Refuse = Callable[[Trouble], Exception]  # how a ledger says that the store could not do it
Regret = Callable[
    [Connection, Any], None
]  # takes back what a write that was refused has done, given its value


def nothing(_connection: Connection, _value: object) -> None:
    """There is nothing to take back: to be told of it twice, or too late, does no harm."""


class Undone(Exception):
    """What was asked for cannot be: nothing of it may be written; `answer` then says what there is to say."""

    def __init__(self, answer: Callable[[Connection], Any]) -> None:
        super().__init__()
        self.answer = answer


class CommitFailed(Exception):
    """All was done but the commit; whether it was done is not always known."""

    def __init__(self, why: Trouble) -> None:
        super().__init__(why.cause)
        self.trouble = why


@dataclass(frozen=True, slots=True)
class Job:
    """One write that somebody waits for."""

    write: Write
    argument: Any
    refuse: Refuse
    regret: Regret = nothing


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a job: a value, or, when there is one, an exception."""

    value: Any = None
    error: Exception | None = None


class Session:
    """One connection, opened when it is needed; used by one thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._doubt: tuple[str, Sequence[Job], Sequence[Answer]] | None = None

    def write(self, jobs: Sequence[Job]) -> list[Answer]:
        """Do all jobs in one transaction; an answer for each, in their order. Never raises."""
        try:
            return self._in_transaction(_together, jobs)
        except DBAPIError as error:
            if is_store_wide(error):
                return self._refuse(jobs, trouble(error))
        except CommitFailed as failed:
            return self._refuse(jobs, failed.trouble)
        except Exception:  # noqa: BLE001, S110 - whose it is shows when each is done apart
            pass
        return self._each(jobs)

    def _each(self, jobs: Sequence[Job]) -> list[Answer]:
        try:
            return self._in_transaction(_one_by_one, jobs)
        except DBAPIError as error:
            return self._refuse(jobs, trouble(error))
        except CommitFailed as failed:
            return self._refuse(jobs, failed.trouble)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was committed and nobody may wait for ever
            return self._refuse(jobs, Trouble(str(error)))

    def _refuse(self, jobs: Sequence[Job], why: Trouble) -> list[Answer]:
        self.close()
        return [Answer(error=job.refuse(why)) for job in jobs]

    def read(self, read: Callable[[Connection], Any], refuse: Refuse) -> Answer:
        """Do one read in a transaction of its own."""
        try:
            connection = self._open()
            with connection.begin():
                return Answer(read(connection))
        except DBAPIError as error:
            self.close()
            return Answer(error=refuse(trouble(error)))
        except Exception as error:  # noqa: BLE001 - it belongs to who asked
            return Answer(error=error)

    def close(self) -> None:
        """Give the connection back; the next job opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _open(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect()
            try:
                self._resolve(connection)
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _in_transaction(
        self, work: Callable[[Connection, Sequence[Job]], list[Answer]], jobs: Sequence[Job]
    ) -> list[Answer]:
        connection = self._open()
        transaction = connection.begin()
        try:
            answers = work(connection, jobs)
            name = transaction_name(connection)
        except BaseException:
            transaction.rollback()
            raise
        try:
            transaction.commit()
        except Exception as error:
            if name is not None:
                self._doubt = name, jobs, answers
            why = trouble(error) if isinstance(error, DBAPIError) else Trouble(str(error))
            raise CommitFailed(why) from error
        return answers

    def _resolve(self, connection: Connection) -> None:
        """Take back what was refused, and committed all the same."""
        if self._doubt is None:
            return
        name, jobs, answers = self._doubt
        with connection.begin():
            if was_committed(connection, name):
                for job, answer in zip(jobs, answers, strict=True):
                    if answer.error is None:
                        job.regret(connection, answer.value)
        self._doubt = None


def _together(connection: Connection, jobs: Sequence[Job]) -> list[Answer]:
    alike: dict[Write, list[int]] = {}
    for place, job in enumerate(jobs):
        alike.setdefault(job.write, []).append(place)
    answers = [Answer()] * len(jobs)
    for write, places in alike.items():
        values = write(connection, [jobs[place].argument for place in places])
        for place, value in zip(places, values, strict=True):
            answers[place] = Answer(value)
    return answers


def _one_by_one(connection: Connection, jobs: Sequence[Job]) -> list[Answer]:
    return [_apart(connection, job) for job in jobs]


def _apart(connection: Connection, job: Job) -> Answer:
    """One job in its savepoint; raises only what concerns the whole store, which then may have lost the savepoint."""
    savepoint = connection.begin_nested()
    try:
        value = job.write(connection, [job.argument])[0]
    except Undone as undone:
        savepoint.rollback()
        return Answer(undone.answer(connection))
    except DBAPIError as error:
        if is_store_wide(error):
            raise
        savepoint.rollback()
        return Answer(error=job.refuse(trouble(error)))
    except Exception as error:  # noqa: BLE001 - it belongs to who asked
        savepoint.rollback()
        return Answer(error=error)
    savepoint.commit()
    return Answer(value)
