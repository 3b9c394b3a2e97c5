"""The dashboard in a real browser: from the first operator to the first click seen, and what mail cannot do there.

With SMTPETER_SCREENSHOTS set to a directory the pages are kept there as pictures, light, dark and as on a phone.
"""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port, until
from tests.kit.npm import installed
from tests.kit.peers import program

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * 127.0.0.1:9, EXCLUDE 127.0.0.1",  # nothing leaves the machine
)
_HOSTILE = (
    "<p id=mail>hello</p><script>top.document.title = 'taken'; document.title = 'taken'</script>"
    "<img src='http://127.0.0.1:{port}/seen' onerror=\"top.document.title='taken'\">"
    "<form action='http://127.0.0.1:{port}/seen'><button id=send>x</button></form>"
)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Authority, port: int) -> Iterator[Daemon]:
    web = {"listen": [f"tcp:{port}:interface=127.0.0.1"]}
    with Daemon(tmp_path_factory.mktemp("dashboard"), authority, web=web) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def password(server: Daemon) -> str:
    made: dict[str, str] = server.cli("operator", "create", "admin")
    return made["password"]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium", "chromium")
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path / 'chromium'}"):
        options.add_argument(flag)
    service = Service(program("chromedriver", "chromium-driver"))
    browser = webdriver.Chrome(options=options, service=service)
    browser.set_window_size(1200, 900)
    yield browser
    browser.quit()


class Visitor:
    """A person at the browser."""

    def __init__(self, browser: webdriver.Chrome, port: int) -> None:
        self.browser = browser
        self.origin = f"http://127.0.0.1:{port}"

    def goes(self, path: str) -> None:
        self.browser.get(self.origin + path)

    def field(self, name: str) -> Any:
        return self.browser.find_element(By.NAME, name)

    def presses(self, words: str) -> None:
        self.browser.find_element(By.XPATH, f"//button[text()='{words}']").click()

    def sees(self, words: str) -> None:
        until(lambda: words in self._text(), 20, lambda: words)

    def _text(self) -> str:
        """What is seen; "" between two pages."""
        try:
            return str(self.browser.execute_script("return document.body ? document.body.innerText : ''"))
        except WebDriverException:
            return ""

    def signs_in(self, password: str) -> None:
        self.goes("/")
        self.field("name").send_keys("admin")
        self.field("password").send_keys(password + Keys.ENTER)
        self.sees("Sign out")


@pytest.fixture
def visitor(browser: webdriver.Chrome, port: int, server: Daemon) -> Visitor:
    return Visitor(browser, port)


def test_from_the_first_operator_to_the_first_click_seen(visitor: Visitor, password: str) -> None:
    visitor.signs_in(password)
    visitor.goes("/logins")
    visitor.field("username").send_keys("news")
    visitor.presses("Make the login")
    visitor.sees("shown this once")
    visitor.field("recipient").send_keys("reader@example.net")
    visitor.presses("Send the test message")
    visitor.sees("delivered")
    browser = visitor.browser
    [page] = browser.window_handles
    browser.switch_to.frame(browser.find_element(By.TAG_NAME, "iframe"))
    browser.find_element(By.LINK_TEXT, "Follow this link").click()
    until(lambda: len(browser.window_handles) == 2, 20, lambda: "no window was opened")
    browser.switch_to.window(next(one for one in browser.window_handles if one != page))
    browser.close()
    browser.switch_to.window(page)
    visitor.sees("A link was followed")


def test_a_browser_is_known_again_when_its_session_has_ended(visitor: Visitor, password: str) -> None:
    visitor.signs_in(password)
    visitor.presses("Sign out")
    visitor.sees("No operator yet?")
    [kept] = visitor.browser.get_cookies()
    assert ("smtpeter-known-", True, "Strict") == (kept["name"][:15], kept["httpOnly"], kept["sameSite"])
    visitor.signs_in(password)
    assert kept["value"] not in {one["value"] for one in visitor.browser.get_cookies()}


def test_hostile_mail_can_do_nothing(visitor: Visitor, password: str, server: Daemon, port: int) -> None:
    login = server.login()
    html = _HOSTILE.format(port=port)
    content = f"Subject: hostile\r\nContent-Type: text/html\r\n\r\n{html}\r\n".encode()
    identifier = server.submit(login, content).id
    visitor.signs_in(password)
    visitor.goes(f"/messages/{identifier}")
    browser = visitor.browser
    title = browser.title
    browser.switch_to.frame(browser.find_element(By.TAG_NAME, "iframe"))
    until(lambda: browser.find_elements(By.ID, "mail"), 20, lambda: "the mail is not shown")
    browser.find_element(By.ID, "send").click()
    assert "hello" == browser.find_element(By.ID, "mail").text, "the form was sent"
    assert "taken" != browser.execute_script("return document.title")
    assert 0 == browser.execute_script("return document.images[0].naturalWidth")
    browser.switch_to.default_content()
    assert title == browser.title
    assert "/messages/" in browser.current_url


def test_the_keyboard_alone_suffices(visitor: Visitor, password: str) -> None:
    visitor.goes("/")
    visitor.sees("Sign in")
    webdriver.ActionChains(visitor.browser).send_keys("admin", Keys.TAB, password, Keys.ENTER).perform()
    visitor.sees("Sign out")
    _tabs_to(visitor.browser, "Logins")
    visitor.browser.switch_to.active_element.send_keys(Keys.ENTER)
    visitor.sees("New login")
    _tabs_to(visitor.browser, "Make the login")
    visitor.browser.switch_to.active_element.send_keys(Keys.ENTER)
    visitor.sees("shown this once")


def _tabs_to(browser: webdriver.Chrome, words: str) -> None:
    for _ in range(40):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        if browser.switch_to.active_element.text == words:
            return
    pytest.fail(f"the tabulator does not lead to {words}")


def test_no_serious_fault_of_accessibility(visitor: Visitor, password: str, server: Daemon) -> None:
    axe = (installed("axe-core@4.10.3") / "axe-core" / "axe.min.js").read_text("utf-8")
    login = server.login("--track-clicks")
    html = "Subject: a newsletter\r\nContent-Type: text/html\r\n\r\n<a href=https://example.com/>x</a>\r\n"
    identifier = server.submit(login, html.encode()).id
    visitor.goes("/sign-in")
    _judge(visitor.browser, axe, "sign-in")
    visitor.signs_in(password)
    pages = {
        "logins": "/logins",
        "login": f"/logins/{login.username}",
        "message": f"/messages/{identifier}",
        "operators": "/operators",
        "changes": "/changes",
    }
    for name, path in pages.items():
        visitor.goes(path)
        _judge(visitor.browser, axe, name)


def _judge(browser: webdriver.Chrome, axe: str, name: str) -> None:
    """In light and in dark: no serious fault; pictures are taken where they are wanted."""
    for scheme in ("light", "dark"):
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        _picture(browser, f"{name}-{scheme}")
        browser.execute_script(axe)
        found = browser.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {iframes: false}).then(found => done(found.violations.map("
            "one => [one.impact, one.id, one.nodes[0].html])))"
        )
        assert [] == [one for one in found if one[0] in {"serious", "critical"}], (name, scheme)
    browser.set_window_size(500, 900)
    _picture(browser, f"{name}-phone")
    width = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0, f"{name} is wider than a phone"
    browser.set_window_size(1200, 900)


def _picture(browser: webdriver.Chrome, name: str) -> None:
    directory = os.environ.get("SMTPETER_SCREENSHOTS")
    if directory:
        taken = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": 60})
        (Path(directory) / f"{name}.webp").write_bytes(b64decode(taken["data"]))
