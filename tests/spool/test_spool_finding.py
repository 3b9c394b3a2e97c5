"""What messages are found by, on every store, filed for searches or not yet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from smtpeter.message.envelope import Envelope, Recipient
from smtpeter.spool.finding import Sought, words
from smtpeter.spool.states import State
from smtpeter.storage import finding
from smtpeter.storage.engine import for_writing
from smtpeter.storage.schema.journal import event_terms
from tests.storage.stores import accepted, address, settlement

FACTS = {
    1: {"subject": "Your invoice, May", "from": "Shop <Sales@shop.example>"},
    2: {"subject": "=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_Berlin?=", "from": "ann@shop.example, bob@shop.example"},
    3: {"subject": "YOUR invoice: June"},
}


def keep(shelf, number, recipient="joe@example.com", login="shop", tags=("spring",)):
    one = accepted(
        number,
        (recipient,),
        accepted_at=number * 1000.0,
        login=login,
        tags=tags,
        facts=FACTS.get(number, {}),
        envelope=Envelope(address(f"news{number}@customer.example"), (Recipient(address(recipient)),)),
    )
    attempt = type(one.events[0])
    events = tuple(
        attempt(
            time=event.time, delivery=event.delivery, message=event.message, login=login,
            recipient=event.recipient, tags=tags,
        )
        for event in one.events
    )  # fmt: skip
    shelf.run(shelf.spool.accept(type(one)(one.message, one.deliveries, events, claimed=False)))


@pytest.fixture(params=[0, 2, 100])
def kept(request, shelf):
    """Three messages, as many events of which are filed for searches."""
    keep(shelf, 1)
    keep(shelf, 2, "Ann@x.example", "news", ("autumn", "spring"))
    keep(shelf, 3, tags=())
    shelf.run(shelf.journal.digest(request.param))
    return shelf


def found(shelf, limit=10, **sought):
    """The messages that are found, by their numbers."""
    page = shelf.run(shelf.spool.find(Sought(**sought), None, limit))
    return [one.delivery // 10 for one in page.found]


def test_messages_are_found_by_what_is_known_of_them(kept):
    assert [3, 2, 1] == found(kept), "not the last first"
    for sought, numbers in (
        ({"recipient": "joe@example.com"}, [3, 1]),
        ({"recipient": "ann@x.example"}, []),
        ({"sender": "news2@customer.example"}, [2]),
        ({"sender": "NEWS2@customer.example"}, [2]),
        ({"sender": "sales@shop.example"}, [1]),
        ({"sender": "bob@shop.example"}, [2]),
        ({"subject": "invoice"}, [3, 1]),
        ({"subject": "may Invoice"}, [1]),
        ({"subject": "grüsse"}, [2]),
        ({"subject": "invo"}, []),
        ({"login": "news"}, [2]),
        ({"tag": "spring"}, [2, 1]),
        ({"tag": "spr"}, []),
        ({"start": 2000.0}, [3, 2]),
        ({"start": 1000.0, "end": 2000.0}, [1]),
        ({"login": "shop", "subject": "invoice", "tag": "spring"}, [1]),
        ({"state": State.DUE}, [3, 2, 1]),
        ({"state": State.DELIVERED}, []),
    ):
        assert (sought, numbers) == (sought, found(kept, **sought))


def test_what_is_found_says_what_is_known(kept):
    [one] = kept.run(kept.spool.find(Sought(login="news"), None, 10)).found
    assert ("Grüße aus Berlin", "ann@shop.example, bob@shop.example") == (one.subject, one.author)
    assert (2000.0, "Ann@x.example", ("autumn", "spring"), State.DUE) == (
        one.time, one.recipient, one.tags, one.state,
    )  # fmt: skip


def test_what_came_to_an_end_is_found_by_its_state(kept):
    [claim, *_] = kept.run(kept.spool.claim(1, 5000.0))
    kept.run(kept.spool.settle((settlement(claim),)))
    assert [claim.delivery.id // 10] == found(kept, state=State.DELIVERED)
    kept.run(kept.journal.digest(100))
    assert [claim.delivery.id // 10] == found(kept, state=State.DELIVERED)
    assert [] == found(kept, state=State.FAILED)


def test_pages_follow_one_another(kept):
    first = kept.run(kept.spool.find(Sought(), None, 2))
    second = kept.run(kept.spool.find(Sought(), first.further, 2))
    assert [3, 2, 1] == [one.delivery // 10 for one in (*first.found, *second.found)]
    assert second.further is None


def test_a_search_stops_after_so_many_candidates_and_goes_on(either, monkeypatch):
    monkeypatch.setattr(finding, "_CANDIDATES", 3)
    monkeypatch.setattr(finding, "_PORTION", 2)
    for number in range(1, 11):
        keep(either, number, login="other" if number == 1 else "shop")
    either.run(either.journal.digest(6))
    sought = Sought(recipient="joe@example.com", login="other")
    place, pages = None, []
    while not pages or place is not None:
        page = either.run(either.spool.find(sought, place, 50))
        place = page.further
        pages.append([one.delivery // 10 for one in page.found])
    assert [[], [], [], [1]] == pages


def test_nothing_stays_filed_of_what_is_forgotten(either):
    """Whichever is forgotten first, the message or its events."""
    keep(either, 1)
    keep(either, 2)
    either.run(either.journal.digest(100))
    claims = either.run(either.spool.claim(2, 5000.0))
    either.run(either.spool.settle([settlement(claim) for claim in claims]))
    either.run(either.journal.digest(100))
    either.run(either.journal.forget(1500.0, ("attempt",), 10))
    either.run(either.spool.forget_messages(2e9, 10))
    assert [] == found(either, subject="invoice")
    [two] = either.run(either.spool.find(Sought(), None, 10)).found
    assert (None, "") == (two.state, two.subject)
    either.run(either.journal.forget(2e9, ("attempt", "delivery"), 10))
    with for_writing(either.engine).begin() as connection:
        assert 0 == connection.execute(select(func.count()).select_from(event_terms)).scalar_one()


@given(st.text())
def test_words_are_few_and_found_in_any_case(text):
    assert len(words(text)) <= 12
    assert set(words(text)) == set(words(" ".join(words(text))))
