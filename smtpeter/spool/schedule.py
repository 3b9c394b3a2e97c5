"""When a deferred delivery is tried again, when its sender is warned, and when it is given up (RFC 5321 4.5.4.1).

Pure: time and chance are arguments. Times are Unix seconds, durations seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

JITTER = 0.1  # a retry comes up to a tenth later than planned, so that what was deferred together does not return so


@dataclass(frozen=True, slots=True)
class Schedule:
    """`retry`: the intervals between attempts, of which the last repeats.

    `warn_after` and `give_up_after` count from acceptance; a message may bring its own `give_up_at`.
    """

    retry: tuple[float, ...]
    warn_after: float
    give_up_after: float

    def deadline(self, accepted_at: float, give_up_at: float | None = None) -> float:
        return accepted_at + self.give_up_after if give_up_at is None else give_up_at

    def next_due(
        self, attempts: int, now: float, accepted_at: float, jitter: float, give_up_at: float | None = None
    ) -> float:
        """When to try again, `attempts` attempts having been made before the one that ended `now`.

        `jitter` is from [0, 1). The last attempt is drawn forward to the deadline, but never so near that it
        follows sooner than the first interval.
        """
        interval = self.retry[min(attempts, len(self.retry) - 1)]
        due = now + interval * (1 + JITTER * jitter)
        deadline = self.deadline(accepted_at, give_up_at)
        return due if due <= deadline else min(due, max(deadline, now + self.retry[0]))

    def is_expired(self, attempted_at: float, accepted_at: float, give_up_at: float | None = None) -> bool:
        """Whether a deferral is the last one: its attempt was begun at, or after, the deadline.

        So a server that was away for a week, or whose clock was moved, tries once more before it gives up.
        """
        return attempted_at >= self.deadline(accepted_at, give_up_at)

    def warning_due(self, now: float, accepted_at: float, warned_at: float | None) -> bool:
        """Whether the time for the one report of delay has come."""
        return warned_at is None and now >= accepted_at + self.warn_after
