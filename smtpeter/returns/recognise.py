"""Says what a message that came back is, from its octets alone.

`recognise` never raises, whatever the octets, and takes time linear in them. The first recogniser that answers
decides: standards before answers of programs, these before bounces, exact forms before looks.
"""

from __future__ import annotations

from smtpeter.returns import bounce, report, response
from smtpeter.returns.recognition import Confidence, Kind, Recognition
from smtpeter.returns.returned import read
from smtpeter.returns.tokens import tokens_within

__all__ = ["recognise", "tokens_within"]

_RECOGNISERS = (
    report.complaint,
    report.delivery_status,
    report.receipt,
    response.challenge,
    response.declared,
    bounce.bounce,
    response.told,
)


def recognise(content: bytes, *, is_from_null: bool | None = None) -> Recognition:
    """What this message is; `is_from_null`: whether it came with the null return path, None when nobody knows."""
    returned = read(content, is_from_null=is_from_null)
    for recogniser in _RECOGNISERS:
        recognition = recogniser(returned)
        if recognition is not None:
            return recognition
    return Recognition(Kind.UNKNOWN, "none", Confidence.LOW)
