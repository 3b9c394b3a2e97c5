"""What the dashboard asks of its neighbours: what the API asks, and the operators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from smtpeter.accounts.operators import Operators
from smtpeter.spool.finding import Finder
from smtpeter.spool.sites import SiteBook
from smtpeter.web.api.interface import Neighbours as ApiNeighbours


@dataclass(frozen=True, slots=True)
class Connecting:
    """How programs reach submission: our name, and the ports, None where nobody listens."""

    host: str
    starttls: int | None
    implicit_tls: int | None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the dashboard works with."""

    api: ApiNeighbours
    operators: Operators
    connecting: Connecting
    sites: SiteBook
    finding: Finder
    certificates: Callable[
        [], Sequence[tuple[str, float]]
    ]  # the files, and when they end; called in a thread
    pause: Callable[[float], Awaitable[None]]  # comes back after so many seconds
