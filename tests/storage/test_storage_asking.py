"""A question that is under way is asked once, whoever wants the answer."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from smtpeter.storage.asking import Asking


class Store:
    def __init__(self):
        self.asked = []

    def ask(self):
        self.asked.append(Deferred())
        return self.asked[-1]


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def asking(clock):
    return Asking(clock.seconds, 0.5)


def test_all_who_ask_meanwhile_get_one_answer(asking, store):
    answers = [asking.ask("joe", store.ask) for _ in range(3)]
    [asked] = store.asked
    asked.callback(7)
    assert [7, 7, 7] == [answer.result for answer in answers]
    asking.ask("joe", store.ask)
    assert 2 == len(store.asked)


def test_another_question_is_asked_apart(asking, store):
    asking.ask("joe", store.ask)
    asking.ask("ann", store.ask)
    assert 2 == len(store.asked)


def test_trouble_is_told_to_all(asking, store):
    answers = [asking.ask("joe", store.ask) for _ in range(2)]
    store.asked[0].errback(Failure(KeyError("joe")))
    caught = []
    for answer in answers:
        answer.addErrback(caught.append)
    assert [KeyError, KeyError] == [failure.type for failure in caught]


def test_who_no_longer_waits_takes_the_answer_from_nobody(asking, store):
    first, second = asking.ask("joe", store.ask), asking.ask("joe", store.ask)
    first.addErrback(lambda _: None)
    first.cancel()
    store.asked[0].callback(7)
    assert 7 == second.result


def test_what_was_asked_too_long_ago_is_asked_again(asking, store, clock):
    first = asking.ask("joe", store.ask)
    clock.advance(0.5)
    second = asking.ask("joe", store.ask)
    store.asked[0].callback("old")
    third = asking.ask("joe", store.ask)
    store.asked[1].callback("new")
    assert ["old", "new", "new"] == [first.result, second.result, third.result]
    assert 2 == len(store.asked)


def test_after_a_change_nobody_joins_what_was_asked_before(asking, store):
    first = asking.ask("joe", store.ask)
    asking.forget()
    second = asking.ask("joe", store.ask)
    store.asked[0].callback("old")
    store.asked[1].callback("new")
    assert ["old", "new"] == [first.result, second.result]
