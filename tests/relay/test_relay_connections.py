"""Connections that are kept: how long, for how many messages, for whom; and leave-taking."""

from twisted.internet.defer import Deferred

from smtpeter.message.status import Result
from tests.relay.hosts import Host, Net, attempt, attempts, begin, group, result

ONE = "198.51.100.1"


def kept(**more):
    host = more.pop("host", None) or Host()
    net = Net({ONE: host})
    return net, host, attempts(net, ONE, **more)


def test_a_kept_connection_carries_the_next_message_without_rset():
    net, host, courier = kept()
    for _ in range(3):
        attempt(net, courier, group())
    assert 1 == len(host.connections)
    assert 3 == len(host.contents)
    assert "RSET" not in host.commands


def test_rset_comes_after_a_transaction_that_failed_and_only_then():
    net, host, courier = kept(host=Host(MAIL=["450 4.7.1 Later", "250 Ok"]))
    for _ in range(3):
        attempt(net, courier, group())
    assert 1 == len(host.connections)
    assert 1 == host.commands.count("RSET")
    assert host.commands.index("RSET") > host.commands.index("DATA")


def test_an_idle_connection_is_left_with_quit_after_its_time():
    net, host, courier = kept(keep=5.0)
    attempt(net, courier, group())
    net.wait(4.9)
    attempt(net, courier, group())
    net.wait(4.9)
    assert not host.connections[0].closed
    net.wait(0.2)
    assert "QUIT" == host.commands[-1]
    assert host.connections[0].closed
    attempt(net, courier, group())
    assert 2 == len(host.connections)


def test_a_connection_carries_no_more_messages_than_the_setting_or_the_host_says():
    for more in ({"maximum_messages": 2}, {"host": Host(("PIPELINING", "LIMITS MAILMAX=2"))}):
        net, host, courier = kept(**more)
        for _ in range(5):
            attempt(net, courier, group())
        assert [2, 2, 1] == [len(connection.contents) for connection in host.connections]
        assert [True, True, False] == [connection.commands[-1] == "QUIT" for connection in host.connections]


def test_with_nothing_kept_every_message_has_a_connection_of_its_own():
    net, host, courier = kept(keep=0)
    for _ in range(2):
        attempt(net, courier, group())
    assert [True, True] == [connection.closed for connection in host.connections]


def test_attempts_at_the_same_time_have_connections_of_their_own():
    net, host, courier = kept()
    for running in begin(net, courier, group(), group(), group()):
        assert Result.DELIVERED is result(running)[1].result
    assert 3 == len(host.connections)


def test_stop_takes_leave_of_all_and_leaves_no_timer():
    net, host, courier = kept()
    begin(net, courier, group(), group())
    stopped = Deferred.fromCoroutine(courier.stop())
    assert not stopped.called
    net.settle()
    assert stopped.called
    assert ["QUIT", "QUIT"] == [connection.commands[-1] for connection in host.connections]
    assert [] == net.getDelayedCalls()


def test_a_host_that_does_not_close_is_cut_off_when_we_stop():
    net, host, courier = kept()
    attempt(net, courier, group())
    host.connections[0].loseConnection = lambda: None
    stopped = Deferred.fromCoroutine(courier.stop())
    net.wait(4)
    assert not stopped.called
    net.wait(1)
    assert stopped.called
