"""What was decided when it was accepted, such as a recipient on the suppression list, is settled and never tried."""

from twisted.internet.defer import Deferred

from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.spool.states import State
from tests.relay.mails import message

LISTED = Outcome(Result.FAILED, Stage.SUPPRESSION, Reply(550, "5.7.1", "On the suppression list"))


def test_it_waits_for_no_site_and_takes_nothing_of_its_limits(build):
    house = build(site=1, opening=1)
    house.courier.slow = True
    house.accept(message("busy@a.example"))
    for _ in range(20):
        house.accept(message("listed@a.example"), last=LISTED)
    assert [State.CLAIMED, *[State.FAILED] * 20] == house.states
    assert ["busy@a.example"] == house.courier.tried
    assert 20 == len(house.reported)


def test_it_is_settled_from_the_spool_too_and_its_place_is_free_again(build):
    house = build(window=4)
    for _ in range(20):
        house.store(message("listed@a.example"), last=LISTED)
    house.advance(30.0)
    assert [State.FAILED] * 20 == house.states
    assert [] == house.courier.tried
    assert house.spool.most <= 4


def test_at_the_end_it_is_given_back_as_it_was(build):
    house = build()
    house.preparation.gate = gate = Deferred()
    house.accept(message("listed@a.example", pending=True), last=LISTED)
    house.relay.stopService()
    gate.callback(None)
    assert [State.DUE] == house.states
