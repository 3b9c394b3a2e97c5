"""`smtpeter doctor`: each thing that is wrong is found, with what mends it; against names and hosts on loopback."""

import datetime as dt
import json
import os

import pytest
from click.testing import CliRunner

from smtpeter.accounts.published import Verdict
from smtpeter.cli import diagnosis, main
from smtpeter.cli.diagnosis import Means
from smtpeter.cli.doctor import Dns, _greet
from smtpeter.config import read
from tests.kit.certificates import Authority
from tests.kit.names import StubNames, Trouble
from tests.kit.sink import Sink

HOST = "mail.sender.example"
REVERSE = "1.0.0.127.in-addr.arpa"


@pytest.fixture
def sink():
    with Sink() as sink:
        yield sink


@pytest.fixture
def names():
    """Everything is right."""
    zone = {
        HOST: {"A": ["127.0.0.1"]},
        REVERSE: {"PTR": [f"{HOST}."]},
        "click.sender.example": {"A": ["127.0.0.1"]},
        "bounces.sender.example": {"MX": [f"10 {HOST}."]},
    }
    with StubNames(zone) as names:
        names.host("probe.example", "127.0.0.1")
        yield names


@pytest.fixture
def document(tmp_path, names, sink):
    issued = Authority(tmp_path).issue(HOST)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return {
        "server": {"hostname": HOST, "data_directory": "data"},
        "tls": {"certificate": str(issued.certificate), "private_key": str(issued.private_key)},
        "relay": {"port": sink.port, "nameservers": [names.nameserver]},
        "tracking": {"click_url": "https://click.sender.example", "listen": ["tcp:8080"]},
        "bounces": {"domain": "bounces.sender.example"},
    }


@pytest.fixture
def examined(tmp_path, document, monkeypatch):
    """What is not right, as (subject, fix)."""

    def examine(*domains, synchronised=True, free=1 << 40, later=0.0):
        settings = read(document, tmp_path)
        disk = os.statvfs_result((4096, 4096, 0, 0, free // 4096, 0, 0, 0, 0, 255))
        now = dt.datetime.now(dt.UTC).timestamp() + later
        dns = Dns(settings.relay.nameservers)
        means = Means(
            dns.ask, _greet, now, lambda: synchronised, lambda _path: disk, dns.validates, are_local=True
        )
        found = list(diagnosis.examine(settings, domains, "probe.example", means))
        return [(one.subject, one.fix) for one in found if one.verdict is not Verdict.RIGHT]

    return examine


def test_when_all_is_well_nothing_is_found(examined):
    assert [] == examined()


@pytest.mark.parametrize(
    ("use", "are_local", "validates", "verdict", "text"),
    [
        ("auto", True, True, Verdict.RIGHT, "TLSA records count: the name servers validate"),
        (
            "auto",
            True,
            False,
            Verdict.RIGHT,
            "not used: the name servers do not validate; apt install unbound",
        ),
        (
            "auto",
            False,
            True,
            Verdict.RIGHT,
            "not used: the name servers are not on this machine; apt install unbound",
        ),
        ("on", False, True, Verdict.RIGHT, "TLSA records count"),
        ("on", True, False, Verdict.WRONG, "the name servers do not validate, so no TLSA record counts"),
    ],
)
def test_dane_without_name_servers_that_validate(
    document, tmp_path, names, use, are_local, validates, verdict, text
):
    if validates:
        names.zone["."] = {"SOA": [". . 1 1 1 1 1"]}
    names.validates = validates
    document["relay"]["dane"] = use
    means = Means(None, None, 0.0, None, validates=Dns([names.nameserver]).validates, are_local=are_local)
    [found] = diagnosis.dane(read(document, tmp_path), means)
    assert ("DANE", verdict) == (found.subject, found.verdict)
    assert found.text.startswith(text)
    assert bool(found.fix) is (verdict is Verdict.WRONG)


def test_dane_that_is_off_is_not_looked_at(document, tmp_path):
    document["relay"]["dane"] = "off"
    assert [] == list(diagnosis.dane(read(document, tmp_path), Means(None, None, 0.0, None)))


def test_nobody_answers_on_port_25(examined, document, names):
    names.host("probe.example", "127.0.0.9")
    [(subject, fix)] = examined()
    assert f"port {document['relay']['port']}" == subject
    assert "ask your provider to open port" in fix


def test_no_host_to_try(examined, names):
    del names.zone["probe.example"]
    fix = "look at [relay] nameservers, or /etc/resolv.conf; or --probe another domain"
    assert [("port 25", fix)] == examined()


def test_smarthost_is_greeted_in_place_of_exchangers(examined, document, sink):
    document["relay"] |= {"mode": "smarthost", "smarthost": f"127.0.0.1:{sink.port}"}
    assert [] == examined()
    document["relay"]["smarthost"] = "127.0.0.9:25"
    assert ["smarthost"] == [subject for subject, _ in examined()]


def test_a_click_host_that_is_the_server_itself_is_no_alias_of_itself(examined, document, names):
    document["tracking"]["click_url"] = f"https://{HOST}"
    names.zone[HOST] = {"TXT": ["x"]}
    assert ("tracking", f"publish: {HOST}. IN A ADDRESS") in examined()


@pytest.mark.parametrize(
    ("name", "records", "expected"),
    [
        (HOST, {"TXT": ["x"]}, [("HELO", f"publish: {HOST}. IN A ADDRESS")]),
        (REVERSE, {"PTR": ["other.example."]}, [("PTR", f"have its owner publish: {REVERSE}. IN PTR {HOST}.")]),
        ("click.sender.example", {"TXT": ["x"]}, [("tracking", f"publish: click.sender.example. IN CNAME {HOST}.")]),
        (
            "bounces.sender.example",
            {"MX": ["10 mx1.probe.example."], "A": ["127.0.0.9"]},
            [],  # it is at our address
        ),
        (
            "bounces.sender.example",
            {"A": ["127.0.0.1"]},
            [("bounces", f"publish: bounces.sender.example. IN MX 10 {HOST}.")],
        ),
        (HOST, Trouble.SERVFAIL, [("HELO", "look at [relay] nameservers, or /etc/resolv.conf")]),
    ],
)  # fmt: skip
def test_name_that_is_wrong(examined, names, name, records, expected):
    names.zone[name] = records
    assert expected == examined()


def test_source_address_has_a_name_of_its_own(examined, document, names):
    document["relay"]["source_addresses"] = {"127.0.0.2": "mail2.sender.example"}
    assert [("HELO", "publish: mail2.sender.example. IN A 127.0.0.2")] == examined()
    names.zone["mail2.sender.example"] = {"A": ["127.0.0.2"]}
    assert ["PTR"] == [subject for subject, _ in examined()]


def test_certificate_that_soon_expires_or_is_for_somebody_else(examined, document, tmp_path, names):
    assert ["certificate"] == [subject for subject, _ in examined(later=20 * 86400.0)]
    assert ["certificate"] == [subject for subject, _ in examined(later=40 * 86400.0)]
    other = Authority(tmp_path).issue("other.example")
    document["tls"] = {"certificate": str(other.certificate), "private_key": str(other.private_key)}
    assert [("certificate", f"get one for {HOST}")] == examined()


def test_clock_and_disk(examined):
    assert ["clock"] == [subject for subject, _ in examined(synchronised=False)]
    assert ["disk"] == [subject for subject, _ in examined(free=500 << 20)]


def test_secrets_that_others_can_read(examined, document, tmp_path):
    (tmp_path / "data").chmod(0o755)
    key = document["tls"]["private_key"]
    os.chmod(key, 0o644)
    assert [
        ("permissions", f"chmod 700 {tmp_path / 'data'}"),
        ("permissions", f"chmod 640 {key}"),
    ] == examined()


def test_command_tells_it_all(tmp_path, document, sink, names):
    """With a sender domain whose records are not published, and no server that runs."""
    file = tmp_path / "smtpeter.toml"
    file.write_text(
        f'[server]\nhostname = "{HOST}"\ndata_directory = "data"\n'
        f'[tls]\ncertificate = "{document["tls"]["certificate"]}"\nprivate_key = "{document["tls"]["private_key"]}"\n'
        f'[submission]\nstarttls = ["tcp:0"]\n[relay]\nport = {sink.port}\nnameservers = ["{names.nameserver}"]\n'
    )

    def run(*words):
        return CliRunner().invoke(main, ["--config", str(file), *words])

    assert 0 == run("domain", "add", "sender.example").exit_code
    ended = run("doctor", "--probe", "probe.example", "--json")

    assert 1 == ended.exit_code, ended.output
    found = {one["subject"]: one for one in json.loads(ended.stdout)}
    assert "right" == found["configuration"]["verdict"] == found["store"]["verdict"]
    assert "missing" == found["DMARC sender.example"]["verdict"]
    assert 'publish: _dmarc.sender.example. IN TXT "v=DMARC1; p=none"' == found["DMARC sender.example"]["fix"]
    assert "systemctl start smtpeter; journalctl -u smtpeter" == found["server"]["fix"]
    assert "         fix: systemctl start smtpeter" in run("doctor", "--probe", "probe.example").output


def test_configuration_that_cannot_be_read(tmp_path):
    ended = CliRunner().invoke(main, ["--config", str(tmp_path / "none.toml"), "doctor"])
    assert 1 == ended.exit_code
    assert "wrong    configuration: " in ended.output
