"""Who of several workers takes a connection; each is a port of its own on the same socket."""

import os
import socket

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from smtpeter.service.crowding import Crowding, Fair, shared_memory


class Reactor(Clock):
    """Time, and who reads; a test turns it."""

    def __init__(self):
        super().__init__()
        self.readers = []

    def addReader(self, reader):
        if reader not in self.readers:
            self.readers.append(reader)

    def removeReader(self, reader):
        if reader in self.readers:
            self.readers.remove(reader)

    def addWriter(self, writer):
        """None has anything to write."""

    removeWriter = addWriter


class Place:
    """A worker, as far as it takes connections."""

    def __init__(self, number, listening, descriptor):
        self.reactor = Reactor()
        self.crowding = Crowding(descriptor, 2)
        self.crowding.present(number)
        self.taken = []
        factory = ServerFactory()
        factory.noisy = False
        factory.buildProtocol = self.build
        self.port = Fair._fromListeningDescriptor(self.reactor, listening.fileno(), socket.AF_INET, factory)
        self.port.crowding, self.port.listener, self.port.number = self.crowding, 1, number
        self.port.startListening()

    def build(self, _address):
        self.taken.append(Protocol())
        return self.taken[-1]

    def wakes(self):
        """What the reactor does when the kernel tells that somebody waits."""
        if self.port in self.reactor.readers:
            self.port.doRead()

    def loses(self):
        self.taken.pop().transport.connectionLost(Failure(ConnectionDone()))


class Workers:
    """Two of them, and clients."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.shared = shared_memory(2, 3)
        self.first, self.second = (Place(number, self.listening, self.shared) for number in (1, 2))
        self.clients = []

    def comes(self, number=1):
        for _ in range(number):
            self.clients.append(socket.create_connection(self.listening.getsockname(), timeout=10))

    @property
    def counts(self):
        return len(self.first.taken), len(self.second.taken)

    def close(self):
        for place in (self.first, self.second):
            place.port.stopListening()
            place.reactor.advance(0)
            for protocol in place.taken:
                protocol.transport.socket.close()
        for client in self.clients:
            client.close()
        self.listening.close()
        os.close(self.shared)


@pytest.fixture
def workers():
    made = Workers()
    yield made
    made.close()


def test_one_connection_is_taken_a_turn_and_none_too_many(workers):
    workers.comes(3)
    workers.first.wakes()
    assert (1, 0) == workers.counts
    workers.first.wakes()  # it has more than the second
    assert (1, 0) == workers.counts
    workers.second.wakes()
    assert (1, 1) == workers.counts
    workers.second.wakes()
    assert (1, 2) == workers.counts


def test_what_the_other_does_not_take_is_taken_after_a_moment(workers):
    workers.comes(3)
    workers.first.wakes()
    workers.first.wakes()
    workers.first.reactor.advance(0.001)
    assert (1, 0) == workers.counts
    workers.first.reactor.advance(0.001)
    assert (2, 0) == workers.counts
    workers.first.wakes()  # each anew: the other may be back
    assert (2, 0) == workers.counts
    workers.first.reactor.advance(0.002)
    assert (3, 0) == workers.counts


def test_when_the_other_took_it_there_is_nothing_to_take(workers):
    workers.comes(2)
    workers.first.wakes()
    workers.first.wakes()
    workers.second.wakes()
    workers.first.reactor.advance(0.002)
    assert (1, 1) == workers.counts
    workers.comes()
    workers.first.wakes()
    assert (2, 1) == workers.counts


def test_a_connection_that_is_over_counts_no_longer(workers):
    workers.comes(3)
    workers.first.wakes()
    workers.second.wakes()
    workers.first.loses()
    workers.second.wakes()
    assert (0, 1) == workers.counts
    workers.first.wakes()
    assert (1, 1) == workers.counts


def test_a_connection_that_is_lost_twice_counts_once(workers):
    workers.comes(2)
    workers.first.wakes()
    workers.first.crowding.absent(2)
    workers.first.wakes()
    transport = workers.first.taken[0].transport
    for _ in range(2):
        transport.connectionLost(Failure(ConnectionDone()))
    workers.second.crowding.present(2)
    assert workers.first.crowding.is_ahead(1, 1)
    workers.first.taken[1].transport.connectionLost(Failure(ConnectionDone()))
    workers.first.taken.clear()
    assert not workers.first.crowding.is_ahead(1, 1)


def test_connections_of_another_listener_do_not_count(workers):
    for _ in range(5):
        workers.first.crowding.came(0, 1)
        workers.first.crowding.came(2, 1)
    workers.comes()
    workers.first.wakes()
    assert (1, 0) == workers.counts


def test_a_worker_that_ends_is_counted_no_longer(workers):
    workers.comes(2)
    workers.first.wakes()
    workers.first.crowding.absent(1)
    workers.first.loses()
    workers.second.wakes()
    assert not workers.second.crowding.is_ahead(1, 2)


def test_nobody_waits_for_a_worker_that_has_ended(workers):
    workers.comes(3)
    workers.first.wakes()
    workers.first.crowding.absent(2)
    workers.first.wakes()
    assert (2, 0) == workers.counts
    workers.second.crowding.present(2)
    workers.first.wakes()
    assert (2, 0) == workers.counts


def test_a_port_that_closes_while_it_waits_takes_nothing(workers):
    workers.comes(2)
    workers.first.wakes()
    workers.first.wakes()
    workers.first.port.stopListening()
    workers.first.reactor.advance(1)
    assert (1, 0) == workers.counts
    assert [] == workers.first.reactor.readers[1:]
