"""Messages that were accepted with edits pending, in every spool."""

from dataclasses import replace

from smtpeter.message.edit import Literal, Report, Span, Template
from tests.storage.stores import LINKS, accepted

MADE = Template((Literal(b"made"), Span(0, 3)), LINKS)
REPORT = Report(notes=("made later",))


def kept(shelf, number=1):
    one = accepted(number)
    one = replace(one, message=replace(one.message, pending=True))
    shelf.run(shelf.spool.accept(one))
    return one


def test_that_they_are_is_kept(shelf):
    one = kept(shelf).message
    assert one == shelf.run(shelf.spool.message(one.id))
    assert shelf.run(shelf.spool.outline(one.id)).pending


def test_what_became_of_them_stands_in_their_place(shelf):
    one, other = kept(shelf), kept(shelf, 2)
    assert shelf.run(shelf.spool.amend(one.message.id, MADE, REPORT)) is True
    expected = replace(one.message, template=MADE, report=REPORT, pending=False)
    assert expected == shelf.run(shelf.spool.message(one.message.id))
    assert LINKS[1].url == shelf.run(shelf.spool.target(one.deliveries[0].id, 1))
    assert LINKS == shelf.run(shelf.spool.outline(one.message.id)).template.targets
    assert other.message == shelf.run(shelf.spool.message(other.message.id))


def test_whoever_comes_first_is_right(shelf):
    one = kept(shelf).message
    shelf.run(shelf.spool.amend(one.id, MADE, REPORT))
    assert shelf.run(shelf.spool.amend(one.id, Template((Span(0, 1),)), Report())) is False
    assert MADE == shelf.run(shelf.spool.message(one.id)).template


def test_what_has_no_edits_pending_is_not_amended(shelf):
    one = accepted()
    shelf.run(shelf.spool.accept(one))
    assert shelf.run(shelf.spool.amend(one.message.id, MADE, REPORT)) is False
    assert shelf.run(shelf.spool.amend(12345, MADE, REPORT)) is False
    assert one.message == shelf.run(shelf.spool.message(one.message.id))
