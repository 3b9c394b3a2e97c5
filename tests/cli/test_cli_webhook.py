"""`smtpeter webhook …` and the daily files of `smtpeter events`."""

import json

import pytest

from smtpeter.cli.store import configured, opened
from smtpeter.journal.events import Click, Delivered

SECTION = "[webhooks]\nallow_private_addresses = true\n"


@pytest.fixture
def store(configuration):
    with opened(configured(configuration)) as ledgers:
        yield ledgers


@pytest.fixture
def create(smtpeter):
    def run(*words):
        done = smtpeter("webhook", "create", *words, "--json")
        assert 0 == done.exit_code, done.output
        return json.loads(done.stdout)

    return run


def test_a_webhook_is_made_and_shows_its_secret(create, smtpeter):
    made = create("https://app.example/events", "--kind", "click", "--note", "for the shop")
    assert (1, ["click"], True, "json") == tuple(made[k] for k in ("id", "kinds", "enabled", "encoding"))
    assert made["secret"].startswith("whsec_")
    shown = json.loads(smtpeter("webhook", "show", "1", "--json").stdout)
    assert (made["secret"], 0, []) == (shown["secret"], shown["behind"], shown["aside"])
    [listed] = json.loads(smtpeter("webhook", "list", "--json").stdout)
    assert "secret" not in listed


def test_it_follows_what_happens_from_now_on(create, store):
    store.run(store.journal.append([Delivered(time=1.0, delivery=1, message=10)]))
    assert 1 == create("https://app.example/events")["cursor"]


@pytest.mark.row(150)
@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://0x7f.1/", "ftp://x.example/", "nothing"])
def test_urls_that_may_not_be_posted_to_are_refused(smtpeter, url):
    done = smtpeter("webhook", "create", url)
    assert 1 == done.exit_code
    assert 1 == len(done.stderr.splitlines())


def test_a_private_address_may_be_allowed(configuration, create):
    configuration.write_text(configuration.read_text() + SECTION)
    assert "http://127.0.0.1:8000/" == create("http://127.0.0.1:8000/")["url"]


def test_an_unknown_login_is_refused(smtpeter):
    assert 1 == smtpeter("webhook", "create", "https://x.example/", "--login", "nobody").exit_code


def test_it_is_disabled_enabled_and_deleted(create, smtpeter):
    create("https://app.example/events")
    for word, expected in (("disable", False), ("enable", True)):
        assert 0 == smtpeter("webhook", word, "1").exit_code
        assert expected is json.loads(smtpeter("webhook", "show", "1", "--json").stdout)["enabled"]
    assert 0 == smtpeter("webhook", "delete", "1").exit_code
    assert [] == json.loads(smtpeter("webhook", "list", "--json").stdout)
    assert 2 == create("https://app.example/events")["id"]


@pytest.mark.parametrize("word", ["show", "test", "replay", "enable", "disable", "delete"])
def test_a_webhook_that_is_not_there_is_named(smtpeter, word):
    done = smtpeter("webhook", word, "7")
    assert (1, "Error: 7: no such webhook\n") == (done.exit_code, done.stderr)


def test_a_replay_puts_the_cursor_back(create, smtpeter, store):
    store.run(store.journal.append([Delivered(time=1.0, delivery=n, message=10) for n in range(5)]))
    create("https://app.example/events")
    assert 0 == smtpeter("webhook", "replay", "1", "--cursor", "2").exit_code
    assert [2] == [one.cursor for one in store.run(store.webhooks.webhooks())]
    assert 0 == smtpeter("webhook", "replay", "1", "--since", "5m").exit_code
    assert [2] == [one.cursor for one in store.run(store.webhooks.webhooks())]
    assert 2 == smtpeter("webhook", "replay", "1", "--since", "5m", "--cursor", "1").exit_code


def test_a_day_s_log_file_is_written(smtpeter, store):
    noon = 1_767_355_200.0
    events = [
        Click(time=noon, delivery=7, message=70, url="http://x/"),
        Click(time=9.0, delivery=7, message=70),
    ]
    store.run(store.journal.append(events))
    done = smtpeter("events", "--day", "2026-01-02", "--kinds", "clicks", "--format", "csv-header")
    assert 0 == done.exit_code, done.output
    header, row = done.stdout.splitlines()
    assert header.startswith("id,time,headers,ip,url")
    assert row.startswith("aaaaaaaaaaaao,2026-01-02 12:00:00,,,http://x/")
    found = json.loads(
        smtpeter("events", "--day", "2026-01-02", "--kind", "click", "--format", "json").stdout
    )
    assert ["http://x/"] == [one["url"] for one in found]
    assert 2 == smtpeter("events", "--day", "2026-01-02").exit_code
    assert 2 == smtpeter("events", "--day", "2026-01-02", "--kind", "deferral").exit_code
    assert 2 == len(json.loads(smtpeter("events", "--kind", "clicks", "--json").stdout))
