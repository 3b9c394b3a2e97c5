"""The operator's limits of what a login sends, by login. Pure; `now` is a clock for intervals."""

from __future__ import annotations

from collections.abc import Mapping

from smtpeter.relay.limits import Limit, Throttle


class LoginThrottles:
    """A throttle each login that has a limit: it comes with its first attempt."""

    def __init__(self, limits: Mapping[str, Limit], *, is_shared: bool) -> None:
        self._limits = limits
        self._is_shared = is_shared
        self._throttles: dict[str, Throttle] = {}

    def __bool__(self) -> bool:
        return bool(self._throttles)

    def all(self) -> list[Throttle]:
        return list(self._throttles.values())

    def may(self, login: str, now: float) -> bool:
        throttle = self._of(login)
        return throttle is None or throttle.may(now)

    def take(self, login: str, now: float) -> None:
        if throttle := self._of(login):
            throttle.take(now)

    def give_back(self, login: str) -> None:
        if throttle := self._of(login):
            throttle.give_back()

    def opening(self, claimed: Mapping[str, int], now: float) -> list[float]:
        """When those open again that have more claimed than is under way."""
        return [
            throttle.opens_at(now)
            for login, throttle in self._throttles.items()
            if claimed.get(login, 0) > throttle.running
        ]

    def _of(self, login: str) -> Throttle | None:
        throttle = self._throttles.get(login)
        if throttle is None and login in self._limits:
            throttle = self._throttles[login] = Throttle(
                f"login {login}", self._limits[login], is_shared=self._is_shared
            )
        return throttle
