"""The switches: what a login, or one message, asks smtpeter to change; and its priority. Values only."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, fields

MAXIMUM_TAGS = 50  # of one message
_TAG = re.compile(r"[^\s;,\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,100}")  # the logs join tags with ";"


def is_tag(text: str) -> bool:
    """Whether a message can be tagged with it: 1 to 100 characters, no white space, no commas or semicolons."""
    return _TAG.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Switches:
    """What may be done to a message. All off: nothing is changed but trace and required header fields."""

    track_clicks: bool = False
    track_opens: bool = False
    prevent_scam: bool = False
    track_bounces: bool = False
    inline_css: bool = False
    track_text_links: bool = False  # also URLs in text parts, when track_clicks is on
    always_pixel: bool = False  # an open pixel even when there are images to track

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return _NAMES

    def on(self) -> tuple[str, ...]:
        """The names of the switches that are on, in their order."""
        return tuple(name for name in _NAMES if getattr(self, name))


class Priority(enum.IntEnum):
    """Who goes first where many wait."""

    LOW = -1
    NORMAL = 0
    HIGH = 1


_NAMES = tuple(field.name for field in fields(Switches))
