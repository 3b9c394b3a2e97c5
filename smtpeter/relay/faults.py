"""Where a fault of ours ends: the log has its traceback, and the mail that met it is deferred."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

T = TypeVar("T")

_log = Logger()


async def caught(work: Awaitable[T], what: str) -> T | Exception:
    """What `work` results in, or the exception that it raised, logged as `what`'s; only cancellation passes."""
    try:
        return await work
    except CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - the caller turns any trouble of ours into a deferral
        _log.failure("{what}: a fault of ours", what=what)
        return error


def warn(what: str) -> None:
    """Log that something is wrong which an operator should look at."""
    _log.error("{what}", what=what)
