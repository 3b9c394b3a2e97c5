"""Person or machine: each rule with what it is for, and with what it must not touch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.edit import SlotKind
from smtpeter.spool.model import Visited
from smtpeter.web import verdict
from smtpeter.web.hits import Hit, event
from smtpeter.web.visit import Visit

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
PEOPLE = [
    CHROME,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.6.0",
    "Microsoft Outlook 16.0.17726; Pro",
    "Mozilla/5.0 (Linux; Android 14; CUBOT X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
]
MACHINES = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
    "Barracuda Sentinel (EE)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1",
    "WhatsApp/2.23.20.0",
    "curl/8.5.0",
    "Wget/1.21",
    "python-requests/2.32.3",
    "Python/3.11 aiohttp/3.9",
    "Go-http-client/1.1",
    "Java/17.0.1",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0 Safari/537.36",
    "SkypeUriPreview Preview/0.5",
]


def visit(*fields, method=b"GET"):
    return Visit(method, b"/", fields, "192.0.2.1")


def by_agent(agent, kind=SlotKind.CLICK):
    return verdict.of_visit(visit(("User-Agent", agent)), kind)


@pytest.mark.parametrize("number", range(len(PEOPLE)))
def test_people_s_programs_are_people(number):
    assert "" == by_agent(PEOPLE[number])
    assert "" == by_agent(PEOPLE[number], SlotKind.OPEN)


@pytest.mark.parametrize("number", range(len(MACHINES)))
def test_scanners_and_programs_are_machines(number):
    assert "agent" == by_agent(MACHINES[number])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Sec-Purpose", "prefetch"),
        ("Sec-Purpose", "prefetch;prerender"),
        ("Purpose", "prefetch"),
        ("X-Purpose", "preview"),
        ("X-Moz", "prefetch"),
    ],
)
def test_what_is_fetched_in_advance_is_a_machine_s(field, value):
    assert "prefetch" == verdict.of_visit(visit((field, value), ("User-Agent", CHROME)), SlotKind.CLICK)


def test_only_get_is_a_person_s():
    assert "method" == verdict.of_visit(visit(("User-Agent", CHROME), method=b"HEAD"), SlotKind.CLICK)


def test_a_program_without_a_name_is_a_machine():
    assert "no agent" == verdict.of_visit(visit(), SlotKind.CLICK)
    assert "no agent" == by_agent(" ")


def test_apple_s_servers_open_everything():
    assert "apple mail privacy" == by_agent("Mozilla/5.0", SlotKind.OPEN)
    assert "" == by_agent("Mozilla/5.0", SlotKind.CLICK)


@pytest.mark.parametrize(
    ("kind", "after", "expected"),
    [
        (SlotKind.CLICK, 1.9, "too soon"),
        (SlotKind.CLICK, 2.0, ""),
        (SlotKind.CLICK, -1.0, "too soon"),
        (SlotKind.OPEN, 0.5, ""),
    ],
)
def test_a_click_within_two_seconds_of_delivery_is_a_machine_s(kind, after, expected):
    assert expected == verdict.rule("", kind, 100.0 + after, 100.0)


def test_when_delivery_is_not_known_nothing_is_guessed():
    assert "" == verdict.rule("", SlotKind.CLICK, 100.0, None)


def test_the_rule_of_the_request_comes_first():
    assert "agent" == verdict.rule("agent", SlotKind.CLICK, 100.0, 99.9)


@pytest.mark.parametrize("kind", [SlotKind.CLICK, SlotKind.OPEN])
@pytest.mark.parametrize(("rule", "judged"), [("", "human"), ("agent", "machine")])
def test_each_event_carries_verdict_and_rule(kind, rule, judged):
    hit = Hit(kind=kind, time=100.0, delivery=7, number=1, destination="http://x/", rule=rule)
    told = event(hit, Visited(70, "shop", "bob@x.example", (), (), 50.0))
    assert (judged, rule) == (told.verdict, told.rule)


@given(st.text(), st.text())
def test_whatever_a_stranger_sends_is_judged(name, value):
    verdict.of_visit(visit((name, value), ("User-Agent", value)), SlotKind.OPEN)
