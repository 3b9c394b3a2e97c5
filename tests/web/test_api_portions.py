"""How often a token may be used holds for all processes together, and costs a request nothing in the store."""

import pytest
from twisted.internet.defer import Deferred

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.web.api.app import Api
from smtpeter.web.api.portions import Portions
from smtpeter.web.visit import Proxies
from tests.kit.fakes.accounts import FakeAllowances
from tests.storage.stores import empty_store, result, stored
from tests.web.rest import NOW, Rest

__all__ = ["empty_store", "stored"]
RATE = 20


class Processes:
    """So many of them, which count in one store; `now` moves all clocks."""

    def __init__(self, number, allowances):
        self.now = NOW
        self.allowances = allowances
        self.each = [Portions(allowances, RATE, self.clock, lambda: self.now - NOW) for _ in range(number)]

    def clock(self):
        return self.now

    def may(self, process, who="token"):
        return not result(Deferred.fromCoroutine(self.each[process].wait(who)))

    def overrun(self, seconds):
        """Each is asked twice as often as all together may be; how many requests passed."""
        passed = 0
        for _ in range(seconds * 10):
            passed += sum(
                self.may(process) for process in range(len(self.each)) for _ in range(2 * RATE // 10)
            )
            self.now += 0.1
        return passed


@pytest.mark.parametrize("number", [1, 2, 5])
def test_all_processes_together_let_through_as_many_as_one_may(number):
    processes = Processes(number, FakeAllowances())
    processes.overrun(26)  # what is free at first
    passed = processes.overrun(130) / 130
    assert 0.9 * RATE <= passed <= 1.1 * RATE


def test_not_every_request_is_counted_in_the_store():
    """But each portion of five; and who is held up asks for no other before its time."""
    processes = Processes(2, FakeAllowances())
    passed = processes.overrun(60)
    assert len(processes.allowances.calls) <= passed / 5 + 2 * 60


def test_one_process_that_is_asked_little_leaves_the_rest_to_another():
    processes = Processes(2, FakeAllowances())
    passed = 0
    for _ in range(120):
        assert processes.may(1)
        passed += sum(processes.may(0) for _ in range(RATE - 6))
        processes.now += 1
    assert passed == 120 * (RATE - 6)


def test_each_token_has_its_own():
    processes = Processes(1, FakeAllowances())
    while processes.may(0):
        pass
    assert processes.may(0, "another")


def test_who_is_held_up_is_told_for_how_long():
    processes = Processes(1, FakeAllowances())
    while processes.may(0):
        pass
    wait = result(Deferred.fromCoroutine(processes.each[0].wait("token")))
    assert 0 < wait <= 13
    processes.now += wait
    assert processes.may(0)


def test_requests_at_once_take_one_portion():
    class Slow(FakeAllowances):
        """Answers when it is let."""

        def take(self, name, number, allowances, now):
            super().take(name, number, allowances, now)
            self.asked = Deferred()
            return self.asked

    slow = Slow()
    [portions] = Processes(1, slow).each
    waiting = [Deferred.fromCoroutine(portions.wait("token")) for _ in range(5)]
    slow.asked.callback(0.0)
    assert ([0.0] * 5, ["take"]) == ([result(one) for one in waiting], slow.calls)


def test_what_the_store_cannot_count_is_let_through():
    """The disk may be full, and what is read can still be read; the process's own limit holds."""
    processes = Processes(1, FakeAllowances())
    processes.allowances.trouble = AccountsUnavailable("full")
    assert all(processes.may(0) for _ in range(1000))


def test_it_holds_in_the_store_too(stored):
    processes = Processes(2, stored.new_store().allowances)
    passed = processes.overrun(26)
    assert 26 * RATE * 0.9 <= passed <= (26 + 13) * RATE


def test_the_api_holds_a_token_up_at_two_processes_together():
    rest = Rest(rate=1, is_shared=True)
    processes = [rest.api, Api(rest.neighbours, Proxies(()), "http://api.test", rate=1, maximum_size=1000, is_shared=True)]  # fmt: skip
    statuses = []
    for _ in range(20):
        for rest.api in processes:
            statuses.append(rest.get("/queue").status)
        rest.now += 1
    assert (200, 200) == tuple(statuses[:2])
    assert statuses.count(200) <= 20 + 13
    assert 429 in statuses
