"""What every accounts ledger promises: the fake that other tests use, and the stored ones."""

from dataclasses import replace

import pytest

from smtpeter.accounts.interface import (
    KeyRingFull,
    LoginExists,
    NoSuchLogin,
    NoSuchSenderDomain,
    SenderDomainExists,
)
from smtpeter.accounts.model import Algorithm, Limits, Login, Previous, SenderDomain, SigningKey
from smtpeter.message.options import Switches

JOE = Login(
    username="Joe ü",
    password_hash="blake2$salt$digest",
    switches=Switches(track_clicks=True, always_pixel=True),
    created_at=1000.25,
    senders=("joe@example.com", ".example.org"),
    enabled=False,
    trusted_option_headers=True,
    note="two\nlines",
    tags=("ü", "spring"),
    limits=Limits(per_day=7),
    previous=Previous("blake2$before", 900.5, 2000.0),
)
ANN = Login("ann", "", Switches(), 0.0)


def test_a_login_comes_back_as_it_was(shelf):
    shelf.run(shelf.accounts.create(JOE))
    shelf.run(shelf.accounts.create(ANN))
    assert JOE == shelf.run(shelf.accounts.login("Joe ü"))
    assert ANN == shelf.run(shelf.accounts.login("ann"))


@pytest.mark.parametrize("username", ["joe ü", "Joe ü ", "JOE Ü", "", "Joe"])
def test_usernames_are_compared_exactly(shelf, username):
    shelf.run(shelf.accounts.create(JOE))
    assert shelf.run(shelf.accounts.login(username)) is None


def test_a_username_is_given_once(shelf):
    shelf.run(shelf.accounts.create(JOE))
    with pytest.raises(LoginExists):
        shelf.run(shelf.accounts.create(replace(JOE, note="another")))
    assert "two\nlines" == shelf.run(shelf.accounts.login("Joe ü")).note


def test_all_logins_by_name(shelf):
    assert () == tuple(shelf.run(shelf.accounts.logins()))
    shelf.run(shelf.accounts.create(ANN))
    shelf.run(shelf.accounts.create(JOE))
    assert (JOE, ANN) == tuple(shelf.run(shelf.accounts.logins()))


def test_a_change_is_seen_at_once_by_who_made_it(shelf):
    shelf.run(shelf.accounts.create(JOE))
    shelf.run(shelf.accounts.login("Joe ü"))
    changed = replace(JOE, switches=Switches(), enabled=True, senders=())

    shelf.run(shelf.accounts.replace(changed))
    assert changed == shelf.run(shelf.accounts.login("Joe ü"))

    shelf.run(shelf.accounts.delete("Joe ü"))
    assert shelf.run(shelf.accounts.login("Joe ü")) is None


def test_a_change_leaves_what_was_changed_meanwhile(shelf):
    enabled = replace(JOE, enabled=True)
    shelf.run(shelf.accounts.create(enabled))
    shelf.run(shelf.accounts.replace(replace(enabled, enabled=False), enabled))
    shelf.run(shelf.accounts.replace(replace(enabled, note="another"), enabled))
    shelf.run(shelf.accounts.replace(enabled, enabled))
    assert replace(enabled, enabled=False, note="another") == shelf.run(shelf.accounts.login("Joe ü"))


def test_what_is_not_there_cannot_be_changed(shelf):
    for was in (None, JOE):
        with pytest.raises(NoSuchLogin):
            shelf.run(shelf.accounts.replace(JOE, was))
    with pytest.raises(NoSuchLogin):
        shelf.run(shelf.accounts.delete("Joe ü"))
    assert () == tuple(shelf.run(shelf.accounts.logins()))


def test_the_first_key_is_made_when_it_is_asked_for(shelf):
    (key,) = shelf.run(shelf.accounts.keys())
    assert (0, 32) == (key.number, len(key.secret))
    assert (key,) == tuple(shelf.run(shelf.accounts.keys()))


def test_a_new_key_is_the_newest(shelf):
    (old,) = shelf.run(shelf.accounts.keys())
    new = shelf.run(shelf.accounts.add_key())
    assert (new, old) == tuple(shelf.run(shelf.accounts.keys()))
    assert (1, True) == (new.number, new.secret != old.secret)


def test_a_ring_has_as_many_keys_as_an_octet_can_number(shelf):
    for number in range(256):
        assert number == shelf.run(shelf.accounts.add_key()).number
    with pytest.raises(KeyRingFull):
        shelf.run(shelf.accounts.add_key())
    assert 256 == len(shelf.run(shelf.accounts.keys()))


EXAMPLE = SenderDomain(
    "example.com",
    (
        SigningKey("one", Algorithm.ED25519, b"\x00private\xff", 1000.25),
        SigningKey("two", Algorithm.RSA, b"another", 1001.0),
    ),
    1000.25,
    click_url="https://click.example.com",
    bounce_host="bounces.example.com",
)


def test_a_sender_domain_comes_back_as_it_was_with_its_keys_by_selector(shelf):
    shelf.run(shelf.accounts.create_sender_domain(replace(EXAMPLE, keys=EXAMPLE.keys[::-1])))
    assert (EXAMPLE,) == tuple(shelf.run(shelf.accounts.sender_domains()))


def test_all_sender_domains_by_name(shelf):
    assert () == tuple(shelf.run(shelf.accounts.sender_domains()))
    others = SenderDomain("b.example", (), 0.0), SenderDomain("a.example", (), 0.0)
    for domain in (*others, EXAMPLE):
        shelf.run(shelf.accounts.create_sender_domain(domain))
    assert (*others[::-1], EXAMPLE) == tuple(shelf.run(shelf.accounts.sender_domains()))


def test_a_sender_domain_is_made_once(shelf):
    shelf.run(shelf.accounts.create_sender_domain(EXAMPLE))
    with pytest.raises(SenderDomainExists):
        shelf.run(shelf.accounts.create_sender_domain(replace(EXAMPLE, keys=())))
    assert (EXAMPLE,) == tuple(shelf.run(shelf.accounts.sender_domains()))


def test_a_sender_domain_goes_with_its_keys(shelf):
    shelf.run(shelf.accounts.create_sender_domain(EXAMPLE))
    shelf.run(shelf.accounts.delete_sender_domain("example.com"))
    assert () == tuple(shelf.run(shelf.accounts.sender_domains()))
    with pytest.raises(NoSuchSenderDomain):
        shelf.run(shelf.accounts.delete_sender_domain("example.com"))
    shelf.run(shelf.accounts.create_sender_domain(replace(EXAMPLE, keys=())))
    assert (replace(EXAMPLE, keys=()),) == tuple(shelf.run(shelf.accounts.sender_domains()))


@pytest.mark.parametrize("hosts", [("", "", ""), ("http://c.example", "http://o.example:81", "b.example")])
def test_a_sender_domain_changes_its_hosts_and_nothing_else(shelf, hosts):
    shelf.run(shelf.accounts.create_sender_domain(EXAMPLE))
    click, opened, bounces = hosts
    changed = replace(EXAMPLE, click_url=click, open_url=opened, bounce_host=bounces)
    shelf.run(shelf.accounts.replace_sender_domain(replace(changed, keys=(), created_at=5.0)))
    assert (changed,) == tuple(shelf.run(shelf.accounts.sender_domains()))


def test_a_sender_domain_that_is_not_there_cannot_be_changed(shelf):
    with pytest.raises(NoSuchSenderDomain):
        shelf.run(shelf.accounts.replace_sender_domain(EXAMPLE))
    assert () == tuple(shelf.run(shelf.accounts.sender_domains()))
