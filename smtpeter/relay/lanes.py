"""All that waits, by rank: first tries before retries, and higher priority before lower.

Now and then the order is another one, so that under load for days nothing is stuck: an eighth of the turns belong to
retries, and an eighth to the lowest priority first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from smtpeter.relay.lane import Batch, Lane
from smtpeter.relay.pacing import Pace

_TURNS = 8

Rank = tuple[bool, int]  # whether it is a retry; how little it matters


class Lanes:
    """One lane for each rank in use. `limited` are the sites with a limit of the operator's that had to wait."""

    def __init__(self) -> None:
        self.limited: dict[str, Pace] = {}
        self._lanes: dict[Rank, Lane] = {}
        self._order: list[tuple[Rank, Lane]] = []
        self._turn = 0

    def add(self, batch: Batch) -> None:
        rank = batch.is_retry, -batch.held.message.priority
        lane = self._lanes.get(rank)
        if lane is None:
            lane = self._lanes[rank] = Lane(self.limited)
            self._order = sorted(self._lanes.items(), key=lambda each: each[0])
        lane.add(batch)

    def take(self, may: Callable[[Batch, float], bool], now: float, *, may_retry: bool) -> Batch | None:
        """The batch whose turn it is, of those that `may` be taken."""
        turn = (self._turn + 1) % _TURNS
        order = self._order
        if len(order) > 1:
            if turn == 0:  # the sort is stable: by priority among themselves
                order = sorted(order, key=lambda each: not each[0][0])
            elif turn == _TURNS // 2:
                order = sorted(order, key=lambda each: (each[0][0], -each[0][1]))
        for (is_retry, _), lane in order:
            if (may_retry or not is_retry) and (batch := lane.take(may, now)):
                self._turn = turn
                return batch
        return None

    def wake(self, pace: Pace) -> None:
        """The site may be open again."""
        for _, lane in self._order:
            lane.wake(pace)

    def clear(self, site: str) -> list[Batch]:
        """Take out everything that waits for `site`."""
        return [batch for _, lane in self._order for batch in lane.clear(site)]

    def drain(self) -> list[Batch]:
        return [batch for _, lane in self._order for batch in lane.drain()]

    def __iter__(self) -> Iterator[Batch]:
        for _, lane in self._order:
            yield from lane
