"""The stub name server, asked by dnspython."""

from __future__ import annotations

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.resolver
import pytest

from tests.kit.names import Query, StubNames, Trouble


def resolver(names: StubNames) -> dns.resolver.Resolver:
    made = dns.resolver.Resolver(configure=False)
    made.nameservers, made.port, made.lifetime = ["127.0.0.1"], names.port, 0.3
    return made


def test_answers_from_its_zone() -> None:
    with StubNames() as names:
        names.host("example.com", "127.0.0.1", "127.0.0.2")
        answer = resolver(names).resolve("example.com", "MX")
        assert sorted(record.to_text() for record in answer) == ["10 mx1.example.com.", "20 mx2.example.com."]
        assert [record.to_text() for record in resolver(names).resolve("mx2.example.com", "A")] == [
            "127.0.0.2"
        ]
        assert [Query("example.com", "MX", "udp")] == names.asked("example.com")


def test_a_name_without_the_type_and_a_name_that_is_not() -> None:
    with StubNames({"example.com": {"A": ["127.0.0.1"]}}) as names:
        with pytest.raises(dns.resolver.NoAnswer):
            resolver(names).resolve("example.com", "MX")
        with pytest.raises(dns.resolver.NXDOMAIN):
            resolver(names).resolve("example.org", "MX")


def test_follows_aliases() -> None:
    with StubNames(
        {"www.example.com": {"CNAME": ["example.com."]}, "example.com": {"A": ["127.0.0.1"]}}
    ) as names:
        answer = resolver(names).resolve("www.example.com", "A")
        assert answer.canonical_name.to_text() == "example.com."


@pytest.mark.parametrize("trouble", [Trouble.SERVFAIL, Trouble.REFUSED, Trouble.NXDOMAIN])
def test_says_no(trouble: Trouble) -> None:
    with StubNames({"example.com": {"A": trouble}}) as names:
        answer = dns.query.udp(dns.message.make_query("example.com", "A"), "127.0.0.1", 1, names.port)
        assert trouble.name == dns.rcode.to_text(answer.rcode())


def test_keeps_silent_and_may_change_its_mind() -> None:
    with StubNames({"example.com": Trouble.SILENCE}) as names:
        with pytest.raises(dns.resolver.LifetimeTimeout):
            resolver(names).resolve("example.com", "A")
        names.zone["example.com"] = {"A": ["127.0.0.1"]}
        assert len(resolver(names).resolve("example.com", "A")) == 1


def test_truncated_answers_are_asked_again_by_tcp() -> None:
    with StubNames({"example.com": {"A": ["127.0.0.1"]}}) as names:
        names.truncates.add("example.com")
        assert len(resolver(names).resolve("example.com", "A")) == 1
        assert [query.transport for query in names.queries] == ["udp", "tcp"]


def test_truncated_and_mute_by_tcp() -> None:
    with StubNames({"example.com": Trouble.TRUNCATED}) as names, pytest.raises(dns.exception.Timeout):
        resolver(names).resolve("example.com", "A")
