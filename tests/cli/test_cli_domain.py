"""`smtpeter domain …`: keys made, records printed and checked against a name server on loopback."""

import json
import re

import dns.zone
import pytest
from click.testing import CliRunner

from smtpeter.cli import main
from tests.kit.names import StubNames, Trouble

HOST = "mail.sender.example"
TRACKING = 'click_url = "https://click.sender.example"\nlisten = ["tcp:8080"]\n'


@pytest.fixture
def names():
    with StubNames({HOST: {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]}}) as names:
        yield names


@pytest.fixture
def command(tmp_path, names):
    """Run the command; `mode` is the relay's, `tracking` the lines of that section."""
    (tmp_path / "data").mkdir()

    def run(*words, mode="sandbox", tracking=TRACKING):
        configuration = tmp_path / "smtpeter.toml"
        more = 'smarthost = "smart.example:25"\n' if mode == "smarthost" else ""
        configuration.write_text(
            f'[server]\nhostname = "{HOST}"\ndata_directory = "data"\n[submission]\nstarttls = []\nimplicit_tls = []\n'
            f'[relay]\nmode = "{mode}"\nnameservers = ["{names.nameserver}"]\n{more}[tracking]\n{tracking}'
        )
        return CliRunner().invoke(main, ["--config", str(configuration), "domain", *words])

    return run


def listed(ended, status=0):
    assert status == ended.exit_code, ended.output
    return json.loads(ended.stdout)


@pytest.fixture
def added(command):
    return listed(command("add", "example.com", "--json"))


@pytest.fixture
def published(names, added):
    """All records are in the DNS as they were printed."""
    for record in added["records"]:
        names.zone[record["name"]] = {"TXT": [" ".join(f'"{string}"' for string in record["strings"])]}
    return names


def verdicts(ended, status):
    return [one["verdict"] for one in listed(ended, status)]


def test_adding_a_domain_tells_the_records(added):
    assert ("example.com", ["smtpeter-ed25519", "smtpeter-rsa"]) == (added["name"], added["selectors"])
    assert [
        "smtpeter-ed25519._domainkey.example.com",
        "smtpeter-rsa._domainkey.example.com",
        "example.com",
        "_dmarc.example.com",
    ] == [one["name"] for one in added["records"]]
    ed25519, rsa, spf, dmarc = (one["value"] for one in added["records"])
    assert rsa.startswith("v=DKIM1; k=rsa; p=MII")
    assert ed25519.startswith("v=DKIM1; k=ed25519; p=")
    assert ("v=spf1 a:mail.sender.example ~all", "v=DMARC1; p=none") == (spf, dmarc)


def test_records_for_people_can_be_pasted_into_a_zone_file(command, added):
    shown = command("show", "example.com").output
    zone = dns.zone.from_text(
        f"$ORIGIN .\n$TTL 60\n{shown}", origin=".", check_origin=False, relativize=False
    )
    texts = {
        name.to_text(omit_final_dot=True): b"".join(rrset[0].strings).decode()
        for name, rrset in zone.iterate_rdatasets("TXT")
    }
    assert {one["name"]: one["value"] for one in added["records"]} == texts
    assert max(len(string) for string in re.findall('"([^"]*)"', shown)) == 255


def test_private_keys_are_never_shown(command, added):
    for words in (["show", "example.com", "--json"], ["list", "--json"], ["list"], ["show", "example.com"]):
        assert not re.search("PRIVATE|private", command(*words).output)
    expected = {"name", "selectors", "created", "records", "click_url", "open_url", "bounce_domain"}
    assert expected == added.keys()


@pytest.mark.parametrize(
    ("name", "kept"), [("EXAMPLE.org.", "example.org"), ("bücher.example", "xn--bcher-kva.example")]
)
def test_names_are_kept_in_one_form(command, name, kept):
    assert kept == listed(command("add", name, "--json"))["name"]
    assert kept == listed(command("show", name, "--json"))["name"]


@pytest.mark.parametrize(
    "name", ["com", "[192.0.2.1]", "a b.example", "-", "", "a@example.com", ".".join(["x" * 60] * 4)]
)
def test_what_is_no_domain_is_refused(command, name):
    ended = command("add", "--", name)
    assert 1 == ended.exit_code
    assert 1 == ended.stderr.count("\n")


@pytest.mark.parametrize("selector", ["", "A", "a.b", "-a", "a_b", "x" * 55])
def test_what_is_no_selector_is_refused(command, selector):
    ended = command("add", "example.com", "--selector", selector)
    assert (1, True) == (ended.exit_code, "--selector" in ended.stderr)


def test_a_selector_of_ones_own(command):
    made = listed(command("add", "example.com", "--selector", "y2026", "--json"))
    assert ["y2026-ed25519", "y2026-rsa"] == made["selectors"]


def test_a_domain_is_added_once(command, added):
    ended = command("add", "Example.com")
    assert (1, "Error: a sender domain 'example.com' exists already\n") == (ended.exit_code, ended.stderr)
    assert added["records"] == listed(command("show", "example.com", "--json"))["records"]


def test_the_list_and_the_end(command, added):
    assert [("example.com", ["smtpeter-ed25519", "smtpeter-rsa"])] == [
        (one["name"], one["selectors"]) for one in listed(command("list", "--json"))
    ]
    assert "example.com" in command("list").output
    assert 0 == command("delete", "example.com").exit_code
    assert "There are no sender domains.\n" == command("list").output
    for words in (("delete", "example.com"), ("show", "example.com"), ("check", "example.com")):
        ended = command(*words)
        assert (1, "Error: no sender domain 'example.com'\n") == (ended.exit_code, ended.stderr)


def test_all_is_right(command, published):
    ended = command("check", "example.com")
    assert 0 == ended.exit_code, ended.output
    assert ["right"] * 4 == [line.split()[0] for line in ended.output.splitlines()]
    assert ["right"] * 4 == verdicts(command("check", "example.com", "--json"), 0)


def test_nothing_is_published(command, added):
    assert ["missing"] * 4 == verdicts(command("check", "example.com", "--json"), 1)
    assert f"wanted  {added['records'][0]['value']}" in command("check", "example.com").output


def test_what_is_wrong_is_told_with_what_was_found(command, published):
    published.zone["example.com"] = {"TXT": ['"v=spf1 -all"']}
    published.zone["smtpeter-rsa._domainkey.example.com"] = {"TXT": ['"v=DKIM1; k=rsa; p=AAAA"']}
    ended = command("check", "example.com")
    assert 1 == ended.exit_code
    assert "wrong    DKIM   smtpeter-rsa._domainkey.example.com: it is another key" in ended.output
    assert "found   v=DKIM1; k=rsa; p=AAAA" in ended.output
    assert "found   v=spf1 -all" in ended.output
    assert ["right", "wrong", "wrong", "right"] == verdicts(command("check", "example.com", "--json"), 1)


def test_strangers_records_cannot_write_to_the_terminal(command, published):
    published.zone["_dmarc.example.com"] = {"TXT": [r'"v=DMARC1; p=\027[2J"']}
    ended = command("check", "example.com")
    assert "\x1b" not in ended.output
    assert r"p=\x1b[2J" in ended.output


def test_keys_behind_an_alias_are_found(command, published):
    zone = published.zone
    zone["keys.example"] = zone.pop("smtpeter-rsa._domainkey.example.com")
    zone["smtpeter-rsa._domainkey.example.com"] = {"CNAME": ["keys.example."]}
    assert ["right"] * 4 == verdicts(command("check", "example.com", "--json"), 0)


def test_trouble_of_the_dns_is_not_taken_for_a_missing_record(command, published):
    published.zone["smtpeter-rsa._domainkey.example.com"] = Trouble.SERVFAIL
    assert ["right", "unknown", "right", "right"] == verdicts(command("check", "example.com", "--json"), 1)


def test_a_smarthost_sends_from_addresses_that_are_not_ours(command, published):
    kinds = [one["kind"] for one in listed(command("check", "example.com", "--json", mode="smarthost"))]
    assert ["DKIM", "DKIM", "DMARC"] == kinds


HOSTS = ("--click-url", "https://Click.example.com/", "--open-url", "http://open.example.com:81")
BOUNCES = ("--bounce-domain", "bounces.EXAMPLE.com.")


def test_a_domain_may_bring_its_own_hosts(command, added):
    made = listed(command("modify", "example.com", *HOSTS, *BOUNCES, "--json"))
    assert ("https://click.example.com", "http://open.example.com:81", "bounces.example.com") == (
        made["click_url"],
        made["open_url"],
        made["bounce_domain"],
    )
    assert [
        ("click.example.com", "CNAME", "click.sender.example"),
        ("open.example.com", "CNAME", "click.sender.example"),
        ("bounces.example.com", "MX", "10 mail.sender.example"),
        ("bounces.example.com", "TXT", "v=spf1 a:mail.sender.example ~all"),
    ] == [(one["name"], one["type"], one["value"]) for one in made["records"][4:]]
    assert made["records"][:4] == added["records"]
    shown = command("show", "example.com").output
    assert "click.example.com. IN CNAME click.sender.example.\n" in shown
    assert "bounces.example.com. IN MX 10 mail.sender.example.\n" in shown


def test_what_is_not_named_stays_and_nothing_clears(command, added):
    command("modify", "example.com", *HOSTS, *BOUNCES)
    changed = listed(command("modify", "example.com", "--click-url", "", "--json"))
    assert ("", "http://open.example.com:81", "bounces.example.com") == (
        changed["click_url"],
        changed["open_url"],
        changed["bounce_domain"],
    )
    assert changed["selectors"] == added["selectors"]


def test_hosts_may_come_with_the_domain(command):
    assert (
        "bounces.example.org"
        == listed(command("add", "example.org", "--bounce-domain", "bounces.example.org", "--json"))[
            "bounce_domain"
        ]
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--click-url", "click.example.com"), "--click-url: 'click.example.com'; expected"),
        (
            ("--open-url", "https://open.example.com/path"),
            "--open-url: 'https://open.example.com/path'; expe",
        ),
        (("--bounce-domain", "a@b"), "'a@b'"),
    ],
    ids=["click", "open", "bounce"],
)
def test_what_is_no_host_is_refused(command, added, words, problem):
    ended = command("modify", "example.com", *words)
    assert (1, True) == (ended.exit_code, problem in ended.stderr)
    assert added["records"] == listed(command("show", "example.com", "--json"))["records"]


def test_links_lead_nowhere_without_a_listener(command, added):
    ended = command("modify", "example.com", "--click-url", "https://click.example.com", tracking="")
    assert (1, True) == (ended.exit_code, "there is no listener in [tracking]" in ended.stderr)


def test_the_dns_of_own_hosts_is_checked(command, published):
    command("modify", "example.com", *HOSTS, *BOUNCES)
    assert ["missing"] * 4 == verdicts(command("check", "example.com", "--json"), 1)[4:]
    published.zone |= {
        "click.example.com": {"CNAME": ["click.sender.example."]},
        "click.sender.example": {"A": ["192.0.2.1"]},
        "open.example.com": {"AAAA": ["2001:db8::7"]},
        "bounces.example.com": {
            "MX": ["10 mail.sender.example."],
            "TXT": ['"v=spf1 a:mail.sender.example ~all"'],
        },
    }
    assert ["right"] * 8 == verdicts(command("check", "example.com", "--json"), 0)
    published.zone["bounces.example.com"] = {"MX": ["10 elsewhere.example."]}
    ended = command("check", "example.com")
    assert (
        "wrong    bounce bounces.example.com: none of its exchangers is mail.sender.example" in ended.output
    )
    assert "wanted  10 mail.sender.example" in ended.output
