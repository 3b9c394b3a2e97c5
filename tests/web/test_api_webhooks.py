"""Webhooks by the API: from their making to their end, and whose they are."""

from dataclasses import replace
from typing import get_args

import pytest
from twisted.internet.defer import Deferred

from smtpeter.accounts import tokens
from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.webhooks import KINDS, Aside, Encoding, Health
from smtpeter.journal.events import Delivered
from smtpeter.message.identifier import DeliveryId, MessageId, show
from smtpeter.report.following import Posted
from smtpeter.service.api import Trials
from smtpeter.web.api.webhooks import Kind
from tests.storage.stores import result
from tests.web.rest import NOW, Rest

URL = "https://app.example/events"


@pytest.fixture
def rest():
    return Rest()


def made(rest, **changes):
    token = changes.pop("token", None)
    answered = rest.post("/webhooks", {"url": URL, **changes}, token=token)
    assert 201 == answered.status, answered.body
    return answered.json


def delivered(rest, count):
    rest.journal.append(
        [
            Delivered(time=NOW - 100 * (count - n), delivery=DeliveryId(n + 1), message=MessageId(1))
            for n in range(count)
        ]
    )


def test_it_follows_what_happens_from_now_on_and_shows_its_secret_once(rest):
    delivered(rest, 3)
    new = made(rest, kinds=["click", "open", "click"], encoding="form", note="crm")
    [kept] = rest.webhooks.kept.values()
    assert (kept.shown_secret(), 3) == (new["secret"], kept.cursor)
    assert (("click", "open"), Encoding.FORM, "crm", "shop", 32) == (
        kept.kinds,
        kept.encoding,
        kept.note,
        kept.login,
        len(kept.secret),
    )
    [listed], shown = rest.get("/webhooks").json, rest.get("/webhooks/1").json
    assert {**listed, "secret": new["secret"]} == new
    assert {**listed, "behind": 0, "aside": []} == shown


def test_without_kinds_it_is_told_everything():
    rest = Rest()
    assert list(KINDS) == made(rest)["kinds"]
    assert tuple(KINDS) == get_args(Kind)


def test_an_operators_is_everybodys_or_a_logins(rest):
    assert ["", "shop"] == [
        made(rest, token=rest.operator)["login"],
        made(rest, token=rest.operator, login="shop")["login"],
    ]
    refused = rest.post("/webhooks", {"url": URL, "login": "nobody"}, token=rest.operator)
    assert (422, "login") == (refused.status, refused.error[0])


def test_a_login_reaches_its_own_only(rest):
    made(rest, token=rest.operator)
    rest.webhooks.kept[2] = replace(rest.webhooks.kept[1], id=2, login="other")
    kept = dict(rest.webhooks.kept)
    assert [] == rest.get("/webhooks").json
    assert 2 == len(rest.get("/webhooks", token=rest.operator).json)
    for number in (1, 2):
        for method, path, body in (
            ("GET", "", None),
            ("PATCH", "", {"enabled": False}),
            ("DELETE", "", None),
            ("POST", "/test", None),
            ("POST", "/replay", {}),
        ):
            assert 404 == rest.ask(method, f"/webhooks/{number}{path}", body).status, (method, path)
    assert (kept, []) == (rest.webhooks.kept, rest.trials)
    assert 403 == rest.post("/webhooks", {"url": URL, "login": "other"}).status
    assert "shop" == made(rest, login="shop")["login"]


def test_a_login_makes_so_many_and_no_more(rest):
    for _ in range(20):
        made(rest)
    assert 422 == rest.post("/webhooks", {"url": URL}).status
    assert 201 == rest.post("/webhooks", {"url": URL, "login": "shop"}, token=rest.operator).status


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [(["queue"], 403), (["read"], 403), (["send"], 403), (["read", "queue"], 200)],
    ids=["queue", "read", "send", "both"],
)
def test_who_may_not_read_events_sends_them_nowhere(rest, scopes, expected):
    made(rest)
    token, kept = tokens.make("shop", scopes, NOW, rest.secret)
    rest.tokens.create(kept)
    for method, path, body in (
        ("POST", "", {"url": URL}),
        ("PATCH", "/1", {"url": URL}),
        ("POST", "/1/replay", {}),
    ):
        status = rest.ask(method, f"/webhooks{path}", body, token=token).status
        assert expected == (200 if status == 201 else status), (method, path)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://0x7f.1/", "http://[::1]/", "ftp://x.example/", "x"]
)
def test_urls_that_may_not_be_posted_to_are_refused(rest, url):
    made(rest)
    for method, path in (("POST", "/webhooks"), ("PATCH", "/webhooks/1")):
        refused = rest.ask(method, path, {"url": url})
        assert (422, "url") == (refused.status, refused.error[0])
    assert [URL] == [one.url for one in rest.webhooks.kept.values()]


def test_what_is_named_changes_and_the_rest_stays(rest):
    before = made(rest, kinds=["click"], note="crm")
    secret = before.pop("secret")
    changed = rest.ask("PATCH", "/webhooks/1", {"enabled": False, "kinds": ["open"]})
    assert {**before, "enabled": False, "kinds": ["open"]} == changed.json
    changed = rest.ask("PATCH", "/webhooks/1", {"enabled": True, "url": "https://b.example", "note": ""})
    assert {**before, "kinds": ["open"], "url": "https://b.example/", "note": ""} == changed.json
    assert secret == rest.webhooks.kept[1].shown_secret()


def test_what_failed_is_told(rest):
    made(rest)
    delivered(rest, 2)
    rest.webhooks.healths[1] = Health(3, "answered 500", NOW + 60, NOW - 60)
    rest.webhooks.refused[1] = [
        Aside(1, DeliveryId(1), NOW, 2, NOW + 5, "answered 400"),
        Aside(2, DeliveryId(2), NOW, 40, None, "answered 400"),
    ]
    shown = rest.get("/webhooks/1").json
    assert (3, "answered 500", True, True, 2) == (
        shown["failures"],
        shown["problem"],
        shown["retry"] > shown["created"],
        shown["taken"] < shown["created"],
        shown["behind"],
    )
    assert [(1, show(DeliveryId(1)), 2, False), (2, show(DeliveryId(2)), 40, True)] == [
        (one["event"], one["id"], one["attempts"], one["due"] is None) for one in shown["aside"]
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((204, ""), (True, 204, "")),
        ((500, ""), (False, 500, "")),
        ((0, "it did not answer in time"), (False, 0, "it did not answer in time")),
        ((0, "10.1.2.3 is not a public address"), (False, 0, "its host has no public address")),
    ],
    ids=["taken", "refused", "no answer", "private"],
)
def test_it_is_tested_and_names_of_ours_are_not_told(rest, answer, told):
    made(rest)
    rest.trial = answer
    tried = rest.post("/webhooks/1/test").json
    assert told == (tried["taken"], tried["status"], tried["problem"])
    assert [rest.webhooks.kept[1]] == rest.trials


def test_the_request_that_tests_it_is_signed_and_tells_of_nothing(rest):
    posts = []

    async def post(url, headers, body):
        posts.append((url, dict(headers), body))
        return Posted(0, "it did not answer in time")

    made(rest)
    trial = Trials(post)(rest.webhooks.kept[1])
    assert (0, "it did not answer in time") == result(Deferred.fromCoroutine(trial))
    [(url, headers, body)] = posts
    assert (URL, "v1,") == (url, headers["webhook-signature"][:3])
    assert b'"type":"test"' in body


@pytest.mark.parametrize(
    ("asked", "cursor"),
    [({}, 5), ({"cursor": 2}, 2), ({"cursor": 99}, 5), ({"seconds": 250}, 3), ({"seconds": 1}, 5)],
    ids=["what waits", "from a place", "never forward", "from a time", "nothing so late"],
)
def test_a_replay_puts_the_cursor_back(rest, asked, cursor):
    delivered(rest, 5)
    made(rest)
    assert {"behind": 5 - cursor} == rest.post("/webhooks/1/replay", asked).json
    assert cursor == rest.webhooks.kept[1].cursor


def test_a_replay_is_from_one_place(rest):
    made(rest)
    refused = rest.post("/webhooks/1/replay", {"seconds": 5, "cursor": 0})
    assert (422, "cursor") == (refused.status, refused.error[0])


def test_it_is_deleted_and_then_not_there(rest):
    made(rest)
    assert 204 == rest.ask("DELETE", "/webhooks/1").status
    assert {} == rest.webhooks.kept
    assert (404, "number") == (rest.get("/webhooks/1").status, rest.get("/webhooks/1").error[0])


@pytest.mark.parametrize("number", ["0", "01", "x", "-1", "1.0", "%D9%A1"])
def test_what_is_no_number_is_not_there(rest, number):
    made(rest)
    assert 404 == rest.get(f"/webhooks/{number}").status


def test_one_that_another_deletes_meanwhile_is_not_there(rest):
    made(rest)
    every = tuple(rest.webhooks.kept.values())
    rest.webhooks.kept.clear()
    rest.webhooks.kept = Gone(every)
    assert [] == rest.get("/webhooks").json
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"enabled": False}),
        ("DELETE", "", None),
        ("POST", "/replay", {}),
    ):
        assert 404 == rest.ask(method, f"/webhooks/1{path}", body).status, (method, path)


class Gone(dict):
    """Listed, and gone when they are asked for."""

    def __init__(self, listed):
        super().__init__()
        self._listed = listed

    def values(self):
        return self._listed


def test_when_the_store_is_away_it_says_come_back(rest):
    rest.webhooks.trouble = AccountsUnavailable("away")
    assert 503 == rest.get("/webhooks").status
