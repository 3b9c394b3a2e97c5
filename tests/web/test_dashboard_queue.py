"""The dashboard's queue and overview: what is shown of what waits, and what each verb does to it."""

import re
from html import unescape

import pytest

from smtpeter.accounts.operators import Role
from smtpeter.message import identifier
from smtpeter.spool.states import State, Step
from smtpeter.spool.waiting import Reason, SiteState
from tests.storage.stores import empty_store, result, stored
from tests.web.rest import NOW
from tests.web.test_dashboard import Browser, text

__all__ = ["empty_store", "stored"]


@pytest.fixture
def browser(stored):
    browser = Browser(stored.new_store().operators, Role.OPERATE)
    browser.sign_in()
    return browser


@pytest.fixture
def waiting(browser):
    """The deliveries of three messages to two domains, by recipient."""
    found = {}
    for recipient in ("a@one.example", "b@one.example", "c@two.example"):
        [delivery] = browser.rest.send(recipient=recipient, envelope="info@example.com").json
        found[recipient] = delivery
    return found


def states(browser, waiting):
    return [result(browser.rest.spool.delivery(identifier.read(one))).state for one in waiting.values()]


def hidden(page):
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))


def test_the_queue_shows_what_waits_where_and_why(browser, waiting):
    browser.sites.states["one.example"] = SiteState(
        "one.example", Reason.SITE_TROUBLE, NOW + 60, "421 try later"
    )
    said = text(browser.get("/queue"))
    assert "3 due · 0 being tried · 0 held" in said
    assert "one.example 2 some seconds site in trouble 421 try later 2026-05-28 20:27:40" in said
    for recipient in waiting:
        assert recipient in said


def test_the_queue_is_filtered(browser, waiting):
    every = set(waiting)
    for query, expected in {
        "domain=one.example": {"a@one.example", "b@one.example"},
        "site=two.example": {"c@two.example"},
        "recipient=b%40one.example": {"b@one.example"},
        "login=shop": every,
        "login=other": set(),
        "sender=info%40example.com": every,
        "sender=%3C%3E": set(),
        "state=due": every,
        "state=held": set(),
        "age=3600": set(),
        f"id={waiting['c@two.example']}": {"c@two.example"},
    }.items():
        page = browser.get(f"/queue?{query}").body.decode()
        found = {recipient for recipient, one in waiting.items() if f'"/messages/{one}"' in page}
        assert (query, expected) == (query, found)


def test_a_filter_that_means_nothing_is_told(browser):
    for query in ("state=delivered", "age=5", "message=x", "id=x", "after=x"):
        assert (query, 422) == (query, browser.get(f"/queue?{query}").status)


def test_a_long_queue_comes_in_portions(browser):
    for number in range(103):
        browser.rest.send(recipient=f"r{number}@one.example")
    first = browser.get("/queue?domain=one.example").body.decode()
    [further] = re.findall(r'"(/queue\?[^"]*after=\w+)"', first)
    second = browser.get(unescape(further)).body.decode()
    of = [set(re.findall(r'"(/messages/\w+)"', page)) for page in (first, second)]
    assert [100, 3] == [len(one) for one in of]
    assert not of[0] & of[1]


def test_a_verb_is_confirmed_before_anything_is_done(browser, waiting):
    before = states(browser, waiting)
    for verb in ("retry", "hold", "release", "delete"):
        assert 200 == browser.get(f"/queue/{verb}?domain=one.example").status
    assert before == states(browser, waiting)


def test_hold_release_and_delete_do_what_was_meant_and_nothing_else(browser, waiting):
    page = browser.get("/queue/hold?domain=one.example").body.decode()
    assert "2 deliveries" in page
    browser.post("/queue/hold", hidden(page))
    assert [State.HELD, State.HELD, State.DUE] == states(browser, waiting)
    said = text(browser.post("/queue/release", {"recipient": "a@one.example"}))
    assert "1 delivery released, chosen by: recipient a@one.example." in said
    assert [State.DUE, State.HELD, State.DUE] == states(browser, waiting)
    browser.post("/queue/delete", {"state": "held"})
    assert [State.DUE, State.DELETED, State.DUE] == states(browser, waiting)


def test_what_an_operator_did_to_a_delivery_names_him(browser, waiting):
    browser.post("/queue/hold", {"recipient": "a@one.example"})
    [operated] = [one for one in browser.rest.journal.events if one.kind == "operation"]
    assert (Step.HOLD.value, "operator ada") == (operated.step, operated.by)


def test_it_is_written_down(stored):
    browser = Browser(stored.new_store().operators)
    browser.sign_in()
    browser.rest.send()
    browser.post("/queue/hold", {"login": "shop"})
    assert "ada held in the queue: 1 delivery login shop 127.0.0.1" in text(browser.get("/changes"))


def test_retry_tries_now_also_at_a_site_in_trouble(browser, waiting):
    browser.sites.states["one.example"] = SiteState("one.example", Reason.SITE_TROUBLE, NOW + 60)
    browser.rest.now -= 3600  # they are due in an hour
    browser.post("/queue/retry")
    assert ["one.example"] == browser.sites.lifts
    due = {result(browser.rest.spool.delivery(identifier.read(one))).due_at for one in waiting.values()}
    assert {NOW - 3600} == due


def test_a_long_work_goes_on_where_it_stopped(browser, waiting, monkeypatch):
    """Each answer does a part, and its page asks for the next."""
    monkeypatch.setattr("smtpeter.spool.altering.PORTION", 1)
    monkeypatch.setattr("smtpeter.web.dashboard.queue._PATIENCE", 0.0)
    answered = browser.post("/queue/hold", {"total": "3"})
    for done in ("1", "2", "3"):
        page = answered.body.decode()
        assert "data-continue" in page
        assert done == hidden(page)["done"]
        assert f'max="3" value="{done}"' in page
        answered = browser.post("/queue/hold", hidden(page))
    assert "3 deliveries held, chosen by: everything." in text(answered)
    assert {State.HELD} == set(states(browser, waiting))


def test_each_part_of_a_long_work_is_written_down_whatever_the_browser_says_of_the_others(
    browser, waiting, monkeypatch
):
    monkeypatch.setattr("smtpeter.spool.altering.PORTION", 1)
    monkeypatch.setattr("smtpeter.web.dashboard.queue._PATIENCE", 0.0)
    browser.post("/queue/delete", {"domain": "one.example", "done": "7"})
    browser.post("/queue/delete", {"domain": "one.example"})
    browser.post("/queue/delete", {"domain": "one.example", "done": "1000"})
    done = [
        (one.action, one.subject) for _, one in result(browser.operators.changes(None, 9, "in the queue"))
    ]
    assert [("deleted in the queue: 1 delivery", "domain one.example")] * 2 == done


def test_what_is_accepted_while_the_work_goes_on_is_not_meant(browser, waiting, monkeypatch):
    monkeypatch.setattr("smtpeter.spool.altering.PORTION", 1)
    monkeypatch.setattr("smtpeter.web.dashboard.queue._PATIENCE", 0.0)
    answered = browser.get("/queue/delete")
    for _ in range(4):
        answered = browser.post("/queue/delete", hidden(answered.body.decode()))
        browser.rest.now += 60
        [late] = browser.rest.send(recipient="late@one.example", envelope="info@example.com").json
    assert "3 deliveries deleted, chosen by: everything." in text(answered)
    assert [State.DELETED] * 3 == states(browser, waiting)
    assert [State.DUE] == states(browser, {"late@one.example": late})


def test_nothing_to_do_is_said(browser, waiting):
    assert "There is nothing to release" in text(browser.get("/queue/release?domain=one.example"))
    assert 422 == browser.post("/queue/release", {"state": "due"}).status


def test_one_delivery_is_altered_on_its_own_page(browser, waiting):
    one = waiting["a@one.example"]
    page = browser.get(f"/messages/{one}").body.decode()
    assert ["retry", "hold", "delete"] == re.findall(r'action="/queue/(\w+)"', page)
    answered = browser.post("/queue/hold", {"id": one})
    assert (303, f"/messages/{one}") == (answered.status, answered.headers["Location"])
    page = browser.get(f"/messages/{one}").body.decode()
    assert ["release", "delete"] == re.findall(r'action="/queue/(\w+)"', page)


def test_who_may_only_look_sees_no_verbs(stored):
    browser = Browser(stored.new_store().operators, Role.VIEW)
    browser.sign_in()
    [one] = browser.rest.send().json
    for path in ("/queue", f"/messages/{one}"):
        assert "/queue/hold" not in browser.get(path).body.decode()
    assert 403 == browser.get("/queue/hold").status


# -- the overview ----------------------------------------------------------------------------------------


def test_a_new_server_says_how_to_begin(browser):
    said = text(browser.get("/"))
    assert "Your first message" in said
    assert "Nothing needs attention" in said


def test_the_overview_plots_what_happened(browser, waiting):
    for name in ("hour", "day", "week", "month"):
        page = browser.get(f"/?range={name}").body.decode()
        assert "Your first message" not in page
        assert re.search(r'<desc id="said-attempt">Last [^<]*: 3 in all', page)
        assert 8 == page.count("<svg ")
        assert 1 == page.count("<rect "), "there is a bar where nothing happened"
        assert 1 == len(re.findall("<td[^>]*>3</td><td[^>]*>0</td>", page)), (
            "the table says what the plot shows"
        )


def test_the_overview_says_what_needs_attention(browser, waiting):
    browser.ends = [("a.pem", NOW)]
    browser.post("/queue/hold", {"recipient": "a@one.example"})
    said = text(browser.get("/"))
    assert "The certificate a.pem has expired (2026-05-28)." in said
    assert "1 delivery is held until somebody lets go." in said


def test_a_range_that_is_none_is_a_day(browser):
    assert "Last 24 hours" in text(browser.get("/?range=decade"))


def test_the_states_to_choose_from_are_in_the_words_of_the_page(browser):
    page = browser.get("/queue").body.decode()
    assert '<option value="claimed">being tried</option>' in page


def test_what_waits_for_its_next_try_is_not_called_due(browser, waiting):
    first = next(iter(waiting.values()))
    assert '<span class="tag">due</span>' in browser.get(f"/queue?id={first}").body.decode()
    assert "State: due" in text(browser.get(f"/messages/{first}"))
    browser.rest.now -= 3600  # they are due in an hour
    assert '<span class="tag">waiting</span>' in browser.get(f"/queue?id={first}").body.decode()
    assert "State: waiting" in text(browser.get(f"/messages/{first}"))
    assert "State: waiting" in text(browser.get(f"/messages/{first}/timeline"))
