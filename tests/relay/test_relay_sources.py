"""What a site and a source make of an attempt: the address it leaves from, its EHLO, TLS, and how many connections stand open."""

import errno
from dataclasses import replace

import pytest
from twisted.internet import error
from twisted.python.failure import Failure

from smtpeter.message.status import Result, Stage
from smtpeter.relay.limits import Limit, Site
from smtpeter.relay.sources import Face, Source
from smtpeter.relay.tls import Security
from tests.relay.hosts import Host, Net, attempt, attempts, begin, group, result

SOURCE = Source({4: Face("192.0.2.7", "mail7.example"), 6: Face("2001:db8::7", "mail7.example")})
FOUR = Source({4: Face("192.0.2.7", "mail7.example")})


@pytest.mark.row(97)
def test_mail_leaves_from_its_source_under_that_one_s_name():
    host = Host()
    net = Net({"198.51.100.1": host})
    (outcome,) = attempt(net, attempts(net, "198.51.100.1"), replace(group(), source=SOURCE))
    assert Result.DELIVERED is outcome.result
    assert [("192.0.2.7", 0)] == net.sources
    assert "EHLO mail7.example" == host.commands[0]


def test_without_a_source_the_system_chooses():
    host = Host()
    net = Net({"198.51.100.1": host})
    attempt(net, attempts(net, "198.51.100.1"), group())
    assert [None] == net.sources
    assert "EHLO relay.example" == host.commands[0]


@pytest.mark.row(97)
def test_each_family_has_its_address_and_one_that_has_none_is_passed_over():
    net = Net({"2001:db8::1": Host(MAIL="451 4.3.0 Later"), "198.51.100.1": Host()})
    attempt(net, attempts(net, "2001:db8::1"), replace(group(), source=SOURCE))
    assert [("2001:db8::7", 0)] == net.sources
    net = Net({"2001:db8::1": Host(), "198.51.100.1": Host()})
    (outcome,) = attempt(net, attempts(net, "2001:db8::1", "198.51.100.1"), replace(group(), source=FOUR))
    assert ("198.51.100.1", Result.DELIVERED) == (outcome.address, outcome.result)
    assert [("198.51.100.1", 25)] == net.dialled


def test_no_address_of_any_family_defers_and_is_no_trouble_of_the_site():
    net = Net({"2001:db8::1": Host()})
    (outcome,) = attempt(net, attempts(net, "2001:db8::1"), replace(group(), source=FOUR))
    assert (Result.DEFERRED, Stage.PROCESS) == (outcome.result, outcome.stage)


def test_a_connection_is_not_lent_to_another_source():
    host = Host()
    net = Net({"198.51.100.1": host})
    courier = attempts(net, "198.51.100.1")
    for source in (SOURCE, Source({4: Face("192.0.2.8", "mail8.example")}), SOURCE):
        attempt(net, courier, replace(group(), source=source))
    assert 2 == len(host.connections)
    net.wait(10)


def test_a_site_s_tls_takes_the_place_of_what_holds_for_all():
    net = Net({"198.51.100.1": Host()})
    required = Site("x", tls=Security.REQUIRED)
    (outcome,) = attempt(net, attempts(net, "198.51.100.1"), replace(group(), site=required))
    assert (Result.DEFERRED, "4.7.4") == (outcome.result, outcome.reply.enhanced)


@pytest.mark.row(118)
def test_a_site_s_messages_per_connection_take_the_place_of_what_holds_for_all():
    host = Host()
    net = Net({"198.51.100.1": host})
    courier = attempts(net, "198.51.100.1")
    for _ in range(5):
        attempt(net, courier, replace(group(), site=Site("x", messages_per_connection=2)))
    assert [2, 2, 1] == [len(connection.contents) for connection in host.connections]
    net.wait(10)


@pytest.mark.row(118)
def test_connections_that_are_kept_count_too():
    """Two hosts of a site that allows one connection: the one that is kept makes room."""
    hosts = {"198.51.100.1": Host(MAIL="451 4.3.0 Later"), "198.51.100.2": Host()}
    net = Net(hosts)
    courier = attempts(net, "198.51.100.1")
    site = Site("x", limit=Limit(connections=1))
    attempt(net, courier, replace(group(), site=site))
    assert 1 == courier.kept("x")
    courier._destination.addresses = ("198.51.100.2",)
    attempt(net, courier, replace(group(), site=site))
    (first,) = hosts["198.51.100.1"].connections
    assert first.closed
    assert "QUIT" == first.commands[-1]
    assert 1 == courier.kept("x")
    net.wait(10)
    assert 0 == courier.kept("x")


@pytest.mark.row(136)
@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL])
def test_what_this_machine_is_short_of_is_no_trouble_of_the_host(number):
    class Short(Net):
        def connectTCP(self, host, port, factory, timeout, source=None):
            factory.doStart()
            failure = Failure(error.getConnectError(OSError(number, "no")))
            self.callLater(0, factory.clientConnectionFailed, None, failure)

    net = Short()
    outcomes = result(begin(net, attempts(net, "198.51.100.1"), group())[0])
    (outcome,) = outcomes.values()
    assert (Result.DEFERRED, Stage.PROCESS, "4.3.2") == (
        outcome.result,
        outcome.stage,
        outcome.reply.enhanced,
    )


def test_a_host_that_refuses_is_trouble_of_the_host():
    net = Net()
    (outcome,) = attempt(net, attempts(net, "198.51.100.1"), group())
    assert Stage.CONNECT is outcome.stage


def test_a_5xx_that_says_that_it_will_pass_is_tried_again():
    net = Net({"198.51.100.1": Host(MAIL="550 5.4.5 Daily sending limit exceeded, try again later")})
    (outcome,) = attempt(net, attempts(net, "198.51.100.1"), group())
    assert (Result.DEFERRED, 550) == (outcome.result, outcome.reply.code)
