"""Whatever the command changes is written down: by whom, what, to what, on which machine, and no secret."""

import os
import re
import shutil

import click
import pytest
from click.testing import CliRunner

from smtpeter.cli import main, user
from smtpeter.cli.store import configured, opened
from tests.cli.conftest import CONFIGURATION
from tests.storage.stores import accepted

CHANGES_NOTHING = {
    "backup", "check-config", "doctor", "domain check", "domain list", "domain show", "events", "explain",
    "login list", "login show", "message returned", "message show", "operator changes", "operator list", "queue list", "queue show",
    "suppression export", "suppression list", "token list", "webhook list", "webhook show",
    "webhook test",  # posts a request that tells of nothing
    "copy-store",  # fills another store, with all that is written down in this one
}  # fmt: skip
BY_ITSELF = {"sandbox"}  # becomes the server: see below
WORD = "correct horse battery"
URL = "https://hooks.example/SECRETPATH"
LOGIN, OPERATOR = ["login", "create", "news"], ["operator", "create", "bob"]
TOKEN, DOMAIN = ["token", "create", "--operator"], ["domain", "add", "shop.example"]
HOOK, JOE = ["webhook", "create", URL], ["suppression", "add", "Joe@x.example", "--reason", "asked"]
SECRETS = re.compile(rf"SECRET|st_[a-z2-7]+_[a-z2-7]{{26}}|whsec_|{WORD}|\b[a-z2-7]{{26}}\b")
ALL = ["--domain", "y.example"]

# Each command: what goes before it, its words, and what is then written down.
COMMANDS = {
    "login create": ([], ["news", "--track-clicks"], "made the login", "news"),
    "login modify": (
        [[*LOGIN, "--track-clicks"]],
        ["news", "--no-track-clicks", "--per-day", "5"],
        "changed the login, switches: none; recipients a day: 5",
        "news",
    ),
    "login rotate": (
        [LOGIN], ["news", "--keep-old", "1h"],
        "gave the login another password, the old one stops in 3600 seconds", "news",
    ),
    "login disable": ([LOGIN], ["news"], "disabled the login", "news"),
    "login enable": ([LOGIN, ["login", "disable", "news"]], ["news"], "enabled the login", "news"),
    "login delete": ([LOGIN], ["news"], "deleted the login", "news"),
    "operator create": ([], ["bob", "--role", "view"], "made the operator, to view", "bob"),
    "operator password": (
        [OPERATOR], ["bob", "--password-stdin"], "gave the operator another password", "bob",
    ),
    "operator role": ([["operator", "create", "eve"], OPERATOR], ["bob", "view"], "lets the operator view", "bob"),
    "operator disable": ([["operator", "create", "eve"], OPERATOR], ["bob"], "disabled the operator", "bob"),
    "operator enable": ([OPERATOR], ["bob"], "enabled the operator", "bob"),
    "operator totp": ([OPERATOR], ["bob"], "asks the operator for one-time codes", "bob"),
    "operator delete": ([["operator", "create", "eve"], OPERATOR], ["bob"], "removed the operator", "bob"),
    "token create": ([], ["--operator"], "made a token of no login: read queue admin", None),
    "token revoke": ([TOKEN], ["TOKEN"], "revoked the token", None),
    "suppression add": (
        [], ["Joe@x.example", "--reason", "asked"], "suppressed, of everybody: asked", "joe@x.example",
    ),
    "suppression remove": ([JOE], ["JOE@x.example"], "lets get mail again, of every list", "joe@x.example"),
    "suppression import": ([], ["-"], "suppressed, of everybody: imported", f"{WORD[:7]}@x.example"),
    "domain add": ([], ["shop.example"], "made keys for the sender domain", "shop.example"),
    "domain modify": (
        [DOMAIN], ["shop.example", "--bounce-domain", "b.shop.example"],
        "changed the sender domain, hosts: b.shop.example", "shop.example",
    ),
    "domain delete": ([DOMAIN], ["shop.example"], "deleted the sender domain and its keys", "shop.example"),
    "webhook create": (
        [], [URL, "--kind", "open"], "made the webhook to hooks.example, of all logins: open", "1",
    ),
    "webhook disable": ([HOOK], ["1"], "paused the webhook", "1"),
    "webhook enable": ([HOOK, ["webhook", "disable", "1"]], ["1"], "resumed the webhook", "1"),
    "webhook replay": (
        [HOOK], ["1", "--since", "1h"], "had the webhook post again all of the last 3600 seconds", "1",
    ),
    "webhook delete": ([HOOK], ["1"], "deleted the webhook", "1"),
    "queue hold": ([], ALL, "held in the queue: 1 delivery", "domain y.example"),
    "queue release": ([["queue", "hold", "--all"]], ALL, "released in the queue: 1 delivery", "domain y.example"),
    "queue retry": ([], ["--older-than", "1h"], "retried in the queue: 1 delivery", "older than 3600 seconds"),
    "queue delete": ([], ["--all"], "deleted in the queue: 1 delivery", "everything"),
    "key rotate": ([], [], "made a newest key for tokens", "0"),
    "restore": ([["backup", "FILE"]], ["FILE", "--force"], "restored all from a backup", "kept.tar"),
}  # fmt: skip


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A data directory whose store is made: that takes longer than most commands."""
    directory = tmp_path_factory.mktemp("empty")
    (directory / "smtpeter.toml").write_text(CONFIGURATION)
    with opened(configured(directory / "smtpeter.toml")):
        return directory / "data"


@pytest.fixture
def configuration(configuration, empty):
    shutil.copytree(empty, configuration.parent / "data")
    return configuration


@pytest.fixture
def kept(configuration):
    """What is written down, the last last."""

    def read():
        with opened(configured(configuration)) as store:
            return [one for _, one in reversed(store.run(store.operators.changes(None, 100)))]

    return read


@pytest.fixture
def queued(configuration):
    with opened(configured(configuration)) as store:
        store.run(store.spool.accept(accepted(10, recipients=("joe@y.example",), due_at=4e9)))


def leaves(command, *words):
    """The words of all commands that do something."""
    if not isinstance(command, click.Group):
        return [" ".join(words)]
    return [leaf for name, one in command.commands.items() for leaf in leaves(one, *words, name)]


def test_no_command_that_changes_something_is_forgotten():
    """A new one stands in the table above, or says here that it changes nothing."""
    assert COMMANDS.keys() | CHANGES_NOTHING | BY_ITSELF == set(leaves(main))


@pytest.mark.parametrize("words", COMMANDS)
def test_each_command_that_changes_something_is_written_down(words, smtpeter, kept, queued, tmp_path):
    before, more, action, subject = COMMANDS[words]
    named = {"FILE": str(tmp_path / "kept.tar"), "TOKEN": ""}
    given = f"{WORD[:7]}@x.example\n" if "import" in words else f"{WORD}\n"
    for one in before:
        ended = smtpeter(*(named.get(word, word) for word in one))
        assert 0 == ended.exit_code, ended.output
        named["TOKEN"] = next(iter(re.findall(r"st_\w+", ended.output)), "")
    earlier = len(kept())
    ended = smtpeter(*words.split(), *(named.get(word, word) for word in more), input=given)
    assert 0 == ended.exit_code, ended.output
    [one] = kept()[earlier:]
    assert (action, user.user(), os.uname().nodename) == (one.action, one.operator, one.client)
    token = re.search(r"st_([a-z2-7]+)_", named["TOKEN"] + ended.output)
    assert (token[1] if subject is None else subject) == one.subject
    assert not SECRETS.search(repr(one))


def test_what_was_refused_is_not_written_down(smtpeter, kept):
    assert 1 == smtpeter("login", "delete", "nobody").exit_code
    assert 1 == smtpeter("suppression", "remove", "joe@x.example").exit_code
    assert 1 == smtpeter("token", "revoke", "nothing").exit_code
    assert [] == kept()


def test_a_verb_that_finds_nothing_to_alter_is_not_written_down(smtpeter, kept, queued):
    for verb in ("retry", "hold", "release", "delete"):
        assert 0 == smtpeter("queue", verb, "--domain", "nowhere.example").exit_code
    assert [] == kept()


def test_looking_is_not_written_down(smtpeter, kept):
    for words in sorted(one for one in CHANGES_NOTHING if one.endswith("list")):
        assert 0 == smtpeter(*words.split()).exit_code
    assert [] == kept()


def test_who_switched_the_tracking_off_is_found(smtpeter, listed):
    for words in (
        ("create", "news", "--track-clicks"),
        ("create", "shop"),
        ("modify", "news", "--no-track-clicks"),
    ):
        smtpeter("login", *words)
    last, first = listed("operator", "changes", "--search", "NEWS")
    assert (user.user(), "changed the login, switches: none", "news") == (
        last["who"],
        last["what"],
        last["to"],
    )
    assert "made the login" == first["what"]
    assert "changed the login, switches: none" in smtpeter("operator", "changes", "--limit", "1").output
    assert [] == listed("operator", "changes", "--search", "%")


def test_a_queue_whose_verb_is_interrupted_tells_how_far_it_came(smtpeter, kept, queued, monkeypatch):
    monkeypatch.setattr("smtpeter.cli.queue._altered", interrupted)
    assert 1 == smtpeter("queue", "hold", "--all").exit_code
    [one] = kept()
    assert "held in the queue: 1,000 deliveries" == one.action


def interrupted(*_):
    yield 1000
    raise KeyboardInterrupt


def test_the_journal_tells_who_held_a_delivery(smtpeter, listed, queued):
    smtpeter("queue", "hold", "--all")
    [delivery] = listed("queue", "list")
    assert user.user() in {
        one["data"].get("by") for one in listed("message", "show", delivery["id"])["events"]
    }


def test_the_first_login_and_operator_of_a_sandbox_are_written_down(tmp_path, monkeypatch):
    monkeypatch.setattr("os.execv", lambda *_: None)
    assert 0 == CliRunner().invoke(main, ["sandbox", "--directory", str(tmp_path)]).exit_code
    with opened(configured(tmp_path / "smtpeter.toml")) as store:
        made = [one.action for _, one in store.run(store.operators.changes(None, 100))]
    assert ["made the login", "made the operator, to administer"] == made


@pytest.mark.parametrize(
    ("before", "told"), [("alice", "alice as NAME"), ("", "NAME"), ("NAME", "NAME"), ("\udcff", "NAME")]
)
def test_who_became_another_by_sudo_is_named(monkeypatch, before, told):
    monkeypatch.delenv("SUDO_USER", raising=False)
    name = user.user().removesuffix(" (command line)")
    monkeypatch.setenv("SUDO_USER", before.replace("NAME", name))
    assert f"{told} (command line)".replace("NAME", name) == user.user()


def test_a_user_without_a_name_is_told_by_his_number(monkeypatch):
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    assert "user 4000000000 (command line)" == user.user()
