"""When a domain's policy is looked for, fetched, kept and believed (RFC 8461 3.1, 3.3, 5.1, 10.2); with a clock."""

from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from smtpeter.relay.interface import Answer, Finding
from smtpeter.relay.limits import Site
from smtpeter.relay.mta_sts import NoPolicy, Text
from smtpeter.relay.policy_book import ForewarnedSites, PolicyBook
from smtpeter.relay.sites import OneSite
from smtpeter.request.client import NoAnswer
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.mta_sts import PolicyMode
from tests.kit.mta_sts import FakePolicies
from tests.relay.hosts import result

DAY = 86400.0
DOMAIN = "example.com"
STRICT = Text(PolicyMode.ENFORCE, ("mx.example.com",), int(7 * DAY))
NO_ANSWER = NoAnswer("no answer within 20 seconds")


class World(Clock):
    """A domain that publishes `text` under `id`, and a process that knows of it by `book`."""

    def __init__(self, text=STRICT, identifier="1", kept=None):
        super().__init__()
        self.advance(1000.0)
        self.text, self.id = text, identifier
        self.kept = kept or FakePolicies()
        self.asked, self.fetched = [], []
        self.gate = None  # a fetch waits for it
        self.book = PolicyBook(self, self.fetch, self.kept, self, self.seconds)

    async def texts(self, name):
        self.asked.append(name)
        if self.id is None:
            return Answer(Finding.NO_SUCH_NAME)
        if isinstance(self.id, Finding):
            return Answer(self.id)
        return Answer(Finding.FOUND, (f"v=STSv1; id={self.id};".encode(),))

    async def fetch(self, domain):
        self.fetched.append(domain)
        if self.gate is not None:
            await self.gate
        if isinstance(self.text, Exception):
            raise self.text
        return self.text

    def begin(self, domain=DOMAIN):
        return Deferred.fromCoroutine(self.book.known(domain))

    def known(self, domain=DOMAIN):
        return result(self.begin(domain))

    def later(self, seconds):
        """What is known some time later: mail that comes then has it looked at, the next goes by it."""
        self.advance(seconds)
        self.begin()
        return self.known()

    def restarted(self):
        world = World(self.text, self.id, self.kept)
        world.advance(self.seconds() - world.seconds())
        return world


@pytest.mark.row(113)
def test_a_policy_is_fetched_once_and_kept_over_restarts():
    world = World()
    for _ in range(3):
        policy = world.known()
        assert (PolicyMode.ENFORCE, ("mx.example.com",), "1") == (policy.mode, policy.mx, policy.id)
    assert (["_mta-sts.example.com"], [DOMAIN]) == (world.asked, world.fetched)
    again = world.restarted()
    assert policy == again.known()
    assert [] == again.fetched


@pytest.mark.row(113)
@pytest.mark.parametrize("identifier", [None, Finding.TROUBLE])
def test_without_a_record_there_is_no_policy_and_nothing_is_fetched(identifier):
    world = World(identifier=identifier)
    assert world.known() is None
    assert [] == world.fetched


@pytest.mark.row(113)
def test_a_new_id_fetches_the_policy_anew():
    world = World()
    world.known()
    world.id, world.text = "2", replace(STRICT, mode=PolicyMode.NONE)
    assert "1" == world.known().id  # the record is not asked for with every message
    assert (PolicyMode.NONE, "2") == (world.later(60).mode, world.known().id)
    assert 2 == len(world.fetched)


@pytest.mark.row(113)
@pytest.mark.parametrize("trouble", [NO_ANSWER, NoPolicy("it is of type 'text/html', not text/plain")])
def test_what_cannot_be_fetched_leaves_the_old_policy_until_it_expires(trouble):
    world = World()
    world.known()
    world.id, world.text = "2", trouble
    with capturedLogs() as logs:
        assert "1" == world.later(60).id
    assert [f"{DOMAIN}: its MTA-STS policy cannot be had: {trouble}"] == [
        log["log_format"].format(**log) for log in logs
    ]
    assert "1" == world.later(6 * DAY).id
    assert world.later(DAY) is None


@pytest.mark.row(113)
@pytest.mark.parametrize("identifier", [None, Finding.TROUBLE])
def test_a_record_that_goes_leaves_the_policy_until_it_expires(identifier):
    """RFC 8461 10.2: whoever hides the record does not undo the policy."""
    world = World()
    world.known()
    world.id = identifier
    assert "1" == world.later(6 * DAY).id
    assert world.later(DAY + 1) is None
    assert world.restarted().known() is None


@pytest.mark.row(113)
def test_an_expired_policy_is_fetched_anew():
    world = World(replace(STRICT, max_age=100))
    first = world.known()
    world.advance(100)
    assert world.known().fetched_at == first.fetched_at + 100, "mail did not wait for it"


def test_mail_waits_once_for_what_takes_the_place_of_an_expired_policy():
    world = World(replace(STRICT, max_age=100))
    world.known()
    world.advance(100)
    world.gate = Deferred()
    waiting = world.begin()
    assert not waiting.called
    world.text = NO_ANSWER
    world.gate.callback(None)
    assert result(waiting) is None
    world.advance(300)
    world.gate = Deferred()
    assert world.known() is None


def test_after_a_failure_five_minutes_pass_before_the_next_fetch():
    """RFC 8461 3.3"""
    world = World(NO_ANSWER)
    assert world.known() is None
    for _ in range(4):
        assert world.later(60) is None
    assert 1 == len(world.fetched)
    world.text = STRICT
    assert world.later(60) is not None
    assert 2 == len(world.fetched)


@pytest.mark.row(113)
@pytest.mark.parametrize("identifier", [None, Finding.TROUBLE])
def test_a_record_that_comes_is_seen_a_minute_later(identifier):
    world = World(identifier=identifier)
    assert world.known() is None
    world.id = "1"
    assert "1" == world.later(60).id


def test_many_that_ask_at_once_are_one_question():
    world = World()
    world.gate = Deferred()
    asking = [world.begin() for _ in range(3)]
    asking[0].addErrback(lambda failure: None).cancel()  # who goes away takes nothing from the others
    assert not any(one.called for one in asking[1:])
    world.gate.callback(None)
    assert ["1", "1"] == [result(one).id for one in asking[1:]]
    assert (1, 1) == (len(world.asked), len(world.fetched))


@pytest.mark.row(113)
def test_mail_does_not_wait_for_what_is_looked_at_again():
    world = World()
    world.known()
    world.id, world.gate = "2", Deferred()
    world.advance(60)
    assert "1" == world.known().id
    world.gate.callback(None)
    assert "2" == world.known().id


@pytest.mark.row(113)
def test_a_policy_host_that_stalls_holds_up_nobody_at_the_domains_site():
    """The site is found, so that mail waits for it, only when the policy is known or cannot be."""
    world = World()
    world.gate = Deferred()
    sites = ForewarnedSites(OneSite(Site("mx.example")), world.book)
    finding = Deferred.fromCoroutine(sites.find("EXAMPLE.com", 0.0))
    assert [DOMAIN] == world.fetched
    assert not finding.called
    world.gate.callback(None)
    assert Site("mx.example") == result(finding)
    assert "1" == world.known().id
    for unknown in ("[192.0.2.1]", "a..example"):
        assert Site("mx.example") == result(Deferred.fromCoroutine(sites.find(unknown, 0.0)))
    assert 1 == len(world.asked)


@pytest.mark.row(113)
def test_another_process_fetches_for_all():
    world = World()
    world.known()
    other = world.restarted()
    other.known()
    world.id = other.id = "2"
    world.later(60)
    other.later(60)
    assert ("2", []) == (other.known().id, other.fetched)


@pytest.mark.row(113)
def test_a_policy_in_use_is_fetched_anew_each_day_without_mail():
    world = World()
    world.known()
    world.book.start()
    world.advance(DAY / 2)
    assert 1 == len(world.fetched)
    for _ in range(75):
        world.advance(600)
    assert 2 == len(world.fetched)
    for _ in range(40 * 144):
        world.advance(600)
    assert 30 <= len(world.fetched) <= 32  # no mail for a month: it is left to expire
    world.book.stop()
    assert [] == world.getDelayedCalls()


def test_mail_keeps_a_policy_in_use():
    world = World()
    first = world.known()
    assert first.used_at == world.known().used_at
    world.advance(2 * DAY)
    assert first.used_at + 2 * DAY == world.known().used_at == world.kept.rows[DOMAIN].used_at


@pytest.mark.row(113)
def test_mail_by_an_older_policy_does_not_undo_a_newer_one():
    """Two processes: one has fetched, the other has not looked again yet."""
    world = World()
    world.known()
    newer = replace(world.kept.rows[DOMAIN], id="2")
    world.kept.rows[DOMAIN] = newer
    world.id = Finding.TROUBLE
    world.advance(2 * DAY)
    assert "1" == world.known().id
    assert newer == world.kept.rows[DOMAIN]


@pytest.mark.parametrize("trouble", ["text", "id"])
def test_what_cannot_be_renewed_rests(trouble):
    world = World()
    world.known()
    setattr(world, trouble, {"text": NO_ANSWER, "id": None}[trouble])
    world.book.start()
    for _ in range(2 * 144):
        world.advance(600)
    world.book.stop()
    tried = {"text": world.fetched, "id": world.asked}[trouble]
    assert 4 <= len(tried) - 1 <= 5  # in the second day, every six hours


@pytest.mark.row(113)
def test_a_store_that_is_away_costs_nothing_but_the_memory():
    world = World()
    world.kept.trouble = SpoolUnavailable("away")
    assert "1" == world.known().id
    result(Deferred.fromCoroutine(world.book.refresh()).addCallback(lambda _: True))
    world.advance(2 * DAY)
    assert "1" == world.known().id


def test_what_is_known_is_bounded(monkeypatch):
    monkeypatch.setattr("smtpeter.relay.policy_book._MOST_KNOWN", 3)
    world = World()
    for number in range(5):
        assert "1" == world.known(f"{number}.example").id
    assert 3 == len(list(world.book._known))


def refreshed(world):
    return Deferred.fromCoroutine(world.book.refresh()).addCallback(lambda _: True)


@pytest.mark.row(113)
def test_all_that_is_aged_is_renewed_in_one_round():
    world = World()
    for number in range(50):
        world.known(f"{number}.example")
    world.advance(DAY)
    assert result(refreshed(world))
    assert 100 == len(world.fetched)


@pytest.mark.row(113)
def test_slow_hosts_hold_up_the_policy_of_others_for_seconds_only():
    world = World()
    gate = world.gate = Deferred()
    slow = [world.begin(f"{number}.example") for number in range(40)]
    world.gate = None
    honest = world.begin()
    world.advance(2)
    world.advance(2)
    assert "1" == result(honest).id
    gate.callback(None)
    assert all(one.called for one in slow)


@pytest.mark.row(113)
def test_a_renewed_policy_that_could_not_be_kept_is_kept_later_and_not_fetched_again():
    world = World()
    world.known()
    world.advance(DAY)
    keep = world.kept.keep
    world.kept.keep = lambda *_: fail(SpoolUnavailable("full"))
    assert result(refreshed(world))
    world.kept.keep = keep
    world.advance(600)
    assert result(refreshed(world))
    assert 2 == len(world.fetched)
    assert 1000.0 + DAY == world.kept.rows[DOMAIN].fetched_at


def test_a_fault_of_ours_is_no_policy(expected_failures):
    expected_failures.append(ZeroDivisionError)
    world = World(ZeroDivisionError())
    with capturedLogs() as logs:
        assert world.known() is None
    assert 1 == len([log for log in logs if "log_failure" in log])
