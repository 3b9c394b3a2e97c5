"""One-time codes by time (TOTP): six digits, thirty seconds, HMAC-SHA-1, as every authenticator has them."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import quote

KEY_OCTETS = 20  # 160 bits
_STEP = 30  # seconds
_DIGITS = 6


def code(key: bytes, step: int) -> str:
    """The code of a step."""
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}}"


def step(key: bytes, presented: str, now: float) -> int | None:
    """The step whose code this is, now or one step away; None when it is none of these."""
    current = int(now) // _STEP
    given = presented.replace(" ", "").encode("utf-8", "replace")
    near = (current, current - 1, current + 1)
    return next((one for one in near if hmac.compare_digest(code(key, one).encode(), given)), None)


def uri(key: bytes, operator: str, host: str) -> str:
    """What an authenticator takes."""
    label = quote(f"smtpeter {host}:{operator}", safe="")
    return f"otpauth://totp/{label}?secret={text(key)}&issuer={quote(f'smtpeter {host}', safe='')}"


def text(key: bytes) -> str:
    """The key as people type it."""
    return base64.b32encode(key).decode("ascii").rstrip("=")
