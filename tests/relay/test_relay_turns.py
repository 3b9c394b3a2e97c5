"""Who is slow gives its turn to the next while it goes on; what is under way is bounded all the same."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from smtpeter.relay.turns import PATIENCE, Turns
from tests.relay.hosts import result


class Asked:
    """Questions that nobody answers, by turns."""

    def __init__(self, at_once, in_all):
        self.clock = Clock()
        self.turns = Turns(at_once, in_all, self.clock)
        self.gates = []

    async def ask(self):
        self.gates.append(Deferred())
        return await self.gates[-1]

    def begin(self):
        return Deferred.fromCoroutine(self.turns.run(self.ask))


def test_the_slow_hold_up_the_next_for_two_seconds_only():
    asked = Asked(2, 5)
    asking = [asked.begin() for _ in range(7)]
    under_way = [len(asked.gates)]
    for _ in range(4):
        asked.clock.advance(PATIENCE)
        under_way.append(len(asked.gates))
    assert [2, 4, 5, 5, 5] == under_way
    asked.gates[0].callback("an answer")
    assert "an answer" == result(asking[0])
    assert 6 == len(asked.gates)


@pytest.mark.parametrize("late", [False, True], ids=["in time", "late"])
def test_turns_and_places_come_back_however_a_question_ends(late):
    asked = Asked(1, 2)
    for number in range(6):
        asking = asked.begin()
        asking.addErrback(lambda failure: failure.type)
        assert number + 1 == len(asked.gates)
        if late:
            asked.clock.advance(PATIENCE)
        if number % 2:
            asking.cancel()
        else:
            asked.gates[-1].errback(ZeroDivisionError())
        assert isinstance(result(asking), type)
    assert [] == asked.clock.getDelayedCalls()
