"""Return paths that follow the sender domain and the keys; the courier that spares who gets no mail."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.model import Bounces, Login, SenderDomain
from smtpeter.accounts.suppression import Breadth, of_domain
from smtpeter.config import read
from smtpeter.message.address import Address
from smtpeter.message.classification import classify as replied
from smtpeter.message.options import Switches
from smtpeter.message.refusal import FailureClass
from smtpeter.message.returning import Returning
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.relay.interface import Group
from smtpeter.returns.classification import classify as reported
from smtpeter.returns.settings import Settings
from smtpeter.service.answer import answered
from smtpeter.service.returning import ReturnPaths, Sparing, server
from smtpeter.submission.suppression import marked
from tests.kit.fakes.accounts import FakeAccounts
from tests.kit.fakes.returns import FakeSuppressions
from tests.storage.stores import accepted

ME = Address("me", "customer.example")


class Keys:
    """As the service's: the sender domain of all mail, and the newest key."""

    def __init__(self, domain=None):
        self.domain = domain

    def sender_domain(self, content):
        return self.domain

    def ring(self):
        return SimpleNamespace(newest=7)

    def known_as(self, author):
        return author.removeprefix("news.")


@pytest.mark.parametrize(
    ("settings", "domain", "expected"),
    [
        ({}, None, None),
        ({"domain": "B.example"}, None, Returning("b.example", 7, ME)),
        ({"domain": "b.example"}, SenderDomain("s.example", (), 0.0), Returning("b.example", 7, ME)),
        (
            {"domain": "b.example"},
            SenderDomain("s.example", (), 0.0, bounce_host="b.s.example"),
            Returning("b.s.example", 7, ME),
        ),
        ({}, SenderDomain("s.example", (), 0.0, bounce_host="b.s.example"), None),  # nothing of ours listens
        ({"domain": "b.example", "forwarding": False}, None, Returning("b.example", 7, None)),
    ],
)
def test_where_what_comes_back_comes_back_to(settings, domain, expected):
    assert expected == ReturnPaths(Settings(**settings), Keys(domain))(b"", ME)


GONE = Outcome(Result.FAILED, Stage.RCPT, Reply(550, "5.1.1", "No such user here"), host="mx.example")
FULL = Outcome(Result.FAILED, Stage.RCPT, Reply(552, "5.2.2", "Mailbox full"), host="mx.example")
TAKEN = Outcome(Result.DELIVERED, Stage.MESSAGE, Reply(250, "2.0.0", "Ok"), host="mx.example")


@pytest.mark.parametrize(
    ("bounces", "expected"), [({}, 10_485_760), ({"maximum_size": 700_000_000}, 700_000_000)]
)
def test_how_large_what_comes_back_may_be_is_not_what_may_be_submitted(bounces, expected):
    document = {
        "server": {"hostname": "mail.example.com", "data_directory": "data"},
        "tls": {"certificate": "c.pem", "private_key": "k.pem"},
        "submission": {"starttls": ["tcp:587"]},
        "relay": {"mode": "mx"},
        "bounces": {"domain": "b.example", **bounces},
    }
    store = SimpleNamespace(spool=None, returns=None, accounts=None)
    chosen = read(document, Path("/etc/smtpeter"))
    setup = server(chosen, Clock(), store, Keys(), None, None, None).factory().setup

    assert expected == setup.limits.maximum_size
    assert setup.quota.has_room_for(expected)


class Courier:
    def __init__(self, *outcomes):
        self.outcomes = outcomes
        self.groups = []

    async def attempt(self, group):
        self.groups.append(group)
        return {
            delivery.id: outcome for delivery, outcome in zip(group.deliveries, self.outcomes, strict=True)
        }


class House:
    def __init__(self, *outcomes, suppress=Breadth.DOMAIN):
        login = Login("bench", "", Switches(), 0.0, bounces=Bounces(suppress=suppress))
        self.accounts, self.suppressions = FakeAccounts(login), FakeSuppressions()
        self.courier = Courier(*outcomes)
        self.sparing = Sparing(self.courier, self, Keys())
        made = accepted(recipients=("a@x.example", "b@x.example"), facts={"from": "x@news.shop.example"})
        self.message, self.deliveries = made.message, made.deliveries

    def attempt(self, *deliveries):
        return answered(self.sparing.attempt(Group(self.message, deliveries, "x.example")))

    @property
    def listed(self):
        return sorted(self.suppressions.listed)


def suppressed(delivery):
    entry = SimpleNamespace(reason="complaint")
    return marked(delivery, {str(delivery.recipient.address): entry})


def test_who_is_on_the_list_gets_nothing_and_the_others_theirs():
    house = House(TAKEN)
    one, other = house.deliveries

    outcomes = house.attempt(suppressed(one), other)

    assert (Result.FAILED, Stage.SUPPRESSION) == (outcomes[one.id].result, outcomes[one.id].stage)
    assert TAKEN == outcomes[other.id]
    assert [(other,)] == [group.deliveries for group in house.courier.groups]


def test_a_group_that_is_all_on_the_list_is_not_attempted():
    house = House()

    assert {Result.FAILED} == {o.result for o in house.attempt(*map(suppressed, house.deliveries)).values()}
    assert [] == house.courier.groups


EXPIRED = Outcome(
    Result.FAILED, Stage.RCPT, Reply(550, "5.1.1", "Unknown user, address expired"), host="mx.example"
)


def test_who_is_gone_by_one_table_and_disabled_by_the_other_is_not_put_on_the_list():
    assert (FailureClass.NO_SUCH_USER, True) == reported(EXPIRED.reply.text, EXPIRED.reply.enhanced, "")
    assert FailureClass.DISABLED is replied(EXPIRED.reply).failure
    house = House(EXPIRED, GONE)
    house.attempt(*house.deliveries)

    assert [(of_domain("shop.example"), "b@x.example")] == house.listed


def test_who_is_refused_for_want_of_a_user_is_put_on_the_list():
    house = House(GONE, FULL)
    assert [GONE, FULL] == list(house.attempt(*house.deliveries).values())

    assert [(of_domain("shop.example"), "a@x.example")] == house.listed


@pytest.mark.parametrize(
    "outcome",
    [
        TAKEN,
        FULL,
        Outcome(Result.DEFERRED, Stage.RCPT, GONE.reply, host="mx.example"),
        Outcome(Result.FAILED, Stage.MESSAGE, GONE.reply, host="mx.example"),
        Outcome(Result.FAILED, Stage.RCPT, GONE.reply),
        Outcome(Result.FAILED, Stage.RCPT, Reply(550, "5.7.1", "Blocked, bad reputation"), host="mx.example"),
        Outcome(Result.FAILED, Stage.RCPT, Reply(550, "", "Denied by policy"), host="mx.example"),
    ],
)
def test_nobody_else_is(outcome):
    house = House(outcome, TAKEN)
    house.attempt(*house.deliveries)

    assert [] == house.listed


def test_not_for_a_login_that_does_not_want_it():
    house = House(GONE, GONE, suppress=Breadth.NOBODY)
    house.attempt(*house.deliveries)

    assert [] == house.listed


def test_a_list_that_cannot_be_reached_changes_nothing_about_the_attempt():
    house = House(GONE, GONE)
    house.suppressions.trouble = AccountsUnavailable("away")

    assert [GONE, GONE] == list(house.attempt(*house.deliveries).values())


def test_a_fault_in_that_costs_no_outcome(expected_failures):
    expected_failures.append(ZeroDivisionError)
    house = House(GONE, TAKEN)
    house.suppressions.trouble = ZeroDivisionError()

    assert [GONE, TAKEN] == list(house.attempt(*house.deliveries).values())


def test_what_the_hosts_have_said_outlives_the_grace_time():
    """The list is slow, the server stops: a recipient who has the message shall not get it again."""
    house = House(GONE, TAKEN)
    house.suppressions.add = lambda entries: Deferred()
    outcomes = []
    attempt = Deferred.fromCoroutine(
        house.sparing.attempt(Group(house.message, house.deliveries, "x.example"))
    )
    attempt.addCallback(outcomes.append)
    assert [] == outcomes

    attempt.cancel()

    assert [[GONE, TAKEN]] == [list(one.values()) for one in outcomes]
