"""Who changed what by a call: written down after it was done, where the dashboard shows it."""

from __future__ import annotations

from typing import Any

from smtpeter.accounts.operators import Change
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.route import Call


async def record(neighbours: Neighbours, call: Call[Any], action: str, subject: str = "") -> None:
    """Raises AccountsUnavailable; what was done stays done."""
    await neighbours.record(Change(neighbours.clock(), call.by, action, subject, call.client))
