"""What is rewritten beside the conversations, what by a worker process, and what is accepted with edits pending."""

from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from smtpeter.message.edit import Edit, Literal, Report, Template, compile_template
from smtpeter.message.options import Switches
from smtpeter.relay.interface import NotNow
from smtpeter.rewrite.pool import PoolStopped, RewritersFailed
from smtpeter.rewrite.settings import Settings
from smtpeter.service.preparing import NOTE, Preparing
from smtpeter.spool.interface import SpoolUnavailable
from tests.kit.fakes.spool import FakeSpool
from tests.storage.stores import accepted, result

SMALL, LARGE = b"x" * 1_000, b"x" * 66_000
HOSTS = Settings(click_url="https://click.example")
HEADER = (Edit(0, 0, (Literal(b"Received: x\r\n"),)),)
CSS = Switches(inline_css=True)
HERE, THERE = Template((Literal(b"here"),)), Template((Literal(b"there"),))
PLAIN = compile_template(len(SMALL), HEADER)
FAILED = "nothing was rewritten: the rewriters failed"


class Here:
    def prepare(self, original, switches, header_edits, hosts):
        assert HOSTS is hosts
        return HERE, Report()


class There:
    """The workers: each job is a Deferred that the test fires."""

    def __init__(self):
        self.jobs, self.logins = [], []

    async def prepare(self, login, original, switches, header_edits, hosts):
        self.logins.append(login)
        assert (HEADER, HOSTS) == (header_edits, hosts)
        self.jobs.append(Deferred())
        return await self.jobs[-1]


class Scene:
    def __init__(self):
        self.clock, self.spool, self.there = Clock(), FakeSpool(), There()
        self.preparing = Preparing(Here(), self.there, lambda _: HOSTS, self.spool, self.clock)

    def prepare(self, number=1, original=SMALL, switches=CSS, login="news"):
        """A list that gets the result, or what went wrong."""
        results = []
        prepared = self.preparing.prepare(number, login, original, switches, HEADER)
        prepared.addBoth(results.append)
        return results

    def keep(self, prepared, notes=()):
        """Accept what was prepared, as submission does."""
        one = accepted(content=SMALL, switches=CSS)
        report = Report(notes=notes + prepared.report.notes)
        one = replace(
            one,
            message=replace(
                one.message, id=1, template=prepared.template, report=report, pending=prepared.pending
            ),
        )
        result(self.spool.accept(one))

    def finish(self):
        results = []
        Deferred.fromCoroutine(self.preparing.finish(1)).addBoth(results.append)
        return results

    def made(self, notes=()):
        for job in self.there.jobs:
            if not job.called:
                job.callback((THERE, Report(notes=notes)))


@pytest.fixture
def scene():
    made = Scene()
    yield made
    assert [] == made.clock.getDelayedCalls()


@pytest.mark.parametrize(
    ("original", "switches", "where"),
    [
        (SMALL, Switches(), "nobody"),
        (SMALL, Switches(track_clicks=True, track_opens=True), "here"),
        (SMALL, CSS, "there"),
        (LARGE, Switches(track_clicks=True), "there"),
        (LARGE, Switches(), "nobody"),
    ],
)
def test_who_prepares(scene, original, switches, where):
    results = scene.prepare(1, original, switches)
    scene.made()
    expected = {"nobody": compile_template(len(original), HEADER), "here": HERE, "there": THERE}[where]
    assert [(expected, Report(), False)] == results


def test_what_is_done_within_the_budget_is_waited_for(scene):
    results = scene.prepare()
    scene.clock.advance(0.29)
    assert [] == results
    scene.made()
    assert [(THERE, Report(), False)] == results


def test_what_takes_longer_is_accepted_with_its_edits_pending(scene):
    results = scene.prepare(login="shop")
    assert ["shop"] == scene.there.logins
    scene.clock.advance(0.31)
    assert [(PLAIN, Report(notes=(NOTE,)), True)] == results


def pending(scene, notes=()):
    results = scene.prepare()
    scene.clock.advance(0.31)
    scene.keep(results[0], notes)


def test_when_they_are_made_the_spool_has_them(scene):
    pending(scene, ("an option that is none",))
    scene.made(("a note",))
    kept = result(scene.spool.message(1))
    assert (THERE, False, ("an option that is none", "a note")) == (
        kept.template,
        kept.pending,
        kept.report.notes,
    )


def test_who_finishes_waits_for_what_is_under_way(scene):
    pending(scene)
    finished = scene.finish()
    assert [] == finished
    scene.made()
    assert [THERE] == [message.template for message in finished]
    assert 1 == len(scene.there.jobs)


def test_two_may_wait_for_the_same(scene):
    pending(scene)
    finished = [scene.finish(), scene.finish()]
    scene.made()
    assert [[THERE], [THERE]] == [[message.template for message in one] for one in finished]


def test_after_a_restart_they_are_made_anew_with_the_same_edits_of_the_header(scene):
    pending(scene)
    another = Scene()
    another.spool = scene.spool
    another.preparing = Preparing(Here(), another.there, lambda _: HOSTS, scene.spool, another.clock)
    finished = another.finish()
    another.made()
    assert [(THERE, False)] == [(message.template, message.pending) for message in finished]
    scene.made()
    assert THERE == result(scene.spool.message(1)).template


def test_the_finished_message_is_what_the_spool_has(scene):
    pending(scene, ("an option that is none",))
    finished = scene.finish()
    scene.made(("a note",))
    assert [result(scene.spool.message(1))] == finished


def test_who_finishes_second_gets_what_the_first_made(scene):
    pending(scene)
    finished = scene.finish()
    first = Template((Literal(b"first"),))
    assert result(scene.spool.amend(1, first, Report()))
    scene.made()
    assert [first] == [message.template for message in finished]


def test_what_has_nothing_pending_is_finished(scene):
    scene.keep(scene.prepare(switches=Switches())[0])
    assert [False] == [message.pending for message in scene.finish()]
    result(scene.spool.forget_content(1e9, 10))


def test_what_is_not_kept_is_none(scene):
    assert [None] == scene.finish()


def test_what_is_made_before_the_message_is_kept_is_made_anew(scene):
    """The 250 is on its way, and slower than the worker."""
    results = scene.prepare()
    scene.clock.advance(0.31)
    scene.made()
    scene.keep(results[0])
    finished = scene.finish()
    scene.made()
    assert [THERE] == [message.template for message in finished]


def test_rewriters_that_fail_cost_the_feature(scene):
    pending(scene)
    scene.there.jobs[0].errback(RewritersFailed("ValueError: x"))
    [message] = scene.finish()
    assert (PLAIN, False, (FAILED,)) == (message.template, message.pending, message.report.notes)


def test_workers_that_stop_leave_it_pending(scene):
    pending(scene)
    scene.there.jobs[0].errback(PoolStopped())
    assert result(scene.spool.message(1)).pending
    finished = scene.finish()
    scene.there.jobs[1].errback(PoolStopped())
    assert NotNow is finished[0].check(NotNow)


def test_a_store_that_is_away_leaves_it_pending(scene):
    pending(scene)
    scene.spool.trouble = SpoolUnavailable("away")
    scene.made()
    assert SpoolUnavailable is scene.finish()[0].check(SpoolUnavailable)
    scene.spool.trouble = None
    finished = scene.finish()
    scene.made()
    assert [THERE] == [message.template for message in finished]


def test_who_sends_more_than_the_workers_can_do_waits_and_nobody_else(scene):
    many = [scene.prepare(number, login="greedy") for number in range(2, 600)]
    scene.clock.advance(0.31)
    waiting = sum(not results for results in many)
    assert 598 * 0.3 < waiting < 598 * 0.5
    other = scene.prepare(1, login="modest")
    scene.clock.advance(0.31)
    assert other[0].pending
    scene.made()
    assert all(many)
    again = scene.prepare(1, login="greedy")
    scene.clock.advance(0.31)
    assert again[0].pending
    scene.made()


def test_a_fault_before_that_is_the_callers(scene):
    results = scene.prepare()
    scene.there.jobs[0].errback(ZeroDivisionError())
    assert ZeroDivisionError is results[0].check(ZeroDivisionError)


def test_a_fault_after_that_is_logged_and_leaves_it_pending(scene, expected_failures):
    expected_failures.append(ZeroDivisionError)
    pending(scene)
    scene.there.jobs[0].errback(ZeroDivisionError())
    assert result(scene.spool.message(1)).pending


def test_who_waits_when_the_workers_stop_is_accepted_with_edits_pending(scene):
    results = scene.prepare()
    scene.there.jobs[0].errback(PoolStopped())
    assert [(PLAIN, True)] == [(one.template, one.pending) for one in results]


def test_an_identifier_that_comes_again_is_waited_for(scene):
    """As when the store was away at the first request, and the program repeats it."""
    first = scene.prepare()
    scene.clock.advance(0.31)
    again = scene.prepare()
    scene.clock.advance(0.31)
    assert ([True], []) == ([one.pending for one in first], again)
    scene.made()
    assert [(THERE, False)] == [(one.template, one.pending) for one in again]
    third = scene.prepare(2)
    scene.clock.advance(0.31)
    assert [True] == [one.pending for one in third]
    scene.made()


def test_what_was_made_of_another_content_is_not_put_upon_this_one(scene):
    """Another process accepted it, where the same request came with an attachment that had changed meanwhile."""
    results = scene.prepare(original=b"y" * 900)
    scene.clock.advance(0.31)
    scene.keep(results[0]._replace(template=PLAIN))
    scene.made()
    assert result(scene.spool.message(1)).pending
    finished = scene.finish()
    scene.made()
    assert [(THERE, False)] == [(message.template, message.pending) for message in finished]
