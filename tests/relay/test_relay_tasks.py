"""Coroutines that are owned: waited for, cancelled, and heard when they fail."""

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from smtpeter.relay.tasks import Tasks


class Scene:
    def __init__(self):
        self.clock = Clock()
        self.failed = []
        self.tasks = Tasks(self.clock)

    def run(self, about=None, failed=None):
        """A coroutine that ends when what is returned fires."""
        gate = Deferred()

        async def wait():
            await gate

        self.tasks.run(wait(), failed or (lambda failure: self.failed.append((failure.type, about))))
        return gate

    def wait(self, seconds):
        over = []
        Deferred.fromCoroutine(self.tasks.wait(seconds)).addCallback(over.append)
        return over


@pytest.fixture
def scene():
    return Scene()


def test_nothing_is_waited_for_where_nothing_runs(scene):
    assert [None] == scene.wait(10)
    assert [] == scene.clock.getDelayedCalls()


def test_the_last_one_to_end_ends_the_waiting(scene):
    gates = [scene.run(), scene.run()]
    over = scene.wait(10)
    gates[0].callback(None)
    assert [] == over
    gates[1].callback(None)
    assert [None] == over
    assert [] == scene.clock.getDelayedCalls()


def test_nobody_is_waited_for_longer_than_the_time_given(scene):
    gate = scene.run()
    over = scene.wait(10)
    scene.clock.advance(10)
    assert [None] == over
    gate.callback(None)
    assert [None] == scene.wait(10)


def test_who_fails_is_told_of_with_what_it_was_about(scene):
    scene.run("a batch").errback(ZeroDivisionError())
    assert [(ZeroDivisionError, "a batch")] == scene.failed
    assert [None] == scene.wait(10)


def test_all_are_cancelled(scene):
    scene.run(1)
    scene.run(2)
    scene.tasks.cancel()
    assert [(CancelledError, 1), (CancelledError, 2)] == sorted(scene.failed, key=lambda each: each[1])
    assert [None] == scene.wait(10)


def test_what_a_failure_begins_is_waited_for_too(scene):
    gate = Deferred()

    async def follow():
        await gate

    first = scene.run(failed=lambda failure: scene.tasks.run(follow(), pytest.fail))
    over = scene.wait(10)
    first.errback(ZeroDivisionError())
    assert [] == over
    gate.callback(None)
    assert [None] == over
