"""Which domains share a pace: those whose mail goes to the same hosts, and what the operator named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from smtpeter.relay.interface import Finding
from smtpeter.relay.limits import Limit, Site
from smtpeter.relay.sites import ExchangerSites, name_of
from tests.relay.hosts import Names, result

GOOGLE = [(5, "gmail-smtp-in.l.google.com"), (10, "alt1.gmail-smtp-in.l.google.com")]
WORKSPACE = [(1, "aspmx.l.google.com"), (5, "alt1.aspmx.l.google.com")]
MX = {
    "gmail.com": GOOGLE,
    "googlemail.com": GOOGLE[::-1],
    "one.example": WORKSPACE,
    "two.example": WORKSPACE,
    "evil.example": [(1, "blackhole.evil.example"), *WORKSPACE],
    "contoso.example": [(0, "contoso-example.mail.protection.outlook.com")],
    "fabrikam.example": [(0, "fabrikam-example.mail.protection.outlook.com")],
    "broken.example": Finding.TROUBLE,
    "gone.example": Finding.NO_SUCH_NAME,
    "null.example": [(0, "")],
}


def sites(**named):
    found = {name: Site(name, limit=limit) for name, limit in named.pop("named", {}).items()}
    return ExchangerSites(Names(MX), found)


def find(of, domain, now=0.0):
    return result(Deferred.fromCoroutine(of.find(domain, now)))


@pytest.mark.parametrize(
    ("hosts", "name"),
    [
        (["mx.example.com"], "mx.example.com"),
        (["mx2.example.com", "mx1.example.com"], "{mx1,mx2}.example.com"),
        (["mx.a.example", "mx.b.test"], "{mx.a.example,mx.b.test}"),
        (["aspmx.l.google.com", "alt1.aspmx.l.google.com"], "{alt1.aspmx,aspmx}.l.google.com"),
        (["example.com", "com"], "{com,example.com}"),
    ],
)
def test_a_site_is_named_by_its_hosts(hosts, name):
    assert name == name_of(frozenset(hosts))


host = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)


@given(st.frozensets(host, min_size=1, max_size=6), st.frozensets(host, min_size=1, max_size=6))
def test_two_sets_of_hosts_never_share_a_name(one, other):
    assert (one == other) == (name_of(one) == name_of(other))


def test_a_long_name_is_cut_and_still_its_own():
    one = frozenset(f"mx{number}.example.com" for number in range(40))
    other = one | {"mx40.example.com"}
    assert len(name_of(one)) <= 100
    assert name_of(one) != name_of(other)


def test_domains_with_the_same_hosts_are_one_site_whatever_the_preferences():
    it = sites()
    assert find(it, "gmail.com") == find(it, "googlemail.com")
    assert find(it, "one.example") == find(it, "two.example")
    assert find(it, "one.example").name != find(it, "gmail.com").name


def test_a_provider_with_a_host_for_each_customer_is_one_site():
    it = sites()
    assert "mail.protection.outlook.com" == find(it, "contoso.example").name
    assert "mail.protection.outlook.com" == find(it, "fabrikam.example").name


def test_a_domain_without_mx_is_its_own_host():
    assert Site("plain.example", frozenset({"plain.example"})) == find(sites(), "plain.example")


@pytest.mark.parametrize("domain", ["broken.example", "gone.example", "null.example", "[192.0.2.1]", "-.-"])
def test_a_domain_whose_hosts_nobody_knows_is_a_site_by_itself(domain):
    assert Site(domain) == find(sites(), domain)


def test_who_names_another_s_hosts_among_his_is_not_of_their_site():
    named = {"google.com": Limit(connections=5), "one.example": Limit(connections=5)}
    for it in (sites(), sites(named=named)):
        assert find(it, "one.example").name != find(it, "evil.example").name
        assert not find(it, "evil.example").limit


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("gmail.com", ["gmail.com", "googlemail.com"]),  # a domain, and those with the same hosts
        ("google.com", ["gmail.com", "one.example", "two.example"]),  # a name that all hosts lie below
        ("contoso-example.mail.protection.outlook.com", ["contoso.example"]),
        ("broken.example", ["broken.example"]),
    ],
)
def test_a_name_that_the_operator_limits_is_a_site(name, members):
    it = sites(named={name: Limit(connections=3)})
    assert [(name, 3)] * len(members) == [
        (site.name, site.limit.connections) for site in (find(it, member) for member in members)
    ]


def test_the_longest_name_counts():
    it = sites(named={"google.com": Limit(connections=3), "aspmx.l.google.com": Limit(connections=7)})
    assert "aspmx.l.google.com" == find(it, "one.example").name
    assert "google.com" == find(it, "gmail.com").name


def test_a_site_is_remembered_for_an_hour_and_trouble_for_less():
    it = sites()
    find(it, "one.example", 100.0)
    find(it, "broken.example", 100.0)
    assert it.known("one.example", 3699.0) is not None
    assert it.known("one.example", 3700.0) is None
    assert it.known("broken.example", 129.0) is not None
    assert it.known("broken.example", 130.0) is None


def test_what_is_forgotten_is_not_known():
    it = sites()
    find(it, "one.example")
    it.forget("one.example")
    it.forget("never.example")
    assert it.known("one.example", 0.0) is None


def test_memory_is_bounded():
    it = sites()
    for number in range(20_010):
        find(it, f"{number}.example")
    assert it.known("9.example", 0.0) is None
    assert it.known("10.example", 0.0) is not None


def test_until_it_is_found_a_named_domain_has_its_limits():
    assert 3 == sites(named={"gmail.com": Limit(connections=3)}).provisional("gmail.com").limit.connections
