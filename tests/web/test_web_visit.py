"""Who a request comes from, and what of it is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.web.visit import Proxies, Visit, shown_headers

PROXIES = Proxies(["10.0.0.0/8", "2001:db8::/32"])


def visit(peer="10.0.0.1", **headers):
    return Visit(
        b"GET", b"/", tuple((name.replace("_", "-"), value) for name, value in headers.items()), peer
    )


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),  # a stranger is not believed
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # nor what a stranger told the proxy
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", " 198.51.100.1:4711 ", "198.51.100.1"),
        ("2001:db8::9", "[2001:DB9::1]:4711", "2001:db9::1"),
        ("::ffff:10.0.0.1", "2001:db9:0::1", "2001:db9::1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_client_is_who_a_trusted_proxy_says(peer, told, client):
    assert client == PROXIES.client(visit(peer, X_Forwarded_For=told))


def test_without_proxies_nobody_is_believed():
    assert "10.0.0.1" == Proxies([]).client(visit(X_Forwarded_For="198.51.100.1"))


def test_several_fields_are_one_list():
    assert "198.51.100.2" == PROXIES.client(
        Visit(
            b"GET",
            b"/",
            (("X-Forwarded-For", "198.51.100.1"), ("x-forwarded-for", "198.51.100.2")),
            "10.0.0.1",
        )
    )


@pytest.mark.parametrize(
    ("peer", "told", "scheme"),
    [
        ("10.0.0.1", "https", "https"),
        ("10.0.0.1", "HTTPS ", "https"),
        ("10.0.0.1", "gopher", "http"),
        ("192.0.2.1", "https", "http"),
    ],
)
def test_the_scheme_is_what_a_trusted_proxy_says(peer, told, scheme):
    assert scheme == PROXIES.scheme(visit(peer, X_Forwarded_Proto=told))


@pytest.mark.row(153)
def test_kept_headers_have_no_secrets_and_no_control_characters():
    seen = visit(User_Agent="Mozilla\x1b[31m\r\nX: y", Cookie="s=1", Authorization="Basic x", Accept="*/*")
    assert "User-Agent: Mozilla [31m  X: y\nAccept: */*" == shown_headers(seen)


def test_kept_headers_are_bounded():
    assert 4_096 == len(shown_headers(visit(A="x" * 10_000)))


@given(st.text(max_size=40), st.text(max_size=60))
def test_no_header_makes_it_raise(peer, told):
    seen = visit(peer, X_Forwarded_For=told, X_Forwarded_Proto=told)
    assert PROXIES.client(seen) is not None
    assert PROXIES.scheme(seen) in {"http", "https"}
    assert "\x00" not in shown_headers(seen)
