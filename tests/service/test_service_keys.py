"""The keys as they stand now: they follow the accounts, and outlive a store that is away."""

from dataclasses import replace

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher

from smtpeter.accounts import signing_keys
from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.model import Algorithm, SenderDomain, SigningKey
from smtpeter.service.keys import Keys
from tests.kit.fakes.accounts import FakeAccounts
from tests.storage.stores import result

CONTENT = b"From: a@example.com\r\n\r\nHello\r\n"
KEY = signing_keys.make("good", Algorithm.ED25519, 0.0)
DOMAIN = SenderDomain("example.com", (KEY,), 0.0)


@pytest.fixture
def accounts():
    return FakeAccounts()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keys(accounts, clock):
    made = Keys(accounts, result(accounts.keys()), (), clock)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def logged():
    seen = []
    globalLogPublisher.addObserver(seen.append)
    yield seen
    globalLogPublisher.removeObserver(seen.append)


def selectors(keys):
    fields = keys.signatures().fields(CONTENT, 0.0)
    return [word for word in fields.decode().split() if word.startswith("s=")]


def test_a_new_sender_domain_signs_within_a_second(keys, accounts, clock):
    assert [] == selectors(keys)
    accounts.create_sender_domain(DOMAIN)
    clock.advance(0.95)
    assert ["s=good;"] == selectors(keys)
    accounts.delete_sender_domain("example.com")
    clock.advance(0.95)
    assert [] == selectors(keys)


def test_what_has_not_changed_is_not_read_again(keys, accounts, clock):
    before = keys.signatures(), keys.ring()
    clock.advance(0.95)
    assert before == (keys.signatures(), keys.ring())


def test_those_known_at_the_start_sign_from_the_start(accounts, clock):
    assert ["s=good;"] == selectors(Keys(accounts, result(accounts.keys()), (DOMAIN,), clock))


def test_while_the_store_is_away_the_last_keys_stay(keys, accounts, clock, logged):
    accounts.create_sender_domain(DOMAIN)
    clock.advance(0.95)
    accounts.trouble = AccountsUnavailable("away")
    clock.advance(0.95)
    assert ["s=good;"] == selectors(keys)
    assert [LogLevel.warn] == [event["log_level"] for event in logged]
    accounts.trouble = None
    accounts.delete_sender_domain("example.com")
    clock.advance(0.95)
    assert [] == selectors(keys)


def test_a_key_that_cannot_be_read_costs_its_signature_only(keys, accounts, clock, logged):
    damaged = SigningKey("bad", Algorithm.RSA, b"\x00secret", 0.0)
    accounts.create_sender_domain(SenderDomain("example.com", (damaged, KEY), 0.0))
    clock.advance(0.95)
    assert ["s=good;"] == selectors(keys)
    (event,) = logged
    assert ("example.com", "bad", LogLevel.error) == (event["domain"], event["selector"], event["log_level"])
    assert "secret" not in repr(event)


def test_a_new_token_key_is_the_newest(keys, accounts, clock):
    old = keys.ring()
    accounts.add_key()
    clock.advance(0.95)
    assert old is not keys.ring()


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        (b"From: a@example.com\r\n", "example.com"),
        (b"From: a@x.NEWS.example.com\r\n", "news.example.com"),
        (b"From: a@example.org\r\n", None),
        (b"From: a@example.com\r\nFrom: b@example.com\r\n", None),
        (b"From: (\r\n", None),
        (b"", None),
    ],
    ids=["itself", "the closest above", "another", "two", "unreadable", "none"],
)
def test_whose_hosts_a_message_uses(accounts, clock, author, expected):
    news = SenderDomain("news.example.com", (), 0.0, bounce_host="b.news.example.com")
    keys = Keys(accounts, result(accounts.keys()), (DOMAIN, news), clock)
    found = keys.sender_domain(author + b"Subject: x\r\n\r\nHello\r\n")
    assert expected == (None if found is None else found.name)


def test_changed_hosts_count_within_a_second(keys, accounts, clock):
    accounts.create_sender_domain(DOMAIN)
    clock.advance(0.95)
    assert keys.sender_domain(CONTENT) is None
    accounts.replace_sender_domain(replace(DOMAIN, click_url="https://click.example.com"))
    clock.advance(0.95)
    assert "https://click.example.com" == keys.sender_domain(CONTENT).click_url
