"""What is published of TLS decides what a host gets: attempts in memory, with real handshakes."""

import hashlib
from dataclasses import replace
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet.defer import Deferred

from smtpeter.message.status import Result, Stage
from smtpeter.relay.attempt import Attempts
from smtpeter.relay.connections import Connections
from smtpeter.relay.destination import ExchangerDestination
from smtpeter.relay.guards import Guards
from smtpeter.relay.interface import Answer, Finding, MailExchanger, Tlsa
from smtpeter.relay.limits import Site
from smtpeter.relay.pacing import Signal, judge
from smtpeter.relay.route import Rules
from smtpeter.relay.sender import Connector
from smtpeter.relay.settings import Settings
from smtpeter.relay.tls import Contexts, Security
from smtpeter.spool.mta_sts import Policy, PolicyMode
from tests.kit.certificates import Authority
from tests.relay.hosts import OFFERS, Host, Net, Outgoing, attempt, group

TLS = (*OFFERS, "STARTTLS")
ONE, TWO = "198.51.100.1", "198.51.100.2"
DELIVERED, DEFERRED = Result.DELIVERED, Result.DEFERRED


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def good(authority):
    return authority.issue("mx1.example", "mx2.example")


@pytest.fixture(scope="module")
def chained(authority):
    return authority.issue("mx1.example", chain=True)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("foreign")).issue("mx1.example")


@pytest.fixture(scope="module")
def contexts(authority):
    return Contexts(str(authority.path))


class Names:
    """A Resolver, and Publications: all is signed but what is `insecure`; `aliases` are CNAME records."""

    def __init__(self, tlsa=None, insecure=(), aliases=None, mx=("mx1.example", "mx2.example")):
        self.tlsa, self.insecure, self.aliases, self.mx = tlsa or {}, insecure, aliases or {}, mx
        self.asked = []

    async def exchangers(self, domain):
        records = tuple(MailExchanger(number, host) for number, host in enumerate(self.mx))
        return Answer(Finding.FOUND, records, secure="MX" not in self.insecure)

    async def addresses(self, host):
        address = {"mx1.example": ONE, "mx2.example": TWO}[host]
        name = self.aliases.get(host, "")
        secure = (name or host) not in self.insecure
        return Answer(Finding.FOUND, (ip_address(address),), secure=secure, name=name)

    async def alias(self, name):
        found = self.aliases[name]
        if f"CNAME {name}" in self.insecure:
            return Answer(Finding.TROUBLE, cause="SERVFAIL")
        return Answer(Finding.FOUND, (found,), secure=name not in self.insecure)

    async def associations(self, base, port):
        self.asked.append((base, port))
        found = self.tlsa.get(base, Finding.NO_SUCH_NAME)
        if isinstance(found, Finding):
            return Answer(found, cause="SERVFAIL")
        return Answer(Finding.FOUND, tuple(found), secure=f"TLSA {base}" not in self.insecure)


class Policies:
    def __init__(self, **by_domain):
        self.by_domain = {name.replace("_", "."): policy for name, policy in by_domain.items()}

    async def known(self, domain):
        return self.by_domain.get(domain)


class InOrder:
    def shuffle(self, x):
        """As they are."""


def policy(mode, *mx):
    return Policy("example.com", "1", mode, mx or ("mx1.example", "mx2.example"), 0.0, 1e9, 0.0)


def key_digest(issued):
    certificate = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).digest()


def pinned(issued):
    return [Tlsa(3, 1, 1, key_digest(issued))]


def courier(net, names, contexts, policies=None, *, dane=True, security=Security.OPPORTUNISTIC):
    guards = Guards(names, policies, dane=dane, port=25)
    destination = ExchangerDestination(names, Rules(25, 8, allow_private=True), InOrder(), guards)
    connector = Connector(net, "relay.example", Settings().timeouts, contexts)
    return Attempts(
        destination, Connections(connector, net, keep=5.0, maximum_messages=100), Outgoing(), security
    )


def once(hosts, names, contexts, policies=None, **more):
    """The outcome of one attempt at hosts, the first preferred."""
    net = Net(dict(zip((ONE, TWO), hosts, strict=False)))
    return attempt(net, courier(net, names, contexts, policies, **more), group())[0]


# -- DANE ---------------------------------------------------------------------------------------------------


@pytest.mark.row(114)
def test_a_host_that_proves_itself_by_its_records_gets_the_mail_and_the_report_says_so(foreign, contexts):
    host = Host(TLS, foreign)
    outcome = once([host], Names({"mx1.example": pinned(foreign)}), contexts)
    assert DELIVERED is outcome.result
    assert outcome.tls.startswith("TLSv1.3 TLS_")
    assert outcome.tls.endswith(", DANE verified")


@pytest.mark.row(114)
def test_a_host_that_does_not_gets_nothing_and_the_next_is_tried(good, foreign, contexts):
    hosts = [Host(TLS, foreign), Host(TLS, good)]
    names = Names({"mx1.example": pinned(good), "mx2.example": pinned(good)})
    outcome = once(hosts, names, contexts)
    assert (DELIVERED, TWO) == (outcome.result, outcome.address)
    assert [] == hosts[0].contents
    outcome = once([Host(TLS, foreign), Host(TLS, foreign)], names, contexts)
    assert (DEFERRED, Stage.PROCESS, 451, "4.7.5") == (
        outcome.result, outcome.stage, outcome.reply.code, outcome.reply.enhanced,
    )  # fmt: skip
    assert "DANE: The host's certificate is not the one that its TLSA records ask for" == outcome.reply.text
    assert outcome.cause.startswith("tlsa-invalid: ")


@pytest.mark.row(114)
def test_a_host_below_its_trust_anchor_gets_the_mail(authority, good, chained, contexts):
    root = x509.load_pem_x509_certificate(authority.path.read_bytes())
    key = root.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    names = Names({"mx1.example": [Tlsa(2, 1, 1, hashlib.sha256(key).digest())]}, mx=["mx1.example"])
    assert DELIVERED is once([Host(TLS, chained)], names, contexts).result
    assert DEFERRED is once([Host(TLS, good)], names, contexts).result  # which does not show its authority


@pytest.mark.row(114)
def test_with_unusable_records_tls_is_a_must_without_proof(foreign, contexts):
    names = Names({"mx1.example": [Tlsa(1, 1, 1, bytes(32))]}, mx=["mx1.example"])
    outcome = once([Host(TLS, foreign)], names, contexts)
    assert DELIVERED is outcome.result
    assert outcome.tls.endswith(", DANE without a usable TLSA record")
    assert DEFERRED is once([Host()], names, contexts).result


@pytest.mark.row(114)
@pytest.mark.parametrize(
    "hosts", [[Host()], [Host(TLS, STARTTLS="454 4.7.0 Not now")]], ids=["none", "refused"]
)
def test_a_host_with_records_and_without_tls_gets_nothing(hosts, foreign, contexts):
    names = Names({"mx1.example": pinned(foreign)}, mx=["mx1.example"])
    outcome = once(hosts, names, contexts)
    assert (DEFERRED, Stage.PROCESS, "4.7.4") == (outcome.result, outcome.stage, outcome.reply.enhanced)
    assert [] == hosts[0].contents


@pytest.mark.row(114)
def test_a_host_whose_records_cannot_be_learnt_is_skipped(good, contexts):
    hosts = [Host(TLS, good), Host(TLS, good)]
    outcome = once(hosts, Names({"mx1.example": Finding.TROUBLE}), contexts)
    assert (DELIVERED, TWO) == (outcome.result, outcome.address)
    assert [] == hosts[0].connections
    outcome = once(hosts[:1], Names({"mx1.example": Finding.TROUBLE}, mx=["mx1.example"]), contexts)
    assert (DEFERRED, Stage.PROCESS, "4.4.3", "dnssec-invalid: SERVFAIL") == (
        outcome.result, outcome.stage, outcome.reply.enhanced, outcome.cause,
    )  # fmt: skip


@pytest.mark.row(114)
@pytest.mark.parametrize("insecure", ["MX", "mx1.example", "TLSA mx1.example"])
def test_what_is_not_signed_from_end_to_end_does_not_count(insecure, good, foreign, contexts):
    names = Names({"mx1.example": pinned(good)}, insecure=[insecure], mx=["mx1.example"])
    outcome = once([Host(TLS, foreign)], names, contexts)
    assert DELIVERED is outcome.result
    assert "DANE" not in outcome.tls
    assert (insecure.startswith("TLSA")) is bool(names.asked)  # unsigned zones are not even asked


def test_without_dane_nothing_is_asked(good, foreign, contexts):
    names = Names({"mx1.example": pinned(good)}, mx=["mx1.example"])
    assert DELIVERED is once([Host(TLS, foreign)], names, contexts, dane=False).result
    assert [] == names.asked


@pytest.mark.parametrize(
    ("tlsa", "insecure", "base"),
    [
        ("real.example", (), "real.example"),
        ("mx1.example", (), "mx1.example"),
        ("mx1.example", ("real.example",), "mx1.example"),
        ("real.example", ("real.example",), None),
        ("mx1.example", ("real.example", "mx1.example"), None),
    ],
)
def test_records_stand_under_the_end_of_a_signed_alias_or_its_beginning(
    tlsa, insecure, base, foreign, contexts
):
    """RFC 7672 2.2.3; the name is the one that TLS asks for, too (8.1)."""
    names = Names({tlsa: pinned(foreign)}, insecure, {"mx1.example": "real.example"}, mx=["mx1.example"])
    host = Host(TLS, foreign)
    outcome = once([host], names, contexts)
    assert DELIVERED is outcome.result
    assert ("DANE verified" in outcome.tls) is (base is not None)
    assert [base or "mx1.example"] == host.connections[0].server.asked_for


def test_a_host_whose_alias_cannot_be_looked_up_gets_nothing(good, contexts):
    """Else whoever hides it hides the TLSA records, too (RFC 7672 2.1.2)."""
    insecure = ("real.example", "CNAME mx1.example")
    names = Names(
        {"mx1.example": pinned(good)}, insecure, {"mx1.example": "real.example"}, mx=["mx1.example"]
    )
    host = Host(TLS, good)
    outcome = once([host], names, contexts)
    assert (DEFERRED, "4.4.3", []) == (outcome.result, outcome.reply.enhanced, host.connections)
    assert outcome.cause == "dnssec-invalid: SERVFAIL"


# -- MTA-STS ------------------------------------------------------------------------------------------------

STRICT = Policies(example_com=policy(PolicyMode.ENFORCE))


@pytest.mark.row(113)
def test_a_policy_that_is_enforced_asks_for_a_verified_host(good, contexts):
    outcome = once([Host(TLS, good)], Names(), contexts, STRICT)
    assert DELIVERED is outcome.result
    assert outcome.tls.endswith(", MTA-STS verified")


@pytest.mark.row(113)
@pytest.mark.parametrize(
    ("kind", "enhanced", "cause"),
    [
        ("no TLS", "4.7.4", "starttls-not-supported"),
        ("unknown authority", "4.7.5", "certificate-not-trusted: "),
        ("expired", "4.7.5", "certificate-expired: "),
        ("other name", "4.7.5", "certificate-host-mismatch: "),
    ],
)
def test_hosts_that_fail_an_enforced_policy_get_nothing(kind, enhanced, cause, authority, foreign, contexts):
    host = {
        "no TLS": Host,
        "unknown authority": lambda: Host(TLS, foreign),
        "expired": lambda: Host(TLS, authority.issue("mx1.example", expired=True)),
        "other name": lambda: Host(TLS, authority.issue("other.example")),
    }[kind]()
    outcome = once([host], Names(mx=["mx1.example"]), contexts, STRICT)
    assert (DEFERRED, Stage.PROCESS, 451, enhanced) == (
        outcome.result, outcome.stage, outcome.reply.code, outcome.reply.enhanced,
    )  # fmt: skip
    assert outcome.reply.text.startswith("MTA-STS: ")
    assert outcome.cause.startswith(cause)
    assert [] == host.contents
    assert Signal.NOTHING is judge([outcome])[0]  # its neighbours' mail goes on


@pytest.mark.row(113)
def test_a_host_that_the_policy_does_not_name_is_not_even_asked(good, contexts):
    hosts = [Host(TLS, good), Host(TLS, good)]
    only = Policies(example_com=policy(PolicyMode.ENFORCE, "mx2.example"))
    outcome = once(hosts, Names(), contexts, only)
    assert (DELIVERED, TWO, []) == (outcome.result, outcome.address, hosts[0].connections)
    outcome = once(hosts, Names(mx=["mx1.example"]), contexts, only)
    assert (DEFERRED, "4.7.0", "validation-failure: mx mismatch") == (
        outcome.result, outcome.reply.enhanced, outcome.cause,
    )  # fmt: skip
    assert Signal.NOTHING is judge([outcome])[0]


@pytest.mark.row(113)
@pytest.mark.parametrize(
    ("kind", "remark"),
    [
        ("good", "verified"),
        ("no TLS", "starttls-not-supported"),
        ("unknown authority", "certificate-not-trusted"),
        ("expired", "certificate-expired"),
        ("other name", "certificate-host-mismatch"),
        ("not named", "mx1.example is not in the policy"),
    ],
)
def test_a_policy_that_is_tested_delivers_and_tells(kind, remark, authority, good, foreign, contexts):
    host = {
        "good": lambda: Host(TLS, good),
        "no TLS": Host,
        "unknown authority": lambda: Host(TLS, foreign),
        "expired": lambda: Host(TLS, authority.issue("mx1.example", expired=True)),
        "other name": lambda: Host(TLS, authority.issue("other.example")),
        "not named": lambda: Host(TLS, good),
    }[kind]()
    named = "mx2.example" if kind == "not named" else "mx1.example"
    policies = Policies(example_com=policy(PolicyMode.TESTING, named))
    outcome = once([host], Names(mx=["mx1.example"]), contexts, policies)
    assert DELIVERED is outcome.result
    assert outcome.tls.endswith(f"MTA-STS testing: {remark}")
    assert outcome.tls.startswith("MTA" if kind == "no TLS" else "TLSv1.3 ")


@pytest.mark.row(113)
def test_a_policy_of_mode_none_asks_for_nothing(contexts):
    policies = Policies(example_com=policy(PolicyMode.NONE, "other.example"))
    outcome = once([Host()], Names(), contexts, policies)
    assert (DELIVERED, "") == (outcome.result, outcome.tls)


@pytest.mark.row(113)
@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("mx.example.com", "mx.example.com", True),
        ("*.example.com", "mx.example.com", True),
        ("*.example.com", "a.mx.example.com", False),
        ("*.example.com", "example.com", False),
        ("mx.example.com", "mx2.example.com", False),
    ],
)
def test_a_pattern_has_one_label_for_its_star(pattern, host, expected):
    assert expected is policy(PolicyMode.ENFORCE, pattern).allows(host)


# -- both, and the operator -----------------------------------------------------------------------------------


@pytest.mark.row(115)
def test_a_verified_certificate_does_not_outweigh_dane(good, foreign, contexts):
    host = Host(TLS, good)  # all that the policy asks for
    outcome = once([host], Names({"mx1.example": pinned(foreign)}, mx=["mx1.example"]), contexts, STRICT)
    assert (DEFERRED, []) == (outcome.result, host.contents)
    assert outcome.reply.text.startswith("DANE: ")
    outcome = once([host], Names({"mx1.example": Finding.TROUBLE}, mx=["mx1.example"]), contexts, STRICT)
    assert (DEFERRED, []) == (outcome.result, host.contents)


@pytest.mark.row(115)
def test_a_host_that_dane_proves_needs_no_policys_leave(foreign, contexts):
    other = Policies(example_com=policy(PolicyMode.ENFORCE, "other.example"))
    outcome = once([Host(TLS, foreign)], Names({"mx1.example": pinned(foreign)}), contexts, other)
    assert DELIVERED is outcome.result
    assert outcome.tls.endswith("DANE verified")


@pytest.mark.row(115)
def test_where_no_record_is_usable_the_policy_stands(foreign, good, contexts):
    names = Names({"mx1.example": [Tlsa(0, 1, 1, bytes(32))]}, mx=["mx1.example"])
    assert DEFERRED is once([Host(TLS, foreign)], names, contexts, STRICT).result
    assert once([Host(TLS, good)], names, contexts, STRICT).tls.endswith("MTA-STS verified")


@pytest.mark.parametrize("word", [Security.NONE, Security.OPPORTUNISTIC])
def test_an_operator_may_excuse_a_site(word, foreign, good, contexts):
    names = Names({"mx1.example": pinned(good)})
    net = Net({ONE: Host(TLS, foreign)})
    one = replace(group(), site=Site("example.com", tls=word))
    (outcome,) = attempt(net, courier(net, names, contexts, STRICT), one)
    assert DELIVERED is outcome.result
    assert "DANE" not in outcome.tls


def test_an_operator_may_ask_for_no_tls_at_all(good, contexts):
    outcome = once(
        [Host(TLS, good)], Names({"mx1.example": pinned(good)}), contexts, STRICT, security=Security.NONE
    )
    assert (DELIVERED, "") == (outcome.result, outcome.tls)


@pytest.mark.parametrize("word", [Security.REQUIRED, Security.VERIFIED])
def test_dane_is_proof_enough_for_an_operator_who_asks_for_some(word, foreign, contexts):
    names = Names({"mx1.example": pinned(foreign)}, mx=["mx1.example"])
    outcome = once([Host(TLS, foreign)], names, contexts, security=word)
    assert outcome.tls.endswith("DANE verified")


# -- connections ------------------------------------------------------------------------------------------


@pytest.mark.row(113)
def test_no_mail_goes_over_a_connection_that_was_made_for_less(foreign, good, contexts):
    """Two domains at one host: one has no policy, so any certificate does; that connection is none for the other."""
    host = Host(TLS, foreign)
    net = Net({ONE: host})
    ours = courier(net, Names(mx=["mx1.example"]), contexts, STRICT)
    assert DELIVERED is attempt(net, ours, group("a@other.example"))[0].result
    assert DEFERRED is attempt(net, ours, group("a@example.com"))[0].result
    assert DELIVERED is attempt(net, ours, group("a@other.example"))[0].result
    assert [2, 0] == [len(connection.contents) for connection in host.connections]


@pytest.mark.row(114)
def test_what_a_host_has_proved_by_other_records_is_proved_again(good, foreign, contexts):
    host = Host(TLS, foreign)
    net, names = Net({ONE: host}), Names({"mx1.example": pinned(foreign)}, mx=["mx1.example"])
    ours = courier(net, names, contexts)
    for _ in range(2):
        assert DELIVERED is attempt(net, ours, group())[0].result
    names.tlsa["mx1.example"] = pinned(good)
    assert DEFERRED is attempt(net, ours, group())[0].result
    assert [2, 0] == [len(connection.contents) for connection in host.connections]


def test_an_address_literal_has_no_guard(good, contexts):
    destination = ExchangerDestination(
        Names(), Rules(25, 8), InOrder(), Guards(Names(), STRICT, dane=True, port=25)
    )
    found = []
    Deferred.fromCoroutine(destination.hops("[8.8.8.8]")).addCallback(found.extend)
    assert [(None, None, None)] == [(hop.guard.dane, hop.guard.policy, hop.guard.obstacle) for hop in found]
