"""A browser that an operator has signed in on before, known by a cookie. It opens nothing: its tries are counted apart.

It is signed with what is kept of the operator's password, which nobody outside the store has: so it is this operator's
alone and ends with that password, and nothing is kept of it. What is not right about it makes the browser a stranger's.
"""

from __future__ import annotations

import hmac
import re
from hashlib import blake2b

from smtpeter.accounts import passwords
from smtpeter.accounts.passwords import Randomness

LASTS = 180 * 86_400  # seconds from the last time that he signed in there
_VALUE = re.compile(r"([a-z2-7]{26})\.([0-9]{1,12})\.([0-9a-f]{64})")


def make(name: str, kept: str, now: float, token_bytes: Randomness) -> str:
    """The cookie's value, for the operator `name` of whose password `kept` is kept; `now` is Unix seconds."""
    known_as, made_at = passwords.generate(token_bytes), str(int(now))
    return f"{known_as}.{made_at}.{_signature(known_as, made_at, name, kept)}"


def known_as(value: str, name: str, kept: str, now: float) -> str:
    """By what a browser that brings this value is known to this operator; "" when he has not signed in on it."""
    parts = _VALUE.fullmatch(value)
    if parts is None or now >= int(parts[2]) + LASTS:
        return ""
    right = hmac.compare_digest(parts[3], _signature(parts[1], parts[2], name, kept))
    return parts[1] if right else ""


def cookie(value: str, name: str, *, secure: bool) -> tuple[bytes, bytes]:
    """The header field that has the browser bring the value when `name` signs in again."""
    parts = [f"{_cookie_name(name, secure=secure)}={value}", "Path=/", "HttpOnly", "SameSite=Strict"]
    parts += [*(["Secure"] if secure else []), f"Max-Age={LASTS}"]
    return b"Set-Cookie", "; ".join(parts).encode("ascii")


def presented(cookies: str, name: str, *, secure: bool) -> str:
    """The value that the Cookie header fields bring for `name`; "" when they bring none."""
    wanted = _cookie_name(name, secure=secure)
    pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
    return next((value for found, _, value in pairs if found == wanted), "")


def _cookie_name(name: str, *, secure: bool) -> str:
    """One for each operator, as people share browsers; whatever characters his name has."""
    own = blake2b(name.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{'__Host-' if secure else ''}smtpeter-known-{own}"


def _signature(known_as: str, made_at: str, name: str, kept: str) -> str:
    signed = f"smtpeter device {known_as} {made_at} {name}".encode("utf-8", "replace")
    return hmac.digest(kept.encode(), signed, "sha256").hex()
