"""The dashboard in a real browser: sender domains watched in the DNS, tokens and webhooks made, operators who come and go."""

from __future__ import annotations

import json
import os
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from smtpeter.web.dashboard.interface import Connecting, Neighbours
from smtpeter.web.dashboard.pages import Pages
from smtpeter.web.dashboard.table import table
from tests.e2e.test_dashboard_in_a_browser import Visitor, _judge, browser, password, port, visitor
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port, until
from tests.kit.names import StubNames
from tests.kit.npm import installed
from tests.web.rest import Rest

__all__ = ["browser", "password", "port", "visitor"]
_OWN = "correct horse battery"
# On a small phone.
_WIDTH = 375
_LONG = "a-recipient-whose-address-is-as-long-as-some-of-them-are"
# What is no page of its own: a part of one, and mail in its frame.
_PARTS = {"/messages/{id}/timeline", "/messages/{id}/html", "/domains/{name}/records"}
_PLACES = {
    "/logins/{username}": "/logins/news",
    "/domains/{name}": "/domains/news.example",
    "/webhooks/{number}": "/webhooks/1",
    "/operators/{name}": "/operators/lin",
}
_WIDER = (
    "return [document.documentElement, ...document.querySelectorAll('.scroll, table, td, .card')]"
    ".filter(one => one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > innerWidth + 1)"
    ".filter(one => one.clientWidth).map(one => one.outerHTML.slice(0, 200))"
)
_NAMELESS = (
    "return [...document.querySelectorAll('tbody tr')].flatMap(row => [...row.cells]"
    ".filter(one => one.tagName == 'TD' && one.colSpan == 1).map(one => [one, one.closest('table')"
    ".tHead.rows[0].cells[one.cellIndex]]))"
    ".filter(([one, head]) => !head.querySelector('.unseen') && one.dataset.label !== head.textContent)"
    ".map(([one]) => one.outerHTML.slice(0, 200))"
)


@pytest.fixture(scope="module")
def names() -> Iterator[StubNames]:
    with StubNames({"mail.sender.example": {"A": ["192.0.2.1"]}}) as names:
        yield names


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, port: int, names: StubNames
) -> Iterator[Daemon]:
    web = {"listen": [f"tcp:{port}:interface=127.0.0.1"]}
    relay = {"nameservers": [names.nameserver]}
    webhooks = {"allow_private_addresses": True}
    directory = tmp_path_factory.mktemp("ground")
    with Daemon(directory, authority, web=web, relay=relay, webhooks=webhooks) as daemon:
        yield daemon


def shown_once(visitor: Visitor, identifier: str) -> str:
    until(lambda: visitor.browser.find_elements(By.ID, identifier), 20, lambda: identifier)
    return str(visitor.browser.find_element(By.ID, identifier).text)


def test_a_sender_domain_is_watched_until_its_records_are_there(
    visitor: Visitor, password: str, names: StubNames
) -> None:
    visitor.signs_in(password)
    visitor.goes("/domains")
    visitor.field("name").send_keys("shop.example")
    visitor.presses("Make its keys")
    visitor.sees("0 of 4 published")
    browser = visitor.browser
    for number in range(1, 5):
        name, value = (browser.find_element(By.ID, f"{what}{number}").text for what in ("name", "value"))
        pieces = " ".join(f'"{value[start : start + 255]}"' for start in range(0, len(value), 255))
        names.zone[name] = {"TXT": [pieces]}
    visitor.goes("/domains/shop.example")
    visitor.sees("4 of 4 published")


def test_a_token_made_on_the_screen_opens_the_api(
    visitor: Visitor, password: str, server: Daemon, port: int
) -> None:
    login = server.login()
    visitor.signs_in(password)
    visitor.goes("/tokens")
    Select(visitor.field("login")).select_by_visible_text(login.username)
    visitor.presses("Make the token")
    token = shown_once(visitor, "token")
    assert [] == _asked(port, token, "/v1/webhooks")
    visitor.goes("/tokens")
    visitor.sees("UTC")
    assert token not in visitor.browser.page_source


def _asked(port: int, token: str, path: str) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def test_an_operator_comes_chooses_a_password_and_is_sent_away(visitor: Visitor, password: str) -> None:
    visitor.signs_in(password)
    visitor.goes("/operators")
    visitor.field("name").send_keys("grace")
    visitor.presses("Make the operator")
    given = shown_once(visitor, "password")
    visitor.presses("Sign out")
    _signs_in(visitor, "grace", given)
    visitor.sees("Choose one of your own first")
    for name, text in (("password", given), ("new", _OWN), ("again", _OWN)):
        visitor.field(name).send_keys(text)
    visitor.presses("Change the password")
    _signs_in(visitor, "grace", _OWN)
    visitor.sees("Messages")
    assert not visitor.browser.find_elements(By.LINK_TEXT, "Operators")
    visitor.presses("Sign out")
    visitor.signs_in(password)
    visitor.goes("/operators/grace")
    visitor.presses("Disable")
    visitor.sees("disabled")
    visitor.presses("Sign out")
    _signs_in(visitor, "grace", _OWN)
    visitor.sees("do not open the door")


def _signs_in(visitor: Visitor, name: str, password: str) -> None:
    visitor.sees("No operator yet?")
    visitor.field("name").send_keys(name)
    visitor.field("password").send_keys(password + Keys.ENTER)


def test_each_page_is_fit_to_be_read_and_heard(
    visitor: Visitor, password: str, filled: None, names: StubNames
) -> None:
    """In light, dark and on a phone; pictures are taken where they are wanted."""
    axe = (installed("axe-core@4.10.3") / "axe-core" / "axe.min.js").read_text("utf-8")
    visitor.signs_in(password)
    pages = {
        "domains": "/domains",
        "domain": "/domains/news.example",
        "webhooks": "/webhooks",
        "webhook": "/webhooks/1",
        "tokens": "/tokens",
        "suppressions": "/suppressions",
        "bounces": "/bounces",
        "operators": "/operators",
        "operator": "/operators/lin",
        "account": "/account",
        "logins": "/logins",
        "login": "/logins/news",
    }
    for name, path in pages.items():
        visitor.goes(path)
        if name == "domain":
            visitor.sees("of 4 published")
        _judge(visitor.browser, axe, name)
    visitor.field("overlap")  # the page of the login is there still
    visitor.presses("Another password")
    visitor.browser.switch_to.alert.accept()
    visitor.sees("shown this once")
    _judge(visitor.browser, axe, "login-password")
    visitor.goes("/account")
    form = visitor.browser.find_element(By.CSS_SELECTOR, "form[action='/account/totp/key']")
    form.find_element(By.NAME, "password").send_keys(password)
    visitor.presses("Show me a key")
    visitor.sees("shown this once")
    _judge(visitor.browser, axe, "account-key")


@pytest.fixture(scope="module")
def filled(server: Daemon) -> None:
    """Something of everything to be seen."""
    server.cli("login", "create", "news", "--track-clicks", "--per-hour", "500", "--tag", "newsletter", "--note", "the newsletter")  # fmt: skip
    server.cli("login", "create", "shop", "--sender", "shop.example", "--prevent-scam", "--note", "receipts")
    server.cli("login", "rotate", "news", "--keep-old", "7d")
    server.cli("domain", "add", "news.example")
    server.cli("webhook", "create", f"http://127.0.0.1:{free_port()}/events", "--note", "the shop’s own")
    server.cli("token", "create", "--login", "news", "--note", "the newsletter’s program")
    server.cli("token", "create", "--operator", "--note", "monitoring")
    server.cli("suppression", "add", "gone@example.net", "--reason", "no such user")
    server.cli("suppression", "add", "asked@example.net", "--login", "news", "--reason", "asked to be left alone", "--for", "90d")  # fmt: skip
    server.cli("operator", "create", "lin", "--role", "operate")
    login = server.login()
    server.submit(login, b"Subject: x\r\n\r\nhello\r\n", recipients=["gone@example.net"])


@pytest.fixture
def phone(visitor: Visitor) -> Visitor:
    size = {"width": _WIDTH, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    visitor.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return visitor


def pages() -> list[str]:
    """Each path that is a page, as the routes have them."""
    nothing: Any = None
    known = Neighbours(
        Rest().neighbours, nothing, Connecting("", None, None), nothing, nothing, nothing, nothing
    )
    paths = {one.path for one in table(known, Pages()).all if one.method == "GET"} - _PARTS
    return ["/sign-in", *sorted(_PLACES.get(path, path) for path in paths)]


def test_no_page_is_wider_than_a_phone(phone: Visitor, password: str, server: Daemon, filled: None) -> None:
    """Nor is anything on it that has a table, and each value in one says the name of its column."""
    login = server.login("--track-clicks", "--tag", "a-tag", "--tag", "another-tag")
    html = f"Subject: {'news ' * 20}\r\nContent-Type: text/html\r\n\r\n<a href=https://example.com/{'x' * 90}>x</a>\r\n"
    identifier = server.submit(login, html.encode(), [f"{_LONG}@example.net"]).id
    phone.signs_in(password)
    seen = 0
    for path in pages():
        phone.goes(path.replace("{id}", str(identifier)))
        assert "{" not in phone.browser.current_url
        assert "There is no" not in phone.browser.title
        browser = phone.browser
        browser.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert _WIDTH == browser.execute_script("return innerWidth"), path
        assert [] == browser.execute_script(_WIDER), path
        assert [] == browser.execute_script(_NAMELESS), path
        seen += browser.execute_script("return document.querySelectorAll('td[data-label]').length")
        _pictures(browser, path)
    assert seen > 40, "there was something in the tables"


def test_a_row_that_is_a_card_is_still_a_row_to_who_listens(
    phone: Visitor, password: str, filled: None
) -> None:
    phone.signs_in(password)
    axe = (installed("axe-core@4.10.3") / "axe-core" / "axe.min.js").read_text("utf-8")
    phone.goes("/tokens")
    _judge(phone.browser, axe, "tokens-on-a-phone")
    tree = phone.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})
    roles = [one["role"]["value"] for one in tree["nodes"] if not one["ignored"]]
    wanted = ("table", "row", "columnheader", "cell")
    assert wanted == tuple(role for role in wanted if role in roles)


def _pictures(browser: webdriver.Chrome, path: str) -> None:
    directory = os.environ.get("SMTPETER_SCREENSHOTS")
    for scheme in ("light", "dark") if directory else ():
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        taken = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        name = path.strip("/").replace("/", "-").replace("{id}", "id") or "overview"
        (Path(str(directory)) / f"small-{name}-{scheme}.png").write_bytes(b64decode(taken["data"]))
