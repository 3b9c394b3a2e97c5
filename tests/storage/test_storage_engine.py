"""How the database is opened, and by whom."""

import os
import sqlite3
import stat

import pytest
from sqlalchemy.exc import DBAPIError

from smtpeter.accounts.model import Login
from smtpeter.message.options import Switches
from smtpeter.storage import sqlite
from smtpeter.storage.engine import (
    DirectoryLock,
    FreeSpace,
    StoreInUse,
    StoreUnusable,
    Trouble,
    for_writing,
    open_engine,
)
from smtpeter.storage.store import open_for_command, open_for_server
from tests.storage.stores import URL, Machine, Pump, accepted, result


def pragma(engine, name):
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_commits_survive_a_power_cut_and_keys_are_checked(tmp_path):
    engine = open_engine(URL, tmp_path)
    assert ["wal", 2, 1] == [pragma(engine, name) for name in ("journal_mode", "synchronous", "foreign_keys")]


@pytest.mark.row(154)
def test_nobody_else_may_read_the_store(stored):
    stored.run(stored.accounts.create(Login("a", "", Switches(), 0.0)))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in stored.directory.iterdir()}
    assert {"smtpeter.db": 0o600, "smtpeter.db-wal": 0o600, "smtpeter.db-shm": 0o600} == modes


@pytest.mark.row(154)
def test_a_new_directory_is_the_servers_alone(tmp_path):
    open_engine(URL, tmp_path / "data" / "deep")
    assert 0o700 == stat.S_IMODE(os.stat(tmp_path / "data" / "deep").st_mode)


def test_a_path_counts_from_the_data_directory_unless_it_is_absolute(tmp_path):
    open_engine("sqlite:///sub/x.db", tmp_path)
    open_engine(f"sqlite:////{tmp_path}/y.db", tmp_path / "elsewhere")
    assert (tmp_path / "sub/x.db").exists()
    assert (tmp_path / "y.db").exists()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("smtpeter.db", "no database URL"),
        ("mysql://localhost/x", "sqlite or postgresql"),
        ("sqlite+aiosqlite:///x.db", "sqlite or postgresql"),
        ("postgresql+psycopg2://localhost/x", "sqlite or postgresql"),
        ("postgresql+psycopg://localhost", "names no database"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("sqlite:///x.db?mode=ro", "must be a file"),
    ],
)
def test_a_url_that_names_no_store_is_refused(tmp_path, url, why):
    with pytest.raises(StoreUnusable, match=why):
        open_engine(url, tmp_path)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    (tmp_path / "smtpeter.db").write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(StoreUnusable, match="not a database"):
        open_engine(URL, tmp_path)
    assert b"Dear diary, " * 1000 == (tmp_path / "smtpeter.db").read_bytes()


def test_a_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable, match="directory"):
        open_engine(URL, tmp_path / "file" / "data")
    with pytest.raises(StoreUnusable, match="directory"):
        DirectoryLock(tmp_path / "file" / "data")


@pytest.mark.row(141)
def test_a_second_server_is_refused_while_the_first_one_lives(tmp_path):
    pump = Pump()
    first = open_for_server(URL, tmp_path, pump, Machine().host)
    with pytest.raises(StoreInUse, match="another server"):
        open_for_server(URL, tmp_path, pump, Machine().host)
    pump.run(first.stop())
    second = open_for_server(URL, tmp_path, pump, Machine().host)
    pump.run(second.stop())


def test_commands_work_beside_a_server(tmp_path):
    pump = Pump()
    server = open_for_server(URL, tmp_path, pump, Machine().host)
    command = open_for_command(URL, tmp_path, Machine().host)

    result(command.accounts.create(Login("joe", "", Switches(), 0.0)))

    assert "joe" == pump.run(server.accounts.login("joe")).username
    result(command.stop())
    pump.run(server.stop())


def test_a_server_that_cannot_open_its_store_gives_the_directory_back(tmp_path):
    with pytest.raises(StoreUnusable):
        open_for_server("sqlite:///:memory:", tmp_path, Pump(), Machine().host)
    DirectoryLock(tmp_path).release()


def test_a_restarted_server_takes_back_at_once_what_its_predecessor_held(tmp_path):
    """No heartbeat needs to run out: the lock proves that the other is dead."""
    pump, machine = Pump(), Machine()
    first = open_for_server(URL, tmp_path, pump, machine.host)
    pump.run(first.spool.accept(accepted(1, claimed=True)))
    pump.run(first._access.stop())  # as if killed: it says no farewell
    first._lock.release()

    second = open_for_server(URL, tmp_path, pump, machine.host)

    assert [11] == [claim.delivery.id for claim in pump.run(second.spool.claim(10, 1000.0))]
    pump.run(second.stop())


def test_an_orderly_end_gives_claims_back(tmp_path):
    pump, machine = Pump(), Machine()
    server = open_for_server(URL, tmp_path, pump, machine.host)
    pump.run(server.spool.accept(accepted(1, claimed=True)))
    pump.run(server.stop())

    command = open_for_command(URL, tmp_path, machine.host)
    assert 1000.0 == result(command.spool.next_due())
    result(command.stop())


def test_the_floor_of_free_space(tmp_path):
    machine = Machine()
    space = FreeSpace(tmp_path, 1000, machine.host.statvfs, machine.host.boot_clock)
    machine.free = 1500
    assert space.lack(500) is None
    assert space.lack(501).full
    machine.free = 500
    assert space.lack().full
    assert space.lack(share=0.5) is None


def test_what_was_seen_of_the_disk_lately_is_good_enough_for_who_says_so(tmp_path):
    machine = Machine()
    space = FreeSpace(tmp_path, 1000, machine.host.statvfs, machine.host.boot_clock)
    machine.free = 1500
    assert space.lack(age=0.1) is None
    machine.free = 500
    assert space.lack(age=0.1) is None
    machine.uptime += 0.1
    assert space.lack(age=0.1).full
    machine.free = 1500
    assert space.lack() is None


def test_a_disk_that_cannot_tell_is_trouble_but_not_full(tmp_path):
    def broken(_):
        raise OSError(5, "Input/output error")

    assert Trouble(f"{tmp_path}: Input/output error") == FreeSpace(tmp_path, 1000, broken, lambda: 0.0).lack()


def test_a_transaction_that_sqlite_rolled_back_by_itself_is_not_taken_for_committed(tmp_path):
    engine = for_writing(open_engine(URL, tmp_path))
    connection = engine.connect()
    connection.begin()
    connection.connection.dbapi_connection.execute("ROLLBACK")
    with pytest.raises(DBAPIError, match="rolled back by the store"):
        connection.get_transaction().commit()
    connection.close()


def test_writers_take_the_lock_at_once(tmp_path):
    engine = open_engine(URL, tmp_path)
    with for_writing(engine).begin():
        other = sqlite3.connect(tmp_path / "smtpeter.db", timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


class Busy(sqlite3.Connection):
    """Another makes the file keep a log while this one wants to, twice."""

    refused = 0

    def execute(self, statement, *arguments):
        if "journal_mode" in statement and self.refused < 2:
            self.refused += 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return super().execute(statement, *arguments)


def test_a_new_file_that_another_opens_just_now_is_waited_for(tmp_path):
    connection = sqlite3.connect(tmp_path / "new.db", factory=Busy)
    sqlite._connected(connection, None)
    assert (2, ("wal",)) == (connection.refused, connection.execute("PRAGMA journal_mode").fetchone())
    connection.close()
