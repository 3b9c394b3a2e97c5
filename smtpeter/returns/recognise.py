"""Says what a message that came back is, from its octets alone.

`recognise` never raises, whatever the octets, and takes time linear in them.
"""

from __future__ import annotations

from smtpeter.returns.recognition import Confidence, Kind, Recognition, Tokens


def recognise(content: bytes) -> Recognition:
    """What this message is."""
    del content
    return Recognition(Kind.UNKNOWN, "nothing matched", Confidence.LOW)


def tokens_within(content: bytes) -> Tokens:
    """The candidates in a complaint or report: its own fields, and the message embedded in it."""
    del content
    return Tokens((), ())
