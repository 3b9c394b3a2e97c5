"""The calls that look, and those that operate: what is told, and what a login's token does not reach."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from twisted.internet.defer import succeed

from smtpeter.accounts.published import Unanswered
from smtpeter.accounts.suppression import Treatment
from smtpeter.accounts.uses import Kind
from smtpeter.journal.events import Click, Delivered
from smtpeter.message.identifier import DeliveryId, MessageId, read
from smtpeter.spool.states import State
from smtpeter.spool.waiting import Reason, SiteState
from smtpeter.web.api.domains import in_time
from tests.storage.stores import result
from tests.web.rest import NOW, Rest, b64


@pytest.fixture
def rest():
    return Rest()


def sent(rest, **changes):
    return next(iter(rest.send(**changes).json))


def happened(rest, number=1, **changes):
    """A click, told of a delivery of the shop's."""
    rest.journal.append(
        [
            Click(
                **{
                    "time": NOW,
                    "delivery": DeliveryId(number),
                    "message": MessageId(1),
                    "login": "shop",
                    "recipient": "john@doe.example",
                    "tags": ("a", "b"),
                    "url": "http://x.example/",
                    **changes,
                }
            )
        ]
    )


# -- messages ------------------------------------------------------------------------------------------------


def test_the_parts_of_a_message(rest):
    identifier = sent(
        rest,
        html='<img src="cid:logo">',
        envelope="me@example.com",
        attachments=[
            {"data": b64("one"), "name": "1.txt", "type": "text/plain"},
            {"data": b64("png"), "name": "l.png", "type": "image/png", "cid": "logo"},
        ],
    )
    told = {
        "recipient": b"john@doe.example",
        "envelope": b"me@example.com",
        "text": b"How are you?\r\n",
        "html": b'<img src="cid:logo">\r\n',
    }
    for part, wanted in told.items():
        assert (200, wanted) == (
            rest.get(f"/{part}/{identifier}").status,
            rest.get(f"/{part}/{identifier}").body,
        )
    assert b"Subject: hello" in rest.get(f"/headers/{identifier}").body
    assert rest.get(f"/headers/{identifier}").body == rest.get(f"/header/{identifier}").body
    file = {"id": 0, "name": "1.txt", "type": "text/plain", "size": 3, "contentid": ""}
    assert [file] == rest.get(f"/attachments/{identifier}").json
    assert (
        b"one"
        == rest.get(f"/attachments/{identifier}/1.txt").body
        == rest.get(f"/attachments/{identifier}/0").body
    )
    assert "logo" == rest.get(f"/embeds/{identifier}").json[0]["contentid"]
    assert "image/png" == rest.get(f"/embeds/{identifier}/l.png").content_type
    assert "john@doe.example" == rest.get(f"/message/{identifier}").json["recipient"]
    assert rest.get(f"/mime/{identifier}").body.startswith(b"From: info@example.com")


def test_without_an_envelope_it_is_empty(rest):
    assert (200, b"") == (
        rest.get(f"/envelope/{sent(rest)}").status,
        rest.get(f"/envelope/{sent(rest)}").body,
    )


def test_what_is_downloaded_runs_nowhere(rest):
    identifier = sent(rest, attachments=[{"data": b64("<script>"), "name": "x", "type": "text/html"}])
    headers = rest.get(f"/attachments/{identifier}/0").headers
    assert ("nosniff", True) == (
        headers["X-Content-Type-Options"],
        "sandbox" in headers["Content-Security-Policy"],
    )


@pytest.mark.parametrize(
    "part", ["recipient", "text", "html", "headers", "mime", "attachments", "embeds", "message"]
)
def test_a_message_is_its_logins_and_operators(rest, part):
    identifier = sent(rest)
    message = rest.message(identifier)
    rest.spool.shelf.messages[message.id] = replace(message, login="other")
    assert 404 == rest.get(f"/{part}/{identifier}").status
    assert 200 == rest.get(f"/{part}/{identifier}", token=rest.operator).status


@pytest.mark.parametrize("identifier", ["a" * 13, "x", "%2e%2e", "a" * 12 + "0"])
def test_what_is_not_there_is_404(rest, identifier):
    assert 404 == rest.get(f"/text/{identifier}").status
    assert 404 == rest.get(f"/attachments/{sent(rest)}/nothing").status


def test_a_content_that_is_no_longer_kept_is_410(rest):
    identifier = sent(rest)
    rest.spool.shelf.outlined.add(rest.message(identifier).id)
    assert (410, 200) == (rest.get(f"/text/{identifier}").status, rest.get(f"/recipient/{identifier}").status)


# -- events --------------------------------------------------------------------------------------------------


def test_events_of_a_message_as_the_product_tells_them(rest):
    identifier = sent(rest, tags="a")
    [attempt] = rest.get(f"/events/messageid/{identifier}").json
    assert ("attempt", identifier, "a") == (attempt["event"], attempt["data"]["id"], attempt["data"]["tags"])
    [flat] = rest.get(f"/events/messageid/{identifier}?flat=true").json
    assert {"event": "attempt", **attempt["data"]} == flat


def test_events_by_address_and_by_tags(rest):
    happened(rest)
    happened(rest, 2, tags=("b",), recipient="mary@doe.example")
    assert 1 == len(rest.get("/events/email/john@doe.example").json)
    for path in (
        "/events/tags/a;b",
        "/events/tags/a%3Bb",
        "/events/tags/a/b",
        "/tags/a/b",
        "/events/tags/b?tags=a",
    ):
        assert 1 == len(rest.get(path).json), path
    assert 2 == len(rest.get("/events/tags/b").json)


def test_a_token_sees_its_logins_events(rest):
    happened(rest, login="other")
    assert [] == rest.get("/events/tags/a").json
    assert [] == rest.get("/events").json["events"]
    assert 1 == len(rest.get("/events/tags/a", token=rest.operator).json)
    assert 403 == rest.get("/events?login=other").status
    assert 1 == len(rest.get("/events?login=other", token=rest.operator).json["events"])


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("", [0, 30]),
        ("start=2026-05-28", [0]),
        ("start=2026-05-27&end=2026-05-28", []),
        ("end=2026-05-28", [30]),
        ("start=2026-04-01", [30]),
        ("start=2026-04-01&end=2026-06-01", [30]),
    ],
    ids=["last month", "from", "empty day", "until", "a month from", "cut to a month"],
)
def test_days_are_as_the_product_counts_them(rest, query, days):
    for ago in (0, 30, 70):
        happened(rest, ago + 1, time=NOW - ago * 86_400)
    found = rest.get(f"/events/tags/a?{query}").json
    assert [NOW - ago * 86_400 for ago in sorted(days, reverse=True)] == sorted(
        NOW - (read(one["data"]["id"]) - 1) * 86_400 for one in found
    )


@pytest.mark.parametrize(
    "query",
    [
        "start=2026-05-01&end=2026-05-01",
        "start=2026-05-02&end=2026-05-01",
        "start=2026-02-30",
        "start=9999-12-31",
    ],
)
def test_days_that_cannot_be_are_422(rest, query):
    assert 422 == rest.get(f"/events/tags/a?{query}").status


@pytest.mark.parametrize("query", ["end=9999-12-31", "start=9999-11-30", "start=0001-01-01"])
def test_the_last_day_and_the_first_are_days(rest, query):
    assert [] == rest.get(f"/events/tags/a?{query}").json


def test_pages_name_the_next(rest):
    for number in range(5):
        happened(rest, number + 1)
    path, seen = "/events/tags/a?limit=2", []
    while path:
        answered = rest.get(path)
        seen += [read(one["data"]["id"]) for one in answered.json]
        link = answered.headers.get("Link", "")
        path = link[1 : link.index(">")].removeprefix("/v1") if link else ""
    assert [1, 2, 3, 4, 5] == seen


def test_the_journal_is_followed_by_its_cursor(rest):
    happened(rest)
    first = rest.get("/events").json
    assert ["click"] == [one["event"] for one in first["events"]]
    assert [] == rest.get(f"/events?cursor={first['cursor']}").json["events"]
    rest.journal.append([Delivered(time=NOW, delivery=DeliveryId(2), message=MessageId(1), login="shop")])
    after = rest.get(f"/events?cursor={first['cursor']}").json
    assert ["delivery"] == [one["event"] for one in after["events"]]
    assert ["delivery"] == [one["event"] for one in rest.get("/events?kind=delivery,open").json["events"]]
    assert 422 == rest.get("/events?kind=nothing").status


def test_log_files(rest):
    happened(rest, url='a"b\r\n=1+1', login="shop")
    happened(rest, 2, login="other")
    assert ["2026-05-28"] == rest.get("/logfiles").json
    assert ["clicks.2026-05-28.log"] == rest.get("/logfiles/2026-05-28").json
    answered = rest.get("/logfiles/clicks.2026-05-28.log")
    assert (200, True) == (answered.status, answered.content_type.startswith("text/csv"))
    assert b'"a""b\r\n=1+1"' in answered.body
    assert 1 == len(rest.get("/logfiles/clicks.2026-05-28.log/json").json)
    assert 2 == len(rest.get("/logfiles/clicks.2026-05-28.log/json", token=rest.operator).json)
    assert rest.get("/logfiles/clicks.2026-05-28.log/header").body.startswith(b"id,time,headers,ip,url,")
    assert b"<record>" in rest.get("/logfiles/clicks.2026-05-28.log/xml").body


@pytest.mark.parametrize(
    "path",
    [
        "x",
        "2026-13-01",
        "2020-01-01",
        "x.2026-05-28.log",
        "clicks.2026-05-28.log/pdf",
        "clicks.2026-05-99.log",
    ],
)
def test_log_files_that_are_not_there(rest, path):
    assert 404 == rest.get(f"/logfiles/{path}").status


# -- the queue -----------------------------------------------------------------------------------------------


def test_what_waits_is_listed_and_altered(rest):
    identifier = sent(rest)
    (waiting,) = rest.get("/queue").json
    assert (identifier, "mx.doe.example") == (waiting["id"], waiting["site"])
    assert {"altered": 1} == rest.post("/queue/hold", {"id": identifier}).json
    assert ["held"] == [one["state"] for one in rest.get("/queue?state=held").json]
    assert {"altered": 1} == rest.post("/queue/release", {"domain": "doe.example"}).json
    assert {"altered": 1} == rest.post("/queue/delete", {"all": True}).json
    assert [State.DELETED] == list(rest.spool.states.values())


def test_a_retry_lifts_the_sites_in_trouble_but_for_no_login(rest):
    sent(rest)
    rest.sites.states = {
        name: SiteState(name, Reason.SITE_TROUBLE) for name in ("doe.example", "two.example")
    }
    assert {"altered": 1} == rest.post("/queue/hold", {"all": True}).json
    assert {"altered": 1} == rest.post("/queue/release", {"all": True}, token=rest.token).json
    assert [] == rest.sites.lifts
    rest.post("/queue/retry", {"domain": "doe.example"}, token=rest.operator)
    assert ["doe.example"] == rest.sites.lifts
    assert ["retried in the queue: 0 deliveries"] == [one.action for one in rest.changes[-1:]]


def test_a_verb_goes_on_until_nothing_is_left_to_alter(rest, monkeypatch):
    """Of the first portion one was claimed since it was found."""
    left = [1000, 999, 1, 0]
    monkeypatch.setattr(rest.spool, "alter", lambda *_: succeed(left.pop(0)))
    assert {"altered": 2000} == rest.post("/queue/hold", {"all": True}).json


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"sender": "me@example.com"}, 1),
        ({"sender": "you@example.com"}, 0),
        ({"sender": ""}, 0),
        ({"older_than": 60}, 1),
        ({"older_than": 7200}, 0),
        ({"older_than": 0}, 1),
        ({"site": "DOE.example"}, 1),
        ({"site": "other.example"}, 0),
    ],
    ids=["sender", "another", "the null one", "older", "younger", "all", "site", "another site"],
)
def test_what_is_meant_may_be_said_by_sender_age_and_site(rest, asked, expected):
    sent(rest, envelope="me@example.com")
    rest.now += 3600
    assert expected == len(rest.get(f"/queue?{urlencode(asked)}").json)
    assert {"altered": expected} == rest.post("/queue/hold", asked).json


@pytest.mark.parametrize(("number", "status"), [("60.0", 200), ("6e1", 200), ("60.5", 400), ("1e999", 400)])
def test_a_whole_number_may_be_written_with_a_point(rest, number, status):
    assert status == rest.post("/queue/hold", f'{{"older_than": {number}}}'.encode()).status


def test_a_verb_says_whom_it_means(rest):
    assert (422, "all") == (rest.post("/queue/hold", {}).status, rest.post("/queue/hold", {}).error[0])


def test_a_login_reaches_its_own_queue(rest):
    identifier = sent(rest)
    message = rest.message(identifier)
    rest.spool.shelf.messages[message.id] = replace(message, login="other")
    assert [] == rest.get("/queue").json
    assert {"altered": 0} == rest.post("/queue/delete", {"id": identifier}).json
    assert 403 == rest.post("/queue/delete", {"login": "other"}).status
    assert {"altered": 1} == rest.post("/queue/hold", {"login": "other"}, token=rest.operator).json


# -- logins, tokens, domains ---------------------------------------------------------------------------------


def test_logins_from_their_making_to_their_end(rest):
    def ask(method, path, body=None):
        return rest.ask(method, path, body, token=rest.operator)

    made = ask(
        "POST", "/logins", {"username": "new", "switches": ["track_opens"], "senders": [".example.com"]}
    )
    assert (201, 26) == (made.status, len(made.json["password"]))
    assert 409 == ask("POST", "/logins", {"username": "new"}).status
    assert "password" not in ask("GET", "/logins/new").json
    changed = ask("PATCH", "/logins/new", {"enabled": False, "switches": ["prevent_scam"], "note": "x"}).json
    assert (False, ["prevent_scam"], [".example.com"]) == (
        changed["enabled"],
        changed["switches"],
        changed["senders"],
    )
    rotated = ask("POST", "/logins/new/rotate").json
    assert rotated["password"] != made.json["password"]
    assert {"shop", "new"} == {one["username"] for one in ask("GET", "/logins").json}
    assert 204 == ask("DELETE", "/logins/new").status
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        assert 404 == ask(method, f"/logins/new{path}").status
    assert 404 == ask("PATCH", "/logins/new", {}).status


WISHES = {
    "max_deliver_time": 3600,
    "priority": "high",
    "forward_bounces": "bounces@example.com",
    "suppress": "login",
    "suppressed": "refuse",
    "suppress_for": 86_400,
    "tags": ["spring", "shop"],
    "per_hour": 100,
    "per_day": 1000,
}


def test_a_login_has_wishes_and_keeps_those_that_are_not_named(rest):
    made = rest.post("/logins", {"username": "new", **WISHES}, token=rest.operator).json
    assert WISHES == {name: made[name] for name in WISHES}
    for name, value in (
        ("max_deliver_time", 0),
        ("priority", "low"),
        ("forward_bounces", "return-path"),
        ("suppress", "none"),
        ("suppressed", "fail"),
        ("suppress_for", 0),
        ("tags", []),
        ("per_hour", 0),
        ("per_day", 7),
    ):
        before = rest.get("/logins/new", token=rest.operator).json
        after = rest.ask("PATCH", "/logins/new", {name: value}, token=rest.operator).json
        told = {"max_deliver_time": None, "forward_bounces": "return path"}.get(name, value)
        assert {**before, name: told} == after
    plain = rest.post("/logins", {"username": "plain"}, token=rest.operator).json
    assert {name: after[name] for name in WISHES} == {
        **{name: plain[name] for name in WISHES},
        "priority": "low",
        "per_day": 7,
    }


def test_a_password_is_replaced_with_an_overlap(rest):
    kept = rest.login.password_hash
    told = rest.post("/logins/shop/rotate?overlap=3600", token=rest.operator).json
    login = result(rest.accounts.login("shop"))
    assert (kept, NOW + 3600) == (login.previous.password_hash, login.previous.until)
    assert {"until": "2026-05-28 21:26:40", "used": None} == told["previous"]
    rest.uses.used(Kind.PREVIOUS, "shop", NOW + 60)
    assert "2026-05-28 20:27:40" == rest.get("/logins/shop", token=rest.operator).json["previous"]["used"]
    rest.now += 3600
    assert "previous" not in rest.get("/logins/shop", token=rest.operator).json
    assert 400 == rest.post("/logins/shop/rotate?overlap=-1", token=rest.operator).status


def test_the_last_use_of_logins_and_tokens_is_told(rest):
    assert rest.get("/logins/shop", token=rest.operator).json["used"] is None
    rest.send()
    assert "2026-05-28 20:26:40" == rest.get("/logins/shop", token=rest.operator).json["used"]
    used = {one["id"]: one["used"] for one in rest.get("/tokens", token=rest.operator).json}
    assert {"2026-05-28 20:26:40"} == set(used.values())
    made = rest.post("/tokens", {"login": "shop"}, token=rest.operator).json
    assert made["used"] is None


def test_a_use_of_another_login_of_the_same_name_is_not_told(rest):
    rest.uses.used(Kind.LOGIN, "new", NOW - 1)
    assert rest.post("/logins", {"username": "new"}, token=rest.operator).json["used"] is None
    assert rest.get("/logins/new", token=rest.operator).json["used"] is None


def test_a_login_at_its_limit_is_told_when_to_come_back(rest):
    rest.ask("PATCH", "/logins/shop", {"per_hour": 1}, token=rest.operator)
    assert 200 == rest.send().status
    refused = rest.send()
    assert (429, "4.7.1") == (refused.status, refused.json["error"]["status"])
    assert 3600 <= int(refused.headers["Retry-After"]) <= 3900
    rest.now += 3900
    assert 200 == rest.send().status


def test_a_login_without_a_name_gets_one(rest):
    assert rest.post("/logins", {}, token=rest.operator).json["username"].startswith("u-")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"switches": ["fly"]}, "switches[0]"),
        ({"switches": ["track_opens", "fly"]}, "switches[1]"),
        ({"senders": ["a b"]}, "senders[0]"),
        ({"forward_bounces": "nowhere"}, "forward_bounces"),
        ({"tags": ["a", "b c"]}, "tags[1]"),
    ],
    ids=["unknown", "second unknown", "sender", "forward", "tag"],
)
def test_what_a_login_cannot_be(rest, body, field):
    answered = rest.post("/logins", body, token=rest.operator)
    assert (422, field) == (answered.status, answered.error[0])


def test_tokens_from_their_making_to_their_end(rest):
    made = rest.post("/tokens", {"login": "shop", "scopes": ["read"]}, token=rest.operator)
    assert 201 == made.status
    token = made.json["token"]
    assert (200, 403) == (rest.get("/events", token=token).status, rest.get("/queue", token=token).status)
    assert not any("token" in one for one in rest.get("/tokens", token=rest.operator).json)
    assert 204 == rest.ask("DELETE", f"/tokens/{made.json['id']}", token=rest.operator).status
    assert 401 == rest.get("/events", token=token).status
    assert 404 == rest.ask("DELETE", f"/tokens/{made.json['id']}", token=rest.operator).status
    assert 422 == rest.post("/tokens", {"login": "nobody"}, token=rest.operator).status
    assert 422 == rest.post("/tokens", {"scopes": ["send"]}, token=rest.operator).status


def test_sender_domains_from_their_making_to_their_end(rest):
    made = rest.post("/domains", {"name": "Bücher.example"}, token=rest.operator)
    assert (201, "xn--bcher-kva.example") == (made.status, made.json["name"])
    assert {"TXT"} == {one["type"] for one in made.json["records"]}
    assert 409 == rest.post("/domains", {"name": "xn--bcher-kva.example"}, token=rest.operator).status
    assert made.json == rest.get("/domains/xn--bcher-kva.example", token=rest.operator).json
    assert 1 == len(rest.get("/domains", token=rest.operator).json)
    assert 204 == rest.ask("DELETE", "/domains/xn--bcher-kva.example", token=rest.operator).status
    for method in ("GET", "DELETE"):
        assert 404 == rest.ask(method, "/domains/xn--bcher-kva.example", token=rest.operator).status
    assert 422 == rest.post("/domains", {"name": "localhost"}, token=rest.operator).status


def test_a_domains_records_are_looked_for_in_the_dns(rest):
    made = rest.post("/domains", {"name": "x.example"}, token=rest.operator).json
    for record in made["records"]:
        rest.dns[record["name"], "TXT"] = [record["value"]]
    rest.dns["mail.test", "A"] = ["192.0.2.1"]
    checked = rest.get("/domains/x.example/check", token=rest.operator).json
    assert {"right"} == {one["verdict"] for one in checked}
    assert {"dkim": "ok", "spf": "ok", "dmarc": "ok"} == rest.get(
        "/dns/x.example/status", token=rest.operator
    ).json
    rest.dns["smtpeter-rsa._domainkey.x.example", "TXT"] = []
    rest.dns["_dmarc.x.example", "TXT"] = "no answer"
    judged = {
        one["name"]: one["verdict"] for one in rest.get("/domains/x.example/check", token=rest.operator).json
    }
    assert "missing" == judged["smtpeter-rsa._domainkey.x.example"]
    assert "unknown" == judged["_dmarc.x.example"]
    assert {"dkim": "error", "spf": "ok", "dmarc": "error"} == rest.get(
        "/dns/x.example/status", token=rest.operator
    ).json


def test_name_servers_that_take_too_long_are_asked_no_more():
    now = [0.0]

    def slow(name, kind):
        now[0] += 2.5
        return [name]

    ask = in_time(slow, lambda: now[0])
    assert [["x"], ["x"], ["x"]] == [ask("x", "TXT") for _ in range(3)]
    with pytest.raises(Unanswered, match="take too long"):
        ask("x", "TXT")


def test_a_domains_records_as_the_product_lists_them(rest):
    made = rest.post("/domains", {"name": "x.example"}, token=rest.operator).json
    wanted = [{name: one[name] for name in ("name", "type", "value")} for one in made["records"]]
    assert wanted == rest.get("/dns/x.example/recommended", token=rest.operator).json
    key = rest.get("/dkimkey/x.example", token=rest.operator).json
    assert ("smtpeter-rsa", "sha256") == (key["selector"], key["algorithm"])
    assert f"v=DKIM1; k=rsa; p={key['public']}" in [one["value"] for one in made["records"]]
    assert ["a:mail.test"] == rest.get("/spf/x.example", token=rest.operator).json
    assert 404 == rest.get("/spf/y.example", token=rest.operator).status


def test_a_sender_domain_has_hosts_of_its_own(rest):
    hosts = {
        "click_url": "https://click.x.example",
        "open_url": "https://open.x.example",
        "bounce_domain": "bounces.x.example",
    }
    made = rest.post("/domains", {"name": "x.example", **hosts}, token=rest.operator).json
    assert hosts == {name: made[name] for name in hosts}
    led = {one["name"]: one["value"] for one in made["records"] if one["type"] == "CNAME"}
    assert {"click.x.example": "links.test", "open.x.example": "links.test"} == led
    changed = {"open_url": "", "bounce_domain": "Back.x.example"}
    told = rest.ask("PATCH", "/domains/x.example", changed, token=rest.operator).json
    assert {**hosts, "open_url": "", "bounce_domain": "back.x.example"} == {n: told[n] for n in hosts}
    [listed] = rest.get("/domains", token=rest.operator).json
    assert {**listed, "records": told["records"]} == told
    assert 404 == rest.ask("PATCH", "/domains/y.example", {}, token=rest.operator).status


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("click_url", "https://x.example/path"),
        ("open_url", "ftp://x.example"),
        ("bounce_domain", "localhost"),
        ("bounce_domain", "a b.example"),
    ],
)
def test_hosts_that_cannot_be(rest, field, value):
    refused = rest.post("/domains", {"name": "x.example", field: value}, token=rest.operator)
    assert (422, field) == (refused.status, refused.error[0])


# -- the documents -------------------------------------------------------------------------------------------


def test_the_document_and_the_page_are_for_everybody(rest):
    document = rest.get("/openapi.json", token="")
    assert ("3.1.0", "http://api.test/v1") == (document.json["openapi"], document.json["servers"][0]["url"])
    page = rest.get("/docs", token="")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert b"<script" not in page.body
    for path in document.json["paths"]:
        assert path.encode() in page.body


def test_every_reference_of_the_document_leads_somewhere(rest):
    document = rest.get("/openapi.json", token="").json

    def references(value):
        if isinstance(value, dict):
            yield from [value["$ref"]] if "$ref" in value else []
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                yield from references(one)

    for reference in references(document):
        place = document
        for key in reference.removeprefix("#/").split("/"):
            place = place[key]


def test_every_call_but_the_documents_needs_a_token(rest):
    for path, methods in rest.get("/openapi.json", token="").json["paths"].items():
        for method in methods:
            asked = path.replace("{id}", "a" * 13).replace("{", "").replace("}", "")
            assert (
                401
                == rest.ask(
                    method.upper(), asked, {}, token="", peer=f"127.0.{len(asked)}.{len(method)}"
                ).status
            )


# -- suppressions --------------------------------------------------------------------------------------------


def test_a_login_has_its_own_list(rest):
    added = rest.post("/suppressions", {"recipients": ["Gone@X.example", "left@x.example"], "days": 30})
    assert {"added": 2} == added.json
    assert {"added": 1} == rest.post(
        "/suppressions", {"recipients": ["all@x.example"]}, token=rest.operator
    ).json
    own = rest.get("/suppressions").json["suppressions"]
    assert [("gone@x.example", "login", "shop"), ("left@x.example", "login", "shop")] == [
        (one["recipient"], one["scope"], one["name"]) for one in own
    ]
    every = rest.get("/suppressions", token=rest.operator).json["suppressions"]
    assert {"everybody", "login"} == {one["scope"] for one in every}
    assert 404 == rest.ask("DELETE", "/suppressions/all@x.example").status
    assert 204 == rest.ask("DELETE", "/suppressions/GONE@x.example").status
    assert 204 == rest.ask("DELETE", "/suppressions/all@x.example", token=rest.operator).status
    assert 1 == len(rest.get("/suppressions?login=shop", token=rest.operator).json["suppressions"])


def test_the_list_comes_in_pages(rest):
    rest.post("/suppressions", {"recipients": [f"{number}@x.example" for number in range(5)]})
    seen, cursor = [], ""
    while True:
        page = rest.get(f"/suppressions?limit=2&cursor={cursor}").json
        seen += [one["recipient"] for one in page["suppressions"]]
        cursor = page["cursor"]
        if not cursor:
            break
    assert [f"{number}@x.example" for number in range(5)] == seen
    assert (422, "cursor") == (
        rest.get("/suppressions?cursor=%20").status,
        rest.get("/suppressions?cursor=x").error[0],
    )


def test_a_list_of_no_login_is_refused(rest):
    refused = rest.post(
        "/suppressions", {"recipients": ["a@x.example"], "login": "typo"}, token=rest.operator
    )
    assert (422, ("login", "there is no such login")) == (refused.status, refused.error)


def test_the_list_is_searched_by_a_part_of_the_address(rest):
    rest.post("/suppressions", {"recipients": ["one@x.example", "two@x.example"]})
    found = rest.get("/suppressions?recipient=TWO").json["suppressions"]
    assert ["two@x.example"] == [one["recipient"] for one in found]


@pytest.mark.parametrize("whose", [{"login": "other"}, {"domain": "x.example"}], ids=["login", "domain"])
def test_other_lists_are_not_the_logins(rest, whose):
    assert 403 == rest.post("/suppressions", {"recipients": ["a@x.example"], **whose}).status


def test_mail_to_who_is_on_the_list_is_judged_as_over_smtp(rest):
    """By the login's choice: accepted, to be recorded as failed, or refused by name."""
    rest.post("/suppressions", {"recipients": ["john@doe.example"], "reason": "left us"})
    assert 200 == rest.send().status
    bounces = replace(rest.login.bounces, suppressed=Treatment.REFUSE)
    rest.accounts.replace(replace(rest.login, bounces=bounces))
    refused = rest.send()
    assert 403 == refused.status
    assert "john@doe.example" in refused.error[1]
