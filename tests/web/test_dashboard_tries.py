"""Whoever guesses an operator's password is held up, and keeps nobody out by it: neither him, nor by his address or name."""

from contextlib import contextmanager

import pytest
from twisted.logger import formatEvent, globalLogPublisher

from smtpeter.accounts import codes
from smtpeter.accounts.operators import Operator, Role
from smtpeter.web.dashboard import devices
from smtpeter.web.dashboard.app import Dashboard
from smtpeter.web.visit import Proxies
from tests.storage.stores import empty_store, result, stored
from tests.web.rest import NOW
from tests.web.test_dashboard import KEPT, KEY, Browser, browser

__all__ = ["browser", "empty_store", "stored"]
MONTHS = 180 * 86_400


def tries(browser, number, name="ada", password="wrong", **options):
    """By strangers, each from an address of his own; what they were answered."""
    known, browser.device = browser.device, ""
    answers = [
        browser.sign_in(name, password, peer=f"203.0.{index // 250}.{index % 250}", secure=True, **options)
        for index in range(number)
    ]
    browser.device = known
    return [answered.status for answered in answers]


def anew(browser, **options):
    """Signing in from elsewhere, on a browser that has never been here."""
    browser.cookie = browser.device = ""
    return browser.sign_in(peer="198.51.100.7", secure=True, **options)


def test_strangers_do_not_hold_up_a_browser_that_was_here_before(browser):
    browser.sign_in(secure=True)
    browser.cookie = ""
    assert [403] * 52 == tries(browser, 52)
    assert (303, 0.0) == (browser.sign_in(secure=True).status, browser.waited)


def test_neither_does_who_guesses_from_its_own_address(browser):
    browser.sign_in(secure=True)
    browser.cookie, known, browser.device = "", browser.device, ""
    for _ in range(12):
        browser.sign_in(password="wrong", secure=True)
    assert 429 == browser.sign_in(secure=True).status
    browser.device = known
    assert 303 == browser.sign_in(secure=True).status


def test_under_fire_a_new_browser_waits_some_seconds_and_is_let_in(browser):
    tries(browser, 52)
    assert (303, 5.0) == (anew(browser).status, browser.waited)


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_under_fire_each_address_has_two_tries_in_a_quarter_of_an_hour(browser, name):
    """And whether there is such a name is not told by it."""
    tries(browser, 52, name)
    statuses = [anew(browser, name=name, password="wrong").status for _ in range(3)]
    assert [403, 403, 429] == statuses
    browser.rest.now += 1000
    assert (403, 1.0) == (anew(browser, name=name, password="wrong").status, browser.waited)


def test_all_processes_count_what_is_tried_under_a_name_together(browser):
    processes = [browser.dashboard, Dashboard(browser.neighbours, Proxies(()))]
    for index in range(50):
        browser.dashboard = processes[index % 2]
        browser.sign_in(password="wrong", peer=f"203.0.113.{index}", secure=True)
    assert (303, 5.0) == (anew(browser).status, browser.waited)


@pytest.mark.parametrize("peers", [["192.0.2.1"] * 6, [f"2001:db8::{index}" for index in range(6)]])
def test_one_address_has_five_tries_at_a_name_in_a_minute(browser, peers):
    answers = [browser.sign_in(password="wrong", peer=peer, secure=True) for peer in peers]
    assert [403] * 5 + [429] == [answered.status for answered in answers]
    browser.rest.now += int(answers[-1].headers["Retry-After"])
    assert 303 == browser.sign_in(peer=peers[0], secure=True).status


def test_who_signs_in_has_not_guessed(browser):
    """Whoever often signs in and out, on browsers that forget, does not hold up himself."""
    for _ in range(3):
        tries(browser, 4)
        assert [303] * 12 == [anew(browser).status for _ in range(12)]


def test_no_name_counts_as_another_s(browser):
    """Whatever is tried as `198.51.100.7 as ada`, or as a name like a count of ours, is not ada's."""
    for name in ("198.51.100.7 as ada", "ada from 198.51.100.7"):
        tries(browser, 52, name)
    assert (303, 0.0) == (anew(browser).status, browser.waited)


def test_a_browser_that_was_here_has_ten_tries_a_minute(browser):
    browser.sign_in()
    statuses = [browser.sign_in(password="wrong").status for _ in range(10)]
    assert ([403] * 10, 429) == (statuses, browser.sign_in().status)
    browser.rest.now += 65
    assert 303 == browser.sign_in().status


def test_a_browser_is_known_for_half_a_year_from_the_last_sign_in(browser):
    for _ in range(2):
        browser.rest.now += MONTHS - 1
        before = browser.device
        assert 303 == browser.sign_in().status
        assert before != browser.device
    assert is_known(browser)
    browser.rest.now += MONTHS
    assert not is_known(browser)


def test_another_password_makes_a_browser_a_stranger_s(browser):
    browser.sign_in()
    assert is_known(browser)
    form = {"password": "right", "new": "twelve characters", "again": "twelve characters"}
    assert 303 == browser.post("/account/password", form).status
    assert not is_known(browser, password="twelve characters")
    assert is_known(browser, password="twelve characters")


def test_a_browser_is_known_to_whom_it_was_used_by_and_to_nobody_else(browser):
    result(browser.operators.create(Operator("bob", KEPT["right"], Role.VIEW, NOW)))
    browser.sign_in()
    value = browser.device.partition("=")[2]
    browser.device = f"{devices.cookie(value, 'bob', secure=False)[1].decode().partition('=')[0]}={value}"
    assert not is_known(browser, name="bob")


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value[:-1] + ("0" if value[-1] != "0" else "1"),
        lambda value: value.replace(".", ".9", 1),
        lambda value: "a" + value[1:] if value[0] != "a" else "b" + value[1:],
        lambda value: "",
        lambda value: "ä" * 26 + value[26:],
    ],
    ids=["signature", "time", "number", "empty", "not ASCII"],
)
def test_a_cookie_that_was_altered_is_none(browser, change):
    browser.sign_in()
    name, _, value = browser.device.partition("=")
    browser.device = f"{name}={change(value)}"
    assert not is_known(browser)


@contextmanager
def told():
    """What the log says of an operator's password."""
    events, lines = [], []
    globalLogPublisher.addObserver(events.append)
    try:
        yield lines
    finally:
        globalLogPublisher.removeObserver(events.append)
        lines += [line for line in map(formatEvent, events) if "the password of operator" in line]


def is_known(browser, name="ada", password="right"):
    """Whether signing in on this browser counts apart: then the address has nothing of it."""
    browser.cookie = ""
    browser.rest.allowances.done.clear()
    assert (
        303 == browser.sign_in(name, password).status
    )  # what has counted for this is taken back, and stays as 0
    return "sign-in from 127.0.0.1" not in browser.rest.allowances.done


def test_the_cookie_of_a_browser_is_no_scripts_and_no_other_sites(browser):
    given = devices.cookie("value", "ada", secure=True)[1].decode()
    name, _, rest = given.partition("=value; ")
    assert name.startswith("__Host-smtpeter-known-")
    assert "ada" not in name
    assert f"Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age={MONTHS}" == rest
    answered = browser.sign_in("ada", "wrong")
    assert (403, "") == (answered.status, browser.device)


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("nobody", "right")])
def test_whatever_is_wrong_takes_the_same_second(browser, name, password):
    answered = browser.sign_in(name, password)
    assert (403, 1.0) == (answered.status, browser.waited)


def test_who_has_the_password_does_not_find_the_code_by_trying(stored):
    """From however many addresses: and neither does he learn that he has it, nor does he keep ada out by it."""
    browser = Browser(stored.new_store().operators, one_time=KEY)
    browser.sign_in(code=codes.code(KEY, int(NOW) // 30), secure=True)
    with told() as lines:
        wrong = tries(browser, 12, password="right", code="000000")
    assert ["203.0.0.10", "203.0.0.11"] == [
        line.partition(": the password of operator ada")[0] for line in lines
    ]
    browser.rest.now += 60
    code = codes.code(KEY, int(browser.rest.now) // 30)
    known = browser.device
    assert ([403] * 12, 403, 1.0) == (wrong, anew(browser, code=code).status, browser.waited)
    browser.device = known
    assert 303 == browser.sign_in(code=code, secure=True).status


def test_a_right_code_is_no_guess_either(stored):
    browser = Browser(stored.new_store().operators, one_time=KEY)
    for _ in range(12):
        code = codes.code(KEY, int(browser.rest.now) // 30)
        assert 303 == anew(browser, code=code).status
        browser.rest.now += 30
