"""/metrics, /healthz and /readyz."""

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.web.monitor import Monitor
from smtpeter.web.visit import Answer, Visit


class Watched:
    def __init__(self, ready=None):
        self.clock = Clock()
        self.ready = ready if ready is not None else succeed(None)
        self.monitor = Monitor(self.metrics, "text/plain", lambda: self.ready, self.clock)

    def metrics(self):
        return self.ready.addCallback(lambda _: b"one 1\n")

    def ask(self, target, method=b"GET"):
        answer = self.monitor.answer(Visit(method, target, (), "127.0.0.1"))
        held = [answer]
        if not isinstance(answer, Answer):
            held = []
            Deferred.fromCoroutine(answer).addBoth(held.append)
            self.clock.advance(5.0)
        return held[0].status, held[0].body


def test_figures_are_told():
    assert (200, b"one 1\n") == Watched().ask(b"/metrics?x")


def test_a_process_that_runs_is_healthy_whatever_its_store_does():
    assert (200, b"ok\n") == Watched(fail(SpoolUnavailable("gone")).addErrback(lambda _: None)).ask(
        b"/healthz"
    )


def test_it_is_ready_while_its_store_answers():
    assert (200, b"ok\n") == Watched().ask(b"/readyz")


@pytest.mark.parametrize("path", [b"/readyz", b"/metrics"])
def test_a_store_in_trouble_is_told(path):
    assert (503, b"The store: the disk is gone\n") == Watched(fail(SpoolUnavailable("the disk is gone"))).ask(
        path
    )


def test_a_store_that_says_nothing_is_not_waited_for():
    assert (503, b"The store does not answer within 5 seconds.\n") == Watched(Deferred()).ask(b"/readyz")


@pytest.mark.parametrize(("target", "method", "status"), [(b"/", b"GET", 404), (b"/metrics", b"POST", 405)])
def test_there_is_nothing_else(target, method, status):
    assert status == Watched().ask(target, method)[0]
