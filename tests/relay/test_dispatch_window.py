"""The window and its turns, without a reactor."""

import pytest

from smtpeter.relay.contents import Entrant
from smtpeter.relay.dispatch import Window
from smtpeter.relay.pacing import Bounds
from smtpeter.spool.waiting import Reason
from tests.relay.mails import GREYLISTED, LINKS, TAKEN, UNREACHED, Outgoing, Sites, claims, message, recipient


def window(**bounds):
    return Window(Bounds(**bounds), Sites(), Outgoing().per_recipient)


def fill(into, *recipients, now=0.0, attempts=0, is_born=False, **values):
    mail = message(*recipients, **values)
    return into.add(Entrant(mail, claims(mail, attempts=attempts), is_born), now)


def outcomes(batch, outcome):
    return {claim.delivery.id: outcome for claim in batch.claims}


def finish(of, batch, outcome=TAKEN, now=0.0):
    returned = of.end(batch, outcomes(batch, outcome), now)
    of.leave(batch)
    return returned


def begun(of, now=0.0):
    """Begin all that may begin."""
    return list(iter(lambda: of.begin(now), None))


def domains(batches):
    return [batch.domain for batch in batches]


def test_recipients_of_one_message_at_one_domain_go_together():
    it = window()
    fill(it, "a@x.example", "b@y.example", "c@X.EXAMPLE")
    assert [("x.example", 2), ("y.example", 1)] == [(b.domain, len(b.claims)) for b in begun(it)]


def test_at_most_a_hundred_go_together():
    it = window()
    fill(it, *(f"{number}@x.example" for number in range(250)))
    assert [100, 100, 50] == [len(batch.claims) for batch in begun(it)]


def test_each_goes_alone_when_something_is_per_recipient():
    it = window()
    fill(it, "a@x.example", "b@x.example", targets=LINKS)
    assert [1, 1] == [len(batch.claims) for batch in begun(it)]


def test_each_goes_alone_even_when_there_is_no_room_for_the_content():
    """A retry of a message whose content has been left out is told apart by what is kept of it."""
    it = window(octets=500)
    mail = message("a@x.example", "b@x.example", content=b"x" * 1000, targets=LINKS)
    first, second, third, fourth = claims(mail) + claims(mail)
    it.add(Entrant(mail, (first, second)), 0.0)
    it.add(Entrant(it.contents.known(mail.id).message, (third, fourth), is_whole=False), 0.0)
    assert [1, 1, 1, 1] == [len(batch.claims) for batch in begun(it)]


def test_retries_and_first_tries_of_one_message_are_apart():
    it = window()
    mail = message("a@x.example", "b@x.example")
    first, second = claims(mail)
    (again,) = claims(message("a@x.example"), attempts=2)
    it.add(Entrant(mail, (first, again, second)), 0.0)
    assert [(False, 2), (True, 1)] == [(b.is_retry, len(b.claims)) for b in begun(it)]


def test_no_more_attempts_than_allowed_in_all_and_at_a_site():
    it = window(attempts=7, site=5, opening=5, greed=7)
    for number in range(10):
        fill(it, f"{number}@x.example")
        fill(it, f"{number}@y.example")
    running = begun(it)
    assert 7 == len(running) == it.running
    assert it.begin(0.0) is None
    assert max(domains(running).count(site) for site in ("x.example", "y.example")) <= 5


@pytest.mark.row(119)
def test_sites_take_turns():
    """One that waits behind a thousand for another site is next but one."""
    it = window(attempts=1)
    for number in range(1000):
        fill(it, f"{number}@big.example")
    fill(it, "one@small.example")
    order = []
    for _ in range(4):
        batch = it.begin(0.0)
        order.append(batch.domain)
        finish(it, batch)
    assert "small.example" in order[:2]


def test_logins_take_turns_even_over_many_sites():
    """A login with a thousand mails to a thousand sites delays another by one turn."""
    it = window(attempts=1)
    for number in range(1000):
        fill(it, f"a@{number}.example", login="big")
    fill(it, "one@small.example", login="small")
    order = []
    for _ in range(3):
        batch = it.begin(0.0)
        order.append(batch.held.message.login)
        finish(it, batch)
    assert "small" in order[:2]


def test_logins_take_turns_at_a_busy_site():
    it = window(attempts=50, site=1, opening=1)
    for number in range(500):
        fill(it, f"{number}@x.example", login="big")
    for number in range(3):
        fill(it, f"{number}@x.example", login="small")
    order = []
    for _ in range(8):
        (batch,) = begun(it)
        order.append(batch.held.message.login)
        finish(it, batch)
    assert ["big", "small"] * 3 + ["big", "big"] == order


def test_a_login_that_waits_for_a_busy_site_does_not_keep_others_from_theirs():
    it = window(attempts=50, site=2, opening=2)
    for number in range(20):
        fill(it, f"{number}@busy.example", login="big")
    fill(it, "a@free.example", login="big")
    fill(it, "b@free.example", login="small")
    assert {"busy.example": 2, "free.example": 2} == {
        site: domains(running).count(site) for running in [begun(it)] for site in domains(running)
    }


def test_first_tries_come_before_retries_and_retries_come_at_last():
    it = window(attempts=1)
    for number in range(20):
        fill(it, f"again{number}@x.example", attempts=3)
    for number in range(20):
        fill(it, f"first{number}@x.example")
    order = []
    while batch := it.begin(0.0):
        order.append("r" if batch.is_retry else "f")
        finish(it, batch)
    assert "fffffffrfffffffrffffffrrrrrrrrrrrrrrrrrr" == "".join(order)


def test_retries_never_take_all_attempts():
    it = window(attempts=10, retries=4, greed=10)
    for number in range(20):
        fill(it, f"a@{number}.example", attempts=1)
    assert 4 == len(begun(it))
    fill(it, "first@x.example")
    assert ["x.example"] == domains(begun(it))


@pytest.mark.row(119)
def test_a_site_in_trouble_is_emptied_and_takes_nothing_for_a_while():
    it = window(site=1, opening=1, backoff=30.0)
    for number in range(5):
        fill(it, f"{number}@dead.example")
    (batch,) = begun(it, 0.0)
    emptied = finish(it, batch, UNREACHED, 1.0)
    assert 4 == len(emptied)
    assert 1 == len(fill(it, "late@dead.example", now=30.0))
    assert [] == fill(it, "later@dead.example", now=31.0)
    assert (UNREACHED, 29.0) == it.trouble("DEAD.example", 30.0)
    assert it.trouble("dead.example", 31.0) is None


def test_other_answers_keep_a_site_open():
    it = window(site=1, opening=1)
    for number in range(3):
        fill(it, f"{number}@x.example")
    for _ in range(3):
        (batch,) = begun(it)
        assert [] == finish(it, batch, GREYLISTED)


@pytest.mark.row(119)
def test_one_site_fills_half_of_the_window_and_others_have_the_rest():
    it = window(window=40, share=5)
    turned_away = sum(len(fill(it, f"{number}@slow.example")) for number in range(40))
    assert 20 == turned_away
    assert [] == fill(it, "a@other.example")


def test_room_is_bounded_by_deliveries():
    it = window(window=3)
    fill(it, "a@x.example", "b@x.example")
    assert it.has_room(message("new@y.example", login="new"), 0.0)
    fill(it, "c@x.example")
    assert not it.has_room(message("new@y.example", login="new"), 0.0)


def test_beyond_half_a_login_has_room_for_its_share():
    it = window(window=40, share=5)
    for number in range(20):
        fill(it, f"a@{number}.example", login="big")
    assert not it.has_room(message("a@x.example", login="big"), 0.0)
    assert it.has_room(message("a@x.example", login="small"), 0.0)


def test_there_is_no_room_for_a_site_in_trouble():
    it = window()
    fill(it, "a@dead.example")
    (batch,) = begun(it)
    finish(it, batch, UNREACHED, 0.0)
    assert not it.has_room(message("b@Dead.example"), 1.0)
    assert it.has_room(message("b@live.example"), 1.0)


def test_a_quarter_is_left_to_what_is_born_claimed():
    it = window(window=40)
    assert 30 == it.places()
    fill(it, *(f"{number}@x.example" for number in range(30)))
    assert 0 == it.places()
    assert it.has_room(message("new@y.example", login="new"), 0.0)


def test_a_quarter_is_left_to_what_waits_in_the_spool():
    """However much is submitted, what found no room then is not overtaken for ever."""
    it = window(window=40)
    fill(it, *(f"{number}@x.example" for number in range(30)), is_born=True)
    assert not it.has_room(message("new@y.example", login="new"), 0.0)
    assert 10 == it.places()


def test_content_is_kept_within_its_bound_and_freed():
    it = window(octets=2500)
    for number in range(4):
        fill(it, f"{number}@x.example", content=b"x" * 1000)
    assert 2000 == it.contents.octets
    batches = begun(it)
    assert [True, True, False, False] == [batch.held.is_whole for batch in batches]
    for batch in batches:
        finish(it, batch)
    assert (0, 0, 0) == (it.contents.octets, it.claimed, it.running)


def test_content_of_a_message_is_kept_while_any_of_its_batches_is():
    it = window()
    fill(it, "a@x.example", "b@y.example", content=b"x" * 1000)
    first, second = begun(it)
    finish(it, first)
    assert 1000 == it.contents.octets
    finish(it, second)
    assert 0 == it.contents.octets


def test_fetched_content_is_kept_when_there_is_room_for_it_by_then():
    it = window(octets=1500)
    mails = [message(f"a@{name}.example", content=b"x" * 1000) for name in "xy"]
    for mail in mails:
        it.add(Entrant(mail, claims(mail)), 0.0)
    first, second = begun(it)
    it.contents.fill(second.held, mails[1])
    assert (False, 1000) == (second.held.is_whole, it.contents.octets)
    finish(it, first)
    it.contents.fill(second.held, mails[1])
    assert (True, 1000) == (second.held.is_whole, it.contents.octets)
    finish(it, second)
    assert 0 == it.contents.octets


@pytest.mark.parametrize("attempts", [0, 3], ids=["first tries", "retries"])
def test_a_login_whose_attempts_never_end_leaves_a_quarter_to_others(attempts):
    it = window(attempts=40, retries=40)
    for number in range(100):
        fill(it, f"a@{number}.tarpit", login="bad", attempts=attempts)
    assert 30 == len(begun(it))
    fill(it, "boss@x.example", login="good", attempts=attempts)
    assert ["x.example"] == domains(begun(it))


def test_retries_of_a_login_leave_a_quarter_to_those_of_others():
    it = window(attempts=100, retries=40)
    for number in range(100):
        fill(it, f"a@{number}.tarpit", login="bad", attempts=1)
    assert 30 == len(begun(it))
    fill(it, "boss@x.example", login="good", attempts=1)
    assert ["x.example"] == domains(begun(it))


def test_however_many_collude_there_is_an_attempt_for_another_login():
    it = window(attempts=200)
    for login in range(10):
        for number in range(60):
            fill(it, f"a@{number}.{login}.tarpit", login=f"bad{login}")
    assert 180 < len(begun(it)) < 200
    fill(it, "boss@x.example", login="good")
    assert ["x.example"] == domains(begun(it))


def test_a_login_that_had_its_share_keeps_its_turn_and_goes_on_when_one_ends():
    it = window(attempts=4)
    for number in range(6):
        fill(it, f"a@{number}.example")
    running = begun(it)
    assert 3 == len(running)
    finish(it, running[0])
    assert ["3.example"] == domains(begun(it))


def test_where_all_goes_to_one_site_a_login_alone_has_all_attempts():
    it = Window(Bounds.of_one_site(100), Sites(lambda _: "smarthost"), Outgoing().per_recipient)
    for number in range(150):
        fill(it, f"a@{number}.example")
    assert 100 == len(begun(it))


def test_copies_for_each_recipient_are_bounded_and_one_always_runs():
    it = window(copies=10_000, octets=1_000_000)
    fill(it, *(f"{number}@x{number}.example" for number in range(9)), content=b"x" * 1000, targets=LINKS)
    running = begun(it)
    assert [2000] * 4 == [batch.octets for batch in running]
    fill(it, "boss@y.example", content=b"x" * 1000, targets=LINKS, login="good")
    assert ["y.example"] == domains(begun(it))
    big = window(copies=10_000, octets=1_000_000)
    fill(big, "a@x.example", "b@y.example", content=b"x" * 50_000, targets=LINKS)
    (first,) = begun(big)
    finish(big, first)
    assert 1 == len(begun(big))


def test_content_that_all_recipients_share_is_no_copy():
    it = window(copies=10_000, attempts=200)
    fill(it, *(f"{number}@x{number}.example" for number in range(100)), content=b"x" * 1000)
    assert [0] * 100 == [batch.octets for batch in begun(it)]


def test_the_room_for_content_is_never_all_of_one_login():
    it = window(octets=10_000)
    for number in range(20):
        fill(it, f"a@{number}.tarpit", content=b"x" * 1000, login="bad")
    assert not it.has_room(message("a@x.example", content=b"x" * 1000, login="bad"), 0.0)
    assert it.has_room(message("a@x.example", content=b"x" * 1000, login="good"), 0.0)
    fill(it, "a@x.example", content=b"x" * 1000, login="good")
    assert {"good": True} == {
        b.held.message.login: b.held.is_whole for b in begun(it) if b.domain == "x.example"
    }


def test_drain_takes_out_all_that_waits_and_leaves_what_runs():
    it = window(attempts=2)
    for number in range(5):
        fill(it, f"{number}@{number}.example", attempts=number % 2)
    running = begun(it)
    drained = it.drain()
    assert (2, 3) == (len(running), len(drained))
    assert it.begin(0.0) is None
    for batch in drained:
        it.leave(batch)
    assert 2 == it.claimed


def test_says_why_each_waits():
    it = window(attempts=3, retries=1, site=1, opening=1)
    mails = [message(f"{name}@{name[:4]}.example") for name in ("busy1", "busy2", "free1", "next1")]
    waiting = [claims(mail) for mail in mails]
    for mail, held in zip(mails[:3], waiting[:3], strict=True):
        it.add(Entrant(mail, held), 0.0)
    begun(it)
    fill(it, "x@x.example")
    begun(it)
    it.add(Entrant(mails[3], waiting[3]), 0.0)
    reasons = [it.why(held[0].delivery, 0.0) for held in waiting]
    assert [Reason.IN_PROGRESS, Reason.SITE_BUSY, Reason.IN_PROGRESS, Reason.ALL_BUSY] == reasons
    assert it.why(claims(message(recipient("nobody@x.example")))[0].delivery, 0.0) is None
