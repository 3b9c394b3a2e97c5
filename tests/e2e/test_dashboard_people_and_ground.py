"""The dashboard in a real browser: sender domains watched in the DNS, tokens and webhooks made, operators who come and go."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.e2e.test_dashboard_in_a_browser import Visitor, _judge, browser, password, port, visitor
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port, until
from tests.kit.names import StubNames
from tests.kit.npm import installed

__all__ = ["browser", "password", "port", "visitor"]
_OWN = "correct horse battery"


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
    visitor: Visitor, password: str, server: Daemon, names: StubNames
) -> None:
    """In light, dark and on a phone; pictures are taken where they are wanted."""
    axe = (installed("axe-core@4.10.3") / "axe-core" / "axe.min.js").read_text("utf-8")
    fill(server)
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


def fill(server: Daemon) -> None:
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
