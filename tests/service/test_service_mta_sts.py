"""When what is published of TLS counts, by the configuration."""

import pytest
from twisted.internet.task import Clock

from smtpeter.config import Misconfigured, read
from smtpeter.relay.policy_book import PolicyBook
from smtpeter.service import rooms
from smtpeter.service.mta_sts import policies
from smtpeter.storage.store import open_for_command
from tests.kit.certificates import Authority
from tests.storage.stores import URL, Machine


@pytest.fixture
def store(tmp_path):
    store = open_for_command(URL, tmp_path, Machine().host)
    yield store
    store.stop()


def configured(tmp_path, **relay):
    server = {"hostname": "mail.sender.example", "data_directory": "data"}
    return read({"server": server, "relay": relay}, tmp_path)


def book(tmp_path, store, **relay):
    settings = configured(tmp_path, **relay)
    return policies(settings, Clock(), store, rooms.resolver(settings, Clock()))


def test_policies_count_for_mail_that_goes_to_mx_hosts(tmp_path, store):
    authority = Authority(tmp_path)
    assert isinstance(book(tmp_path, store), PolicyBook)
    assert isinstance(book(tmp_path, store, certificate_authorities=str(authority.path)), PolicyBook)
    assert book(tmp_path, store, mta_sts=False) is None
    assert book(tmp_path, store, mode="sandbox") is None
    assert book(tmp_path, store, mode="smarthost", smarthost="mail.example:587") is None


def test_authorities_that_cannot_be_read_are_named(tmp_path, store):
    (tmp_path / "none.pem").write_text("nothing")
    with pytest.raises(
        Misconfigured, match=r"^relay\.certificate_authorities: .*none\.pem: no readable PEM file$"
    ):
        book(tmp_path, store, certificate_authorities="none.pem")


@pytest.mark.row(114)
@pytest.mark.parametrize(
    ("dane", "servers", "expected"),
    [
        ("auto", ["127.0.0.1:53"], True),
        ("auto", ["127.0.0.53", "[::1]:53"], True),
        ("auto", ["192.0.2.1"], False),
        ("auto", ["127.0.0.1", "192.0.2.1"], False),
        ("auto", ["resolver.example"], False),
        ("on", ["192.0.2.1"], True),
        ("off", ["127.0.0.1"], False),
    ],
)
def test_whose_word_counts_for_signed(tmp_path, dane, servers, expected):
    assert expected is rooms.is_trusted(configured(tmp_path, dane=dane, nameservers=servers))
