"""Which hosts are tried, in which order, and when there are none: tables of records in, hops out."""

import random
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from smtpeter.relay import route
from smtpeter.relay.destination import ExchangerDestination, SmarthostDestination
from smtpeter.relay.interface import Answer, Finding, MailExchanger
from smtpeter.relay.route import Hop, NoRoute, Rules
from tests.relay.hosts import Names, result

RULES = Rules(
    port=25, maximum_addresses=8, names=frozenset({"relay.example"}), own=frozenset({ip_address("9.9.9.9")})
)
LOOSE = Rules(port=25, maximum_addresses=8, allow_private=True)


class InOrder:
    """No chance at all."""

    def shuffle(self, some):
        pass


def way(domain, mx=None, hosts=None, rules=RULES, chance=None):
    """(host, address) of each hop, or (code, enhanced status) when there is no route."""
    destination = ExchangerDestination(Names(mx, hosts), rules, chance or InOrder())
    hops = result(Deferred.fromCoroutine(destination.hops(domain)).addErrback(lambda f: f.value))
    if isinstance(hops, NoRoute):
        return hops.reply.code, hops.reply.enhanced
    return [(hop.host, hop.address) for hop in hops]


@pytest.mark.row(88)
def test_hosts_come_by_preference():
    mx = {"a.example": [(20, "two.example"), (5, "zero.example"), (10, "one.example")]}
    hosts = {"zero.example": ["1.0.0.1"], "one.example": ["1.0.0.2"], "two.example": ["1.0.0.3"]}
    assert ["zero.example", "one.example", "two.example"] == [host for host, _ in way("a.example", mx, hosts)]


@pytest.mark.row(88)
def test_equals_are_shuffled_among_themselves_and_all_are_tried():
    records = tuple(
        MailExchanger(preference, f"{preference}-{n}.example") for preference in (10, 20) for n in range(4)
    )
    orders = set()
    for seed in range(40):
        found = route.exchangers("a.example", Answer(Finding.FOUND, records), RULES, random.Random(seed))
        assert sorted(found) == sorted(records)
        assert [10] * 4 + [20] * 4 == [record.preference for record in found]
        orders.add(found)
    assert len(orders) > 20


@pytest.mark.row(88)
def test_no_more_addresses_are_tried_than_the_rules_say_and_no_host_hides_the_next():
    mx = {"a.example": [(10, "many.example"), (20, "second.example")]}
    hosts = {"many.example": [f"1.0.0.{n}" for n in range(1, 30)], "second.example": ["1.0.1.1"]}
    found = way("a.example", mx, hosts)
    assert ("second.example", "1.0.1.1") == found[-1]
    assert 5 == len(found)
    assert 8 == len(way("b.example", {"b.example": [(10, "many.example")]}, hosts))


@pytest.mark.row(91)
def test_without_mx_the_domain_is_its_own_host():
    assert [("a.example", "1.0.0.1")] == way("a.example", {}, {"a.example": ["1.0.0.1"]})
    assert [("a.example", "2600::1")] == way("a.example", {}, {"a.example": ["2600::1"]})
    assert (550, "5.4.4") == way("a.example", {}, {"a.example": Finding.NO_DATA})


@pytest.mark.row(92)
def test_mx_hosts_without_addresses_are_never_replaced_by_the_domain_itself():
    mx, own = {"a.example": [(10, "gone.example"), (20, "slow.example")]}, {"a.example": ["1.0.0.1"]}
    assert (550, "5.4.4") == way("a.example", mx, own | {"slow.example": Finding.NO_DATA})
    assert (451, "4.4.3") == way("a.example", mx, own | {"slow.example": Finding.TROUBLE})
    assert [("slow.example", "1.0.0.2")] == way("a.example", mx, own | {"slow.example": ["1.0.0.2"]})


@pytest.mark.row(93)
def test_a_null_mx_fails_at_once_and_nothing_is_looked_up():
    names = Names({"a.example": [(0, "")]}, {"": ["127.0.0.1"], "a.example": ["1.0.0.1"]})
    destination = ExchangerDestination(names, RULES, InOrder())
    refused = result(Deferred.fromCoroutine(destination.hops("a.example")).addErrback(lambda f: f.value))
    assert (556, "5.1.10") == (refused.reply.code, refused.reply.enhanced)
    assert [("MX", "a.example")] == names.asked


@pytest.mark.row(93)
def test_a_null_mx_beside_others_means_nothing():
    mx = {"a.example": [(0, ""), (10, "mx.example")]}
    assert [("mx.example", "1.0.0.1")] == way("a.example", mx, {"mx.example": ["1.0.0.1"]})


@pytest.mark.row(94)
@pytest.mark.parametrize(
    ("finding", "expected"), [(Finding.NO_SUCH_NAME, (550, "5.1.2")), (Finding.TROUBLE, (451, "4.4.3"))]
)
def test_a_domain_that_does_not_exist_fails_and_trouble_with_the_dns_defers(finding, expected):
    assert expected == way("a.example", {"a.example": finding}, {"a.example": ["1.0.0.1"]})


@pytest.mark.row(95)
@pytest.mark.parametrize(
    ("mx", "expected"),
    [
        ([(10, "other.example"), (20, "relay.example"), (30, "backup.example")], ["other.example"]),
        ([(20, "other.example"), (20, "relay.example")], (554, "5.4.6")),
        ([(10, "relay.example")], (554, "5.4.6")),
        ([(10, "other.example"), (20, "alias.example"), (30, "backup.example")], ["other.example"]),
        ([(10, "alias.example"), (20, "other.example")], (554, "5.4.6")),
    ],
)
def test_mail_never_comes_back_to_this_server(mx, expected):
    hosts = {"other.example": ["1.0.0.1"], "backup.example": ["1.0.0.2"], "relay.example": ["1.0.0.3"]}
    found = way("a.example", {"a.example": mx}, hosts | {"alias.example": ["9.9.9.9"]})
    assert expected == (found if isinstance(found, tuple) else [host for host, _ in found])


@pytest.mark.row(95)
@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "127.0.0.1",
        "127.255.255.255",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
    ],
)
def test_no_address_that_is_not_public_is_connected_to_unless_allowed(address):
    hosts = {"a.example": [address]}
    assert (554, "5.4.4") == way("a.example", {}, hosts)
    assert [("a.example", str(ip_address(address)))] == way("a.example", {}, hosts, LOOSE)
    assert [("a.example", "1.0.0.1")] == way("a.example", {}, {"a.example": [address, "1.0.0.1"]})


@pytest.mark.parametrize("address", ["8.8.8.8", "1.0.0.1", "2600::1", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public_addresses_are_public(address):
    assert route.is_public(ip_address(address))


@given(st.ip_addresses())
def test_whether_an_address_is_public_is_always_decided(address):
    assert route.is_public(address) in {True, False}
    assert not (
        route.is_public(address) and (address.is_loopback or address.is_unspecified or address.is_multicast)
    )


@pytest.mark.row(97)
def test_ipv6_comes_first_and_the_families_take_turns():
    hosts = {"a.example": ["1.0.0.1", "2600::1", "1.0.0.2", "2600::2", "2600::3"]}
    assert ["2600::1", "1.0.0.1", "2600::2", "1.0.0.2", "2600::3"] == [
        a for _, a in way("a.example", {}, hosts)
    ]


@pytest.mark.row(98)
def test_the_dns_is_asked_in_a_labels():
    names = Names({"xn--bcher-kva.example": [(10, "mx.example")]}, {"mx.example": ["1.0.0.1"]})
    destination = ExchangerDestination(names, RULES, InOrder())
    result(Deferred.fromCoroutine(destination.hops("BÜCHER.example")))
    assert [("MX", "xn--bcher-kva.example"), ("A", "mx.example")] == names.asked


def test_a_domain_that_no_dns_can_know_fails():
    assert (550, "5.1.2") == way("a" * 64 + ".example")
    assert (550, "5.1.2") == way("a..example")


@pytest.mark.parametrize(
    ("domain", "rules", "expected"),
    [
        ("[8.8.8.8]", RULES, [("8.8.8.8", "8.8.8.8")]),
        ("[IPv6:2600::1]", RULES, [("2600::1", "2600::1")]),
        ("[127.0.0.1]", RULES, (554, "5.4.4")),
        ("[IPv6:::1]", RULES, (554, "5.4.4")),
        ("[127.0.0.1]", LOOSE, [("127.0.0.1", "127.0.0.1")]),
        ("[9.9.9.9]", RULES, (554, "5.4.6")),
    ],
)
def test_address_literals_are_their_own_way(domain, rules, expected):
    assert expected == way(domain, rules=rules)


def test_the_smarthost_may_be_private_and_is_never_a_reason_to_fail_for_good():
    def hops(host, hosts=None):
        destination = SmarthostDestination(Names({}, hosts), host, 587, 2)
        return result(Deferred.fromCoroutine(destination.hops("any.example")).addErrback(lambda f: f.value))

    assert (Hop("10.0.0.1", "10.0.0.1", 587),) == hops("10.0.0.1")
    assert (Hop("::1", "::1", 587),) == hops("::1")
    smart = {"smart.example": ["10.0.0.1", "10.0.0.2", "10.0.0.3"]}
    assert [Hop("smart.example", f"10.0.0.{n}", 587) for n in (1, 2)] == list(hops("smart.example", smart))
    for finding in (Finding.NO_SUCH_NAME, Finding.NO_DATA, Finding.TROUBLE):
        assert 451 == hops("smart.example", {"smart.example": finding}).reply.code


def test_of_a_domain_with_many_hosts_a_few_are_asked_for():
    """A hostile zone must not have us ask a thousand questions."""
    records = tuple(MailExchanger(n, f"{n}.example") for n in range(50))
    found = route.exchangers("a.example", Answer(Finding.FOUND, records), RULES, random.Random(1))
    assert records[:8] == found
