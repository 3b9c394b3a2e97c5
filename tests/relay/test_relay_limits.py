"""The operator's limits: however much waits, no site, login or source address has more than it may, at any time."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.options import Priority
from smtpeter.relay.limits import Limit, Rate, Site, Throttle
from smtpeter.relay.sites import OneSite
from smtpeter.relay.sources import Face, Source, Sources, pool
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State, Step
from smtpeter.spool.waiting import Reason
from tests.kit.fakes.work import FakeQuota
from tests.relay.mails import GREYLISTED, TAKEN, UNREACHED, message

RATE = Rate.parse


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("100/m", Rate(100, 60.0)),
        ("5/s", Rate(5, 1.0)),
        ("1000/h", Rate(1000, 3600.0)),
        ("10/5m", Rate(10, 300.0)),
        ("3/d", Rate(3, 86400.0)),
    ],
)
def test_a_rate_is_read(text, rate):
    assert rate == Rate.parse(text)


@pytest.mark.parametrize("text", ["", "100", "0/m", "100/x", "-1/m", "1/0m", "1.5/m", "100 / m", "100/m "])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(ValueError, match="expected a rate"):
        Rate.parse(text)


def most_within(times, seconds):
    """The largest number of times in any window of that many seconds, its end excluded."""
    return max((sum(start <= t < start + seconds for t in times) for start in times), default=0)


@given(st.integers(1, 30), st.lists(st.floats(0.0, 20.0), max_size=100), st.integers(0, 100))
def test_no_time_has_more_than_the_rate_says(count, pauses, change_at):
    """However one asks, and whatever part is leased meanwhile."""
    throttle = Throttle("x", Limit(rate=Rate(count, 60.0)), is_shared=True)
    now, times = 0.0, []
    throttle.lease(None, count, now)
    for number, pause in enumerate(pauses):
        now += pause
        if number == change_at:
            throttle.lease(None, max(1, count // 2), now)
        if throttle.may(now):
            throttle.take(now)
            times.append(now)
    assert most_within(times, 59.999) <= count


def test_connections_and_rate_hold_together():
    throttle = Throttle("x", Limit(2, Rate(60, 60.0)), is_shared=False)
    assert throttle.may(0.0)
    throttle.take(0.0)
    assert 1.0 == throttle.opens_at(0.0)
    throttle.take(1.0)
    assert float("inf") == throttle.opens_at(5.0)
    throttle.give_back()
    assert throttle.may(5.0)


def test_what_is_shared_begins_with_nothing_and_ends_with_nothing():
    throttle = Throttle("x", Limit(5, Rate(60, 60.0)), is_shared=True)
    assert float("inf") == throttle.opens_at(0.0)
    assert throttle.lease(3, 30, 0.0)
    assert 2.0 == throttle.opens_at(0.0)
    assert not throttle.lease(2, 30, 1.0)
    throttle.check(20.0)
    assert throttle.may(20.0)
    throttle.check(27.0)
    assert not throttle.may(27.0)


class Sink:
    """Counts what the couriers of several houses have open at a site, and when each attempt began."""

    def __init__(self, *houses, lasts):
        self.houses, self.lasts = houses, lasts
        self.most, self.times, self.seen = Counter(), [], 0
        self.began = {}

    def advance(self, seconds, step=0.25):
        for _ in range(int(seconds / step)):
            for house in self.houses:
                for group, attempt in tuple(house.courier.open):
                    now = house.clock.seconds()
                    if attempt not in self.began:
                        self.began[attempt] = now
                        self.times.append(now)
                    if now - self.began[attempt] >= self.lasts:
                        house.courier.open.remove((group, attempt))
                        attempt.callback({each.id: TAKEN for each in group.deliveries})
            open_now = Counter(g.site.name for h in self.houses for g, _ in h.courier.open)
            for site, number in open_now.items():
                self.most[site] = max(self.most[site], number)
            for house in self.houses:
                house.clock.advance(step)


def limited(**limit):
    return lambda domain: (
        Site("big.example", limit=Limit(**limit)) if domain.endswith("big.example") else domain
    )


@pytest.mark.row(118)
def test_a_site_has_as_many_connections_as_the_operator_says_and_no_more(build):
    house = build(site_of=limited(connections=3))
    house.courier.slow = True
    for number in range(60):
        house.accept(message(f"a@{number}.big.example"))
    sink = Sink(house, lasts=1.0)
    sink.advance(60.0)
    assert [State.DELIVERED] * 60 == house.states
    assert 3 == sink.most["big.example"]


@pytest.mark.row(118)
def test_more_connections_than_usual_when_the_operator_says_so(build):
    house = build(site_of=limited(connections=40))
    house.courier.slow = True
    for number in range(400):
        house.accept(message(f"a@{number}.big.example"))
    sink = Sink(house, lasts=1.0)
    sink.advance(60.0)
    assert 40 == sink.most["big.example"]


@pytest.mark.row(118)
def test_a_site_gets_messages_as_fast_as_the_operator_says_and_others_are_not_kept(build):
    house = build(site_of=limited(rate=RATE("60/m")))
    for number in range(200):
        house.accept(message(f"a@{number}.big.example"))
    house.accept(message("a@small.example"))
    assert State.DELIVERED is house.states[-1]
    times = [1000.0] * (len(house.courier.groups) - 1)
    for _ in range(400):
        house.clock.advance(0.25)
        times += [house.clock.seconds()] * (len(house.courier.groups) - 1 - len(times))
    assert 60 >= most_within(times, 60.0) >= 55
    assert 95 <= len(times) <= 101
    waiting = [row for row in house.rows() if row.state is State.CLAIMED]
    assert {Reason.SITE_LIMIT} == {house.relay.why(row) for row in waiting}


@pytest.mark.row(118)
@pytest.mark.parametrize("limit", [{"connections": 4}, {"connections": 1}, {"rate": RATE("40/m")}])
def test_two_processes_together_keep_the_limit(build, limit):
    """Each on its own spool, both on the quotas of one store."""
    quota = FakeQuota()
    houses = [
        build(site_of=limited(**limit), quota=quota, is_shared=True),
        build(site_of=limited(**limit), quota=quota.another_worker(), is_shared=True),
    ]
    for house in houses:
        house.courier.slow = True
        for number in range(40):
            house.accept(message(f"a@{number}.big.example"))
    sink = Sink(*houses, lasts=0.5)
    sink.advance(180.0)
    for house in houses:
        assert State.DELIVERED in house.states
    if "connections" in limit:
        assert limit["connections"] == sink.most["big.example"]
        assert [[State.DELIVERED] * 40] * 2 == [house.states for house in houses]
    else:
        assert 40 >= most_within(sink.times, 60.0) >= 30


def test_a_process_that_dies_leaves_its_part_to_the_other(build):
    quota = FakeQuota()
    dead = quota.another_worker()
    first = build(site_of=limited(connections=4), quota=dead, is_shared=True)
    first.courier.slow = True
    first.accept(message("a@1.big.example"))
    first.advance(3.0)
    second = build(site_of=limited(connections=4), quota=quota, is_shared=True)
    second.courier.slow = True
    for number in range(10):
        second.accept(message(f"a@{number}.big.example"))
    second.advance(3.0)
    assert 0 == len(second.courier.open)
    dead.trouble = RuntimeError("gone")
    dead.die()
    second.advance(3.0)
    assert 4 == len(second.courier.open)
    dead.trouble = None
    for house in (first, second):
        while house.courier.open:
            house.courier.finish()


def test_an_operators_limit_costs_nothing_where_there_is_one_process(build):
    quota = FakeQuota()
    house = build(site_of=limited(connections=4), quota=quota)
    house.accept(message("a@1.big.example"))
    house.advance(60.0)
    assert [] == quota.calls


def test_where_nothing_is_limited_nothing_is_leased(build):
    quota = FakeQuota()
    house = build(quota=quota, is_shared=True)
    house.accept(message("a@small.example"))
    house.advance(60.0)
    assert [State.DELIVERED] == house.states
    assert [] == quota.calls


@pytest.mark.row(118)
def test_a_login_has_as_much_as_the_operator_says(build):
    house = build(logins={"shop": Limit(connections=2)})
    house.courier.slow = True
    for number in range(20):
        house.accept(message(f"a@{number}.example", login="shop"))
        house.accept(message(f"b@{number}.example", login="bank"))
    logins = Counter(group.message.login for group, _ in house.courier.open)
    assert {"shop": 2, "bank": 20} == logins
    waiting = [row for row in house.rows() if house.relay.why(row) is Reason.LOGIN_LIMIT]
    assert 18 == len(waiting)
    while house.courier.open:
        house.courier.finish()
    assert [State.DELIVERED] * 40 == house.states


def test_the_rate_of_a_login_lets_go_by_time(build):
    house = build(logins={"shop": Limit(rate=RATE("1/s"))})
    for number in range(10):
        house.accept(message(f"a@{number}.example", login="shop"))
    house.advance(4.5, 0.25)
    assert 5 <= house.states.count(State.DELIVERED) <= 6
    house.advance(10.0, 0.25)
    assert [State.DELIVERED] * 10 == house.states


ADDRESSES = (
    Source({4: Face("192.0.2.1", "one.example")}, Limit(connections=2)),
    Source({4: Face("192.0.2.2", "two.example")}, Limit(connections=3)),
)


@pytest.mark.row(118)
@pytest.mark.row(97)
def test_each_source_address_has_as_much_as_the_operator_says(build):
    house = build(sources=ADDRESSES)
    house.courier.slow = True
    for number in range(20):
        house.accept(message(f"a@{number}.example"))
    used = Counter(group.source.face("198.51.100.1").address for group, _ in house.courier.open)
    assert {"192.0.2.1": 2, "192.0.2.2": 3} == used
    assert Reason.SOURCE_LIMIT in {house.relay.why(row) for row in house.rows()}
    while house.courier.open:
        house.courier.finish()
    assert [State.DELIVERED] * 20 == house.states


@pytest.mark.row(117)
def test_a_retry_comes_from_where_its_first_try_came(build):
    house = build(sources=tuple(replace(each, limit=Limit()) for each in ADDRESSES))
    house.courier.answer = GREYLISTED
    for number in range(8):
        house.accept(message(f"a@{number}.example", f"b@{number}.example"))
    house.advance(310.0)
    sources = {}
    for group in house.courier.groups:
        sources.setdefault(group.domain, []).append(group.source)
    assert {1} == {len(set(map(id, used))) for used in sources.values()}
    assert {2} == {len(used) for used in sources.values()}
    assert 2 == len({id(used[0]) for used in sources.values()})


def test_addresses_of_one_name_are_one_source_and_lacking_families_are_lent():
    sources = pool(
        [
            ("192.0.2.1", "one.example", Limit(5)),
            ("2001:db8::1", "one.example", Limit(6)),
            ("192.0.2.2", "two.example", Limit()),
        ]
    )
    assert [Limit(5), Limit()] == [source.limit for source in sources]
    assert Face("2001:db8::1", "one.example") == sources[1].face("2001:db8::99")
    assert Face("192.0.2.2", "two.example") == sources[1].face("198.51.100.1")
    assert pool([("192.0.2.1", "one.example", Limit())])[0].face("2001:db8::99") is None


def test_without_source_addresses_none_is_spent():
    assert not Sources((), is_shared=False).are_spent(0.0)


def tried(house):
    return [group.domain.partition(".")[0] for group in house.courier.groups]


def test_higher_priority_goes_first_and_lower_is_not_starved(build):
    house = build(site=1, opening=1)
    house.courier.slow = True
    house.accept(message("a@first.example"))
    for number in range(40):
        for priority in Priority:
            house.accept(message(f"{number}@x.example", priority=priority))
    for _ in range(41):
        house.courier.finish()
    first = Counter(group.message.priority for group in house.courier.groups[1:41])
    assert first[Priority.HIGH] >= 30
    assert first[Priority.LOW] >= 3
    while house.courier.open:
        house.courier.finish()
    assert [State.DELIVERED] * 121 == house.states


def test_a_deadline_of_the_message_s_own_is_kept_without_another_try(build):
    house = build()
    house.courier.answer = GREYLISTED
    house.accept(message("a@x.example", give_up_at=1200.0))
    assert 1 == len(house.courier.groups)
    house.advance(400.0)
    assert [State.EXPIRED] == house.states
    assert 1 == len(house.courier.groups)
    (event,) = house.events("failure")
    assert ("timeout", "Greylisted") == (event.type, event.description)


def test_a_message_whose_time_is_over_before_its_first_try_is_told_so(build):
    house = build()
    house.accept(message("a@x.example", give_up_at=900.0))
    assert ([State.EXPIRED], []) == (house.states, house.courier.groups)
    assert "4.4.7" == house.events("failure")[0].status


class Looking:
    """Sites that have to be looked up: answers are given by the test."""

    def __init__(self, found):
        self.found, self.cache, self.asked = found, {}, 0

    def known(self, domain, now):
        return self.cache.get(domain)

    def provisional(self, domain):
        return Site(domain)

    async def find(self, domain, now):
        self.asked += 1
        self.cache[domain] = self.found(domain)
        return self.cache[domain]

    def forget(self, domain):
        self.cache.pop(domain, None)


def test_domains_of_one_site_share_its_limit_from_the_first_message_on(build):
    sites = Looking(lambda domain: Site("mx.example", frozenset({"mx.example"}), Limit(connections=2)))
    house = build(sites=sites)
    house.courier.slow = True
    for number in range(50):
        house.accept(message(f"a@{number}.example"))
    assert 2 == len(house.courier.open)
    house.advance(1.0)
    assert {f"{number}.example" for number in range(50)} >= house.relay._window.found.keys()
    while house.courier.open:
        house.courier.finish(replace(TAKEN, host="mx.example"))
    assert [State.DELIVERED] * 50 == house.states
    assert 50 == sites.asked


def test_trouble_with_hosts_that_are_not_the_site_s_does_not_hold_up_the_site(build):
    """As when a domain's MX records have changed, or its owner wants to hurt others."""
    site = Site("mx.example", frozenset({"mx.example"}))
    sites = Looking(lambda domain: site)
    house = build(sites=sites)
    house.accept(message("a@good.example"))
    house.courier.answers["evil.example"] = replace(UNREACHED, host="blackhole.evil.example")
    for _ in range(5):
        house.accept(message("a@evil.example"))
    assert house.relay.why(house.rows()[0]) is None
    house.accept(message("b@good.example"))
    assert State.DELIVERED is house.states[-1]
    assert "evil.example" not in sites.cache


def test_what_changes_site_waits_there(build):
    names = iter(("old.example", "new.example", "new.example"))
    sites = Looking(lambda domain: Site(next(names)))
    house = build(sites=sites)
    house.accept(message("a@x.example"))
    sites.forget("x.example")
    house.accept(message("b@x.example"))
    assert ["old.example", "new.example"] == [group.site.name for group in house.courier.groups]


def test_an_operator_lifts_what_a_site_is_left_alone_for(build):
    house = build()
    house.courier.answers["dead.example"] = UNREACHED
    house.accept(message("a@dead.example"))
    house.advance(1.0)
    assert 1 == len(house.courier.groups)
    book = house.book
    assert Reason.SITE_TROUBLE is book.states["dead.example"].reason
    assert "451 4.4.1 Connection refused" == book.states["dead.example"].said
    del house.courier.answers["dead.example"]
    book.lift({"dead.example"}, 0.0)
    house.spool.alter(QueueFilter(domain="dead.example"), Step.RELEASE, house.clock.seconds(), 10)
    house.advance(3.0)
    assert [State.DELIVERED] == house.states
    house.advance(2.0)
    assert {} == book.states


def test_where_mail_for_a_smarthost_goes_is_written_down_for_each_domain_once(build):
    """Else nobody who asks would hear why it waits, and a retry would not reach the site."""
    house = build(sites=OneSite(Site("smart.example")))
    house.courier.answers["a.example"] = house.courier.answers["b.example"] = UNREACHED
    told = []
    tell = house.book.tell
    house.book.tell = lambda states, domains, now: told.append(dict(domains)) or tell(states, domains, now)
    for domain in ("a.example", "b.example", "a.example"):
        house.accept(message(f"x@{domain}"))
    house.advance(1.0)
    house.accept(message("x@a.example"))
    house.advance(1.0)
    assert {"a.example": "smart.example", "b.example": "smart.example"} == house.book.domains
    assert 2 == sum(map(len, told))
    (site,) = house.book.sites(10).result
    assert ("smart.example", 2, Reason.SITE_TROUBLE) == (site.site, site.domains, site.state.reason)
    house.advance(43_201.0)
    house.accept(message("x@a.example"))
    house.advance(1.0)
    assert {"a.example": "smart.example"} in told


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_site_that_answers_again_is_tried_by_the_other_processes_too(build, is_shared):
    house = build(quota=FakeQuota(), is_shared=is_shared)
    house.courier.answers["dead.example"] = UNREACHED
    house.accept(message("a@dead.example"))
    house.advance(1.0)
    assert [] == house.book.lifts
    del house.courier.answers["dead.example"]
    house.advance(600.0)
    assert [State.DELIVERED] == house.states
    house.accept(message("b@dead.example"))
    house.advance(5.0)
    assert (["dead.example"] if is_shared else []) == house.book.lifts


def test_a_book_that_cannot_be_written_keeps_no_mail(build):
    house = build()
    house.book.trouble = SpoolUnavailable("gone")
    house.courier.answers["dead.example"] = UNREACHED
    house.accept(message("a@dead.example"))
    house.accept(message("a@live.example"))
    house.advance(5.0)
    assert State.DELIVERED is house.states[-1]
