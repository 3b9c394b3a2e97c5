"""What an SPF record says about an address, in the words of RFC 7208's examples."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.accounts.spf import NotUnderstood, Spf

ZONE = {
    ("a.example", "A"): ["192.0.2.10"],
    ("a.example", "AAAA"): ["2001:db8::10"],
    ("example.com", "A"): ["192.0.2.20"],
    ("example.com", "MX"): ["10 a.example.", "20 b.example."],
    ("b.example", "A"): ["192.0.2.30"],
    ("pass.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("none.example", "TXT"): ["something else"],
}


def result(record, address="192.0.2.1", zone=ZONE):
    there = {**zone, ("example.com", "TXT"): [record]}
    return Spf(lambda name, kind: there.get((name, kind), [])).result("example.com", ip_address(address))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=spf1", "neutral"),
        ("v=spf1 +all", "pass"),
        ("V=SPF1 ALL", "pass"),
        ("v=spf1 -all", "fail"),
        ("v=spf1 ~all", "softfail"),
        ("v=spf1 ?all", "neutral"),
        ("v=spf10 all", "none"),
        ("v=spf1 ip4:192.0.2.1 -all", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
        ("v=spf1 ip4:192.0.3.0/24 -all", "fail"),
        ("v=spf1 ip6:2001:db8::/32 -all", "fail"),
        ("v=spf1 a/24 -all", "pass"),
        ("v=spf1 a -all", "fail"),
        ("v=spf1 a:a.example/28 -all", "pass"),
        ("v=spf1 a:a.example -all", "fail"),
        ("v=spf1 mx/27 -all", "pass"),
        ("v=spf1 mx -all", "fail"),
        ("v=spf1 include:pass.example -all", "pass"),
        ("v=spf1 include:none.example -all", "fail"),
        ("v=spf1 -ip4:192.0.2.1 +all", "fail"),
        ("v=spf1 ptr -exists:a.example ~all", "softfail"),
        ("v=spf1 redirect=pass.example", "pass"),
        ("v=spf1 redirect=pass.example -all", "fail"),
        ("v=spf1 exp=why.example -all", "fail"),
    ],
)
def test_results(record, expected):
    assert expected == result(record)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=spf1 a:a.example -all", "pass"),
        ("v=spf1 a:a.example/32//120 -all", "pass"),
        ("v=spf1 a:a.example//120 -all", "pass"),
        ("v=spf1 ip6:2001:db8::/32 -all", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "fail"),
        ("v=spf1 mx//64 -all", "pass"),
    ],
)
def test_results_for_ipv6(record, expected):
    assert expected == result(record, "2001:db8::10")


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 a:%{d}.example -all",
        "v=spf1 nonsense -all",
        "v=spf1 include -all",
        "v=spf1 ip4:nonsense -all",
        "v=spf1 ip4:192.0.2.0/240 -all",
        "v=spf1 redirect=example.com",
        "v=spf1 include:example.com",
        "v=spf1 " + 11 * "a ",
        "v=spf1 redirect=redirect",
    ],
)
def test_what_is_beyond_us_is_told(record):
    with pytest.raises(NotUnderstood):
        result(record)


def test_two_records_are_none_that_counts():
    asked = {"TXT": ["v=spf1 +all", "v=spf1 -all"]}
    with pytest.raises(NotUnderstood, match="more than one"):
        Spf(lambda _name, kind: asked.get(kind, [])).result("example.com", ip_address("192.0.2.1"))


@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "mx",
                "ip4",
                ":",
                "/",
                "//",
                "24",
                "-",
                "~",
                "all",
                "=",
                " ",
                "%",
                "redirect",
                "example.com",
            ]
        )
    )
)
def test_any_record_has_a_result_or_is_not_understood(pieces):
    try:
        found = result("v=spf1 " + "".join(pieces))
    except NotUnderstood:
        return
    assert found in {"pass", "fail", "softfail", "neutral"}
