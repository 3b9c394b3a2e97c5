"""PostgreSQL, through psycopg: how a server is reached, what its errors mean, and who waits for whom.

What is committed is flushed to the server's disk (synchronous_commit=on), whatever the database's own setting. A
server that is silent is given up after some seconds, and a session of ours that hangs within a transaction is ended
by the server, so that nobody's mail waits for a machine that is gone.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

NAME = "postgresql"
_DRIVER = "postgresql+psycopg"

# Seconds; each is far below the 30 after which a worker that is not heard is taken for dead.
_CONNECT = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
    "target_session_attrs": "read-write",  # of several hosts, the one that takes writes
    "application_name": "smtpeter",
    "client_encoding": "utf8",
}
_SESSION = (
    "synchronous_commit=on",
    "lock_timeout=10s",
    "idle_in_transaction_session_timeout=10s",
    "client_min_messages=warning",
)


class Lock(enum.IntEnum):
    """Advisory locks, each held to the end of a transaction."""

    MIGRATION = 0x736D_7470_0001
    JOURNAL = 0x736D_7470_0002


class StillOpen(Exception):
    """A transaction that was left has not ended yet."""


def engine(url: URL) -> Engine:
    """The engine for `url`; raises ModuleNotFoundError without psycopg."""
    options = " ".join(f"-c {setting}" for setting in _SESSION)
    given = url.query.get("options")
    made = create_engine(
        url.set(drivername=_DRIVER).difference_update_query(["options"]),
        poolclass=NullPool,
        paramstyle="format",  # parameters by their place, as `rows` gives them
        isolation_level="REPEATABLE READ",  # what is read together is of one moment
        connect_args={
            **{name: value for name, value in _CONNECT.items() if name not in url.query},
            "options": f"{given} {options}" if isinstance(given, str) else options,
        },
    )
    event.listen(made, "connect", _without_nul(made))
    return made


def _without_nul(any_engine: Engine) -> Callable[[Any, object], None]:
    """PostgreSQL's text has no NUL: what strangers write with one is kept, and looked for, with a question mark."""
    psycopg: Any = any_engine.dialect.dbapi

    def dump(_self: object, written: str) -> bytes:
        return written.replace("\0", "?").encode()

    dumper = type("Text", (psycopg.adapt.Dumper,), {"dump": dump})

    def connected(connection: Any, _record: object) -> None:
        connection.adapters.register_dumper(str, dumper)

    return connected


def for_writing(any_engine: Engine) -> Engine:
    """The same database; each statement sees what others have committed before it."""
    return any_engine.execution_options(isolation_level="READ COMMITTED")


def wait_for(connection: Connection, lock: Lock) -> None:
    """Hold `lock` until the transaction has ended and all can see what it did."""
    connection.execute(_WAIT, {"key": lock.value})


_WAIT = text("SELECT pg_advisory_xact_lock(:key)")
_NOW = text("SELECT extract(epoch FROM clock_timestamp())::float8")


def clock(connection: Connection) -> float:
    """The server's Unix seconds: one clock for all machines."""
    return float(connection.execute(_NOW).scalar_one())


_NAME = text("SELECT pg_current_xact_id_if_assigned()::text")
_FATE = text("SELECT pg_xact_status(CAST(:name AS xid8))")


def transaction_name(connection: Connection) -> str | None:
    """The open transaction's number; None when it has written nothing."""
    name = connection.execute(_NAME).scalar_one()
    return None if name is None else str(name)


def was_committed(connection: Connection, name: str) -> bool:
    """Raises StillOpen while the server has not noticed that who began it is gone."""
    try:
        with connection.begin_nested():
            fate = connection.execute(_FATE, {"name": name}).scalar_one()
    except DBAPIError as error:
        if _state(error) != _INVALID:
            raise
        return False  # of the future: a replica that took over has never heard of it
    if fate == "in progress":
        raise StillOpen(name)
    # One so old that the server has forgotten it counts as committed: what is taken back is looked at anew.
    return str(fate) != "aborted"


# SQLSTATE classes that concern the server as a whole (PostgreSQL's documentation, appendix A): connections,
# resources, operators' interventions, the system, a database that may only be read, broken configuration or data.
_STORE_WIDE = ("08", "28", "3D", "53", "57P", "58", "25006", "F0", "XX")
_FULL = "53100"
_INVALID = "22023"  # invalid_parameter_value


def _state(error: DBAPIError) -> str | None:
    state: Any = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def is_full(error: DBAPIError) -> bool:
    return _state(error) == _FULL


def is_store_wide(error: DBAPIError) -> bool:
    """Also an OperationalError without a state: psycopg's own, about a connection that is no more."""
    state = _state(error)
    if state is None:
        return error.connection_invalidated or type(error.orig).__name__ in (
            "OperationalError",
            "ConnectionTimeout",
        )
    return state.startswith(_STORE_WIDE) or state in ("55P03", "25P03")
