"""A login's limits: to how many recipients it may send in an hour and a day. What is over them is told to come later."""

from __future__ import annotations

import math

from smtpeter.accounts.allowance import Allowances
from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.model import Login
from smtpeter.message.status import Refusal, Reply
from smtpeter.session.reply import LOCAL_TROUBLE


async def take(allowances: Allowances, login: Login, recipients: int, now: float) -> None:
    """Count so many recipients; Refusal when they are too many now (4xx), or ever at once (5xx)."""
    wanted = login.limits.allowances()
    if not wanted:
        return
    try:
        waits = await allowances.take(_name(login), recipients, wanted, now)
    except AccountsUnavailable as unavailable:
        raise Refusal(LOCAL_TROUBLE, f"allowances: {unavailable}") from unavailable
    if math.isinf(waits):
        most = min(one.most for one in wanted)
        raise Refusal(Reply(552, "5.5.3", f"This login may send to {most} recipients at once, not more"))
    if waits:
        later = Reply(451, "4.7.1", f"This login has reached its limit, try again in {_told(waits)}")
        raise Refusal(later, f"{login.username!r} has reached its limit", math.ceil(waits))


async def give_back(allowances: Allowances, login: Login, recipients: int, now: float) -> None:
    """What was counted was not accepted; that the store cannot write it down costs the login that much of its limit."""
    wanted = login.limits.allowances()
    if wanted:
        try:
            await allowances.give_back(_name(login), recipients, wanted, now)
        except AccountsUnavailable:
            return


def _name(login: Login) -> str:
    return f"login:{login.username}"


def _told(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{math.ceil(minutes / 60)} h"
