"""Who may log in: wrong passwords, locks, stores in trouble, logins that change while a session lasts."""

import base64

import pytest
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.logger import globalLogPublisher

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.passwords import keep_chosen, keep_generated, verify
from smtpeter.message.options import Switches
from tests.submission.door import (
    PASSWORD,
    USERNAME,
    Door,
    b64,
    login,
    plain,
    reply,
    speak,
    submit,
    trusted,
    zeros,
)

CHOSEN = login(username="carol", password_hash=keep_chosen(PASSWORD, zeros))


class Pool:
    """Calls at once, and counts."""

    def __init__(self):
        self.calls = 0

    def __call__(self, function, *arguments):
        self.calls += 1
        return maybeDeferred(function, *arguments)


def ready(door, **options):
    """A client that has said EHLO inside TLS."""
    wire = door.wire(implicit_tls=True, **options)
    speak(wire, "EHLO client.test")
    reply(wire)
    return wire


def attempt(door, username=USERNAME, password=PASSWORD, **options):
    wire = ready(door, **options)
    (said,) = speak(wire, f"AUTH PLAIN {plain(username, password)}")
    wire.close()
    return said


@pytest.mark.row(67)
@pytest.mark.parametrize("password", ["pä:ss", "x" * 1024, ":", " leading and trailing "])
def test_passwords_of_many_kinds(password, tmp_path):
    for kept in (keep_generated(password, zeros), keep_chosen(password, zeros)):
        door = Door(tmp_path, logins=(login(password_hash=kept),))
        assert attempt(door, password=password).startswith("235")


@pytest.mark.row(67)
def test_a_password_with_nul_is_refused(tmp_path):
    door = Door(tmp_path)
    wire = ready(door)
    response = base64.b64encode(f"{USERNAME}".encode())
    speak(wire, f"AUTH LOGIN {response.decode()}")
    assert speak(wire, b64(PASSWORD + "\0"))[0].startswith("535")


def test_a_username_that_is_none_is_a_wrong_one(tmp_path):
    door = Door(tmp_path)
    wire = ready(door)
    for username in (b"\xff\xfe", b"x" * 256):
        response = base64.b64encode(b"\0" + username + b"\0x").decode()
        assert speak(wire, f"AUTH PLAIN {response}")[0].startswith("535 5.7.8")


@pytest.mark.row(61)
@pytest.mark.parametrize(("octets", "codes"), [(12_288, ["501", "250"]), (12_289, ["500", "250"])])
def test_the_longest_answer_to_auth(octets, codes, tmp_path):
    """RFC 4954 4: 12,288 octets; one more is 500 5.5.6, and the exchange is over."""
    door = Door(tmp_path)
    wire = ready(door)
    speak(wire, "AUTH PLAIN")
    wire.send(b"A" * (octets - 2) + b"\r\n")
    assert codes == [reply(wire)[:3], speak(wire, "NOOP")[0][:3]]


@pytest.mark.row(62)
def test_auth_ends_no_transaction_and_comes_once(tmp_path):
    door = Door(tmp_path)
    wire = ready(door)
    replies = speak(
        wire,
        f"AUTH PLAIN {plain()}",
        f"AUTH PLAIN {plain()}",
        "MAIL FROM:<a@b.test>",
        f"AUTH PLAIN {plain()}",
    )
    assert ["235 2.7.0", "503 5.5.1", "250 2.1.0", "503 5.5.1"] == [said[:9] for said in replies]


@pytest.mark.row(64)
def test_failures_are_slow_and_the_third_ends_the_session(tmp_path):
    door = Door(tmp_path, error_delay=1.0)
    wire = ready(door)
    waits = []
    for _ in range(3):
        before = door.clock.seconds()
        assert speak(wire, f"AUTH PLAIN {plain(password='wrong')}")[0].startswith("535 5.7.8")
        waits.append(door.clock.seconds() - before)
    assert [1, 2, 4] == waits
    assert reply(wire).startswith("421 4.7.0")
    assert wire.closed


@pytest.mark.row(64)
def test_an_address_that_guesses_is_locked_for_a_while(tmp_path):
    """Whatever the logins it tries; a chosen password is then not even looked at."""
    pool = Pool()
    door = Door(tmp_path, logins=(CHOSEN,), pool=pool)
    for number in range(20):
        assert attempt(door, f"user{number}", "wrong").startswith("535")
    calls = pool.calls
    assert attempt(door, "carol").startswith("454 4.7.0")
    assert attempt(door, "nobody").startswith("454 4.7.0")
    assert calls == pool.calls
    assert attempt(door, "carol", address="198.51.100.7").startswith("235")
    door.clock.advance(3600)
    assert attempt(door, "carol").startswith("235")


def guessed_at(tmp_path, **options):
    """A door at which strangers have guessed carol's password, each from his own address."""
    door = Door(tmp_path, logins=(CHOSEN,), **options)
    for number in range(100):
        assert attempt(door, "carol", "wrong", address=f"203.0.113.{number}").startswith("535")
    return door


@pytest.mark.row(64)
def test_nobody_keeps_a_login_out_by_guessing_its_password(tmp_path):
    """Neither where it has never been, nor, after a new start of the server, where it always is."""
    door = guessed_at(tmp_path)
    assert attempt(door, "carol", address="198.51.100.7").startswith("235")
    assert attempt(door, "carol", address="2001:db8::7").startswith("235")


@pytest.mark.row(64)
def test_a_login_that_is_guessed_at_has_three_tries_for_each_new_address(tmp_path):
    door = guessed_at(tmp_path)
    said = [attempt(door, "carol", "wrong", address=f"2001:db8::{number}")[:3] for number in range(4)]
    assert ["535", "535", "535", "454"] == said
    assert attempt(door, "carol", address="2001:db8::beef").startswith("454")
    door.clock.advance(1200)
    assert attempt(door, "carol", address="2001:db8::beef").startswith("235")


@pytest.mark.row(64)
def test_who_has_used_a_login_before_has_fifty_tries_whatever_others_do(tmp_path):
    door = Door(tmp_path, logins=(CHOSEN,))
    assert attempt(door, "carol", address="198.51.100.7").startswith("235")
    for number in range(100):
        attempt(door, "carol", "wrong", address=f"203.0.113.{number}")
    for _ in range(49):
        assert attempt(door, "carol", "wrong", address="198.51.100.7").startswith("535")
    assert attempt(door, "carol", address="198.51.100.7").startswith("235")


@pytest.mark.row(64)
def test_a_lock_on_an_address_spares_its_good_neighbours(tmp_path):
    """Behind one address: who has logged in before goes on, and a generated password always opens."""
    door = Door(tmp_path, logins=(CHOSEN, login()))
    assert attempt(door, "carol").startswith("235")
    for _ in range(25):
        attempt(door, "nobody", "wrong")
    assert attempt(door, "nobody", "wrong").startswith("454")
    assert attempt(door, "carol").startswith("235")
    assert attempt(door, USERNAME).startswith("235")


def test_every_refusal_costs_one_slow_hash(tmp_path):
    """So time tells nobody which logins exist, nor what kind of password they have."""
    pool = Pool()
    door = Door(tmp_path, logins=(CHOSEN, login()), pool=pool)
    costs = []
    for username in ("carol", USERNAME, "nobody"):
        before = pool.calls
        attempt(door, username, "wrong")
        costs.append(pool.calls - before)
    assert [1, 1, 1] == costs


def test_a_right_password_costs_little(tmp_path):
    """A generated one never needs the pool, a chosen one once."""
    pool = Pool()
    door = Door(tmp_path, logins=(CHOSEN, login()), pool=pool)
    assert attempt(door, USERNAME).startswith("235")
    assert 0 == pool.calls
    for _ in range(3):
        assert attempt(door, "carol").startswith("235")
    assert 1 == pool.calls


def test_a_verified_password_counts_no_longer_when_it_is_changed(tmp_path):
    door = Door(tmp_path, logins=(CHOSEN,))
    assert attempt(door, "carol").startswith("235")
    door.accounts.replace(login(username="carol", password_hash=keep_chosen("another", zeros)))
    assert attempt(door, "carol").startswith("535")
    assert attempt(door, "carol", "another").startswith("235")


def test_too_many_slow_hashes_at_once_are_refused_for_now(tmp_path):
    waiting = []

    def pool(function, *arguments):
        waiting.append(Deferred())
        return waiting[-1]

    door = Door(tmp_path, logins=(CHOSEN,), pool=pool)
    wires = [ready(door, address=f"198.51.100.{n}") for n in range(33)]
    for wire in wires:
        wire.send(f"AUTH PLAIN {plain('carol')}\r\n".encode())
    assert reply(wires[-1]).startswith("454 4.7.0")
    assert 32 == len(waiting)
    for one in waiting:
        one.callback(True)
    assert reply(wires[0]).startswith("235")


@pytest.mark.row(66)
def test_a_store_in_trouble_is_no_wrong_password(tmp_path, expected_failures):
    expected_failures.append(AccountsUnavailable)
    door = Door(tmp_path)
    door.accounts.trouble = AccountsUnavailable("locked")
    assert attempt(door).startswith("454 4.7.0")
    door.accounts.trouble = None
    assert attempt(door).startswith("235")


def test_a_store_in_trouble_refuses_mail_for_now():
    door, wire = trusted()
    door.accounts.trouble = AccountsUnavailable("locked")
    assert speak(wire, "MAIL FROM:<a@b.test>")[0].startswith("451 4.3.0")


@pytest.mark.row(69)
@pytest.mark.parametrize(
    "change",
    [
        lambda accounts: accounts.replace(login(enabled=False)),
        lambda accounts: accounts.delete(USERNAME),
        lambda accounts: accounts.replace(login(password_hash=keep_generated("another", zeros))),
    ],
    ids=["disabled", "deleted", "rotated"],
)
def test_a_login_that_ends_while_a_session_lasts_sends_nothing_more(change, tmp_path):
    door = Door(tmp_path)
    wire = ready(door)
    speak(wire, f"AUTH PLAIN {plain()}", "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA")
    change(door.accounts)
    wire.send(b".\r\n")
    assert reply(wire).startswith("535 5.7.8")
    assert speak(wire, "MAIL FROM:<a@b.test>")[0].startswith("535 5.7.8")
    assert [] == door.messages
    assert attempt(door).startswith("535")


def test_switches_that_change_while_a_session_lasts_hold_at_once(tmp_path):
    door = Door(tmp_path)
    wire = ready(door)
    speak(wire, f"AUTH PLAIN {plain()}")
    submit(wire, b"")
    door.accounts.replace(login(switches=Switches(track_clicks=True)))
    submit(wire, b"")
    assert [False, True] == [message.switches.track_clicks for message in door.messages]


@pytest.mark.row(68)
def test_no_log_has_a_password(tmp_path, expected_failures):
    """Neither of a failure, nor of a success, nor of trouble; nor a line that was refused."""
    expected_failures.append(AccountsUnavailable)
    seen = []
    globalLogPublisher.addObserver(seen.append)
    try:
        door = Door(tmp_path)
        attempt(door)
        attempt(door, password="secret-guess")
        attempt(door, username="evil\n{password}", password="secret-guess")
        door.accounts.login = lambda username: fail(AccountsUnavailable("locked"))
        attempt(door, password="secret-guess")
        wire = ready(door)
        speak(wire, "AUTH PLAIN " + plain(password="secret-guess") + "!")
    finally:
        globalLogPublisher.removeObserver(seen.append)
    text = repr(seen) + "".join(_traceback(event) for event in seen)
    assert "login failed" in text
    for secret in (PASSWORD, "secret-guess", b64("secret-guess")[:12], plain(password="secret-guess")[8:]):
        assert secret not in text
    assert "evil\n" not in text


def _traceback(event):
    failure = event.get("log_failure")
    return "" if failure is None else failure.getTraceback()


def test_verify_is_what_the_pool_is_given(tmp_path):
    given = []

    def pool(function, *arguments):
        given.append(function)
        return succeed(False)

    attempt(Door(tmp_path, pool=pool), "nobody")
    assert [verify] == given
