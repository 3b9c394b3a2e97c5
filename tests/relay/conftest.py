"""A relay on a spool in memory, a courier that does as it is told, and a clock that stands still."""

from dataclasses import dataclass

import pytest
from twisted.internet.task import Clock

from smtpeter.message.edit import Literal, Report, Template
from smtpeter.relay.pacing import Bounds
from smtpeter.relay.service import Neighbours, Relay
from smtpeter.relay.settlement import Settling
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.schedule import Schedule
from smtpeter.spool.states import State
from tests.kit.fakes.spool import FakeSpool
from tests.kit.fakes.work import FakeSites
from tests.relay.mails import LINKS, Courier, Outgoing, Sites, accepted

FINISHED = Template((Literal(b"finished"),), LINKS)
SCHEDULE = Schedule((300.0, 600.0), warn_after=4 * 3600.0, give_up_after=4 * 86400.0)


class CountingSpool(FakeSpool):
    """Knows how many claims at most were ever out."""

    most = 0

    def _claim(self, limit, now, avoid=frozenset()):
        claims = super()._claim(limit, now, avoid)
        self.most = max(self.most, sum(state is State.CLAIMED for state in self.states.values()))
        return claims


class Preparation:
    """Makes pending edits when `gate` has fired; `trouble` is what it fails with."""

    def __init__(self, spool):
        self.spool = spool
        self.gate = None
        self.trouble = None
        self.asked = []

    async def finish(self, identifier):
        self.asked.append(identifier)
        if self.gate is not None:
            await self.gate
        if self.trouble is not None:
            raise self.trouble
        await self.spool.amend(identifier, FINISHED, Report(notes=("finished",)))
        return await self.spool.message(identifier)


class Wall:
    """The wall clock: goes as the other does, but for where somebody put it."""

    def __init__(self, clock):
        self._clock = clock
        self.ahead = 0.0

    def __call__(self):
        return self._clock.seconds() + self.ahead


@dataclass
class House:
    relay: Relay
    spool: CountingSpool
    courier: Courier
    clock: Clock
    wall: Wall
    reported: list
    book: FakeSites
    preparation: Preparation

    def accept(self, mail, **values):
        """As submission does it."""
        claims = self.spool.accept(accepted(mail, claimed=self.relay.room(mail), **values)).result
        if claims:
            self.relay.born(mail, claims)

    def store(self, mail, **values):
        """As another process does it."""
        self.spool.accept(accepted(mail, **values))

    def advance(self, seconds, step=1.0):
        """Time passes; the wall clock with it."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step

    @property
    def states(self):
        return list(self.spool.states.values())

    def rows(self):
        return self.spool.deliveries(QueueFilter(states=None), 1_000_000).result

    def events(self, kind):
        return [event for event in self.spool.journal.events if event.kind == kind]


@pytest.fixture
def build():
    houses = []

    def make(
        reports=None, grace=20.0, quota=None, book=None, site_of=lambda domain: domain, sites=None, **bounds
    ):
        spool, courier, clock, reported = CountingSpool(), Courier(), Clock(), []
        clock.advance(1000.0)
        wall = Wall(clock)
        book = book or FakeSites(spool)
        preparation = Preparation(spool)

        def noting(mail, settlements):
            reported.append((mail, settlements))
            return ()

        relay = Relay(
            Neighbours(
                spool=spool,
                courier=courier,
                outgoing=Outgoing(),
                reports=reports or noting,
                settling=Settling(SCHEDULE, jitter=lambda: 0.0),
                clock=clock,
                now=wall,
                sites=sites or Sites(site_of),
                quota=quota,
                book=book,
                preparation=preparation,
            ),
            Bounds(**bounds),
            grace,
        )
        relay.startService()
        houses.append(House(relay, spool, courier, clock, wall, reported, book, preparation))
        return houses[-1]

    yield make
    for house in houses:
        house.spool.trouble = None
        house.relay.stopService()
        house.advance(60.0)
        assert [] == house.clock.getDelayedCalls()
