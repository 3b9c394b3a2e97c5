"""How late the reactor comes is measured by what it was asked to do."""

from twisted.internet.task import Clock

from smtpeter.service.lateness import Lateness


def test_the_worst_since_it_was_asked_is_told_once():
    clock = Clock()
    lateness = Lateness(clock)
    lateness.start()
    clock.pump([0.25, 0.25])
    assert 0.0 == lateness.worst()
    clock.advance(1.0)
    clock.advance(0.25)
    assert 0.75 == lateness.worst()
    assert 0.0 == lateness.worst()
    lateness.stop()
    assert [] == clock.getDelayedCalls()
