"""Signing in and out, and who a request comes from.

A session is a cookie that no script reads and no other site sends along with a form. Whoever tries passwords is held
up, by address and by name, before anything is hashed; a name that does not exist costs the same as a wrong password.
"""

from __future__ import annotations

import math
import re

from smtpeter.accounts import codes, passwords
from smtpeter.accounts.allowance import Allowance
from smtpeter.accounts.operators import Change, Operator, OperatorChanged, Session, digest
from smtpeter.session.limits import source_of
from smtpeter.web.api.problem import Problem
from smtpeter.web.dashboard.interface import Neighbours

_SECRET = re.compile(r"[a-z2-7]{26}")
_BY_ADDRESS = (Allowance(10, 60),)  # tries in a minute, at all processes together
_BY_NAME = (Allowance(20, 60),)
_LONGEST_NAME = 255
_SEEN_AGAIN = 300.0  # seconds after which it is written down that a session is in use
_SAVED = "smtpeter-saved=yes"
_SAID_FOR = 30  # seconds
_WRONG = "This name and password, and the code if one is asked of you, do not open the door."


class Sessions:
    """The sessions."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours
        self._nobody = passwords.stand_in(neighbours.api.token_bytes)

    async def operator(self, secret: str) -> Operator | None:
        """Whose session this is; None when there is none, or it no longer holds."""
        found = await self._neighbours.operators.session(digest(secret)) if secret else None
        now = self._neighbours.api.clock()
        if found is None or not found[0].holds(now):
            return None
        session, operator = found
        if now - session.seen_at > _SEEN_AGAIN:
            await self._neighbours.operators.seen(session.digest, now)
        return operator

    async def sign_in(self, name: str, password: str, code: str, client: str) -> str:
        """The secret of a new session; raises Problem 403 and 429."""
        await self._hold_up(f"sign-in from {source_of(client)}", _BY_ADDRESS)
        await self._hold_up(f"sign-in as {name[:_LONGEST_NAME]}", _BY_NAME)
        operator = await self._neighbours.operators.operator(name)
        kept = self._nobody if operator is None else operator.password_hash
        right = await self._neighbours.api.aside(passwords.verify, password.encode("utf-8", "replace"), kept)
        if (
            operator is None
            or not operator.enabled
            or not right
            or not await self._code_opens(operator, code)
        ):
            raise Problem(403, _WRONG)
        secret = passwords.generate(self._neighbours.api.token_bytes)
        now = self._neighbours.api.clock()
        try:
            await self._neighbours.operators.start(Session(digest(secret), operator.name, now, now), operator)
        except OperatorChanged:  # his password, perhaps
            raise Problem(403, _WRONG) from None
        await self._neighbours.operators.record(Change(now, operator.name, "signed in", "", client))
        return secret

    async def sign_out(self, secret: str) -> None:
        await self._neighbours.operators.end(digest(secret))

    async def _hold_up(self, who: str, allowed: tuple[Allowance, ...]) -> None:
        wait = await self._neighbours.api.allowances.take(who, 1, allowed, self._neighbours.api.clock())
        if wait:
            raise Problem(429, "Too many tries; wait a minute.", retry_after=math.ceil(wait))

    async def _code_opens(self, operator: Operator, code: str) -> bool:
        if not operator.one_time:
            return True
        step = codes.step(operator.one_time, code, self._neighbours.api.clock())
        return step is not None and await self._neighbours.operators.spend(operator.name, step)


def cookie_name(*, secure: bool) -> str:
    """With TLS a name that only this very host can set."""
    return "__Host-smtpeter" if secure else "smtpeter"


def cookie(secret: str, *, secure: bool) -> tuple[bytes, bytes]:
    """The header field that sets the session; "" ends it."""
    parts = [f"{cookie_name(secure=secure)}={secret}", "Path=/", "HttpOnly", "SameSite=Lax"]
    parts += ["Secure"] if secure else []
    parts += [] if secret else ["Max-Age=0"]
    return b"Set-Cookie", "; ".join(parts).encode("ascii")


def saved(cookies: str) -> bool:
    """Whether the form before was done: said in a cookie, which no link of anybody can bring along."""
    return any(pair.strip() == _SAVED for pair in cookies.split(";"))


def saving(*, is_done: bool) -> tuple[bytes, bytes]:
    """The header field that has it said on the next page, or on no further one."""
    age = _SAID_FOR if is_done else 0
    return b"Set-Cookie", f"{_SAVED}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}".encode("ascii")


def presented(cookies: str, *, secure: bool) -> str:
    """The secret that the Cookie header fields bring; "" when they bring none."""
    for pair in cookies.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == cookie_name(secure=secure) and _SECRET.fullmatch(value):
            return value
    return ""
