"""All mistakes of a configuration are told in one run, each with file and key, and none that only follows from another."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from smtpeter import config
from smtpeter.cli import main
from smtpeter.mistakes import Problems

ALL_WRONG = """
[server]
hostname = "not a name"
workers = 0
[store]
url = "mysql:///mail"
path = "x"
[submision]
starttls = ["tcp:587"]
[submission]
starttls = ["tcp:587", "tcp:nonsense:more=1", "tcp:99999"]
implicit_tls = ["tcp:587"]
trusted_networks = {"192.0.2.0/33" = "one", "10.0.0.1/8" = "two", "198.51.100.0/24" = "three"}
maximum_size = 0
data_timeout = 60
[relay]
mode = "pigeon"
port = 70000
nameservers = ["127.0.0.1:0", "127.0.0.1", "127.0.0.2:x"]
retry = ["5m", "5 minutes", 3]
connect_timeout = "0s"
greeting_timeout = "soon"
certificate_authorities = "none.pem"
source_addresses = {"1.2.3" = "a.example", "192.0.2.1" = "two words"}
[relay.sites."a.example"]
tls = "some"
rate = "fast"
connections = 0
[relay.sites.b]
conections = 3
[tracking]
click_url = "example.com"
images = "steal"
[web]
public_url = "x"
tls = "tcp:443"
[retention]
events = {clicks = "1d", open = "x"}
content = true
[tls]
certificate = ["c.pem", "d.pem"]
private_key = ["k.pem", "l.pem"]
"""
TOLD = """
server.hostname: expected a host name
server.workers: expected a number
server.data_directory: missing
store.url: expected sqlite
store.path: no such key
submision: no such key
submission.starttls[1]: 'tcp:nonsense:more=1': expected an endpoint
submission.starttls[2]: 'tcp:99999': expected a port
submission.implicit_tls[0]: 'tcp:587': port 587 is taken by submission.starttls[0]
submission.trusted_networks: expected a network such as 192.0.2.0/24: '192.0.2.0/33'
submission.trusted_networks: expected a network such as 192.0.2.0/24: 10.0.0.1/8
submission.maximum_size: expected a number above 0
submission.data_timeout: no such key
relay.mode: expected one of
relay.port: 70000 is no port
relay.nameservers: '127.0.0.1:0'
relay.nameservers: '127.0.0.2:x'
relay.retry[1]: expected a duration
relay.retry[2]: expected a duration
relay.connect_timeout: expected more than 0 seconds
relay.greeting_timeout: expected a duration
relay.certificate_authorities: DIRECTORY/none.pem
relay.source_addresses: '1.2.3': expected an IP address
relay.source_addresses: 192.0.2.1: expected a host name for EHLO
relay.sites."a.example".tls: expected one of
relay.sites."a.example".rate:
relay.sites."a.example".connections: expected at least 1
relay.sites.b.conections: no such key
tracking.click_url: 'example.com'
tracking.images:
web.public_url: 'x'
web.tls: expected array
retention.events.open: expected a duration
retention.events: 'clicks': expected one of
retention.content: expected a duration
tls.certificate: DIRECTORY/c.pem
tls.certificate: DIRECTORY/d.pem
tls.private_key: DIRECTORY/k.pem
tls.private_key: DIRECTORY/l.pem
"""


@pytest.fixture
def check(tmp_path):
    """Run `check-config` on a file: the lines it says, without its name."""

    def run(text):
        file = tmp_path / "smtpeter.toml"
        file.write_text(text)
        ended = CliRunner().invoke(main, ["--config", str(file), "check-config"])
        assert 1 == ended.exit_code, ended.output
        lines = ended.stderr.removeprefix("Error: ").splitlines()
        assert all(line.startswith(f"{file}: ") for line in lines), lines
        return [line.removeprefix(f"{file}: ") for line in lines]

    return run


def test_all_that_is_wrong_is_told_once(check, tmp_path):
    told = check(ALL_WRONG)
    wanted = TOLD.strip("\n").replace("DIRECTORY", str(tmp_path)).split("\n")
    assert [] == [one for one in wanted if sum(line.startswith(one) for line in told) != 1]
    assert [] == [line for line in told if not line.startswith(tuple(wanted))]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[server", ["no valid TOML, what follows was not read: "]),
        (
            'a = 1\n[server]\nb = 2\nhostname = "x"\na=3\na = 4',
            ["no valid TOML, what follows was not read: "],
        ),
        ("", ["server: missing, and there is no default", "submission.starttls: no listener"]),
        ("server = 3", ["server: expected object, got int", "submission.starttls: no listener"]),
    ],
)
def test_where_nothing_more_can_be_said(check, text, told):
    lines = check(text)
    assert len(told) == len(lines), lines
    assert all(line.startswith(one) for line, one in zip(lines, told, strict=True))


SOUND = '[server]\nhostname = "mail.example.com"\ndata_directory = "data"\n'
LISTENER = '[submission]\nstarttls = ["tcp:587"]\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # A password's name without its file, which is there and no text: one mistake.
        (
            '[relay]\nmode = "smarthost"\nsmarthost = "a:25"\nsmarthost_username = "u"\nsmarthost_password_file = 3',
            "relay.smarthost_password_file: expected str, got int",
        ),
        ('[relay]\nmode = "smarthost"\nsmarthost = 25', "relay.smarthost: expected str, got int"),
        ("[relay]\nwarn_after = 5", "relay.warn_after: expected a duration"),
        ('[relay]\nwarn_after = "0s"', "relay: warn_after, give_up_after: expected more than 0 seconds"),
        ('[tls]\ncertificate = 3\nprivate_key = "k.pem"', "tls.certificate: expected"),
        ("[tls]\nprivate_keys = 3", "tls.private_keys: no such key"),
        ('[bounces]\nlisten = ["", "0"]', "bounces.domain: missing"),  # found once for each listener
    ],
)
def test_what_only_follows_from_a_mistake_is_not_told(tmp_path, text, told):
    with pytest.raises(config.Misconfigured) as caught:
        config.read(tomllib.loads(SOUND + text), tmp_path)
    [problem] = caught.value.problems
    assert problem.startswith(told)


def test_a_typing_error_of_a_section_is_told_with_what_is_then_missing(check):
    lines = check(SOUND + LISTENER.replace("starttls", "startls"))
    assert ["submission.startls", "submission.starttls"] == [line.partition(":")[0] for line in lines]


def test_a_mistake_is_one_line_whatever_its_key(check):
    [line, *_] = check('"a\\nb\\"c" = 1\n' + SOUND)
    assert '"a\\nb\\"c": no such key' == line


def test_other_mistakes_are_told_beside_a_section_that_is_none(check):
    lines = check('relay = "mx"\n[server]\nhostname = "-"\ndata_directory = "none/data"\n' + LISTENER)
    told = [line.partition(":")[0] for line in lines]
    assert ["relay", "server.hostname", "tls.certificate", "server.data_directory"] == told


def test_what_speaks_of_a_key_that_was_left_out_does_not_follow():
    problems = Problems()
    problems.add("relay.retry[1]", "expected a duration")
    for line in (
        "relay.retry: too short",
        "x: relay.retry[0] is meant",
        "relay.retrying: wrong",
        "my.relay.retry: x",
    ):
        problems.follow(line)
    assert ["relay.retry[1]: expected a duration", "relay.retrying: wrong", "my.relay.retry: x"] == list(
        problems
    )


VALUES = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.text(max_size=9), st.sampled_from(("5m", "tcp:25", "mx", "a.example"))),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)),
    max_leaves=5,
)  # fmt: skip
SECTIONS = {name: tuple(getattr(config.Settings(server=config.Server(hostname="a", data_directory="b")), name).__struct_fields__) for name in config.Settings.__struct_fields__}  # fmt: skip
FILES = st.fixed_dictionaries(
    {}, optional={name: st.dictionaries(st.sampled_from(keys), VALUES, max_size=4) for name, keys in SECTIONS.items()}
)  # fmt: skip


@given(FILES)
@example({"bounces": {"listen": ["", "0"]}})
def test_whatever_stands_in_a_file_it_is_settings_or_mistakes_with_their_keys(document):
    """Each mistake is told once, and with its section."""
    try:
        config.read(document, Path("/nowhere"))
    except config.Misconfigured as error:
        problems = error.problems
        assert problems
        assert len(set(problems)) == len(problems)
        assert all(line.partition(".")[0].partition(":")[0] in SECTIONS for line in problems)
