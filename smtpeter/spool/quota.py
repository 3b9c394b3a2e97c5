"""How processes share what there is only so much of: connections to a site, messages in a minute. Pure rules.

Each process leases a part of the total, in bulk, and works within it without asking again. All parts together are
never more than the total: what one holds is another's only after the first has given it back, or has died.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Want:
    """What a worker asks of `total` by the name `name`: as much as `wanted`, and not less than it is `using`.

    With both 0 it gives back what it held.
    """

    name: str
    total: int
    using: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Share:
    """What another worker holds, and what it asked for last."""

    held: int
    wanted: int


def grant(want: Want, held: int, others: Sequence[Share]) -> int:
    """How much a worker that held `held` holds from now on.

    It may have all that is free, until another has less than his fair part: then its own part is the most.
    Where there is less than one for each, it goes round: who had it leaves it to who waits.
    """
    free = max(0, want.total - sum(other.held for other in others))
    fair = want.total // (1 + sum(other.wanted > 0 for other in others))
    if any(other.held < min(other.wanted, max(fair, 1)) for other in others):
        free = min(free, fair) if fair else min(free, 0 if held else 1)
    return max(want.using, min(want.wanted, free))


class Quota(Protocol):
    """Where the parts are kept."""

    def lease(self, wants: Sequence[Want], /) -> Awaitable[tuple[int, ...]]:
        """How much of each this worker holds from now on; raises SpoolUnavailable.

        A lease ends with the next one of the same name, and with the worker's heartbeat.
        """
