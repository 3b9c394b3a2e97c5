"""What domains publish about TLS decides how their mail goes: DANE and MTA-STS, one server, hosts good and bad."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.e2e.conftest import relay_section
from tests.kit.certificates import Authority, Certificate
from tests.kit.daemon import Daemon, Login
from tests.kit.loopback import free_port, until
from tests.kit.mta_sts import PolicyHost, Shown
from tests.kit.names import StubNames, Trouble
from tests.kit.newsletters import newsletter
from tests.kit.sink import Sink

GOOD, STRANGE, CLEAR = "127.0.0.1", "127.0.0.2", "127.0.0.3"  # a known certificate, another's, no TLS
ENFORCED = "version: STSv1\nmode: enforce\nmx: mx1.{}.example\nmax_age: 604800\n"
TESTED = ENFORCED.replace("enforce", "testing")
SITES = {
    "ee": GOOD, "anchor": GOOD, "pkix": STRANGE, "unsigned": STRANGE, "wrong": STRANGE, "hidden": GOOD, "clear": CLEAR,
    "both": GOOD, "enforced": GOOD, "unnamed": GOOD, "untrusted": STRANGE, "bare": CLEAR, "tested": CLEAR,
    "none": CLEAR, "redirected": CLEAR, "html": CLEAR, "long": CLEAR, "plain": GOOD,
}  # fmt: skip
SHOWN = {
    "both": Shown(ENFORCED.format("both")),
    "enforced": Shown(ENFORCED.format("enforced")),
    "unnamed": Shown(ENFORCED.format("other")),
    "untrusted": Shown(ENFORCED.format("untrusted")),
    "bare": Shown(ENFORCED.format("bare")),
    "badhost": Shown(ENFORCED.format("other")),
    "tested": Shown(TESTED.format("tested")),
    "none": Shown("version: STSv1\nmode: none\nmax_age: 86400\n"),
    "redirected": Shown(status=301, location="https://mta-sts.bare.example/.well-known/mta-sts.txt"),
    "html": Shown(ENFORCED.format("html"), kind="text/html"),
    "long": Shown(ENFORCED.format("long") + "x: " + "y" * 65_536),
}


def digest(certificate: x509.Certificate) -> str:
    """Of its public key, as TLSA records of selector 1 and matching type 1 have it."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()


@pytest.fixture(scope="module")
def good(authority: Authority) -> Certificate:
    return authority.issue(*(f"mx1.{name}.example" for name in SITES), chain=True)


@pytest.fixture(scope="module")
def sinks(
    authority: Authority, good: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Sink]]:
    port = free_port()
    strange = Authority(tmp_path_factory.mktemp("stranger")).issue("mx1.strange.example")
    with (
        Sink(tls=good.server_context(), address=GOOD, port=port) as one,
        Sink(tls=strange.server_context(), address=STRANGE, port=port) as two,
        Sink(address=CLEAR, port=port) as three,
    ):
        yield {GOOD: one, STRANGE: two, CLEAR: three}


@pytest.fixture(scope="module")
def policies(authority: Authority) -> Iterator[PolicyHost]:
    """The policy host of all domains but badhost.example, for which its certificate is not."""
    trusted = [name for name in SHOWN if name != "badhost"]
    issued = authority.issue(*(f"mta-sts.{name}.example" for name in trusted))
    with PolicyHost(issued, {f"{name}.example": one for name, one in SHOWN.items()}) as host:
        yield host


@pytest.fixture(scope="module")
def names(authority: Authority, good: Certificate) -> Iterator[StubNames]:
    own = digest(x509.load_pem_x509_certificate(good.certificate.read_bytes()))
    root = digest(x509.load_pem_x509_certificate(authority.path.read_bytes()))
    published: dict[str, list[str] | Trouble] = {
        "ee": [f"3 1 1 {own}"],
        "anchor": [f"2 1 1 {root}"],
        "pkix": [f"1 1 1 {own}"],
        "unsigned": [f"3 1 1 {own}"],
        "wrong": [f"3 1 1 {own}"],
        "hidden": Trouble.SERVFAIL,
        "clear": [f"3 1 1 {own}"],
        "both": [f"3 1 1 {root}"],
    }
    with StubNames() as names:
        names.validates = True
        names.unsigned = {"unsigned.example"}
        for name, address in SITES.items():
            names.host(f"{name}.example", address)
        names.zone["badhost.example"] = {"MX": ["10 mx1.plain.example."]}
        names.zone["neighbour.example"] = {"MX": ["10 mx1.unnamed.example."]}
        for name in SHOWN:
            names.zone[f"_mta-sts.{name}.example"] = {"TXT": ['"v=STSv1; id=1;"']}
            names.zone[f"mta-sts.{name}.example"] = {"A": ["127.0.0.1"]}
        for name, records in published.items():
            names.zone[f"_0._tcp.mx1.{name}.example"] = {"TLSA": records}
        yield names


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    names: StubNames,
    sinks: dict[str, Sink],
    policies: PolicyHost,
) -> Iterator[Daemon]:
    port = sinks[GOOD].port
    for name in [name for name in names.zone if name.startswith("_0.")]:
        names.zone[name.replace("_0.", f"_{port}.", 1)] = names.zone.pop(name)
    trust = {"certificate_authorities": str(authority.path), "mta_sts_port": policies.port, "retry": ["5s"]}
    section = relay_section(names, port, trust)
    with Daemon(tmp_path_factory.mktemp("server"), authority, relay=section) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def outcomes(server: Daemon, login: Login) -> dict[str, dict[str, Any]]:
    """What became of a message to all domains, by their names.

    A delivery, or a deferral for what is published; one for a name server that was slow is followed by another try.
    """
    names = [*SITES, "badhost", "neighbour"]
    accepted = server.submit(login, newsletter(), [f"reader@{name}.example" for name in names])
    kinds = ("--kind", "delivery", "--kind", "deferral", "--kind", "failure")

    def found() -> dict[str, dict[str, Any]]:
        events = [one for one in server.events(*kinds) if one["data"].get("stage", "process") == "process"]
        last = {one["data"]["id"]: one for one in events}
        return last if len(last) >= len(names) else {}

    events = until(found, 120, server.log)
    return {name: events[accepted.ids[f"reader@{name}.example"]] for name in names}


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        pytest.param("ee", "DANE verified", marks=pytest.mark.row(114)),
        pytest.param("anchor", "DANE verified", marks=pytest.mark.row(114)),
        pytest.param("pkix", "DANE without a usable TLSA record", marks=pytest.mark.row(114)),
        pytest.param("enforced", "MTA-STS verified", marks=pytest.mark.row(113)),
    ],
)
def test_mail_goes_as_securely_as_was_asked_and_the_report_says_so(
    outcomes: dict[str, dict[str, Any]], sinks: dict[str, Sink], name: str, remark: str
) -> None:
    assert outcomes[name]["event"] == "delivery"
    tls = outcomes[name]["data"]["tls"]
    assert tls.startswith("TLSv1.3 TLS_")
    assert tls.endswith(f", {remark}")
    assert sinks[SITES[name]].wait_for(f"reader@{name}.example").tls == "TLSv1.3"


@pytest.mark.parametrize(
    ("name", "status", "reason", "cause"),
    [
        pytest.param("wrong", "4.7.5", "DANE: ", "tlsa-invalid", marks=pytest.mark.row(114)),
        pytest.param("hidden", "4.4.3", "DANE: ", "dnssec-invalid", marks=pytest.mark.row(114)),
        pytest.param("clear", "4.7.4", "DANE: ", "starttls-not-supported", marks=pytest.mark.row(114)),
        pytest.param("both", "4.7.5", "DANE: ", "tlsa-invalid", marks=pytest.mark.row(115)),
        pytest.param("unnamed", "4.7.0", "MTA-STS: ", "validation-failure", marks=pytest.mark.row(113)),
        pytest.param(
            "untrusted", "4.7.5", "MTA-STS: ", "certificate-not-trusted", marks=pytest.mark.row(113)
        ),
        pytest.param("bare", "4.7.4", "MTA-STS: ", "starttls-not-supported", marks=pytest.mark.row(113)),
    ],
)
def test_mail_waits_where_that_cannot_be_had(
    outcomes: dict[str, dict[str, Any]],
    sinks: dict[str, Sink],
    name: str,
    status: str,
    reason: str,
    cause: str,
) -> None:
    assert outcomes[name]["event"] == "deferral"
    deferral = outcomes[name]["data"]
    assert (deferral["code"], deferral["status"]) == (451, status)
    assert deferral["description"].startswith(reason)
    assert deferral["cause"].startswith(cause)
    recipient = f"reader@{name}.example"
    assert not [one for sink in sinks.values() for one in sink.messages if recipient in one.recipients]


@pytest.mark.parametrize(
    ("name", "tls"),
    [
        pytest.param("unsigned", "TLSv1.3 TLS_AES_256_GCM_SHA384", marks=pytest.mark.row(114)),
        pytest.param("tested", "MTA-STS testing: starttls-not-supported", marks=pytest.mark.row(113)),
        pytest.param("none", "", marks=pytest.mark.row(113)),
        pytest.param("redirected", "", marks=pytest.mark.row(113)),
        pytest.param("html", "", marks=pytest.mark.row(113)),
        pytest.param("long", "", marks=pytest.mark.row(113)),
        pytest.param("badhost", "TLSv1.3 TLS_AES_256_GCM_SHA384", marks=pytest.mark.row(113)),
    ],
)
def test_mail_goes_as_ever_where_nothing_is_asked(
    outcomes: dict[str, dict[str, Any]], name: str, tls: str
) -> None:
    assert outcomes[name]["event"] == "delivery"
    assert outcomes[name]["data"]["tls"] == tls


@pytest.mark.row(113)
def test_a_domain_whose_policy_fails_holds_up_no_neighbour_at_its_hosts(
    server: Daemon, login: Login, outcomes: dict[str, dict[str, Any]]
) -> None:
    """unnamed.example has the same MX host, and forbids it: neither then nor later does that hold up its neighbour."""
    assert outcomes["unnamed"]["event"] == "deferral"
    assert outcomes["neighbour"]["event"] == "delivery"
    accepted = server.submit(login, newsletter(), ["reader@neighbour.example"])
    assert server.wait_for_event("delivery", accepted.id)["host"] == "mx1.unnamed.example"


def test_an_operator_reads_why_mail_waits_and_how_it_went(
    server: Daemon, outcomes: dict[str, dict[str, Any]]
) -> None:
    [waiting] = [row for row in server.cli("queue", "list") if row["recipient"] == "reader@wrong.example"]
    assert "DANE: " in waiting["last"]["reply"]
    assert ", DANE verified" in server.command("message", "show", outcomes["ee"]["data"]["id"]).stdout


@pytest.mark.row(113)
def test_a_policy_outlives_its_host_and_a_restart(
    server: Daemon,
    login: Login,
    names: StubNames,
    policies: PolicyHost,
    outcomes: dict[str, dict[str, Any]],
) -> None:
    assert outcomes["enforced"]["event"] == "delivery"
    before = len(policies.asked)
    policies.shown["enforced.example"] = Shown(status=500)
    names.zone["_mta-sts.enforced.example"] = {"TXT": ['"v=STSv1; id=2;"']}
    server.restart()
    accepted = server.submit(login, newsletter(), ["reader@enforced.example"])
    assert server.wait_for_event("delivery", accepted.id)["tls"].endswith(", MTA-STS verified")
    assert "enforced.example" in policies.asked[before:]
