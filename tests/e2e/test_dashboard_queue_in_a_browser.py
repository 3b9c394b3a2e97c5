"""The dashboard's overview, queue and search in a real browser, beside hosts that put mail off or do not answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from smtpeter.journal.events import Attempt, Bounced, Click, Deferred, Delivered, Event, Failed, Open
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.service.answer import answered
from smtpeter.service.host import host
from smtpeter.storage.store import open_for_command
from tests.e2e.conftest import relay_section
from tests.e2e.test_dashboard_in_a_browser import Visitor, _judge, browser, password, port
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import until
from tests.kit.names import StubNames
from tests.kit.npm import installed
from tests.kit.sink import Rule, Sink, Stage

__all__ = ["browser", "password", "port"]
_LATER = "450 4.7.1 Greylisted, come back in an hour"
# How much of each there is in the busiest hour, in quarters.
_DAY = {Attempt: 66, Delivered: 61, Deferred: 9, Failed: 3, Open: 37, Click: 14, Bounced: 2}


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, names: StubNames, port: int
) -> Iterator[Daemon]:
    """It relays to a host that puts everything off, and to one where nobody listens."""
    web = {"listen": [f"tcp:{port}:interface=127.0.0.1"]}
    with Sink(Rule(Stage.RCPT, _LATER)) as sink:
        names.host("greylisting.example", sink.address)
        names.host("away.example", "127.0.0.3")
        relay = relay_section(names, sink.port, {"retry": ["1h"]})
        with Daemon(tmp_path_factory.mktemp("queue"), authority, relay=relay, web=web) as daemon:
            _send(daemon)
            _remember_a_day(daemon)
            yield daemon


def _send(daemon: Daemon) -> None:
    """Mail that waits at both hosts."""
    login = daemon.login(username="newsletter")
    for number, (subject, domain) in enumerate(
        [("Spring offers", "greylisting.example"), ("Your invoice", "away.example")] * 3
    ):
        content = f"From: Shop <news@sender.example>\r\nSubject: {subject}\r\n\r\nHello\r\n".encode()
        accepted = daemon.submit(login, content, [f"reader{number}@{domain}"])
        if number < 2 or domain.startswith("grey"):  # at a site in trouble the others are not even tried
            daemon.story(accepted.id, "deferral")


def _remember_a_day(daemon: Daemon) -> None:
    """What would have happened in the last day, so that there is something to be seen."""
    now = time.time()
    events: list[Event] = []
    for hour in range(1, 24):
        for kind, number in _DAY.items():
            happened = number * (8 - abs(hour % 16 - 8)) // 4
            one = kind(
                time=now - 3600 * hour,
                delivery=DeliveryId(hour),
                message=MessageId(hour),
                recipient="joe@example.net",
            )
            events += [one] * happened
    store = open_for_command("sqlite:///smtpeter.db", daemon.directory / "data", host())
    answered(store.journal.append(events))
    answered(store.stop())


@pytest.fixture
def visitor(browser: object, port: int, password: str) -> Visitor:
    visitor = Visitor(browser, port)  # type: ignore[arg-type]
    visitor.signs_in(password)
    return visitor


def test_the_overview_says_what_is_wrong_and_leads_there(visitor: Visitor) -> None:
    visitor.goes("/")
    visitor.sees("away.example is in trouble")
    visitor.browser.find_element(By.PARTIAL_LINK_TEXT, "away.example is in trouble").click()
    until(lambda: len(visitor.browser.find_elements(By.PARTIAL_LINK_TEXT, "@away.example")) == 3)
    visitor.sees("site in trouble")


def test_what_waits_is_held_released_and_deleted_after_a_question(visitor: Visitor) -> None:
    visitor.goes("/queue?domain=greylisting.example")
    visitor.sees("Greylisted")
    visitor.presses("Hold …")
    visitor.sees("3 deliveries")
    visitor.presses("Hold")
    visitor.sees("3 deliveries held")
    visitor.goes("/queue?state=held&recipient=reader0%40greylisting.example")
    visitor.presses("Delete …")
    visitor.sees("nobody is told")
    visitor.presses("Delete")
    visitor.sees("1 delivery deleted")
    visitor.goes("/queue?state=held")
    visitor.presses("Release …")
    visitor.sees("Release?")
    visitor.presses("Release")
    visitor.sees("2 deliveries released")


def test_a_message_is_found_by_a_word_of_its_subject(visitor: Visitor) -> None:
    visitor.goes("/messages")
    visitor.field("subject").send_keys("INVOICE" + Keys.ENTER)
    until(lambda: "subject=INVOICE" in visitor.browser.current_url)
    visitor.sees("Your invoice")
    assert 3 == len(visitor.browser.find_elements(By.LINK_TEXT, "Your invoice"))
    visitor.browser.find_element(By.LINK_TEXT, "Your invoice").click()
    visitor.sees("Retry now")


def test_a_range_is_chosen_by_the_keyboard(visitor: Visitor) -> None:
    visitor.goes("/")
    visitor.browser.find_element(By.LINK_TEXT, "Week").send_keys(Keys.ENTER)
    visitor.sees("Last 7 days")
    summary = visitor.browser.find_element(By.XPATH, "//summary[text()='The plots as a table']")
    summary.send_keys(Keys.ENTER)
    visitor.sees("Complaints")
    assert 29 == len(visitor.browser.find_elements(By.CSS_SELECTOR, "table.numbers tr"))


def test_no_serious_fault_of_accessibility_in_the_queue(visitor: Visitor) -> None:
    axe = Path(installed("axe-core@4.10.3") / "axe-core" / "axe.min.js").read_text("utf-8")
    pages = {
        "overview": "/",
        "messages": "/messages?login=newsletter",
        "queue": "/queue",
        "queue-confirm": "/queue/hold?login=newsletter",
    }
    for name, path in pages.items():
        visitor.goes(path)
        _judge(visitor.browser, axe, name)
