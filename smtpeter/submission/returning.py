"""Where what comes back about a message comes back to, by its login and its content: decided once, and pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from smtpeter.accounts.model import NOBODY, RETURN_PATH, Bounces
from smtpeter.message.address import Address, parse
from smtpeter.message.header import Field, value
from smtpeter.message.options import Switches
from smtpeter.message.returning import Returning

# Gives the place for what comes back about this content, told to that address; None when this server has none.
ReturnPaths = Callable[[bytes, Address | None], Returning | None]

NO_HOST = "bounces are not tracked: the server has no bounce domain (section [bounces])"
_REPORT = re.compile(r"multipart/report(?![^;\s])", re.IGNORECASE)


def decide(
    switches: Switches,
    wishes: Bounces,
    return_path: Address | None,
    content: bytes,
    first: Mapping[str, Field],
    paths: ReturnPaths,
) -> tuple[Returning | None, tuple[str, ...]]:
    """The place, None when bounces come back to the message's own return path; and what the report has to say of it.

    Who gave no return path is told nothing, wherever the login has its reports sent.
    """
    if not switches.track_bounces or (return_path is None and is_automatic(content, first)):
        return None, ()
    place = paths(content, None if return_path is None else _told(wishes, return_path))
    return place, () if place is not None else (NO_HOST,)


def _told(wishes: Bounces, return_path: Address) -> Address | None:
    if wishes.forward == RETURN_PATH:
        return return_path
    return None if wishes.forward == NOBODY else parse(wishes.forward, utf8=True)


def is_automatic(content: bytes, first: Mapping[str, Field]) -> bool:
    """A report (RFC 6522) or an automatic reply (RFC 3834 5): its null return path says that nothing may come back."""
    submitted, kind = first.get("auto-submitted"), first.get("content-type")
    if submitted is not None and not value(content, submitted).lower().startswith("no"):
        return True
    return kind is not None and _REPORT.match(value(content, kind)) is not None
