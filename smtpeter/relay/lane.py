"""Batches that wait, and whose turn it is: logins take turns, and so do the sites of one login.

At a site that has as many attempts as it may have, the logins that wait for it take turns too. So whoever has ten
thousand waiting delays another by no more than a turn. Nothing here waits, asks, or knows the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from smtpeter.relay.contents import Held
from smtpeter.relay.limits import Site
from smtpeter.relay.pacing import Pace
from smtpeter.spool.model import Claim


@dataclass(slots=True, eq=False)
class Batch:
    """Claims of one message to one domain, for one attempt."""

    held: Held
    claims: tuple[Claim, ...]
    domain: str
    site: Site
    pace: Pace
    is_retry: bool
    is_born: bool = False  # its claims came with the acceptance of the message
    began: float | None = None  # when its attempt began
    octets: int = 0  # of memory that its attempt is counted with
    source: int | None = None  # which of our addresses its attempt leaves from
    is_over: bool = False  # it runs no longer, if it ever did


@dataclass(slots=True, eq=False)
class _Flow:
    """What one login has waiting for one site."""

    login: str
    pace: Pace
    batches: deque[Batch]


class Lane:
    """Batches that wait, of first tries or of retries.

    A flow that has batches stands in one place: among its login's ready ones, or parked at its site, which was
    not open when its turn came.
    """

    def __init__(self, limited: dict[str, Pace]) -> None:
        self._limited = limited  # sites with a limit of the operator's that had flows parked
        self._turns: deque[str] = deque()  # the logins that have a flow ready
        self._ready: dict[str, deque[_Flow]] = {}
        self._parked: dict[str, deque[_Flow]] = {}
        self._sites: dict[str, dict[str, _Flow]] = {}

    def add(self, batch: Batch) -> None:
        pace, login = batch.pace, batch.held.message.login
        flows = self._sites.setdefault(pace.name, {})
        flow = flows.get(login)
        pace.waiting += 1
        if flow is not None:
            flow.batches.append(batch)
            return
        flow = flows[login] = _Flow(login, pace, deque((batch,)))
        self._stand(flow)

    def _stand(self, flow: _Flow) -> None:
        """Give a flow its place: behind those that wait for its site, if any do."""
        parked = self._parked.get(flow.pace.name)
        if parked:
            parked.append(flow)
        else:
            self._offer(flow)

    def _offer(self, flow: _Flow) -> None:
        ready = self._ready.get(flow.login)
        if ready is None:
            self._ready[flow.login] = deque((flow,))
            self._turns.append(flow.login)
        else:
            ready.append(flow)

    def take(self, may: Callable[[Batch, float], bool], now: float) -> Batch | None:
        """The next batch whose site is open and that `may` be; a login that may not keeps its turn."""
        turns, skipped = self._turns, []
        batch = None
        while turns and batch is None:
            login = turns.popleft()
            ready = self._ready[login]
            batch = self._take_from(ready, may, now)
            if not ready:
                del self._ready[login]
            elif batch is None:
                skipped.append(login)
            else:
                turns.append(login)
        turns.extendleft(reversed(skipped))
        return batch

    def _take_from(
        self, ready: deque[_Flow], may: Callable[[Batch, float], bool], now: float
    ) -> Batch | None:
        """None leaves in `ready` what may not be taken now."""
        while ready:
            flow = ready.popleft()
            if not flow.batches:
                continue  # its site came into trouble, and it was emptied
            if not flow.pace.is_open(now):
                self._parked.setdefault(flow.pace.name, deque()).append(flow)
                if flow.pace.throttle is not None:
                    self._limited[flow.pace.name] = flow.pace
                continue
            if not may(flow.batches[0], now):
                ready.appendleft(flow)
                return None
            batch = flow.batches.popleft()
            flow.pace.waiting -= 1
            if not flow.batches:
                self._forget(flow)
            elif parked := self._parked.get(flow.pace.name):
                parked.append(flow)
            else:
                ready.append(flow)
            return batch
        return None

    def _forget(self, flow: _Flow) -> None:
        flows = self._sites[flow.pace.name]
        del flows[flow.login]
        if not flows:
            del self._sites[flow.pace.name]

    def wake(self, pace: Pace) -> None:
        """Offer as many flows as the site is open for, those that waited longest first."""
        parked = self._parked.get(pace.name)
        if parked is None:
            return
        for _ in range(min(len(parked), pace.limit - pace.running)):
            self._offer(parked.popleft())
        if not parked:
            del self._parked[pace.name]

    def clear(self, site: str) -> list[Batch]:
        """Take out everything that waits for `site`."""
        self._parked.pop(site, None)
        batches: list[Batch] = []
        for flow in self._sites.pop(site, {}).values():
            batches.extend(flow.batches)
            flow.pace.waiting -= len(flow.batches)
            flow.batches.clear()
        return batches

    def drain(self) -> list[Batch]:
        return [batch for site in tuple(self._sites) for batch in self.clear(site)]

    def __iter__(self) -> Iterator[Batch]:
        for flows in self._sites.values():
            for flow in flows.values():
                yield from flow.batches
