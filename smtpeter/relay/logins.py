"""The operator's limits of what a login sends, by login. Pure; `now` is a clock for intervals."""

from __future__ import annotations

from collections.abc import Mapping

from smtpeter.relay.limits import Allowance, Limit


class LoginAllowances:
    """An allowance each login that has a limit: it comes with its first attempt."""

    def __init__(self, limits: Mapping[str, Limit], *, is_shared: bool) -> None:
        self._limits = limits
        self._is_shared = is_shared
        self._allowances: dict[str, Allowance] = {}

    def __bool__(self) -> bool:
        return bool(self._allowances)

    def all(self) -> list[Allowance]:
        return list(self._allowances.values())

    def may(self, login: str, now: float) -> bool:
        allowance = self._of(login)
        return allowance is None or allowance.may(now)

    def take(self, login: str, now: float) -> None:
        if allowance := self._of(login):
            allowance.take(now)

    def give_back(self, login: str) -> None:
        if allowance := self._of(login):
            allowance.give_back()

    def opening(self, claimed: Mapping[str, int], now: float) -> list[float]:
        """When those open again that have more claimed than is under way."""
        return [
            allowance.opens_at(now)
            for login, allowance in self._allowances.items()
            if claimed.get(login, 0) > allowance.running
        ]

    def _of(self, login: str) -> Allowance | None:
        allowance = self._allowances.get(login)
        if allowance is None and login in self._limits:
            allowance = self._allowances[login] = Allowance(
                f"login {login}", self._limits[login], is_shared=self._is_shared
            )
        return allowance
