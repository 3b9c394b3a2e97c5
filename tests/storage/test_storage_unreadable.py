"""Rows that are not as they were written: the rest of the mail does not wait for them."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text
from twisted.logger import capturedLogs

from smtpeter.journal.events import Attempt, Event
from smtpeter.journal.interface import Query
from smtpeter.message.identifier import show
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State, Step
from smtpeter.storage.engine import for_writing
from tests.storage.stores import LINKS, accepted, numbers

EVERYTHING = QueueFilter(states=None)


@pytest.fixture
def spoil(stored):
    """Overwrites a column of delivery 11, which is due first, before two others."""
    for number in (1, 2, 3):
        stored.run(stored.spool.accept(accepted(number, due_at=float(number))))

    def statement(sql, **values):
        with for_writing(stored.engine).begin() as connection:
            connection.execute(text(sql), values)

    return statement


def raw_states(stored):
    with stored.engine.connect() as connection:
        return list(connection.execute(text("SELECT state FROM deliveries ORDER BY id")).scalars())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("parameters", b"\xc1"),
        ("parameters", b""),
        ("parameters", "text"),
        ("last", b"\x81\xa1"),
        ("last", b"\x90"),
    ],
)
def test_what_cannot_be_read_is_held_and_told_and_the_rest_is_claimed(stored, spoil, column, value):
    spoil(f"UPDATE deliveries SET {column} = :value WHERE id = 11", value=value)

    with capturedLogs() as logged:
        claimed = stored.run(stored.spool.claim(10, 9e9))

    assert [21, 31] == numbers(claimed)
    assert ["held", "claimed", "claimed"] == raw_states(stored)
    assert [show(11)] == [event["delivery"] for event in logged]
    assert () == stored.run(stored.spool.claim(10, 9e9))


def test_what_cannot_be_read_can_be_deleted(stored, spoil):
    spoil("UPDATE deliveries SET parameters = x'c1' WHERE id = 11")
    stored.run(stored.spool.claim(10, 9e9))
    assert 1 == stored.run(stored.spool.alter(QueueFilter(delivery=11), Step.DELETE, 5.0, 10))
    assert "deleted" == raw_states(stored)[0]


def test_what_has_lost_its_message_can_be_held_and_deleted(stored, spoil):
    with closing(sqlite3.connect(stored.directory / "smtpeter.db")) as careless, careless:
        careless.execute("DELETE FROM messages WHERE id = 10")
    assert stored.run(stored.spool.outline(10)) is None
    for step, state in ((Step.HOLD, State.HELD), (Step.DELETE, State.DELETED)):
        assert 1 == stored.run(stored.spool.alter(QueueFilter(delivery=11), step, 5.0, 10))
        assert state is stored.run(stored.spool.delivery(11)).state


@pytest.mark.row(139)
@pytest.mark.parametrize(("column", "value"), [("parameters", b"\xc1"), ("last", b"\x90"), ("state", "odd")])
def test_a_listing_has_what_can_be_told_of_every_row(stored, spoil, column, value):
    spoil(f"UPDATE deliveries SET {column} = :value WHERE id = 11", value=value)
    listed = stored.run(stored.spool.deliveries(EVERYTHING, 10))
    assert [11, 21, 31] == [delivery.id for delivery in listed]
    assert "joe@example.com" == str(listed[0].recipient.address)
    assert listed[0] == stored.run(stored.spool.delivery(11))


@pytest.mark.row(139)
@pytest.mark.parametrize("data", ["{", "[]", '{"client": 5}', "\x00"])
def test_an_event_that_cannot_be_read_stands_in_its_place_with_its_common_columns(stored, spoil, data):
    spoil("UPDATE events SET data = :data WHERE delivery = 11", data=data)
    entries = stored.run(stored.journal.since(0, Query(), 10))
    assert [11, 21, 31] == [entry.event.delivery for entry in entries]
    assert (Event, Attempt) == (type(entries[0].event), type(entries[1].event))
    assert "joe@example.com" == entries[0].event.recipient
    assert entries[1:] == stored.run(stored.journal.since(entries[0].cursor, Query(), 10))


@pytest.mark.row(139)
@pytest.mark.parametrize("column", ["details", "report"])
def test_a_message_that_cannot_be_read_is_lost_to_who_asks_and_its_delivery_can_be_deleted(
    stored, spoil, column
):
    spoil(f"UPDATE messages SET {column} = x'c1' WHERE id = 10")
    assert stored.run(stored.spool.message(10)) is None
    assert stored.run(stored.spool.outline(10)) is None
    assert stored.run(stored.spool.message(20)) is not None
    assert 1 == stored.run(stored.spool.alter(QueueFilter(delivery=11), Step.DELETE, 5.0, 10))


def test_a_template_that_cannot_be_read_costs_the_content_and_links_nothing_but_themselves(stored, spoil):
    stored.run(stored.spool.accept(accepted(4, targets=LINKS)))
    spoil("UPDATE links SET targets = x'c1' WHERE message = 40")
    assert stored.run(stored.spool.target(41, 0)) is None
    assert stored.run(stored.spool.message(40)) is not None
    spoil("UPDATE contents SET template = x'c1' WHERE message = 40")
    assert stored.run(stored.spool.message(40)) is None
    assert stored.run(stored.spool.outline(40)) is not None
