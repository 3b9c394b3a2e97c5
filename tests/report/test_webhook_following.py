"""Posting to webhooks: nothing is lost, each delivery's events come in order, and one bad event delays no other."""

import json

import pytest
from twisted.internet.defer import Deferred, succeed

from smtpeter.accounts.webhooks import KINDS, DutyLost, Progress, Webhook
from smtpeter.journal.events import Attempt, Bounced, Click, Delivered, Open, Responded
from smtpeter.report.following import Following, Posted
from smtpeter.service.posting import gather
from smtpeter.storage import workers
from smtpeter.storage.engine import for_writing
from tests.storage.stores import result

DAY = 86_400.0
START = 1_767_355_200.0


class Receiver:
    """Takes or refuses requests as a test says; `got` are the ids it took, in order."""

    def __init__(self):
        self.now = START
        self.got = []
        self.asked = 0
        self.refuse = lambda number: None  # a status, 0 for no answer at all, None to take it

    def post(self, _url, headers, _body):
        self.asked += 1
        number = int(dict(headers)["webhook-id"].removeprefix("evt_"))
        status = self.refuse(number)
        if status is None:
            self.got.append(number)
            return succeed(Posted(200))
        return succeed(Posted(status, "" if status else "connection refused"))


class House:
    def __init__(self, stored):
        self.stored = stored
        self.receiver = Receiver()
        self.following = self.new_process()
        self.webhook = result(
            stored.webhooks.create(Webhook(0, "https://x.example/", tuple(KINDS), b"s" * 32, START, cursor=0))
        )

    def new_process(self):
        return Following(
            self.stored.webhooks,
            self.stored.journal,
            self,
            self.receiver.post,
            gather,
            lambda: self.receiver.now,
        )

    def original(self, number):
        return succeed({5: b"Subject: gone"}.get(number))

    def happen(self, *deliveries, kind=Delivered):
        events = [kind(time=self.receiver.now, delivery=n, message=n * 10) for n in deliveries]
        result(self.stored.journal.append(events))

    def work(self, seconds=0.0, step=0.5):
        """As the server does, for so long; time stands still while there is more to do at once."""
        until = self.receiver.now + seconds
        while True:
            ready = result(Deferred.fromCoroutine(self.following.ready()))
            more = [result(Deferred.fromCoroutine(self.following.work(one))) for one in ready]
            if any(more):
                continue
            if self.receiver.now >= until:
                return
            self.receiver.now += step

    def aside(self):
        return [(one.event, one.attempts) for one in result(self.stored.webhooks.aside(1, 100))]

    def health(self):
        return result(self.stored.webhooks.health(1))


@pytest.fixture
def house(stored):
    return House(stored)


def test_events_are_posted_in_their_order_once(house):
    house.happen(*range(1, 251))
    house.work()
    house.work()
    assert list(range(1, 251)) == house.receiver.got


def test_only_the_kinds_and_the_login_that_were_asked_for(house, stored):
    result(stored.webhooks.delete(1))
    result(
        stored.webhooks.create(Webhook(0, "https://x/", ("click",), b"s" * 32, START, login="shop", cursor=0))
    )
    facts = {"time": START, "delivery": 1, "message": 10}
    result(
        stored.journal.append(
            [
                Click(**facts, login="shop"),
                Click(**facts, login="other"),
                Open(**facts, login="shop"),
                Attempt(**facts, login="shop"),
            ]
        )
    )
    house.work()
    assert [1] == house.receiver.got


def test_a_receiver_that_is_down_for_a_day_gets_every_event_once_it_is_back_in_order(house):
    house.receiver.refuse = lambda number: 0
    for hour in range(24):
        house.happen(*range(hour * 10 + 1, hour * 10 + 11), kind=Click)
        house.happen(*range(hour * 10 + 1, hour * 10 + 11), kind=Open)
        house.work(3600.0, step=60.0)
    assert [] == house.receiver.got
    assert "connection refused" == house.health().problem
    assert house.receiver.asked < 500
    house.receiver.refuse = lambda number: None
    house.work(3600.0, step=60.0)
    assert list(range(1, 481)) == sorted(house.receiver.got)
    for delivery in range(1, 241):
        place = (delivery - 1) // 10 * 20 + (delivery - 1) % 10 + 1
        assert house.receiver.got.index(place) < house.receiver.got.index(place + 10)
    assert 480 == len(house.receiver.got)
    assert 0 == house.health().failures


@pytest.mark.parametrize("status", [400, 500])
def test_one_bad_event_is_set_aside_with_what_follows_it_and_the_others_go_on(house, status):
    house.happen(1, 2, 1, 3)
    house.receiver.refuse = lambda number: status if number == 1 else None
    house.work(1.0)
    house.happen(1, 4)
    house.work(1.0)
    assert [2, 4, 6] == house.receiver.got
    assert [(1, 1), (3, 0), (5, 0)] == house.aside()
    house.receiver.refuse = lambda number: None
    house.work(60.0)
    assert [2, 4, 6, 1, 3, 5] == house.receiver.got
    assert [] == house.aside()


def test_a_bad_event_is_given_up_after_days_and_then_what_follows_goes_on(house):
    house.happen(1, 2, 1, 3)
    house.receiver.refuse = lambda number: 400 if number == 1 else None
    house.work(6 * DAY, step=600.0)
    assert [2, 4, 3] == house.receiver.got
    [given_up] = result(house.stored.webhooks.aside(1, 10))
    assert (1, None, "answered 400") == (given_up.event, given_up.due_at, given_up.problem)
    house.receiver.refuse = lambda number: None
    result(house.stored.webhooks.replay(1, 4))
    house.work(1.0)
    assert [2, 4, 3, 1] == house.receiver.got


def test_a_bad_event_that_is_alone_waits_at_the_head(house):
    house.happen(1)
    house.receiver.refuse = lambda number: 500 if number == 1 else None
    house.work(100.0)
    assert [] == house.aside()
    house.happen(2, 3)
    house.work(700.0)
    assert ([2, 3], [1]) == (house.receiver.got, [event for event, _ in house.aside()])


def test_many_bad_events_do_not_stop_the_good_ones(house):
    house.receiver.refuse = lambda number: 500 if number % 3 == 0 else None
    house.happen(*range(1, 400))
    house.work(5.0)
    assert [n for n in range(1, 400) if n % 3] == sorted(house.receiver.got)


def test_a_replay_posts_again_with_the_same_ids(house):
    house.happen(1, 2, 3)
    house.work()
    result(house.stored.webhooks.replay(1, 1))
    house.work()
    assert [1, 2, 3, 2, 3] == house.receiver.got


def test_a_replay_in_the_middle_of_a_round_posts_that_rounds_events_again_too(house):
    house.happen(1, 2, 3)
    house.work()

    def replayed(number):
        if number == 5 and house.receiver.got.count(4) == 1:
            result(house.stored.webhooks.replay(1, 1))

    house.receiver.refuse = replayed
    house.happen(4, 5)
    house.work(1.0)
    assert [1, 2, 3, 4, 5, 2, 3, 4, 5] == house.receiver.got


def test_gone_means_no_more(house):
    house.happen(1, 2)
    house.receiver.refuse = lambda number: 410
    house.work(10.0)
    assert [False] == [one.enabled for one in result(house.stored.webhooks.webhooks())]
    asked = house.receiver.asked
    house.work(100.0)
    assert asked == house.receiver.asked


def test_retry_after_is_respected_up_to_an_hour(house):
    house.happen(1)
    answers = [Posted(429, "", 600.0), Posted(503, "", 1e8), Posted(200)]
    at = []

    def post(_url, _headers, _body):
        at.append(house.receiver.now - START)
        return succeed(answers[len(at) - 1])

    house.receiver.post = post
    house.following = house.new_process()
    house.work(5000.0, step=10.0)
    assert [0.0, 600.0, 4200.0] == at


def test_another_process_goes_on_where_the_first_was(house):
    house.happen(1, 2, 3)
    house.receiver.refuse = lambda number: None if number < 3 else 0
    house.work()
    house.receiver.refuse = lambda number: None
    house.following = house.new_process()
    house.work(10.0)
    assert [1, 2, 3] == house.receiver.got


def test_what_is_posted_at_once_is_bounded(house):
    """A receiver that answers nothing holds at most eight requests, and the events of one page."""
    waiting = []
    house.receiver.post = lambda *_: waiting.append(Deferred()) or waiting[-1]
    house.following = house.new_process()
    house.happen(*range(1, 1000))
    [ready] = result(Deferred.fromCoroutine(house.following.ready()))
    working = Deferred.fromCoroutine(house.following.work(ready))
    assert 8 == len(waiting)
    assert [] == result(Deferred.fromCoroutine(house.following.ready()))
    for one in waiting:
        one.callback(Posted(0, "gone"))
    assert not result(working)


def test_events_that_were_forgotten_meanwhile_are_no_trouble(house):
    house.happen(1, 2)
    house.receiver.refuse = lambda number: 400 if number == 1 else None
    house.work(1.0)
    result(house.stored.journal.forget(9e9, ("delivery",), 100))
    house.work(60.0)
    assert [] == house.aside()


def test_a_wall_clock_set_back_does_not_make_it_wait(house):
    house.happen(1)
    house.receiver.refuse = lambda number: 0
    house.work(100.0)
    house.receiver.refuse = lambda number: None
    house.receiver.now -= DAY
    house.work(1.0)
    assert [1] == house.receiver.got


def test_only_one_process_posts_and_another_takes_over_when_it_dies(house, stored):
    other = stored.new_store().webhooks
    assert result(stored.webhooks.take_duty())
    assert not result(other.take_duty())
    stored.presume_dead()
    with for_writing(stored.engine).begin() as connection:
        workers.beat(connection, [(2, stored.machine.uptime)])
    assert result(other.take_duty())
    assert not result(stored.webhooks.take_duty())
    house.happen(1)
    health = house.health()
    [webhook] = result(stored.webhooks.webhooks())
    house.receiver.refuse = lambda number: None
    with pytest.raises(DutyLost):
        result(stored.webhooks.record(Progress(webhook.id, 0, 1, health)))
    house.work(10.0)
    assert [] == house.receiver.got


def test_progress_made_while_somebody_asked_for_a_replay_is_not_kept(house, stored):
    house.happen(1, 2, 3)
    house.work()
    result(stored.webhooks.replay(1, 0))
    result(stored.webhooks.record(Progress(1, 3, 3, house.health())))
    assert [0] == [one.cursor for one in result(stored.webhooks.webhooks())]


def test_what_came_back_is_posted_with_its_text(house):
    facts = {"time": START, "delivery": 1, "message": 10}
    bodies = []
    house.receiver.post = lambda _url, _headers, body: bodies.append(json.loads(body)) or succeed(Posted(200))
    house.following = house.new_process()
    result(house.stored.journal.append([Bounced(**facts, original=5), Responded(**facts, original=6)]))
    house.work()
    assert [("bounce", "Subject: gone"), ("bounce", None)] == [
        (one["type"], one.get("mime")) for one in bodies
    ]
