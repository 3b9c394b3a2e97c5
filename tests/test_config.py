"""What is wrong with a configuration is told by file, key and what was expected."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from smtpeter import config

WHOLE = """
[server]
hostname = "mail.example.com"
data_directory = "data"
[tls]
certificate = "c.pem"
private_key = "k.pem"
[submission]
starttls = ["tcp:587"]
"""


@pytest.fixture
def load(tmp_path):
    def load(text):
        (tmp_path / "smtpeter.toml").write_text(text)
        return config.load(tmp_path / "smtpeter.toml")

    return load


def test_durations_are_seconds(load):
    settings = load(WHOLE + '[relay]\nretry = ["90s", "5m", "2h"]\ngive_up_after = "1.5d"')

    assert ((90.0, 300.0, 7200.0), 129600.0) == (settings.relay.retry, settings.relay.give_up_after)


def test_paths_count_from_the_file(load, tmp_path):
    settings = load(WHOLE)

    assert tmp_path / "data" == settings.data_directory
    assert ((tmp_path / "c.pem", tmp_path / "k.pem"),) == settings.tls.pairs()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[server", "no valid TOML"),
        ('[server]\nhostname = "a.example"', "server.data_directory: missing, and there is no default"),
        (
            WHOLE.replace("mail.example.com", "-bad host-"),
            "server.hostname: expected a host name, got '-bad host-'",
        ),
        (WHOLE + "[relais]", "relais: no such key"),
        (WHOLE + "[relay]\nportt = 25", "relay.portt: no such key"),
        (WHOLE + "[relay]\nport = '25'", "relay.port: expected int, got str"),
        (WHOLE + '[relay]\nmode = "mix"', "relay.mode: expected one of mx, smarthost, sandbox; got 'mix'"),
        (
            WHOLE + '[relay]\nsmarthost_tls = "some"',
            "relay.smarthost_tls: expected one of none, opportunistic, required, verified",
        ),
        (
            WHOLE + '[relay.sites."a.example"]\ntls = "x"',
            'relay.sites."a.example".tls: expected one of none, opportunistic, required, verified',
        ),
        (WHOLE + "[relay]\nwarn_after = 300", "relay.warn_after: expected a duration such as"),
        (WHOLE + '[relay]\nretry = ["5m", "x"]', "relay.retry[1]: expected a duration such as"),
        (WHOLE + '[relay]\nmode = "smarthost"', 'relay.smarthost: mode = "smarthost" needs its "host:port"'),
        (WHOLE + "[web]\nmaximum_memory = 0", "web.maximum_memory: expected a number above 0"),
        (WHOLE + '[web]\npublic_url = "x"', "web.public_url: 'x'; expected"),
        (
            WHOLE + '[bounces]\nlisten = ["tcp:26"]',
            "bounces.domain: missing: the domain that bounces come back to",
        ),
        (
            WHOLE + "[bounces]\nmaximum_size = 65535",
            "bounces.maximum_size: expected 65536 or more, got 65535",
        ),
        (
            WHOLE + '[bounces]\ndomain = "b"',
            "bounces.domain: expected a domain such as bounces.example.com, got 'b'",
        ),
        (WHOLE + '[bounces]\ndomain = "b..c"', "bounces.domain: 'b..c': its domain is malformed"),
        (
            WHOLE + '[bounces]\ndomain = "b.example"\npostmaster = "me"',
            "bounces.postmaster: 'me': its local part is malformed, or no @ follows it",
        ),
        (
            WHOLE + '[bounces]\ndomain = "b.example"\npostmaster = "me@B.example"',
            "bounces.postmaster: 'me@B.example': expected an address elsewhere",
        ),
        (
            WHOLE + '[bounces]\ndomain = "b.example"\ncomplaint_addresses = ["fbl@"]',
            "bounces.complaint_addresses: 'fbl@'",
        ),
        (
            WHOLE.replace("[tls]", "workers = 0\n[tls]"),
            "server.workers: expected a number from 1 to 64, got 0",
        ),
        (
            WHOLE.replace("[tls]", "workers = 65\n[tls]"),
            "server.workers: expected a number from 1 to 64, got 65",
        ),
        (WHOLE + '[store]\nurl = "mysql://localhost/x"', "store.url: expected sqlite:///FILE or postgresql"),
        (
            WHOLE.replace('certificate = "c.pem"', "").replace('private_key = "k.pem"', ""),
            "tls.certificate: missing",
        ),
        (WHOLE.replace('"c.pem"', '["c.pem", "d.pem"]'), "tls.private_key: expected as many files"),
    ],
)
def test_what_is_wrong_is_named(load, tmp_path, text, problem):
    with pytest.raises(config.Misconfigured) as caught:
        load(text)

    told = str(caught.value)
    assert told.startswith(f"{tmp_path / 'smtpeter.toml'}: ")
    assert problem in told
    assert "\n" not in told.replace("\n  ", "")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(config.Misconfigured, match="cannot be read"):
        config.load(tmp_path / "none.toml")


def test_the_shipped_file_tells_every_key_and_its_default(load):
    shipped = (Path(__file__).parent.parent / "etc/smtpeter.toml").read_text()
    uncommented = re.sub(r"(?m)^#(?=\w+ = )", "", shipped)

    told = {name: set(section) for name, section in tomllib.loads(uncommented).items()}
    known = {
        field.name: set(field.type.__struct_fields__) for field in msgspec.structs.fields(config.Settings)
    }
    assert known == told
    without_the_conditional = re.sub(r"(?m)^smarthost_tls.*$", "", uncommented)
    assert load(shipped) == load(without_the_conditional)


def test_credentials_of_the_unit_are_where_systemd_puts_them(tmp_path):
    """Without them, as in a command, the path stays: who reads the file says that it is not there."""
    document = {
        "server": {"hostname": "mail.example.com", "data_directory": "/nowhere"},
        "tls": {
            "certificate": "$CREDENTIALS_DIRECTORY/certificate",
            "private_key": "$CREDENTIALS_DIRECTORY/key",
        },
    }
    [pair] = config.read(document, tmp_path, "/run/credentials/smtpeter.service").tls.pairs()
    assert (
        "/run/credentials/smtpeter.service/certificate",
        "/run/credentials/smtpeter.service/key",
    ) == tuple(map(str, pair))
    [(certificate, _)] = config.read(document, tmp_path).tls.pairs()
    assert "$CREDENTIALS_DIRECTORY" in certificate.parts
