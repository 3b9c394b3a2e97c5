"""What a login wants done with its mail beside its switches: how long and how soon, and what follows from bounces."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from smtpeter.accounts.model import NOBODY, RETURN_PATH, Bounces, Limits, Login
from smtpeter.accounts.suppression import Breadth, Treatment
from smtpeter.message.address import AddressSyntax, parse
from smtpeter.message.options import MAXIMUM_TAGS, Priority
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.wanted import read_tags

_LONGEST = 315_360_000  # seconds: ten years

Period = Annotated[int, Meta(ge=0, le=_LONGEST)]
Time = Annotated[
    int, Meta(ge=0, le=_LONGEST, description="Seconds that delivery is tried; 0: as long as the server does.")
]
Most = Annotated[
    int, Meta(ge=0, le=2**31 - 1, description="Recipients that it may send to in so long; 0: any number.")
]
Forward = Annotated[
    str,
    Meta(max_length=320, description="Where bounces are passed on to: an address, `return path`, `none`."),
]


class Wishes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not named stays, or is as the server does. Times in seconds; `suppress_for` 0 is for ever."""

    max_deliver_time: Time | None = None
    priority: Literal["low", "normal", "high"] | None = None
    forward_bounces: Forward | None = None
    suppress: Breadth | None = None
    suppressed: Treatment | None = None
    suppress_for: Period | None = None
    tags: (
        Annotated[
            list[str], Meta(max_length=MAXIMUM_TAGS, description="What all its messages are tagged with.")
        ]
        | None
    ) = None
    per_hour: Most | None = None
    per_day: Most | None = None


def heeded(login: Login, asked: Wishes) -> Login:
    """The login as it is wished; raises Problem 422."""
    bounces = login.bounces
    return replace(
        login,
        give_up_after=login.give_up_after
        if asked.max_deliver_time is None
        else asked.max_deliver_time or None,
        priority=login.priority if asked.priority is None else Priority[asked.priority.upper()],
        bounces=Bounces(
            bounces.forward if asked.forward_bounces is None else _forward(asked.forward_bounces),
            bounces.suppress if asked.suppress is None else asked.suppress,
            bounces.suppressed if asked.suppressed is None else asked.suppressed,
            bounces.suppress_for if asked.suppress_for is None else float(asked.suppress_for),
        ),
        tags=login.tags if asked.tags is None else read_tags(asked.tags),
        limits=Limits(
            login.limits.per_hour if asked.per_hour is None else asked.per_hour,
            login.limits.per_day if asked.per_day is None else asked.per_day,
        ),
    )


def shown(login: Login) -> dict[str, Any]:
    """The same as it is told, by the names above."""
    return {
        "max_deliver_time": login.give_up_after,
        "priority": login.priority.name.lower(),
        "forward_bounces": login.bounces.forward,
        "suppress": login.bounces.suppress,
        "suppressed": login.bounces.suppressed,
        "suppress_for": int(login.bounces.suppress_for),
        "tags": list(login.tags),
        "per_hour": login.limits.per_hour,
        "per_day": login.limits.per_day,
    }


def _forward(text: str) -> str:
    word = text.lower().replace("-", " ")
    if word in {RETURN_PATH, NOBODY}:
        return word
    try:
        return str(parse(text, utf8=True))
    except AddressSyntax as error:
        raise Problem(
            422, f'expected "return path", "none" or an address: {error}', "forward_bounces"
        ) from None
