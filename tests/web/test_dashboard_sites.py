"""Counting what is queued by site: when it is counted anew, and what is shown meanwhile."""

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.web.dashboard.sites import Counting
from tests.storage.stores import result


class Book:
    """Counting takes `takes` seconds; with `answers` False it is not done yet."""

    def __init__(self, takes):
        self.now = 100.0
        self.takes = takes
        self.counted = 0
        self.answers = True
        self.waiting = []

    def sites(self, limit):
        self.counted += 1
        if not self.answers:
            self.waiting.append(Deferred())
            return self.waiting[-1]
        self.now += self.takes
        return succeed((self.counted,))


def ask(counting):
    return result(Deferred.fromCoroutine(counting())).sites


def make(takes):
    book = Book(takes)
    return book, Counting(book, lambda: book.now, lambda: book.now)


def test_a_short_queue_is_counted_whenever_somebody_asks():
    book, counting = make(0.001)
    ask(counting)
    book.now += 1
    assert (2,) == ask(counting)


def test_a_long_queue_is_remembered_and_counted_anew_meanwhile():
    book, counting = make(2.0)
    ask(counting)
    book.now += 10
    assert (1,) == ask(counting)
    assert 1 == book.counted, "it was counted again too soon"
    book.now += 31
    book.answers = False
    assert [(1,), (1,)] == [ask(counting), ask(counting)]
    assert 2 == book.counted, "two count at once"
    book.now += 2
    book.waiting.pop().callback((7,))
    assert (7,) == ask(counting)


def test_what_is_too_old_is_not_shown():
    book, counting = make(20.0)
    ask(counting)
    book.now += 301
    assert (2,) == ask(counting)


def test_who_has_changed_something_sees_it():
    _, counting = make(2.0)
    ask(counting)
    counting.forget()
    assert (2,) == ask(counting)


def test_what_was_being_counted_before_a_change_is_not_shown_after_it():
    book, counting = make(2.0)
    ask(counting)
    book.now += 41
    book.answers = False
    ask(counting)
    counting.forget()
    book.now += 2
    book.waiting.pop().callback(("before",))
    book.answers = True
    assert (3,) == ask(counting)


def test_a_store_that_is_away_is_told_and_later_asked_again():
    book, counting = make(2.0)
    sites, book.sites = book.sites, lambda limit: fail(SpoolUnavailable("away"))
    with pytest.raises(SpoolUnavailable):
        ask(counting)
    book.sites = sites
    ask(counting)
    book.now += 41
    book.sites = lambda limit: fail(SpoolUnavailable("away"))
    assert (1,) == ask(counting), "what is remembered is good enough"
    book.sites = sites
    assert (2,) == ask(counting)
