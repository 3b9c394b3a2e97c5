"""The dashboard's pages about operators, and an operator's own: who may sign in, and how."""

import base64
import re
from dataclasses import replace

import pytest

from smtpeter.accounts import codes, passwords
from smtpeter.accounts.operators import Operator, Role
from tests.storage.stores import empty_store, result, stored
from tests.web.rest import NOW
from tests.web.test_dashboard import KEPT, Browser, browser, signed_in, text
from tests.web.test_dashboard_ground import gone_to, page

__all__ = ["browser", "empty_store", "signed_in", "stored"]
OWN = "correct horse battery"


def operator(browser, name="ada"):
    return result(browser.operators.operator(name))


def password_in(answered):
    return re.search(r'<code id="password">([a-z2-7]{26})</code>', page(answered))[1]


def another(browser, name, password, **options):
    """What another person gets who signs in with the same server."""
    kept = browser.cookie, browser.form_token
    browser.cookie = ""
    answered = browser.post("/sign-in", {"name": name, "password": password, **options})
    browser.cookie, browser.form_token = kept
    return answered


# -- operators -------------------------------------------------------------------------------------------


def test_an_operator_is_made_and_his_password_shown_once(signed_in):
    password = password_in(signed_in.post("/operators", {"name": "bob", "role": "operate"}))
    made = operator(signed_in, "bob")
    assert (Role.OPERATE, True, True) == (made.role, made.enabled, made.must_change)
    assert made.password_hash.startswith("$argon2id$")
    for path in ("/operators", "/operators/bob", "/changes"):
        assert password not in page(signed_in.get(path))
    assert "made the operator, to operate bob" in text(signed_in.get("/changes"))
    assert 303 == another(signed_in, "bob", password).status


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"name": "ada", "role": "view"}, 409),
        ({"name": "", "role": "view"}, 422),
        ({"name": "a\u202eb", "role": "view"}, 422),
        ({"name": "Token 7f of the login shop", "role": "view"}, 422),
        ({"name": "root (command line)", "role": "view"}, 422),
        ({"name": "bob", "role": "reign"}, 422),
    ],
)
def test_an_operator_that_cannot_be_is_refused(signed_in, form, status):
    assert status == signed_in.post("/operators", form).status
    assert ["ada"] == [one.name for one in result(signed_in.operators.operators())]


def test_an_operator_gets_another_role_and_is_disabled_and_removed(signed_in):
    password = password_in(signed_in.post("/operators", {"name": "bob", "role": "view"}))
    assert "/operators/bob" == gone_to(signed_in.post("/operators/bob/role", {"role": "administer"}))
    assert Role.ADMINISTER is operator(signed_in, "bob").role
    signed_in.post("/operators/bob/enabled", {"enabled": "no"})
    assert 403 == another(signed_in, "bob", password).status
    signed_in.post("/operators/bob/enabled", {"enabled": "yes"})
    assert 303 == another(signed_in, "bob", password).status
    assert "/operators" == gone_to(signed_in.post("/operators/bob/delete"))
    assert operator(signed_in, "bob") is None
    said = text(signed_in.get("/changes"))
    for done in (
        "lets the operator administer",
        "disabled the operator",
        "enabled the operator",
        "removed the operator",
    ):
        assert f"{done} bob" in said
    assert 404 == signed_in.get("/operators/bob").status


@pytest.mark.parametrize(
    ("verb", "form"), [("role", {"role": "view"}), ("enabled", {"enabled": "no"}), ("delete", {})]
)
def test_the_last_who_administers_stays(signed_in, verb, form):
    answered = signed_in.post(f"/operators/ada/{verb}", form)
    assert 409 == answered.status
    assert "Nobody else could administer then" in text(answered)
    assert 200 == signed_in.get("/operators").status


def test_another_password_ends_the_old_one_and_the_lost_codes(stored):
    browser = Browser(stored.new_store().operators)
    result(browser.operators.create(Operator("bob", KEPT["right"], Role.VIEW, NOW, b"k" * 20)))
    browser.sign_in()
    password = password_in(browser.post("/operators/bob/password"))
    assert operator(browser, "bob").must_change
    browser.post("/operators/bob/no-code")
    assert b"" == operator(browser, "bob").one_time
    assert [403, 303] == [another(browser, "bob", one).status for one in ("right", password)]


# -- one's own account -----------------------------------------------------------------------------------


def test_who_was_given_his_password_has_to_choose_his_own_first(browser):
    given = replace(operator(browser), must_change=True)
    result(browser.operators.replace(given))
    signed = browser.post("/sign-in", {"name": "ada", "password": "right"})
    browser.cookie = signed.headers["Set-Cookie"].partition(";")[0]
    for path in ("/", "/logins", "/operators", "/messages"):
        assert "/account" == gone_to(browser.get(path))
    shown = page(browser.get("/account"))
    assert "Choose one of your own first" in shown
    browser.form_token = re.search('name="form_token" value="([0-9a-f]+)"', shown)[1]
    assert "/account" == gone_to(browser.post("/logins", {"username": "new"}))
    form = {"password": "right", "new": OWN, "again": OWN}
    assert "/sign-in" == gone_to(browser.post("/account/password", form))
    browser.cookie = ""
    assert 303 == browser.sign_in(password=OWN).status
    assert 200 == browser.get("/logins").status


def test_ones_own_password_is_changed_and_the_sessions_end(signed_in):
    form = {"password": "right", "new": OWN, "again": OWN}
    assert "/sign-in" == gone_to(signed_in.post("/account/password", form))
    assert passwords.verify(OWN.encode(), operator(signed_in).password_hash)
    assert "/sign-in" == gone_to(signed_in.get("/"))
    signed_in.cookie = ""
    assert [403, 303] == [signed_in.sign_in(password=one).status for one in ("right", OWN)]
    said = text(signed_in.get("/changes"))
    assert "ada changed his own password" in said
    assert OWN not in said


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"password": "wrong", "new": OWN, "again": OWN}, 403),
        ({"password": "right", "new": OWN, "again": OWN + "x"}, 422),
        ({"password": "right", "new": "short", "again": "short"}, 422),
        ({"password": "right", "new": OWN + "\0", "again": OWN + "\0"}, 422),
        ({}, 403),
    ],
)
def test_a_password_that_cannot_be_is_refused(signed_in, form, status):
    before = operator(signed_in)
    assert status == signed_in.post("/account/password", form).status
    assert before == operator(signed_in)


def test_a_stolen_session_does_not_lead_to_the_password(signed_in):
    for _ in range(10):
        assert 403 == signed_in.post("/account/totp/off", {"password": "wrong"}).status
    assert 429 == signed_in.post("/account/totp/off", {"password": "right"}).status


def test_one_time_codes_are_asked_once_a_code_has_proved_the_key(signed_in):
    shown = page(signed_in.post("/account/totp/key", {"password": "right"}))
    text_key = re.search(r'<code id="key">([A-Z2-7]{32})</code>', shown)[1]
    assert "otpauth://totp/smtpeter%20mail.test%3Aada?secret=" in shown
    assert '<img class="squares" src="data:image/svg+xml;base64,' in shown
    assert text_key not in page(signed_in.get("/account"))
    assert b"" == operator(signed_in).one_time
    key = base64.b32decode(text_key)
    right = codes.code(key, int(NOW) // 30)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    form = {"password": "right", "key": text_key}
    assert 422 == signed_in.post("/account/totp", {**form, "code": wrong}).status
    assert "/sign-in" == gone_to(signed_in.post("/account/totp", {**form, "code": right}))
    assert key == operator(signed_in).one_time
    signed_in.cookie = ""
    assert 403 == signed_in.sign_in(code=right).status, "a code opens once"
    signed_in.rest.now += 30
    assert 303 == signed_in.sign_in(code=codes.code(key, int(NOW) // 30 + 1)).status
    assert "/sign-in" == gone_to(signed_in.post("/account/totp/off", {"password": "right"}))
    assert b"" == operator(signed_in).one_time


@pytest.mark.parametrize("key", ["", "A", "A" * 31, "MFRGG===", "ü"])
def test_a_key_that_is_none_is_refused(signed_in, key):
    assert 400 == signed_in.post("/account/totp", {"password": "right", "key": key, "code": "1"}).status


def test_who_only_looks_changes_his_own_password_and_nobody_elses(stored):
    browser = Browser(stored.new_store().operators, Role.VIEW)
    browser.sign_in()
    assert 403 == browser.get("/operators").status
    form = {"password": "right", "new": OWN, "again": OWN}
    assert "/sign-in" == gone_to(browser.post("/account/password", form))
