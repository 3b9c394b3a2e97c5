"""What the resolver learns of TLSA and TXT records, and what counts as signed."""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.relay import names
from smtpeter.relay.interface import Finding, Tlsa
from tests.relay.test_relay_resolver import answered, asking

DIGEST = "11" * 32


def signed(*lines, ad=True):
    """An answer with the AD bit, if the query says that it is understood (RFC 6840 5.8)."""

    def answer(query, _tcp):
        assert query.flags & dns.flags.AD
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AD if ad else 0
        for line in lines:
            name, ttl, kind_class, kind, *rest = line.split()
            section = reply.authority if kind == "SOA" else reply.answer
            section.append(dns.rrset.from_text(name, int(ttl), kind_class, kind, " ".join(rest)))
        return reply.to_wire()

    return answer


def asked(zone, verb, *arguments, trusted=True):
    resolver, wire, _ = asking(zone, trusted=trusted)
    return answered(wire, getattr(resolver, verb)(*arguments))


TLSA = {("_25._tcp.h.example", "TLSA"): signed(f"_25._tcp.h.example. 60 IN TLSA 3 1 1 {DIGEST}")}


@pytest.mark.row(114)
def test_tlsa_records_are_found_and_signed():
    answer = asked(TLSA, "associations", "h.example", 25)
    assert (Tlsa(3, 1, 1, bytes.fromhex(DIGEST)),) == answer.records
    assert answer.secure


def test_nothing_is_signed_for_who_does_not_trust_the_resolver():
    assert not asked(TLSA, "associations", "h.example", 25, trusted=False).secure


@pytest.mark.row(114)
@pytest.mark.parametrize("trouble", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_tlsa_records_that_are_hidden_are_trouble(trouble):
    zone = {("_25._tcp.h.example", "TLSA"): trouble}
    assert Finding.TROUBLE is asked(zone, "associations", "h.example", 25).finding


def test_text_records_have_their_strings_joined():
    zone = {("_mta-sts.a.example", "TXT"): ['_mta-sts.a.example. 60 IN TXT "v=STSv1;" " id=1;"']}
    assert (b"v=STSv1; id=1;",) == asked(zone, "texts", "_mta-sts.a.example").records


@pytest.mark.row(114)
@pytest.mark.parametrize("ad", [True, False])
def test_mx_records_and_their_absence_are_signed_or_not(ad):
    soa = "a.example. 300 IN SOA ns.example. root.example. 1 2 3 4 40"
    found = asked(
        {("a.example", "MX"): signed("a.example. 60 IN MX 1 h.example.", ad=ad)}, "exchangers", "a.example"
    )
    missing = asked({("a.example", "MX"): signed(soa, ad=ad)}, "exchangers", "a.example")
    assert (Finding.FOUND, ad) == (found.finding, found.secure)
    assert (Finding.NO_DATA, ad) == (missing.finding, missing.secure)


def test_addresses_tell_where_their_alias_led():
    alias = "h.example. 60 IN CNAME Real.example."
    zone = {("h.example", "A"): signed(alias, "real.example. 60 IN A 192.0.2.1")}
    answer = asked(zone, "addresses", "h.example")
    assert ("real.example", True) == (answer.name, answer.secure)


@pytest.mark.parametrize("is_second_signed", [True, False])
def test_a_chain_that_is_answered_in_pieces_is_signed_if_every_piece_is(is_second_signed):
    zone = {
        ("h.example", "A"): signed("h.example. 60 IN CNAME real.example."),
        ("real.example", "A"): signed("real.example. 60 IN A 192.0.2.1", ad=is_second_signed),
    }
    answer = asked(zone, "addresses", "h.example")
    assert ("real.example", is_second_signed) == (answer.name, answer.secure)


@pytest.mark.parametrize(("ad", "expected"), [(True, True), (False, False)])
def test_an_alias_is_signed_wherever_it_leads(ad, expected):
    zone = {("h.example", "CNAME"): signed("h.example. 60 IN CNAME real.example.", ad=ad)}
    answer = asked(zone, "alias", "h.example")
    assert (("real.example",), expected) == (answer.records, answer.secure)
    failed = {("h.example", "CNAME"): dns.rcode.SERVFAIL}
    assert Finding.TROUBLE is asked(failed, "alias", "h.example").finding


def _a_reply(kind, data):
    asked = names.question("a.example", kind, 4711)
    reply = dns.message.make_response(asked.message)
    reply.answer.append(dns.rrset.from_text("a.example.", 60, "IN", kind.name, *data))
    return asked, reply.to_wire()


REPLIES = [
    _a_reply(names.TLSA, [f"3 1 1 {DIGEST}", f"2 0 0 {DIGEST}"]),
    _a_reply(names.TXT, ['"v=STSv1;" "id=1;"', '"other"']),
    _a_reply(names.CNAME, ["b.example."]),
]


@given(st.sampled_from(REPLIES), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6))
def test_no_change_of_a_real_reply_upsets_the_reader(replied, changes):
    asked, wire = replied[0], bytearray(replied[1])
    for position, octet in changes:
        wire[position % len(wire)] = octet
    reading = names.read(asked, bytes(wire))
    assert reading is None or reading.finding in Finding
