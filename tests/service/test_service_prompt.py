"""What is written leaves at the end of the turn; what the kernel does not take waits for it."""

from twisted.internet.main import CONNECTION_DONE
from twisted.internet.task import Clock

from smtpeter.service.prompt import Prompt, prompt


class Reactor:
    """Twisted's, as far as writers are concerned."""

    def __init__(self):
        self.known = []
        self.waited = []
        self.lost = []
        self.sooner = None
        self.doIteration = self.waited.append

    def addWriter(self, writer):
        self.known.append(writer)

    def removeWriter(self, writer):
        self.known.remove(writer)

    def timeout(self):
        return self.sooner

    def _disconnectSelectable(self, writer, why, is_read):
        self.lost.append((writer, why, is_read))
        self.removeWriter(writer)


class Writer:
    """Has some pieces to write, of which the kernel takes one at a time."""

    def __init__(self, reactor, pieces, why=None):
        self.reactor, self.pieces, self.why = reactor, pieces, why
        self.tried = 0
        reactor.addWriter(self)

    def doWrite(self):
        self.tried += 1
        self.pieces -= 1
        if not self.pieces:
            self.reactor.removeWriter(self)
        if isinstance(self.why, Exception):
            return self.why
        return None


def prompted():
    reactor = Reactor()
    Prompt(reactor)
    return reactor


def test_what_the_kernel_takes_at_once_is_never_waited_for():
    reactor = prompted()
    writer = Writer(reactor, 1)
    reactor.doIteration(None)
    assert (1, [], [None]) == (writer.tried, reactor.known, reactor.waited)


def test_the_rest_waits_for_the_kernel_and_is_not_tried_each_turn():
    reactor = prompted()
    writer = Writer(reactor, 3)
    reactor.doIteration(None)
    reactor.addWriter(writer)  # more was written
    reactor.doIteration(None)
    assert (1, [writer]) == (writer.tried, reactor.known)
    writer.doWrite()
    writer.doWrite()
    assert [] == reactor.known


def test_who_writes_nothing_any_more_is_not_tried():
    reactor = prompted()
    writer = Writer(reactor, 1)
    reactor.removeWriter(writer)
    reactor.doIteration(1.0)
    assert (0, [1.0]) == (writer.tried, reactor.waited)


def test_a_connection_that_ends_is_taken_away():
    reactor = prompted()
    writer = Writer(reactor, 2, CONNECTION_DONE)
    reactor.doIteration(None)
    assert ([(writer, CONNECTION_DONE, False)], []) == (reactor.lost, reactor.known)


def test_what_writing_calls_for_is_not_slept_over():
    reactor = prompted()
    Writer(reactor, 1)
    reactor.sooner = 0.25
    reactor.doIteration(60.0)
    reactor.doIteration(0)
    assert [0.25, 0] == reactor.waited


def test_what_is_written_meanwhile_waits_for_the_kernel():
    """Nobody is tried twice in a turn: a producer without end would keep it from ending."""
    reactor = prompted()
    first = Writer(reactor, 1)
    late = []
    first.why = None
    write = first.doWrite
    first.doWrite = lambda: write() or late.append(Writer(reactor, 5))
    reactor.doIteration(None)
    assert ([0], late) == ([writer.tried for writer in late], reactor.known)


def test_only_a_reactor_that_asks_the_kernel_is_changed():
    clock = Clock()
    prompt(clock)
    assert not hasattr(clock, "doIteration")
