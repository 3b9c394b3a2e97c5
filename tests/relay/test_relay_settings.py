"""What [relay] may say, and what is refused with the key named."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.relay.settings import Mode, Settings, Timeouts, split_host
from smtpeter.relay.tls import Security


def test_the_defaults_relay_to_mx_hosts_with_opportunistic_tls():
    settings = Settings()
    assert (Mode.MX, 25, Security.OPPORTUNISTIC) == (settings.mode, settings.port, settings.tls)
    assert Timeouts(30.0, 300.0, 300.0, 120.0, 180.0, 600.0) == settings.timeouts
    assert not settings.allow_private_addresses


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"mode": "smarthost"}, "smarthost"),
        ({"mode": "pigeon"}, "mode"),
        ({"smarthost": "host:port"}, "smarthost"),
        ({"smarthost": "host:0"}, "smarthost"),
        ({"smarthost": "user@host:25"}, "smarthost"),
        ({"nameservers": ["127.0.0.1:x"]}, "nameservers"),
        ({"smarthost_username": "u"}, "smarthost_username"),
        (
            {"smarthost_username": "u", "smarthost_password_file": "f", "smarthost_tls": "required"},
            "smarthost_tls",
        ),
        ({"tls": "sometimes"}, "tls"),
        ({"port": 0}, "port"),
        ({"maximum_addresses": 0}, "maximum_addresses"),
        ({"messages_per_connection": 0}, "messages_per_connection"),
        ({"command_timeout": 0}, "command_timeout"),
        ({"keep_connections": -1}, "keep_connections"),
        ({"retry": []}, "retry"),
        ({"retry": [300, 0]}, "retry"),
        ({"give_up_after": 0}, "give_up_after"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_what_cannot_be_is_refused_with_its_key(values, key):
    with pytest.raises(msgspec.ValidationError) as refusal:
        msgspec.convert(values, Settings)
    assert key in str(refusal.value)


def test_a_password_asks_for_verified_tls_of_itself():
    assert Security.OPPORTUNISTIC is Settings(smarthost="h").smarthost_security
    assert Security.NONE is Settings(smarthost="h", smarthost_tls=Security.NONE).smarthost_security
    secret = Settings(smarthost="h", smarthost_username="u", smarthost_password_file="f")
    assert Security.VERIFIED is secret.smarthost_security


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail.example", ("mail.example", 25)),
        ("mail.example:587", ("mail.example", 587)),
        ("192.0.2.1:2525", ("192.0.2.1", 2525)),
        ("2001:db8::1", ("2001:db8::1", 25)),
        ("[2001:db8::1]", ("2001:db8::1", 25)),
        ("[2001:db8::1]:587", ("2001:db8::1", 587)),
    ],
)
def test_hosts_are_read_with_and_without_port(text, expected):
    assert expected == split_host(text, 25, key="smarthost")


@pytest.mark.parametrize(
    "text", ["", ":25", "host:", "[::1", "[::1]x", "[::1]:", "[]:25", "a b:25", "h:65536", "h:-1", "h:²"]
)
def test_what_names_no_host_is_refused(text):
    with pytest.raises(ValueError, match="key"):
        split_host(text, 25, key="key")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        host, port = split_host(text, 25, key="key")
    except ValueError:
        return
    assert host
    assert 1 <= port <= 65535
