"""What holds up sites, as operators are told. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from smtpeter.relay.pacing import Pace
from smtpeter.spool.waiting import Reason, SiteState


def states(paces: Iterable[Pace], now: float, unix: float) -> tuple[SiteState, ...]:
    """Of the sites that are held up; `unix` is `now`, a clock for intervals, in Unix seconds."""
    return tuple(
        SiteState(
            pace.name,
            reason,
            round(unix + pace.until - now, 1) if reason is Reason.SITE_TROUBLE else None,
            "" if pace.trouble is None or reason is not Reason.SITE_TROUBLE else str(pace.trouble.reply),
            pace.running,
            pace.limit,
            pace.waiting,
        )
        for pace in paces
        if (reason := _held_up(pace, now)) is not None
    )


def _held_up(pace: Pace, now: float) -> Reason | None:
    if now < pace.until:
        return Reason.SITE_TROUBLE
    if not pace.waiting or pace.is_open(now):
        return None
    return closed(pace)


def closed(pace: Pace) -> Reason:
    """Why nothing may begin at a site that is not open."""
    return Reason.SITE_BUSY if pace.running >= pace.limit else Reason.SITE_LIMIT
