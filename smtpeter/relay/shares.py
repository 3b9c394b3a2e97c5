"""Something of which there is only so much, and how logins share it. Pure.

Nobody takes all, however many they are: what a login has never exceeds `greed` times what is left free. So with a
greed of 3 one login alone has three quarters, two have three sevenths each, and there is always some for another.
"""

from __future__ import annotations


class Shares:
    """Who has how much of `most`. The first may take any amount, so that nothing is too big for ever."""

    def __init__(self, most: int, greed: int) -> None:
        self.taken = 0
        self._most = most
        self._greed = greed
        self._of: dict[str, int] = {}

    @property
    def is_spent(self) -> bool:
        return self.taken >= self._most

    def allows(self, login: str, amount: int = 1) -> bool:
        """Whether `login` may take as much more."""
        if not amount or not self.taken:
            return True
        free = self._most - self.taken
        return amount <= free and self._of.get(login, 0) + amount <= self._greed * free

    def take(self, login: str, amount: int = 1) -> None:
        self.taken += amount
        self._of[login] = self._of.get(login, 0) + amount

    def give_back(self, login: str, amount: int = 1) -> None:
        self.taken -= amount
        left = self._of.get(login, 0) - amount
        if left:
            self._of[login] = left
        else:
            self._of.pop(login, None)
