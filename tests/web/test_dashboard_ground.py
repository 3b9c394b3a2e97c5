"""The dashboard's pages about sender domains, webhooks, tokens, suppressions and what came back."""

import re
from dataclasses import replace

import pytest
from twisted.internet.defer import succeed

from smtpeter.accounts import tokens
from smtpeter.accounts.operators import Role
from smtpeter.accounts.suppression import EVERYBODY, Suppression, of_login
from smtpeter.accounts.webhooks import Aside, Health
from smtpeter.journal.events import Bounced, Complained, Failed, Responded
from smtpeter.message.identifier import show
from tests.storage.stores import empty_store, result, stored
from tests.web.rest import NOW
from tests.web.test_dashboard import Browser, browser, signed_in, text

__all__ = ["browser", "empty_store", "signed_in", "stored"]


def page(answered, status=200):
    assert status == answered.status, text(answered)
    return answered.body.decode()


def gone_to(answered):
    """Where one is sent after a form."""
    assert 303 == answered.status, text(answered)
    return answered.headers["Location"]


# -- sender domains --------------------------------------------------------------------------------------


@pytest.fixture
def domain(signed_in):
    """The path of a sender domain's page."""
    return gone_to(signed_in.post("/domains", {"name": "Shop.Example", "selector": "s"}))


def test_a_sender_domain_is_made_and_its_records_are_ready_to_copy(signed_in, domain):
    assert "/domains/shop.example" == domain
    shown = page(signed_in.get(domain))
    assert re.search(r'<code id="name1">s-ed25519._domainkey.shop.example</code>', shown)
    assert re.search(r'<code id="value1">v=DKIM1; k=ed25519; p=[\w+/=]+</code>', shown)
    assert "v=spf1 a:mail.test ~all" in shown
    assert 'href="/domains/shop.example"' in page(signed_in.get("/domains"))


def test_the_dns_is_asked_while_the_page_is_looked_at(signed_in, domain):
    said = text(signed_in.get(f"{domain}/records"))
    assert said.startswith("0 of 4 published")
    signed_in.rest.dns["_dmarc.shop.example", "TXT"] = ["v=DMARC1; p=reject"]
    signed_in.rest.dns["s-rsa._domainkey.shop.example", "TXT"] = ["v=DKIM1; p="]
    signed_in.rest.dns["shop.example", "TXT"] = "the name servers do not answer"
    said = text(signed_in.get(f"{domain}/records"))
    assert said.startswith("1 of 4 published")
    assert "the key is revoked: p= is empty Found: v=DKIM1; p=" in said
    assert "the name servers do not answer" in said


def test_without_a_script_the_dns_is_asked_by_a_link(signed_in, domain):
    assert "0 of 4 published" not in text(signed_in.get(domain))
    assert "0 of 4 published" in text(signed_in.get(f"{domain}?check=now"))


def test_a_sender_domain_gets_hosts_of_its_own(signed_in, domain):
    form = {"click_url": "https://click.shop.example", "open_url": "", "bounce_domain": "back.shop.example"}
    assert domain == gone_to(signed_in.post(domain, form))
    [kept] = result(signed_in.rest.accounts.sender_domains())
    assert ("https://click.shop.example", "back.shop.example") == (kept.click_url, kept.bounce_host)
    assert "0 of 7 published" in text(signed_in.get(f"{domain}/records"))
    assert 422 == signed_in.post(domain, {"click_url": "click.shop.example"}).status


def test_a_sender_domain_is_deleted(signed_in, domain):
    assert "/domains" == gone_to(signed_in.post(f"{domain}/delete"))
    assert () == tuple(result(signed_in.rest.accounts.sender_domains()))
    assert 404 == signed_in.get(domain).status
    said = text(signed_in.get("/changes"))
    assert "made keys for the sender domain shop.example" in said
    assert "deleted the sender domain and its keys shop.example" in said


@pytest.mark.parametrize("form", [{"name": "localhost"}, {"name": "a b.example"}, {"name": ""}])
def test_a_sender_domain_that_cannot_be_is_refused(signed_in, form):
    assert signed_in.post("/domains", form).status in {400, 422}


# -- webhooks --------------------------------------------------------------------------------------------

HOOK = [("url", "https://hooks.example/in"), ("kind", "bounce"), ("kind", "click"), ("encoding", "json")]


@pytest.fixture
def webhook(signed_in):
    page(signed_in.post("/webhooks", HOOK))
    return "/webhooks/1"


def test_a_webhook_is_made_and_its_secret_shown_once(signed_in):
    shown = page(signed_in.post("/webhooks", HOOK))
    secret = re.search(r'<code id="secret">(whsec_[\w+/=]+)</code>', shown)[1]
    [kept] = result(signed_in.rest.webhooks.webhooks())
    assert (secret, ("bounce", "click"), "") == (kept.shown_secret(), kept.kinds, kept.login)
    for path in ("/webhooks", "/webhooks/1", "/changes"):
        assert secret not in page(signed_in.get(path))


def test_a_webhook_that_fails_says_why(signed_in, webhook):
    signed_in.rest.webhooks.healths[1] = Health(3, "the receiver answered 500", NOW + 60, NOW - 60)
    signed_in.rest.webhooks.refused[1] = [Aside(7, 77, NOW, 2, None, "the receiver answered 400")]
    assert "failing, 3 in a row" in text(signed_in.get("/webhooks"))
    said = text(signed_in.get(webhook))
    assert "Why the receiver answered 500" in said
    assert f"7 {show(77)} 2 2026-05-28" in said
    assert "given up the receiver answered 400" in said


def test_a_webhook_is_paused_resumed_changed_and_deleted(signed_in, webhook):
    signed_in.post(f"{webhook}/enabled", {"enabled": "no"})
    assert not signed_in.rest.webhooks.kept[1].enabled
    signed_in.post(f"{webhook}/enabled", {"enabled": "yes"})
    assert signed_in.rest.webhooks.kept[1].enabled
    signed_in.post(webhook, [("url", "https://new.example/"), ("kind", "open"), ("encoding", "form")])
    kept = signed_in.rest.webhooks.kept[1]
    assert ("https://new.example/", ("open",), "form") == (kept.url, kept.kinds, kept.encoding)
    assert "/webhooks" == gone_to(signed_in.post(f"{webhook}/delete"))
    assert {} == signed_in.rest.webhooks.kept
    said = text(signed_in.get("/changes"))
    for done in ("made the webhook", "paused the webhook", "resumed the webhook", "deleted the webhook"):
        assert done in said


def test_a_webhook_is_tried(signed_in, webhook):
    assert "taken The receiver answered 200." in text(signed_in.post(f"{webhook}/test"))
    signed_in.rest.trial = (0, "connection refused")
    assert "There was no answer: connection refused" in text(signed_in.post(f"{webhook}/test"))


def test_a_webhook_posts_again_from_a_time_on(signed_in, webhook):
    signed_in.rest.send()
    signed_in.rest.webhooks.replay(1, 1)
    signed_in.post(f"{webhook}/replay", {"seconds": "3600"})
    assert 0 == signed_in.rest.webhooks.kept[1].cursor
    assert 422 == signed_in.post(f"{webhook}/replay", {"seconds": "12"}).status


def test_a_webhook_without_events_is_refused(signed_in):
    assert 400 == signed_in.post("/webhooks", [("url", "https://x.example"), ("encoding", "json")]).status
    assert {} == signed_in.rest.webhooks.kept


# -- tokens ----------------------------------------------------------------------------------------------


def test_a_token_is_made_shown_once_and_revoked(signed_in):
    form = [("login", "shop"), ("scope", "send"), ("note", "the shop")]
    token = re.search(r'<code id="token">(\w+)</code>', page(signed_in.post("/tokens", form)))[1]
    assert 200 == signed_in.rest.send(token=token).status
    shown = page(signed_in.get("/tokens"))
    assert token not in shown
    identifier, _ = tokens.split(token)
    assert identifier in shown
    assert "/tokens" == gone_to(signed_in.post(f"/tokens/{identifier}/revoke"))
    assert 401 == signed_in.rest.send(token=token).status
    said = text(signed_in.get("/changes"))
    assert f"made a token of the login shop: send {identifier}" in said
    assert f"revoked the token {identifier}" in said
    assert token not in said


@pytest.mark.parametrize(
    "form", [[("login", ""), ("scope", "send")], [("login", "nobody")], [("login", "shop"), ("scope", "x")]]
)
def test_a_token_that_cannot_be_is_refused(signed_in, form):
    assert signed_in.post("/tokens", form).status in {400, 422}


def test_only_who_administers_sees_tokens(stored):
    browser = Browser(stored.new_store().operators, Role.OPERATE)
    browser.sign_in()
    assert 403 == browser.get("/tokens").status
    assert 'href="/tokens"' not in page(browser.get("/webhooks"))


# -- suppressions ----------------------------------------------------------------------------------------


def test_recipients_are_suppressed_with_a_reason_and_let_go_again(signed_in):
    form = {
        "recipients": "Joe@x.example, ann@x.example",
        "login": "shop",
        "reason": "they asked",
        "days": "3",
    }
    assert "/suppressions" == gone_to(signed_in.post("/suppressions", form))
    kept = signed_in.rest.suppressions.listed[of_login("shop"), "joe@x.example"]
    assert ("they asked", NOW + 3 * 86_400) == (kept.reason, kept.expires_at)
    assert "joe@x.example login shop they asked 2026-05-28" in text(signed_in.get("/suppressions"))
    signed_in.post("/suppressions/remove", {"recipient": "joe@x.example", "login": "shop"})
    assert [(of_login("shop"), "ann@x.example")] == list(signed_in.rest.suppressions.listed)
    said = text(signed_in.get("/changes"))
    assert "suppressed, of the login shop: they asked joe@x.example, ann@x.example" in said
    assert "lets get mail again, of the login shop joe@x.example" in said


def test_everybodys_list_is_meant_when_none_is_named(signed_in):
    signed_in.post("/suppressions", {"recipients": "joe@x.example"})
    [kept] = signed_in.rest.suppressions.listed.values()
    assert (EVERYBODY, "added by an operator", None) == (kept.scope, kept.reason, kept.expires_at)
    signed_in.post("/suppressions/remove", {"recipient": "joe@x.example"})
    assert {} == signed_in.rest.suppressions.listed


def test_suppressions_are_searched_and_come_in_portions(signed_in):
    entries = [Suppression(EVERYBODY, f"r{number:03}@x.example", "gone", NOW) for number in range(120)]
    result(signed_in.rest.suppressions.add(entries))
    first = page(signed_in.get("/suppressions"))
    [further] = re.findall(r'"/suppressions\?(cursor=[^"]+)"', first)
    second = page(signed_in.get(f"/suppressions?{further}"))
    assert [100, 20] == [one.count('class="word">r') for one in (first, second)]
    assert 11 == page(signed_in.get("/suppressions?recipient=R11")).count('class="word">r') + 1


@pytest.mark.parametrize(
    "form",
    [
        {"recipients": "joe"},
        {"recipients": ""},
        {"recipients": "a@x.example", "login": "typo"},
        {"recipients": "a@x.example", "days": "soon"},
        {"recipients": "a@x.example", "days": "0"},
    ],
)
def test_what_cannot_be_suppressed_is_refused(signed_in, form):
    assert signed_in.post("/suppressions", form).status in {400, 422}
    assert {} == signed_in.rest.suppressions.listed


# -- bounces ---------------------------------------------------------------------------------------------


def came_back(kind, number=77, **more):
    return kind(time=NOW, delivery=number, message=number, recipient="joe@x.example", login="shop", **more)


def test_what_came_back_is_told_by_class_and_message(signed_in):
    result(
        signed_in.rest.journal.append(
            [
                came_back(Bounced, failure_class="no such user", status="5.1.1", description="who?"),
                came_back(Failed, code=550, status="5.7.1", description="<b>no</b>"),
                came_back(Complained, type="abuse"),
                came_back(Responded, number=0, type="response"),
            ]
        )
    )
    shown = page(signed_in.get("/bounces"))
    assert f'<a href="/messages/{show(77)}">joe@x.example</a>' in shown
    assert "&lt;b&gt;no&lt;/b&gt;" in shown
    said = text(signed_in.get("/bounces"))
    assert "of the last 4 1" in said
    assert "no such user 5.1.1 who?" in said
    assert "joe@x.example refused 5.7.1" in said
    for chosen, number in (("refused", 1), ("returned", 1), ("answers", 1), ("complaints", 1), ("", 4)):
        assert number == page(signed_in.get(f"/bounces?show={chosen}")).count("2026-05-28")
    assert 400 == signed_in.get("/bounces?show=x").status
    assert 400 == signed_in.get("/bounces?before=x").status


def test_bounces_come_in_portions(signed_in):
    result(signed_in.rest.journal.append([came_back(Complained, type="abuse") for _ in range(70)]))
    first = page(signed_in.get("/bounces?show=complaints"))
    [earlier] = re.findall(r'"(/bounces\?[^"]*before=\d+)"', first)
    second = page(signed_in.get(earlier.replace("&amp;", "&")))
    assert [50, 20] == [one.count("2026-05-28") for one in (first, second)]


@pytest.mark.parametrize(("path", "form"), [("", {"note": "x"}), ("/password", {}), ("/password/old", {})])
def test_what_is_done_to_a_login_meanwhile_stays(signed_in, monkeypatch, path, form):
    accounts = signed_in.rest.neighbours.accounts
    look = accounts.login

    def stale(username):
        found = result(look(username))
        result(accounts.replace(replace(found, enabled=False)))
        return succeed(found)

    monkeypatch.setattr(accounts, "login", stale)
    assert signed_in.post(f"/logins/shop{path}", form).status in {200, 303}
    assert not result(look("shop")).enabled
