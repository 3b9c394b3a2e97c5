"""The schema's versions."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from smtpeter.storage import migrations, store
from smtpeter.storage.engine import DirectoryLock, StoreInUse, StoreUnusable, open_engine
from smtpeter.storage.migrations import SchemaIsNewer
from smtpeter.storage.schema import metadata
from smtpeter.storage.store import open_for_command
from tests.storage.stores import URL, Machine


def test_the_migrations_make_the_schema_that_the_code_uses(tmp_path):
    engine = open_engine(URL, tmp_path)
    migrations.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert [] == compare_metadata(context, metadata)
    for table in metadata.sorted_tables:
        assert list(table.c.keys()) == [column["name"] for column in inspect(engine).get_columns(table.name)]


def test_autoincrement_and_partial_indexes_are_in_both(tmp_path):
    """What comparing does not see: SQLite's own options."""
    migrated, declared = open_engine(URL, tmp_path), open_engine("sqlite:///declared.db", tmp_path)
    migrations.upgrade(migrated)
    metadata.create_all(declared)

    def definitions(engine):
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
            return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}

    assert definitions(declared) == definitions(migrated)


def test_upgrading_what_is_current_changes_nothing(stored):
    assert migrations.is_current(stored.engine)
    migrations.upgrade(stored.engine)
    assert migrations.is_current(stored.engine)


def test_a_store_of_a_later_version_is_refused(stored):
    with stored.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for verb in (migrations.upgrade, migrations.is_current):
        with pytest.raises(SchemaIsNewer, match=r"schema \(9999\) is newer"):
            verb(stored.engine)


def test_a_creation_that_fails_leaves_nothing(tmp_path):
    engine = open_engine(URL, tmp_path)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE token_keys (x)"))  # in the way of a late step
    with pytest.raises(StoreUnusable, match="already exists"):
        migrations.upgrade(engine)
    assert ["token_keys"] == inspect(engine).get_table_names()


def test_two_that_start_at_once_create_it_once(tmp_path):
    errors = []

    def create():
        try:
            migrations.upgrade(open_engine(URL, tmp_path))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == errors
    assert migrations.is_current(open_engine(URL, tmp_path))


def test_a_command_does_not_migrate_under_a_server(tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr(store.time, "sleep", waited.append)
    with DirectoryLock(tmp_path), pytest.raises(StoreInUse):
        open_for_command(URL, tmp_path, Machine().host)
    assert 5 <= sum(waited) <= 20


def test_a_command_waits_for_a_server_that_is_just_starting(tmp_path, monkeypatch):
    engine = open_engine(URL, tmp_path)
    monkeypatch.setattr(store.time, "sleep", lambda _: migrations.upgrade(engine))
    with DirectoryLock(tmp_path):
        open_for_command(URL, tmp_path, Machine().host).stop()
