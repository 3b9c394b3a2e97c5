"""A login's limits and tags, its last use, and two passwords that open it while one takes the other's place."""

from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.model import Limits
from smtpeter.accounts.passwords import keep_chosen, keep_generated
from smtpeter.accounts.uses import Kind
from smtpeter.message.address import Address
from smtpeter.message.envelope import Recipient
from smtpeter.message.status import Refusal
from smtpeter.spool.interface import SpoolUnavailable
from tests.storage.stores import result
from tests.submission.door import NOW, PASSWORD, USERNAME, Door, login, plain, speak, submit, trusted, zeros
from tests.submission.test_submission_direct import CLIENT
from tests.submission.test_submission_logins import attempt, ready

CONTENT = b"Subject: x\r\n\r\nhello\r\n"
TWO = ("c@d.test", "e@d.test")


def limited(**limits):
    return trusted(logins=(login(limits=Limits(**limits)),))


# -- limits ----------------------------------------------------------------------------------------------


def test_what_is_over_the_limit_is_told_to_come_later():
    door, wire = limited(per_hour=3)
    assert submit(wire, CONTENT, recipients=TWO).startswith("250")
    assert "451 4.7.1 This login has reached its limit, try again in 64 min" == submit(
        wire, CONTENT, recipients=TWO
    )
    assert submit(wire, CONTENT).startswith("250")
    assert submit(wire, CONTENT).startswith("451 4.7.1")
    door.clock.advance(240)
    assert submit(wire, CONTENT).startswith("451 4.7.1")
    assert 2 == len(door.messages)


def test_more_recipients_than_the_limit_can_never_go_at_once():
    _, wire = limited(per_hour=1, per_day=10)
    said = submit(wire, CONTENT, recipients=TWO)
    assert "552 5.5.3 This login may send to 1 recipients at once, not more" == said


def test_what_is_refused_for_another_reason_does_not_count():
    door, wire = limited(per_hour=1)
    door.spool.trouble = SpoolUnavailable("no disk", full=True)
    assert submit(wire, CONTENT).startswith("452")
    door.spool.trouble = None
    assert submit(wire, CONTENT).startswith("250")


def test_a_fault_of_ours_does_not_count(expected_failures):
    expected_failures.append(ZeroDivisionError)
    door, wire = limited(per_hour=1)
    door.spool.trouble = ZeroDivisionError()
    assert submit(wire, CONTENT).startswith("451")
    door.spool.trouble = None
    assert submit(wire, CONTENT).startswith("250")


def test_a_store_that_cannot_count_is_trouble_of_ours():
    door, wire = limited(per_day=1)
    door.allowances.trouble = AccountsUnavailable("no answer")
    assert submit(wire, CONTENT).startswith("451 4.3.0")


def test_who_has_no_limit_is_not_counted():
    door, wire = trusted()
    assert submit(wire, CONTENT).startswith("250")
    assert [] == door.allowances.calls


def test_programs_are_told_when_to_come_back():
    door = Door(logins=(login(limits=Limits(per_hour=1)),))
    reader = Recipient(Address("reader", "d.test"))

    def send():
        sent = door.server.direct.submit(
            USERNAME, CLIENT, Address("a", "b.test"), (reader,), CONTENT, switches={}
        )
        return result(Deferred.fromCoroutine(sent))

    send()
    with pytest.raises(Refusal, match="reached its limit") as refused:
        send()
    assert 3600 <= refused.value.retry_after <= 3900


# -- tags and uses ---------------------------------------------------------------------------------------


def test_a_logins_tags_come_behind_the_messages_own():
    door, wire = trusted(logins=(login(tags=("shop", "b")),))
    submit(wire, b"x-smtpeter-tags: a,b\r\n" + CONTENT)
    submit(wire, CONTENT)
    assert [("a", "b", "shop"), ("shop", "b")] == [message.tags for message in door.messages]


def test_a_use_is_noted_when_something_was_accepted():
    door, wire = trusted()
    speak(wire, "MAIL FROM:<a@b.test>", "RSET")
    assert {} == door.uses.known[Kind.LOGIN]
    submit(wire, CONTENT)
    assert {USERNAME: NOW} == door.uses.known[Kind.LOGIN]
    assert {} == door.uses.known[Kind.PREVIOUS]


# -- two passwords ---------------------------------------------------------------------------------------


def rotated(kept):
    return replace(login(), password_hash=kept).rotated(keep_generated("new", zeros), NOW, 3600.0)


@pytest.mark.parametrize("keep", [keep_generated, keep_chosen], ids=["generated", "chosen"])
def test_both_passwords_open_it_until_the_old_one_ends(keep, tmp_path):
    door = Door(tmp_path, logins=(rotated(keep(PASSWORD, zeros)),))
    said = [attempt(door, password=password)[:3] for password in ("new", PASSWORD, "wrong")]
    assert ["235", "235", "535"] == said
    door.clock.advance(3600)
    assert ["235", "535"] == [attempt(door, password=password)[:3] for password in ("new", PASSWORD)]


def test_a_session_of_the_old_password_lasts_as_long_as_that_does(tmp_path):
    door = Door(tmp_path, logins=(login(),), command_timeout=10_000.0, session_timeout=20_000.0)
    wire = ready(door)
    speak(wire, f"AUTH PLAIN {plain()}")
    result(door.accounts.replace(rotated(login().password_hash)))
    assert submit(wire, CONTENT).startswith("250")
    assert {USERNAME: NOW} == door.uses.known[Kind.PREVIOUS]
    door.clock.advance(3601)
    assert speak(wire, "MAIL FROM:<a@b.test>")[0].startswith("535 5.7.8")


def test_the_new_password_is_no_use_of_the_old_one(tmp_path):
    door = Door(tmp_path, logins=(rotated(login().password_hash),))
    wire = ready(door)
    speak(wire, f"AUTH PLAIN {plain(password='new')}")
    assert submit(wire, CONTENT).startswith("250")
    assert {} == door.uses.known[Kind.PREVIOUS]
