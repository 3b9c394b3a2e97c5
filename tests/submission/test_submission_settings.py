"""Settings that cannot be meant name their key."""

import pytest

from smtpeter.submission.settings import Settings


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"trusted_networks": {"nonsense": "x"}}, "trusted_networks"),
        ({"trusted_networks": {"192.0.2.1/24": "x"}}, "trusted_networks"),
        ({"proxy_protocol": ("tcp:1",)}, "proxy_protocol"),
        ({"starttls": ("tcp:1",), "proxy_protocol": ("tcp:1",)}, "proxies: missing"),
        ({"proxies": ("192.0.2.1/24",)}, "proxies"),
        ({"maximum_size": 0}, "maximum_size"),
        ({"command_timeout": -1.0}, "command_timeout"),
        ({"minimum_rate": 0}, "minimum_rate"),
        ({"error_delay": -1.0}, "error_delay"),
    ],
)
def test_a_wrong_value_names_its_key(settings, key):
    with pytest.raises(ValueError, match=key):
        Settings(**settings)


def test_the_defaults_are_right():
    assert 300.0 <= Settings().command_timeout  # RFC 5321 4.5.3.2.7
    assert 100 <= Settings().maximum_recipients  # RFC 5321 4.5.3.1.8
