"""A store moves to the other engine, and back, with all that it keeps."""

import pytest
from sqlalchemy import insert, select

from smtpeter.accounts.model import Login
from smtpeter.accounts.webhooks import Webhook, WebhookId
from smtpeter.journal.events import Click
from smtpeter.journal.interface import Query
from smtpeter.message.options import Switches
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State
from smtpeter.storage.copy import NotEmpty, copy_store
from smtpeter.storage.engine import DirectoryLock, StoreInUse, open_engine
from smtpeter.storage.schema import metadata
from smtpeter.storage.schema.work import duties, quotas, workers
from smtpeter.storage.store import open_for_command
from tests.storage.stores import LINKS, URL, Machine, accepted, result, settlement

WEBHOOK = Webhook(WebhookId(0), "https://app.example/", ("click",), b"secret", 5.0)


@pytest.fixture
def filled(tmp_path):
    """A store with mail in several states, a login and keys; 31 is claimed."""
    store = open_for_command(URL, tmp_path, Machine().host)
    for number in (1, 2):
        result(store.spool.accept(accepted(number, targets=LINKS, content=b"\x00\xff" * 300)))
    (claim,) = result(store.spool.claim(1, 9e9))
    result(store.spool.settle([settlement(claim)]))
    result(store.spool.accept(accepted(3, claimed=True)))
    result(store.accounts.create(Login("joe", "hash", Switches(track_clicks=True), 5.0, note="ü")))
    result(store.accounts.keys())
    result(store.webhooks.create(WEBHOOK))
    result(store.stop())
    return tmp_path


def rows(url, directory):
    with open_engine(url, directory).connect() as connection:
        return {
            table.name: connection.execute(select(table).order_by(*table.primary_key)).all()
            for table in metadata.sorted_tables
            if table is not workers
        }


def test_there_and_back_nothing_is_lost_or_altered(filled, postgresql):
    told = {}
    with postgresql.database() as name:
        copy_store(URL, postgresql.url(name), filled, lambda table, count: told.update({table: count}))
        copy_store(postgresql.url(name), "sqlite:///back.db", filled, lambda *_: None)
        there = rows(postgresql.url(name), filled)
    back = rows("sqlite:///back.db", filled)
    assert (3, 3, 4, 1) == tuple(told[table] for table in ("messages", "deliveries", "events", "logins"))
    assert there == back
    before = rows(URL, filled)
    assert {name: len(found) for name, found in before.items()} == {
        n: len(found) for n, found in back.items()
    }
    del before["deliveries"], back["deliveries"]
    assert before == back


def test_the_copy_goes_on_where_the_other_one_stood(filled, postgresql):
    with postgresql.database() as name:
        copy_store(URL, postgresql.url(name), filled, lambda *_: None)
        store = open_for_command(postgresql.url(name), filled, Machine().host)
        (last,) = result(store.journal.since(3, Query(), 10))
        result(store.journal.append([Click(time=1.0, delivery=1, message=1)]))
        assert last.cursor < result(store.journal.since(last.cursor, Query(), 10))[0].cursor
        due = result(store.spool.deliveries(QueueFilter(states=(State.DUE,)), 10))
        assert [21, 31] == [delivery.id for delivery in due], "nobody works on what was claimed"
        assert Login("joe", "hash", Switches(track_clicks=True), 5.0, note="ü") == result(
            store.accounts.login("joe")
        )
        assert [1, 2] == [one.id for one in (*result(store.webhooks.webhooks()), made(store))]
        result(store.stop())


def made(store):
    """Another webhook."""
    return result(store.webhooks.create(WEBHOOK))


def test_what_workers_held_stays_behind(filled):
    with open_engine(URL, filled).begin() as connection:
        connection.execute(insert(duties).values(name="webhooks", worker=7))
        connection.execute(insert(quotas).values(name="site", worker=7, held=3, wanted=3))
    copy_store(URL, "sqlite:///copy.db", filled, lambda *_: None)
    copied = rows("sqlite:///copy.db", filled)
    assert [] == copied["duties"] + copied["quotas"]


def test_what_is_not_empty_is_left_alone(filled, postgresql):
    with postgresql.database() as name:
        copy_store(URL, postgresql.url(name), filled, lambda *_: None)
        before = rows(postgresql.url(name), filled)
        with pytest.raises(NotEmpty, match="something in it already"):
            copy_store(URL, postgresql.url(name), filled, lambda *_: None)
        assert before == rows(postgresql.url(name), filled)


def test_a_store_at_work_is_not_copied(filled):
    with DirectoryLock(filled), pytest.raises(StoreInUse):
        copy_store(URL, "sqlite:///copy.db", filled, lambda *_: None)
