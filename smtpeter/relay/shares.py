"""Something of which there is only so much, and how logins share it. Pure.

Nobody takes all: a login is given more while it has less than `greed` times what is left free, so at a greed of 3 one
alone has nearly three quarters, two have three sevenths each. A last part is given to those only who have nothing
yet, so that a few who take one after the other do not take all either.
"""

from __future__ import annotations


class Shares:
    """Who has how much of `most`."""

    def __init__(self, most: int, greed: int) -> None:
        self.taken = 0
        self._most = most
        self._greed = greed
        self._last = most // (8 * greed)
        self._of: dict[str, int] = {}

    @property
    def is_spent(self) -> bool:
        return self.taken >= self._most

    @property
    def is_scarce(self) -> bool:
        """A login that had all that is taken would be given no more."""
        return self.taken >= self._most_of_one(self._most - self.taken)

    def allows(self, login: str, amount: int = 1) -> bool:
        """Whether `login` may take as much more."""
        free = self._most - self.taken
        has = self._of.get(login, 0)
        return amount <= free and (not has or has + amount <= self._most_of_one(free))

    def _most_of_one(self, free: int) -> int:
        return self._greed * (free - self._last)

    def take(self, login: str, amount: int = 1) -> None:
        """Take it, whether there is as much or not."""
        self.taken += amount
        self._of[login] = self._of.get(login, 0) + amount

    def give_back(self, login: str, amount: int = 1) -> None:
        self.taken -= amount
        left = self._of.get(login, 0) - amount
        if left:
            self._of[login] = left
        else:
            self._of.pop(login, None)
