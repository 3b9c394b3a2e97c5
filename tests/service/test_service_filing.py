"""The journal is filed while the server runs, and trouble with that is told once."""

from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from smtpeter.journal.interface import JournalUnavailable
from smtpeter.service.filing import Filing
from tests.kit.fakes.journal import FakeJournal


def test_the_journal_is_filed_again_and_again_until_it_stops():
    clock, journal = Clock(), FakeJournal()
    filing = Filing(journal, clock)
    filing.start()
    clock.pump([2.0] * 3)
    filing.stop()
    clock.advance(10.0)
    assert ["digest"] * 3 == journal.calls
    assert [] == clock.getDelayedCalls()


def test_a_store_that_is_away_is_told_once_and_asked_again():
    clock, journal = Clock(), FakeJournal()
    filing = Filing(journal, clock)
    filing.start()
    journal.trouble = JournalUnavailable("the disk is gone")
    with capturedLogs() as logged:
        clock.pump([2.0] * 3)
        journal.trouble = None
        clock.advance(2.0)
        journal.trouble = JournalUnavailable("gone again")
        clock.advance(2.0)
    filing.stop()
    assert ["the disk is gone", "gone again"] == [event["why"] for event in logged]


def test_a_fault_of_ours_is_told_as_such(expected_failures):
    expected_failures.append(ZeroDivisionError)
    clock, journal = Clock(), FakeJournal()
    filing = Filing(journal, clock)
    filing.start()
    journal.trouble = ZeroDivisionError()
    clock.advance(2.0)
    journal.trouble = None
    clock.advance(2.0)
    filing.stop()
    assert 2 == len(journal.calls)
