"""Whatever goes into the store's rows comes out as it was."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.journal.events import Click
from smtpeter.message.address import Address
from smtpeter.message.edit import Report, Span, Template
from smtpeter.message.envelope import Body, Envelope, Notify, OriginalRecipient, Recipient, Ret
from smtpeter.message.options import Switches
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.spool.model import Delivery, Message
from smtpeter.spool.states import State
from smtpeter.storage.records import (
    Details,
    delivery_row,
    event_row,
    message_row,
    pack,
    read_delivery,
    read_entry,
    read_message,
    storable,
    unpack_details,
)
from smtpeter.storage.schema.journal import events
from smtpeter.storage.schema.mail import deliveries, messages

ids = st.integers(0, 2**63 - 1)
texts = st.text(max_size=30)
times = st.floats(allow_nan=False, allow_infinity=False)
addresses = st.builds(Address, texts, texts)
notifies = st.none() | st.integers(0, 7).map(Notify)
recipients = st.builds(Recipient, addresses, notifies, st.none() | st.builds(OriginalRecipient, texts, texts))
envelopes = st.builds(
    Envelope,
    st.none() | addresses,
    st.lists(recipients, max_size=3).map(tuple),
    st.none() | st.sampled_from(Ret),
    st.none() | texts,
    st.none() | st.sampled_from(Body),
    st.booleans(),
)
outcomes = st.builds(
    Outcome,
    st.sampled_from(Result),
    st.sampled_from(Stage),
    st.builds(Reply, st.integers(200, 599), texts, texts),
    texts,
    dsn_offered=st.booleans(),
    duplicate_possible=st.booleans(),
)


def row(table, values, **more):
    names = [name for name in table.c.keys() if name not in more]  # noqa: SIM118 - columns, not their names
    return SimpleNamespace(**dict(zip(names, values, strict=True)), **more)


@given(
    st.builds(
        Message,
        id=ids,
        login=texts,
        accepted_at=times,
        envelope=envelopes,
        content=st.binary(max_size=50),
        template=st.just(Template((Span(0, 1),))),
        report=st.builds(Report, notes=st.lists(texts, max_size=3).map(tuple)),
        switches=st.builds(Switches, *[st.booleans()] * 7),
        tags=st.lists(texts, max_size=3).map(tuple),
        facts=st.dictionaries(texts, texts, max_size=3),
        give_up_at=st.none() | times,
    )
)
def test_messages(message):
    assert message == read_message(row(messages, message_row(message)), message.content, message.template)


@given(
    st.builds(
        Delivery,
        ids,
        ids,
        recipients,
        st.sampled_from([state for state in State if not state.is_final]),
        st.integers(0, 1000),
        times,
        times,
        st.none() | times,
        st.none() | outcomes,
    )
)
def test_deliveries(delivery):
    assert delivery == read_delivery(row(deliveries, delivery_row(delivery, 1, None), aside=""))


tags = st.text(
    st.characters(exclude_characters=";\x00", exclude_categories=("Cs", "Z")), min_size=1, max_size=9
)


@given(
    st.builds(
        Click, time=times, delivery=ids, message=ids, tags=st.lists(tags, max_size=3).map(tuple), url=texts
    )
)
def test_events(event):
    assert event == read_entry(row(events, event_row(event), seq=7)).event


@pytest.mark.parametrize(("text", "kept"), [("plain ü ✉", "plain ü ✉"), ("a\udcffb", "a?b"), ("\ud800", "?")])
def test_lone_surrogates_become_question_marks(text, kept):
    assert kept == storable(text)


def test_a_fact_that_cannot_be_kept_does_not_stop_a_message():
    message = Message(
        1, "", 0.0, Envelope(None, ()), b"", Template(()), Report(), Switches(), facts={"subject": "\udcfc"}
    )
    assert {"subject": "?"} == unpack_details(message_row(message)[4]).facts


def test_rows_of_an_earlier_version_lack_what_has_a_default():
    packed = pack({"envelope": Envelope(None, ()), "switches": Switches()})
    assert Details(Envelope(None, ()), Switches()) == unpack_details(packed)
