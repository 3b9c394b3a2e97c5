"""What the ledgers of returned mail and of suppressions promise, on the fakes and on the stores."""

import pytest

from smtpeter.accounts.suppression import EVERYBODY, Suppression, key, of_domain, of_login
from smtpeter.journal.events import Bounced, Failed, Reported
from smtpeter.message.identifier import DeliveryId, earliest
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.returned import MAXIMUM_OF_A_DELIVERY, LateFailure, Portion, Returned
from smtpeter.spool.states import State
from tests.storage.stores import accepted, address, events, settlement, state

NOW = 1_800_000_000.0
GONE = Outcome(Result.FAILED, Stage.BOUNCE, Reply(550, "5.1.1", "No such user"), host="mx.example")
ONE = DeliveryId(11)


def delivered(shelf, number=1):
    (claim,) = shelf.run(shelf.spool.accept(accepted(number, claimed=True)))
    shelf.run(shelf.spool.settle([settlement(claim)]))


def bounce(delivery=ONE, number=0):
    return Bounced(time=NOW, delivery=delivery, message=10, action="failed", original=number or None)


def failure(delivery=ONE):
    return LateFailure(delivery, GONE, Failed(time=NOW, delivery=delivery, message=10, state="bounce"))


def returned(number=1, when=NOW, *, original=b"Subject: x\r\n\r\nGone.\r\n", **more):
    number += earliest(when)
    more.setdefault("events", (bounce(number=number),))
    return Returned(number, when, original, **more)


def kinds(shelf, **query):
    return [event.kind for event in events(shelf, **query)]


def test_text_and_events_are_kept(shelf):
    one = returned()
    shelf.run(shelf.returns.keep(one))

    assert one.original == shelf.run(shelf.returns.original(one.number))
    assert [one.events[0]] == events(shelf, delivery=ONE)
    assert shelf.run(shelf.returns.original(5)) is None


def test_what_has_no_text_to_keep_keeps_none(shelf):
    one = returned(original=b"", events=())
    shelf.run(shelf.returns.keep(one))

    assert shelf.run(shelf.returns.original(one.number)) is None


def test_a_late_failure_settles_what_was_delivered_once(shelf):
    delivered(shelf)
    shelf.run(shelf.returns.keep(returned(failures=(failure(),))))
    shelf.run(shelf.returns.keep(returned(2, failures=(failure(),))))

    assert State.FAILED is state(shelf, ONE)
    assert GONE == shelf.run(shelf.spool.delivery(ONE)).last
    assert ["attempt", "delivery", "bounce", "failure", "bounce"] == kinds(shelf, delivery=ONE)


@pytest.mark.parametrize("claimed", [True, False])
def test_a_late_failure_lets_be_what_is_on_its_way(shelf, claimed):
    before = shelf.run(shelf.spool.accept(accepted(1, claimed=claimed)))
    shelf.run(shelf.returns.keep(returned(failures=(failure(), failure(DeliveryId(99))))))

    assert (State.CLAIMED if claimed else State.DUE) is state(shelf, ONE)
    assert "failure" not in kinds(shelf)
    for claim in before:  # its worker's word still counts
        assert () == shelf.run(shelf.spool.settle([settlement(claim)]))


def test_what_is_passed_on_is_due_and_never_born_claimed(shelf):
    forward = accepted(5, login="", claimed=True, foreign=True)
    shelf.run(shelf.returns.keep(returned(forwards=(forward,))))

    (delivery,) = shelf.run(shelf.spool.deliveries(QueueFilter(), 10))
    assert State.DUE is delivery.state
    assert shelf.run(shelf.spool.message(delivery.message)).foreign


def test_all_of_it_or_nothing(shelf):
    delivered(shelf)
    wrong = returned(failures=(failure(),), forwards=(accepted(1),))  # an identifier that is taken

    with pytest.raises(Exception):  # noqa: B017 - whatever the store says
        shelf.run(shelf.returns.keep(wrong))
    if not hasattr(shelf.spool, "shelf"):  # the fake is not that particular
        assert State.DELIVERED is state(shelf, ONE)
        assert "bounce" not in kinds(shelf)
        assert shelf.run(shelf.returns.original(wrong.number)) is None


def portion(number, delivery=ONE):
    note = Reported(time=NOW, delivery=delivery, message=10, action="withheld")
    return Portion(delivery, (accepted(100 + number, login=""),), note)


def came(shelf, number, when=NOW):
    """So many messages of one delivery; the numbers of those whose texts were kept."""
    made = []
    for each in range(number):
        one = returned(each + 1, when, portions=(portion(len(queued(shelf))),))
        shelf.run(shelf.returns.keep(one))
        made.append(one.number)
    return [each for each in made if shelf.run(shelf.returns.original(each)) is not None]


def queued(shelf):
    return shelf.run(shelf.spool.deliveries(QueueFilter(), 100))


def test_of_one_delivery_so_much_is_kept_and_passed_on_and_the_rest_noted(shelf):
    assert MAXIMUM_OF_A_DELIVERY == len(came(shelf, MAXIMUM_OF_A_DELIVERY + 2))

    assert MAXIMUM_OF_A_DELIVERY == len(queued(shelf))
    told = kinds(shelf, delivery=ONE)
    assert (MAXIMUM_OF_A_DELIVERY + 2, 2) == (told.count("bounce"), told.count("report"))
    assert "withheld" == events(shelf, delivery=ONE)[-1].action


def test_the_count_holds_after_a_restart(stored):
    came(stored, MAXIMUM_OF_A_DELIVERY)
    other = stored.new_store()
    one = returned(50, portions=(portion(50),))
    stored.run(other.returns.keep(one))

    assert stored.run(other.returns.original(one.number)) is None


def test_another_delivery_has_its_own_count_and_what_names_both_is_kept(shelf):
    came(shelf, MAXIMUM_OF_A_DELIVERY)
    one = returned(50, portions=(portion(50), portion(51, DeliveryId(12))))
    shelf.run(shelf.returns.keep(one))

    assert one.original == shelf.run(shelf.returns.original(one.number))
    assert MAXIMUM_OF_A_DELIVERY + 1 == len(queued(shelf))


def test_counts_are_forgotten_with_the_texts(shelf):
    came(shelf, MAXIMUM_OF_A_DELIVERY)
    while shelf.run(shelf.returns.forget(NOW + 1, 7)):
        pass

    assert 1 == len(came(shelf, 1, NOW + 10))


def test_texts_are_forgotten_by_their_time_and_events_stay(shelf):
    old, new = returned(1, NOW), returned(1, NOW + 100)
    for one in (old, new):
        shelf.run(shelf.returns.keep(one))

    assert 1 == shelf.run(shelf.returns.forget(NOW + 50, 10))
    assert shelf.run(shelf.returns.original(old.number)) is None
    assert new.original == shelf.run(shelf.returns.original(new.number))
    assert ["bounce", "bounce"] == kinds(shelf)
    assert 0 == shelf.run(shelf.returns.forget(NOW + 50, 10))


def test_a_full_disk_takes_nothing(stored):
    stored.machine.free = 1 << 20

    with pytest.raises(SpoolUnavailable) as refused:
        stored.run(stored.returns.keep(returned()))
    assert refused.value.full
    assert [] == events(stored)


# The suppression list

JOE, ANN = "joe@example.com", "ann@example.com"


NEWS = of_login("news")


def entry(recipient=JOE, scope=NEWS, expires=None, created=NOW):
    return Suppression(scope, recipient, "no such user", created, expires, 7)


def put(shelf, *entries):
    return shelf.run(shelf.suppressions.add(entries))


def among(shelf, *scopes, recipients=(JOE, ANN), now=NOW):
    return list(shelf.run(shelf.suppressions.among(scopes, recipients, now)))


def test_who_is_on_the_list_in_these_scopes(shelf):
    assert [] == among(shelf, EVERYBODY, of_login("news"))
    assert 3 == put(shelf, entry(), entry(ANN, of_domain("a.example")), entry(ANN, EVERYBODY))

    assert [entry()] == among(shelf, of_login("news"))
    assert [entry(ANN, EVERYBODY)] == among(shelf, EVERYBODY, of_login("other"))
    assert [] == among(shelf, of_login("news"), recipients=(ANN,))
    assert [] == among(shelf, of_domain("news"))


def test_an_empty_list_is_asked_again_after_half_a_second_only(stored):
    assert [] == among(stored, of_login("news"))
    other = stored.new_store()  # another process
    stored.run(other.suppressions.add([entry()]))

    assert [] == among(stored, of_login("news"))
    stored.machine.uptime += 0.6
    assert [entry()] == among(stored, of_login("news"))


def test_many_recipients_at_once(shelf):
    everyone = [f"r{number}@example.com" for number in range(1200)]
    put(shelf, *(entry(one) for one in everyone))

    assert 1200 == len(among(shelf, of_login("news"), recipients=everyone))


def test_who_has_expired_is_on_it_no_longer_and_is_forgotten(shelf):
    put(shelf, entry(expires=NOW + 10), entry(ANN, expires=NOW + 20))

    assert [entry(ANN, expires=NOW + 20)] == among(shelf, of_login("news"), now=NOW + 10)
    assert 1 == shelf.run(shelf.suppressions.forget(NOW + 15, 10))
    assert [ANN] == [one.recipient for one in shelf.run(shelf.suppressions.entries(None, ("", ""), 10))]


@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [(None, NOW + 5, None), (NOW + 5, None, None), (NOW + 5, NOW + 9, NOW + 9), (NOW + 9, NOW + 5, NOW + 9)],
)
def test_of_two_entries_the_longer_one_stays(shelf, first, second, stays):
    assert 1 == put(shelf, entry(expires=first))
    assert 0 == put(shelf, entry(expires=second))

    assert [stays] == [one.expires_at for one in among(shelf, of_login("news"))]


def test_removing(shelf):
    put(shelf, entry(), entry(JOE, EVERYBODY))

    assert 1 == shelf.run(shelf.suppressions.remove(of_login("news"), [JOE, ANN]))
    assert 0 == shelf.run(shelf.suppressions.remove(of_login("news"), [JOE]))
    assert [entry(JOE, EVERYBODY)] == among(shelf, EVERYBODY, of_login("news"))


def test_the_list_in_pages(shelf):
    everyone = [entry(f"r{n}@example.com", scope) for scope in ("domain:a", "login:b") for n in range(5)]
    put(shelf, *reversed(everyone))
    seen, place = [], ("", "")
    while page := shelf.run(shelf.suppressions.entries(None, place, 3)):
        seen += page
        place = (page[-1].scope, page[-1].recipient)

    assert everyone == seen
    assert everyone[5:] == list(shelf.run(shelf.suppressions.entries("login:b", ("", ""), 100)))


def test_what_came_back_puts_on_the_list_in_the_same_transaction(shelf):
    shelf.run(shelf.returns.keep(returned(suppressions=(entry(),))))

    assert [entry()] == among(shelf, of_login("news"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Joe@Example.COM", "joe@example.com"),
        ("jöe@bücher.example", "jöe@xn--bcher-kva.example"),
        ("x@[192.0.2.1]", "x@[192.0.2.1]"),
    ],
)
def test_recipients_are_told_apart_without_case(written, expected):
    assert expected == key(address(written))
