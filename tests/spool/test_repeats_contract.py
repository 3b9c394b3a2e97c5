"""What every place that keeps requests which may come twice promises."""

from dataclasses import replace

from smtpeter.message.identifier import MessageId
from smtpeter.spool.repeats import KEPT_FOR, Repeat

ASKED = Repeat(b"key", b"fingerprint", MessageId(1 << 62), 1000.0)


def test_the_first_is_kept_and_the_second_is_told_of_it(shelf):
    assert ASKED == shelf.run(shelf.repeats.first(ASKED))
    again = replace(ASKED, message=MessageId(2), asked_at=1001.0)
    assert ASKED == shelf.run(shelf.repeats.first(again))


def test_another_request_under_the_key_is_told_of_the_first(shelf):
    shelf.run(shelf.repeats.first(ASKED))
    other = replace(ASKED, fingerprint=b"other", message=MessageId(2))
    assert ASKED == shelf.run(shelf.repeats.first(other))


def test_keys_do_not_meet(shelf):
    shelf.run(shelf.repeats.first(ASKED))
    other = replace(ASKED, key=b"other", message=MessageId(2))
    assert other == shelf.run(shelf.repeats.first(other))


def test_after_a_day_a_key_is_free_again(shelf):
    shelf.run(shelf.repeats.first(ASKED))
    within = replace(ASKED, message=MessageId(2), asked_at=ASKED.asked_at + KEPT_FOR)
    assert ASKED == shelf.run(shelf.repeats.first(within))
    later = replace(within, asked_at=within.asked_at + 1)
    assert later == shelf.run(shelf.repeats.first(later))


def test_it_outlives_the_process(stored):
    stored.run(stored.repeats.first(ASKED))
    again = replace(ASKED, message=MessageId(2))
    assert ASKED == stored.run(stored.new_store().repeats.first(again))
