"""Who calls: the token of a request, judged.

`Authorization: Bearer TOKEN`, or `access_token=TOKEN` among the parameters as the product has it. Whoever comes with wrong
ones from one address is held up; a token cannot be guessed, so the right one always opens.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from smtpeter.accounts import tokens
from smtpeter.accounts.tokens import AccessToken, Scope
from smtpeter.accounts.uses import Kind
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.portions import Portions
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.rates import Rates

_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
# Anchored to a separator: `x_access_token` is another parameter. The value is never decoded: a token has no such octets.
_IN_QUERY = re.compile(r"(?:^|&)access_token=([^&]*)")
_CHALLENGE = ((b"WWW-Authenticate", b'Bearer realm="smtpeter"'),)
_FAILURES = (0.2, 20)  # wrong tokens from one address: a second in the long run, and at once


class Callers:
    """`rate` requests a second and token, twice as many at once; `is_shared`: at several processes together."""

    def __init__(self, neighbours: Neighbours, rate: float, *, is_shared: bool) -> None:
        self._neighbours = neighbours
        self._requests = Rates(rate, 2 * rate)
        self._portions = None
        if is_shared:
            self._portions = Portions(neighbours.allowances, rate, neighbours.clock, neighbours.monotonic)
        self._failures = Rates(*_FAILURES)

    async def token(self, presented: str, client: str) -> AccessToken:
        """The token that was presented; raises Problem 401, 429, and AccountsUnavailable."""
        now = self._neighbours.monotonic()
        parts = tokens.split(presented)
        found = await self._neighbours.tokens.token(parts[0]) if parts else None
        if found is None or not parts or not tokens.is_right(parts[1], found) or not await self._holds(found):
            self._limit(self._failures.wait(client, now))
            raise Problem(401, "Invalid access token", headers=_CHALLENGE)
        self._limit(self._requests.wait(found.id, now))
        if self._portions is not None:
            self._limit(await self._portions.wait(found.id))
        self._neighbours.uses.used(Kind.TOKEN, found.id, self._neighbours.clock())
        return found

    async def _holds(self, token: AccessToken) -> bool:
        """Whether its login is still there, and enabled."""
        if not token.login:
            return True
        login = await self._neighbours.accounts.login(token.login)
        return login is not None and login.enabled and token.is_of(login)

    def _limit(self, wait: float) -> None:
        if wait:
            raise Problem(429, "Too many requests, come back later", retry_after=math.ceil(wait))


def presented(headers: Mapping[str, str], query: str) -> tuple[str, str]:
    """The token that a request brings, and its parameters without it; raises Problem 401 when it brings none."""
    in_query = _IN_QUERY.search(query)
    rest = _IN_QUERY.sub("", query).lstrip("&")
    bearer = _BEARER.fullmatch(headers.get("authorization", ""))
    if bearer is not None:
        return bearer[1], rest
    if in_query is None:
        raise Problem(401, "Expected an access token, as Authorization: Bearer TOKEN", headers=_CHALLENGE)
    return in_query[1], rest


def judge(token: AccessToken, scope: Scope) -> None:
    """Raises Problem 403 unless the token has the scope."""
    if scope not in token.scopes:
        raise Problem(403, f"This token has no scope {scope.value!r}")
