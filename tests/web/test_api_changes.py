"""Whatever changes something by a call of the API is written down: who, what, to what, from where, and no secret."""

import re
from dataclasses import replace

import pytest

from smtpeter.accounts import changes
from smtpeter.accounts.model import Bounces, Limits, Login
from smtpeter.accounts.webhooks import Webhook
from smtpeter.message.options import Priority, Switches
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.web.api.calls import calls
from tests.web.rest import NOW, Rest

# What changes nothing that is set up: what is sent stands in the journal, with its login.
CHANGES_NOTHING = {
    ("POST", "/send"),
    ("POST", "/resend"),
    ("POST", "/explain"),
    ("POST", "/webhooks/{number}/test"),
}
URL = "https://hooks.example/T0/SECRETPATH?key=SECRETKEY"
LOGIN, HOOK = ("POST", "/logins", {"username": "news"}), ("POST", "/webhooks", {"url": URL})
DOMAIN, TOKEN = ("POST", "/domains", {"name": "shop.example"}), ("POST", "/tokens", {"login": "shop"})
JOE = ("POST", "/suppressions", {"recipients": ["Joe@x.example"], "reason": "asked"})
QUEUED = {"login": "shop", "domain": "doe.example"}
HOLD = ("POST", "/queue/hold", QUEUED)
MEANT = "login shop, domain doe.example"
SECRETS = re.compile(r"SECRET|st_[a-z2-7]+_[a-z2-7]{26}|whsec_")

# Each call: what goes before it, its body, and what is then written down.
CALLS = {
    LOGIN[:2]: ((), LOGIN[2], "made the login", "news"),
    ("PATCH", "/logins/{username}"): (
        (LOGIN,),
        {"switches": ["inline_css"], "enabled": False, "per_day": 5},
        "changed the login, enabled: no; switches: inline_css; recipients a day: 5",
        "news",
    ),
    ("POST", "/logins/{username}/rotate"): (
        (LOGIN,), None, "gave the login another password, the old one stops at once", "news",
    ),
    ("DELETE", "/logins/{username}"): ((LOGIN,), None, "deleted the login", "news"),
    TOKEN[:2]: ((), TOKEN[2], "made a token of the login shop: send read queue", "{id}"),
    ("DELETE", "/tokens/{id}"): ((TOKEN,), None, "revoked the token", "{id}"),
    DOMAIN[:2]: ((), DOMAIN[2], "made keys for the sender domain", "shop.example"),
    ("PATCH", "/domains/{name}"): (
        (DOMAIN,),
        {"click_url": "https://c.shop.example"},
        "changed the sender domain, hosts: https://c.shop.example",
        "shop.example",
    ),
    ("DELETE", "/domains/{name}"): ((DOMAIN,), None, "deleted the sender domain and its keys", "shop.example"),
    JOE[:2]: ((), JOE[2], "suppressed, of everybody: asked", "joe@x.example"),
    ("DELETE", "/suppressions/{recipient}"): (
        (JOE,), None, "lets get mail again, of everybody", "joe@x.example",
    ),
    HOOK[:2]: (
        (), HOOK[2],
        "made the webhook to hooks.example, of all logins: bounce failure delivery click open abuse", "1",
    ),
    ("PATCH", "/webhooks/{number}"): ((HOOK,), {"enabled": False}, "paused the webhook", "1"),
    ("DELETE", "/webhooks/{number}"): ((HOOK,), None, "deleted the webhook", "1"),
    ("POST", "/webhooks/{number}/replay"): (
        (HOOK,), {"seconds": 60}, "had the webhook post again all of the last 60 seconds", "1",
    ),
    ("POST", "/queue/retry"): ((), QUEUED, "retried in the queue: 1 delivery", MEANT),
    ("POST", "/queue/hold"): ((), QUEUED, "held in the queue: 1 delivery", MEANT),
    ("POST", "/queue/release"): ((HOLD,), QUEUED, "released in the queue: 1 delivery", MEANT),
    ("POST", "/queue/delete"): ((), QUEUED, "deleted in the queue: 1 delivery", MEANT),
}  # fmt: skip


@pytest.fixture
def rest():
    made = Rest()
    made.now += 0.5  # so that it is not yet due, and may be retried
    made.sent()
    made.now = NOW
    return made


def asked(rest, call, body, identifier):
    """Make the call, as an operator's token; its answer."""
    method, path = call
    places = {
        "username": "news", "name": "shop.example", "number": "1", "recipient": "Joe@x.example", "id": identifier,
    }  # fmt: skip
    answered = rest.ask(method, path.format(**places), body, token=rest.operator)
    assert answered.status in {200, 201, 204}, answered.body
    return answered


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_each_call_that_changes_something_is_written_down(rest, call):
    before, body, action, subject = CALLS[call]
    identifier = ""
    for method, path, given in before:
        identifier = asked(rest, (method, path), given, "").json.get("id", "")
    rest.changes.clear()
    answered = asked(rest, call, body, identifier)
    if answered.body:
        identifier = answered.json.get("id", "")
    [one] = rest.changes
    assert (action, subject.format(id=identifier)) == (one.action, one.subject)
    assert (f"token {rest.operator.split('_')[1]}", "127.0.0.1", NOW) == (one.operator, one.client, one.time)
    assert not SECRETS.search(repr(one))


def test_no_call_that_changes_something_is_forgotten(rest):
    """A new one stands in the table above, or says here that it changes nothing."""
    routes = {(one.method, one.path) for one in calls(rest.neighbours, 1).all if one.method != "GET"}
    assert CALLS.keys() | CHANGES_NOTHING == routes


@pytest.mark.parametrize("call", sorted(CHANGES_NOTHING - {("POST", "/resend")}), ids=" ".join)
def test_what_changes_nothing_is_not_written_down(rest, call):
    asked(rest, HOOK[:2], HOOK[2], "")
    rest.changes.clear()
    body = {"recipient": "joe@x.example", "from": "a@x.example", "subject": "hi", "text": "hi"}
    rest.ask(*call[:1], call[1].format(number="1"), None if "webhooks" in call[1] else body)
    assert [] == rest.changes


def test_what_is_refused_is_not_written_down(rest):
    assert 409 == rest.post("/logins", {"username": "shop"}, token=rest.operator).status
    assert 404 == rest.ask("DELETE", "/logins/nobody", token=rest.operator).status
    assert 403 == rest.post("/logins", {"username": "new"}).status
    assert [] == rest.changes


@pytest.mark.parametrize("verb", ["retry", "hold", "release", "delete"])
def test_a_verb_that_finds_nothing_to_alter_is_not_written_down(rest, verb):
    """Else whoever has a token of one login fills the record, and hides in it what was changed."""
    meant = {"domain": "nowhere.example"}
    for token in (rest.token, rest.operator):
        assert {"altered": 0} == rest.post(f"/queue/{verb}", meant, token=token).json
    assert [] == rest.changes


def test_a_verb_that_the_store_ends_before_its_end_is_written_down_as_far_as_it_came(rest, monkeypatch):
    alter = rest.spool.alter

    def failing(wanted, step, now, *more):
        done = alter(wanted, step, now, *more)
        rest.spool.trouble = SpoolUnavailable("full")
        return done

    monkeypatch.setattr(rest.spool, "alter", failing)
    assert 503 == rest.post("/queue/delete", {"all": True}, token=rest.operator).status
    [one] = rest.changes
    assert ("deleted in the queue: 1 delivery", "everything") == (one.action, one.subject)


def test_a_token_is_told_with_its_login_and_its_note(rest):
    token = rest.post("/tokens", {"login": "shop", "note": "the shop's cron"}, token=rest.operator).json
    rest.changes.clear()
    assert 200 == rest.post("/queue/hold", {"all": True}, token=token["token"]).status
    [one] = rest.changes
    assert f"token {token['id']} of the login shop (the shop's cron)" == one.operator
    assert MEANT.partition(",")[0] == one.subject


# -- the words -------------------------------------------------------------------------------------------


OTHERS = {
    "enabled": (False, "disabled the login"),
    "switches": (Switches(), "switches: none"),
    "senders": (("a.example", ".b.example"), "may send as: a.example .b.example"),
    "trusted_option_headers": (True, "option headers: yes"),
    "give_up_after": (60.0, "tried for: 60 seconds"),
    "priority": (Priority.HIGH, "priority: high"),
    "bounces": (Bounces("none", suppress_for=5.0), "bounces go to: none; suppressed for: 5 seconds"),
    "tags": (("a", "b"), "tags: a b"),
    "limits": (Limits(2, 3), "recipients an hour: 2; recipients a day: 3"),
    "note": ("new", "note: new"),
}
BEFORE = Login("shop", "x", Switches(track_clicks=True), 1.0)


@pytest.mark.parametrize("name", [one for one in Login.__slots__ if one not in {"username", "created_at"}])
def test_what_became_another_in_a_login_is_told_but_nothing_of_passwords(name):
    other, told = OTHERS.get(name, (None, "nothing in it"))
    assert changes.of_login(BEFORE, replace(BEFORE, **{name: other})).endswith(told)
    assert (name in OTHERS) is (name not in {"password_hash", "previous"})


def test_another_path_at_the_same_host_is_a_change_of_a_webhook():
    one, other = (Webhook(1, f"https://hooks.example/{path}", ("open",), b"", 1.0) for path in "ab")
    assert "changed the webhook, to: hooks.example" == changes.of_webhook(one, other)
    assert "changed the webhook, nothing in it" == changes.of_webhook(one, one)


def test_many_recipients_are_told_by_the_first_hundred():
    told = changes.recipients([f"r{number}@x.example" for number in range(1500)])
    assert "r99@x.example and 1,400 more" == told[-28:]
    assert 100 == told.count("@")
