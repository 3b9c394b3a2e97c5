"""Section [tracking]: what is taken, and how a value that cannot be meant is refused, by its key."""

import msgspec
import pytest

from smtpeter.web.settings import Tracking


def test_nothing_is_tracked_unless_said():
    settings = Tracking()
    assert ("", "", (), ()) == (
        settings.click_url,
        settings.open_url,
        settings.listen,
        settings.trusted_proxies,
    )


def test_open_url_is_click_url_unless_said():
    assert "https://c.example" == Tracking(click_url="https://c.example/", listen=("tcp:8080",)).open_url
    both = Tracking(click_url="https://c.example", open_url="http://O.example:81", listen=("tcp:8080",))
    assert ("https://c.example", "http://o.example:81") == (both.click_url, both.open_url)


def test_opens_can_be_tracked_alone():
    assert "" == Tracking(open_url="https://o.example", listen=("tcp:8080",)).click_url


@pytest.mark.parametrize(
    "url",
    [
        "c.example",
        "ftp://c.example",
        "https://",
        "https://c.example/path",
        "https://c.example?x",
        "https://c.example#x",
        "https://u@c.example",
        "https://c.example:x",
        "https://c.example:99999",
        "https://[::1",
        "https://bücher.example",
        "https://c.example/\\",
    ],
)
@pytest.mark.parametrize("key", ["click_url", "open_url"])
def test_a_url_that_is_no_origin_is_refused_by_its_key(key, url):
    with pytest.raises(ValueError, match=f"^{key}: "):
        Tracking(**{key: url}, listen=("tcp:8080",))


def test_a_tracking_host_needs_a_listener():
    with pytest.raises(ValueError, match=r"^listen: "):
        Tracking(click_url="https://c.example")


def test_a_proxy_is_a_network():
    assert ("192.0.2.0/24",) == Tracking(trusted_proxies=("192.0.2.0/24",)).trusted_proxies
    with pytest.raises(ValueError, match=r"^trusted_proxies: "):
        Tracking(trusted_proxies=("192.0.2.1/24",))


def test_an_unknown_key_is_refused():
    with pytest.raises(msgspec.ValidationError, match="clickurl"):
        msgspec.convert({"clickurl": "x"}, Tracking)
