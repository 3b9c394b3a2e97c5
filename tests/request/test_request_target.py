"""Where a request may go: every spelling of a private address is one."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.request.target import NotAllowed, allowed, read

PRIVATE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://0x7f.1/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://127.0.0.1./",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://１２７.0.0.1/",
]


@pytest.mark.row(150)
@pytest.mark.parametrize("number", range(len(PRIVATE)))
def test_private_addresses_are_refused_in_every_spelling(number):
    with pytest.raises(NotAllowed):
        read(PRIVATE[number], allow_private=False)
    read(PRIVATE[number], allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "/x",
        "ftp://x.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://u:p@x.example/",
        "gopher://x/",
    ],
)
def test_what_is_no_plain_web_address_is_refused(url):
    with pytest.raises(NotAllowed):
        read(url, allow_private=True)


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("http://x.example", "x.example", 80, "/", "x.example"),
        ("https://X.example:8443/a?b#c", "x.example", 8443, "/a?b", "x.example:8443"),
        ("http://localhost./", "localhost", 80, "/", "localhost"),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443, "/", "[2606:4700::1111]"),
        ("http://ü.example/ö", "xn--tda.example", 80, "/%C3%B6", "xn--tda.example"),
    ],
)
def test_a_url_is_taken_apart(url, host, port, path, authority):
    target = read(url, allow_private=False)
    assert (host, port, path, authority) == (target.host, target.port, target.path, target.authority)


@pytest.mark.row(150)
def test_of_several_addresses_only_the_public_ones_are_used():
    addresses = [ip_address(one) for one in ("127.0.0.1", "8.8.8.8", "10.0.0.1", "2606:4700::1111")]
    assert (addresses[1], addresses[3]) == allowed(addresses, allow_private=False)
    with pytest.raises(NotAllowed):
        allowed(addresses[:1], allow_private=False)
    with pytest.raises(NotAllowed):
        allowed([], allow_private=True)


@given(st.text())
def test_whatever_somebody_writes_is_judged(text):
    for url in (text, f"http://{text}/", f"http://{text}"):
        try:
            target = read(url, allow_private=False)
        except NotAllowed:
            continue
        literal = target.literal()
        assert literal is None or literal.is_global
