"""The Received field by its grammar, whatever strangers say; dates."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.address import Address
from smtpeter.message.trace import date, message_id, protocol, received

WHEN = 1_700_000_000.9
FACTS = {
    "helo": "mail.example.com",
    "peer_address": "192.0.2.1",
    "hostname": "mx.example.org",
    "protocol": "ESMTPSA",
    "identifier": "abcdefghijklm",
    "recipient": Address("someone", "example.net"),
    "when": WHEN,
    "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384",
}

# RFC 5321 4.4, with RFC 8314 4.3's clause, and the underscore that clients' names have; FWS as we fold.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[(?:IPv6:[0-9a-f:]+|[0-9.]+)\]"
_FWS = r"(?: |\r\n\t)"
STAMP = re.compile(
    rf"Received:{_FWS}from{_FWS}(?:{_DOMAIN}|{_LITERAL})(?:{_FWS}\({_LITERAL}\))?"
    rf"{_FWS}by{_FWS}{_DOMAIN}{_FWS}with{_FWS}(?:UTF8SMTP|ESMTP|SMTP)S?A?{_FWS}id{_FWS}[a-z0-9]+"
    rf"(?:{_FWS}for{_FWS}<[^\x00-\x1f\x7f]+>)?"
    rf"(?:{_FWS}tls{_FWS}[A-Z0-9_]+{_FWS}\([A-Za-z0-9.]+\)|{_FWS}\([A-Za-z0-9._ -]+\))?"
    rf";{_FWS}[A-Z][a-z]{{2}}, \d\d [A-Z][a-z]{{2}} \d{{4}} \d\d:\d\d:\d\d \+0000\r\n"
)


def stamp(**changes):
    return received(**{**FACTS, **changes}).decode()


@pytest.mark.row(50)
def test_the_whole_field():
    expected = (
        "Received: from mail.example.com ([192.0.2.1]) by mx.example.org\r\n"
        "\twith ESMTPSA id abcdefghijklm for <someone@example.net>\r\n"
        "\ttls TLS_AES_256_GCM_SHA384 (TLSv1.3); Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    )
    assert expected == stamp()


@pytest.mark.row(50)
def test_several_recipients_stay_blind_to_one_another():
    assert " for " not in stamp(recipient=None)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"peer_address": "2001:DB8::1"}, "from mail.example.com ([IPv6:2001:db8::1]) by"),
        ({"peer_address": "fe80::1%eth0"}, "([IPv6:fe80::1]) by"),
        ({"peer_address": ""}, "from mail.example.com by"),
        ({"helo": "my_host.example"}, "from my_host.example ([192.0.2.1]) by"),
        ({"helo": "[192.0.2.7]"}, "from [192.0.2.7] ([192.0.2.1]) by"),
        ({"helo": "[IPv6:2001:db8::2]"}, "from [IPv6:2001:db8::2] ([192.0.2.1]) by"),
        ({"tls": "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384"}, "(TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384);"),
        ({"tls": "", "recipient": None}, "id abcdefghijklm;"),
        ({"recipient": Address('"a b"', "example.net")}, 'for <"a b"@example.net>'),
    ],
)
def test_parts(changes, part):
    assert part in stamp(**changes).replace("\r\n\t", " ")
    assert STAMP.fullmatch(stamp(**changes))


@pytest.mark.row(4)
@pytest.mark.parametrize(
    "helo",
    [
        "",
        "a\nX: 1",
        "a\r\nX: 1",
        "a" * 300,
        "b\xfccher",
        "a b",
        "a(b",
        "[1.2.3]",
        "[x]",
        "-a",
        "a..b",
        "\x00",
        "[::1]",
        "[IPv6:fe80::1%eth0]",
        "a" * 64,
    ],
)
def test_a_helo_that_is_no_domain_stays_out(helo):
    assert stamp(helo=helo).startswith("Received: from [192.0.2.1] ([192.0.2.1]) by ")
    assert stamp(helo=helo, peer_address="").startswith("Received: from unknown by ")


@pytest.mark.parametrize("local_part", ["a\r\nX: 1", "a\x00", "\u2028", "x" * 400, "\udc80", "grün"])
def test_a_recipient_that_may_not_stand_there_is_left_out(local_part):
    assert " for " not in stamp(recipient=Address(local_part, "example.net"))


def test_a_utf8_recipient_stands_under_smtputf8_only():
    text = stamp(recipient=Address("grün", "example.net"), protocol="UTF8SMTPSA")
    assert "for <grün@example.net>" in text


@pytest.mark.parametrize("tls", ["TLSv1.3 (x)", "a\r\nX: 1", "\u00e9", "x" * 200])
def test_odd_tls_facts_stay_out(tls):
    assert "tls" not in stamp(tls=tls).lower()


@given(
    helo=st.text(max_size=300),
    peer_address=st.one_of(st.ip_addresses().map(str), st.text(max_size=20)),
    local_part=st.text(max_size=80),
    tls=st.text(max_size=40),
)
def test_no_stranger_can_leave_the_grammar(helo, peer_address, local_part, tls):
    field = stamp(helo=helo, peer_address=peer_address, recipient=Address(local_part, "example.net"), tls=tls)
    assert STAMP.fullmatch(field)


@given(st.lists(st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True), min_size=1, max_size=5), st.booleans())
def test_lines_stay_below_78_octets_where_their_words_allow(labels, alone):
    field = stamp(helo=".".join(labels), recipient=None if alone else FACTS["recipient"])
    for line in field.split("\r\n"):
        assert len(line) < 78 or len(line.split()) <= 2


def test_a_very_long_helo_has_a_line_of_its_own():
    field = stamp(helo=".".join(["a" * 60] * 4))
    assert max(map(len, field.split("\r\n"))) < 300
    assert STAMP.fullmatch(field)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ((False, False, False, False), "SMTP"),
        ((True, False, False, False), "ESMTP"),
        ((True, True, False, False), "ESMTPS"),
        ((True, False, True, False), "ESMTPA"),
        ((True, True, True, False), "ESMTPSA"),
        ((True, False, False, True), "UTF8SMTP"),
        ((True, True, True, True), "UTF8SMTPSA"),
    ],
)
def test_protocol_words_are_the_registered_ones(facts, word):
    extended, tls, authenticated, utf8 = facts
    assert word == protocol(extended=extended, tls=tls, authenticated=authenticated, utf8=utf8)


def test_dates_are_utc_and_english():
    assert "Thu, 01 Jan 1970 00:00:00 +0000" == date(0.0)
    assert "Tue, 29 Feb 2028 23:59:59 +0000" == date(1_835_481_599.99)


def test_a_message_id_has_its_brackets():
    assert "<abcdefghijklm@mx.example.org>" == message_id("abcdefghijklm", "mx.example.org")
