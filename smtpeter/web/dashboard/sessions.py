"""Signing in and out, and who a request comes from.

A session is a cookie that no script reads and no other site sends along with a form. Whoever tries passwords is held
up before anything is hashed; a name that does not exist costs the same as a wrong password, or as a wrong code.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from twisted.logger import Logger

from smtpeter.accounts import codes, passwords
from smtpeter.accounts.operators import Change, Operator, OperatorChanged, Session, digest
from smtpeter.web.api.problem import Problem
from smtpeter.web.dashboard import devices
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.tries import Counted, Trier, Tries

_SECRET = re.compile(r"[a-z2-7]{26}")
_SEEN_AGAIN = 300.0  # seconds after which it is written down that a session is in use
_SAVED = "smtpeter-saved=yes"
_SAID_FOR = 30  # seconds
_REFUSED_AFTER = 1.0  # seconds, whatever is wrong: more than it takes to find out
_WRONG = "This name and password, and the code if one is asked of you, do not open the door."


class Try(NamedTuple):
    """What somebody tries to sign in with, from the address `client`; `device` is what his browser brings (devices)."""

    name: str
    password: str
    code: str
    client: str
    device: str


class Sessions:
    """The sessions."""

    _log = Logger()

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours
        api = neighbours.api
        self._tries = Tries(api.allowances, api.clock, neighbours.pause)
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

    async def sign_in(self, tried: Try) -> tuple[str, str]:
        """The secret of a new session, and what the browser is known by from now on; raises Problem 403 and 429."""
        api, operators = self._neighbours.api, self._neighbours.operators
        operator = await operators.operator(tried.name)
        kept = self._nobody if operator is None else operator.password_hash
        known_as = devices.known_as(tried.device, tried.name, kept, api.clock())
        who = Trier(tried.name, tried.client, known_as)
        counted = await self._tries.hold_up(who)
        began = api.monotonic()
        right = await api.aside(passwords.verify, tried.password.encode("utf-8", "replace"), kept)
        if (
            operator is None
            or not operator.enabled
            or not right
            or not await self._code_opens(operator, tried.code, who, counted)
        ):
            await self._neighbours.pause(max(0.0, began + _REFUSED_AFTER - api.monotonic()))
            raise Problem(403, _WRONG)
        await self._tries.forget(counted)
        secret = passwords.generate(api.token_bytes)
        now = api.clock()
        try:
            await operators.start(Session(digest(secret), operator.name, now, now), operator)
        except OperatorChanged:  # his password, perhaps
            raise Problem(403, _WRONG) from None
        await operators.record(Change(now, operator.name, "signed in", "", tried.client))
        return secret, devices.make(operator.name, kept, now, api.token_bytes)

    async def sign_out(self, secret: str) -> None:
        await self._neighbours.operators.end(digest(secret))

    async def _code_opens(self, operator: Operator, code: str, who: Trier, counted: list[Counted]) -> bool:
        """A code that is not looked at is answered as a wrong one: who tries learns nothing of the password."""
        if not operator.one_time:
            return True
        if not await self._tries.may_give_code(who, counted):
            self._log.warn(
                "{client}: the password of operator {name} was right, but with it came too many codes; "
                "unless it was he, somebody else has that password",
                client=who.client,
                name=operator.name,
            )
            return False
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
