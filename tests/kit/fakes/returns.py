"""What came back, and who gets no more mail, in memory."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred

from smtpeter.accounts.suppression import Suppression
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.returned import MAXIMUM_OF_A_DELIVERY, LateFailure, Portion, Returned
from smtpeter.spool.states import State, Step, after
from tests.kit.fakes.answering import Fake
from tests.kit.fakes.spool import FakeSpool


class FakeReturns(Fake):
    """What came back, beside a fake spool and suppression list."""

    def __init__(self, spool: FakeSpool, suppressions: FakeSuppressions) -> None:
        super().__init__()
        self._spool = spool
        self._suppressions = suppressions
        self.originals: dict[int, tuple[float, bytes]] = {}
        self.counts: dict[int, tuple[float, int]] = {}

    def keep(self, returned: Returned, /) -> Deferred[None]:
        return self._answer(self._keep, returned)

    def _keep(self, returned: Returned) -> None:
        if returned.number in self.originals:
            raise SpoolUnavailable("an identifier is taken")
        self._spool.journal.keep(returned.events)
        portions = [portion for portion in returned.portions if self._has_room(portion, returned.time)]
        self._spool.journal.keep(
            [portion.withheld for portion in returned.portions if portion not in portions]
        )
        if returned.original and (portions or not returned.portions):
            self.originals[returned.number] = (returned.time, returned.original)
        for late in returned.failures:
            self._fail(late)
        for forward in itertools.chain(returned.forwards, *(portion.forwards for portion in portions)):
            self._spool._accept(replace(forward, claimed=False))
        self._suppressions._add(returned.suppressions)

    def _has_room(self, portion: Portion, now: float) -> bool:
        since, number = self.counts.get(portion.delivery, (now, 0))
        if number >= MAXIMUM_OF_A_DELIVERY:
            return False
        self.counts[portion.delivery] = (since, number + 1)
        return True

    def _fail(self, late: LateFailure) -> None:
        row = self._spool.shelf.rows.get(late.delivery)
        if row is not None and row.delivery.state is State.DELIVERED:
            failed = after(State.DELIVERED, Step.RETURN)
            row.delivery = replace(row.delivery, state=failed, last=late.outcome)
            row.epoch += 1
            self._spool.journal.keep((late.event,))

    def original(self, number: int, /) -> Deferred[bytes | None]:
        return self._answer(lambda: self.originals[number][1] if number in self.originals else None)

    def forget(self, before: float, limit: int, /) -> Deferred[int]:
        return self._answer(self._forget, before, limit)

    def _forget(self, before: float, limit: int) -> int:
        old = sorted(number for number, (time, _) in self.originals.items() if time < before)[:limit]
        for number in old:
            del self.originals[number]
        counts = sorted(one for one, (since, _) in self.counts.items() if since < before)[:limit]
        for one in counts:
            del self.counts[one]
        return max(len(old), len(counts))


class FakeSuppressions(Fake):
    """A suppression list in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: dict[tuple[str, str], Suppression] = {}

    def among(
        self, scopes: Sequence[str], recipients: Sequence[str], now: float, /
    ) -> Deferred[Sequence[Suppression]]:
        return self._answer(self._among, scopes, recipients, now)

    def _among(self, scopes: Sequence[str], recipients: Sequence[str], now: float) -> Sequence[Suppression]:
        return [
            one
            for one in self.listed.values()
            if one.scope in scopes and one.recipient in recipients and _lasts(one, now)
        ]

    def add(self, entries: Sequence[Suppression], /) -> Deferred[int]:
        return self._answer(self._add, entries)

    def _add(self, entries: Sequence[Suppression]) -> int:
        new = 0
        for one in entries:
            there = self.listed.get((one.scope, one.recipient))
            new += there is None
            if there is None or _ends(one) > _ends(there):
                self.listed[one.scope, one.recipient] = one
        return new

    def remove(self, scope: str, recipients: Sequence[str], /) -> Deferred[int]:
        return self._answer(
            lambda: sum(self.listed.pop((scope, one), None) is not None for one in recipients)
        )

    def entries(
        self, scope: str | None, after: tuple[str, str], limit: int, sought: str = "", /
    ) -> Deferred[Sequence[Suppression]]:
        return self._answer(self._entries, scope, after, limit, sought)

    def _entries(
        self, scope: str | None, behind: tuple[str, str], limit: int, sought: str
    ) -> Sequence[Suppression]:
        found = sorted(place for place in self.listed if place > behind and scope in (None, place[0]))
        found = [place for place in found if sought.lower() in place[1]]
        return [self.listed[place] for place in found[:limit]]

    def forget(self, before: float, limit: int, /) -> Deferred[int]:
        return self._answer(self._forget, before, limit)

    def _forget(self, before: float, limit: int) -> int:
        old = [place for place, one in self.listed.items() if _ends(one) < before][:limit]
        for place in old:
            del self.listed[place]
        return len(old)


def _ends(one: Suppression) -> float:
    return float("inf") if one.expires_at is None else one.expires_at


def _lasts(one: Suppression, now: float) -> bool:
    return _ends(one) > now
