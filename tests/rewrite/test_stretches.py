"""Bodies of a campaign: what is remembered of the last one gives the edits that would be made without."""

from random import Random

import pytest

from smtpeter.message.edit import Literal, Slot, SlotKind
from smtpeter.rewrite import quoted, stretches
from smtpeter.rewrite.change import LeftAlone
from smtpeter.rewrite.stretches import Stretches

SLOT = Slot(SlotKind.CLICK, 7)
HEAD = b"<!doctype html>" * 5
WORDS = [b"a", b"-", b"text and more of it", b"=C3=A9", b"=3D", b"=\r\n", b"<x>", b"x" * 70]
PIECES = [
    (),
    (Literal(b"new=\xe9"),),
    (SLOT,),
    (Literal(b"n" * 60), SLOT, Literal(b"-/x")),
    (Literal(b"other"),),
]
ENDS = [b"\r\n", b"\r\n", b"", b"a", b"=\r\n"]


def a_line(random):
    return b"".join([*random.choices(WORDS, k=random.randrange(7)), b"."])


def a_change(random):
    """From, how much, pieces."""
    return random.choice([0, 1, 2, 5, 20, 100]), random.randrange(4), random.choice(PIECES)


def another(random, line):
    """Another line in its place, with the same changes or with others; or the line itself, a change of it moved."""
    raw, wanted = line
    kind = random.randrange(4)
    if kind == 0 or not wanted:
        return a_line(random), [a_change(random) for _ in range(random.randrange(3))]
    if kind == 1:
        return a_line(random), wanted
    moved, wanted = random.randrange(len(wanted)), list(wanted)
    start, size, pieces = wanted[moved]
    wanted[moved] = (start + 1, size, pieces) if kind == 2 else (start, size + 1, pieces)
    return raw, wanted


def campaign(random):
    """Bodies of which each has lines of the one before."""
    lines = [another(random, (b"", [])) for _ in range(random.randint(1, 7))]
    last = b"x" * random.choice([0, *range(20, 76)])  # so that a line is just full, or just not
    for _ in range(6):
        for number in random.sample(range(len(lines)), k=min(len(lines), random.randrange(3))):
            lines[number] = another(random, lines[number])
        if random.randrange(4) == 0:  # a change leaves one line for another
            (raw, wanted), at = random.choice(lines), random.randrange(len(lines))
            if wanted:
                lines[lines.index((raw, wanted))] = raw, wanted[1:]
                lines[at] = lines[at][0], [*lines[at][1], wanted[0]]
        whole = [(HEAD, []), *lines]
        raw = b"\r\n".join(raw for raw, _ in whole) + last + random.choice(ENDS)
        changes = changes_of(whole)
        if not is_whole(raw):
            continue
        if random.randrange(3) == 0:
            end = len(quoted.decode(raw))
            changes.append((end, end, random.choice(PIECES)))
        if changes:
            yield raw, changes


def is_whole(raw):
    try:
        quoted.decode(raw)
    except LeftAlone:
        return False
    return True


def changes_of(lines):
    """In octets of the decoded body: in order, and none over a line's end."""
    changes, begin = [], 0
    for encoded, wanted in lines:
        length = len(quoted.decode(encoded))
        position = 0
        for start, size, pieces in sorted(wanted, key=lambda one: one[0]):
            first = min(max(start, position), length)
            position = min(first + size, length)
            changes.append((begin + first, begin + position, pieces))
        begin += length + 2
    return changes


@pytest.mark.parametrize("part", range(4))
def test_the_edits_are_those_that_are_made_without(part, monkeypatch):
    monkeypatch.setattr(stretches, "_FEWEST", 1)
    for seed in range(part * 250, part * 250 + 250):
        random = Random(seed)
        remembering = Stretches()
        for raw, changes in campaign(random):
            behind = random.choice([b"", b"\r\n--boundary\r\n", b"more"])
            given = b"Header: x\r\n\r\n" + raw + behind, 13, 13 + len(raw), changes
            assert quoted.change(*given) == remembering.change(*given), (seed, given)


def lines_written(monkeypatch):
    written = []
    edits = quoted.edits
    monkeypatch.setattr(
        stretches.quoted, "edits", lambda *of: written.append(of[0][of[1] : of[2]]) or edits(*of)
    )
    return written


def letter(*different, count=40):
    """A body, and a change in each line, at its 4th octet; so many lines from the 8th on are as they are given."""
    lines = [b"line %03d of=20this" % n for n in range(count)]
    lines[7 : 7 + len(different)] = different
    raw = b"\r\n".join(lines) + b"\r\n"
    changes, begin = [], 0
    for line in lines:
        changes.append((begin + 4, begin + 5, (Literal(b"new"), SLOT)))
        begin += len(quoted.decode(line)) + 2
    return raw, 0, len(raw), changes


def test_only_lines_that_differ_are_written_anew(monkeypatch):
    remembering = Stretches()
    for name in (b"Anneke", b"Bo", b"Ann"):
        remembering.change(*letter(b"Dear " + name))
    written = lines_written(monkeypatch)
    for name in (b"Marie-Claire", b"J=C3=B6rg", b"O'Neill"):
        given = letter(b"Dear " + name)
        assert quoted.change(*given) == remembering.change(*given)
        assert [b"Dear " + name + b"\r\n"] == [line for line in written if line != given[0]]
        written.clear()


def test_lines_that_begin_to_differ_cost_their_neighbours_nothing_the_time_after(monkeypatch):
    remembering = Stretches()
    same = [b"line %03d of=20this" % n for n in range(7)]
    for name in (b"Anneke", b"Marie", b"Anneke"):
        remembering.change(*letter(b"Dear " + name))
    for number in (b"1000", b"2000"):
        remembering.change(*letter(b"Dear Anneke", *same, b"number=20" + number))
    written = lines_written(monkeypatch)
    remembering.change(*letter(b"Dear Marie", *same, b"number=203000"))
    assert [b"Dear Marie\r\n", b"number=203000\r\n"] == written


def test_what_varies_stays_apart_when_it_happens_to_be_the_same(monkeypatch):
    remembering = Stretches()
    for name in (b"Anneke", b"Bo", b"Marie", b"Marie", b"Marie"):
        remembering.change(*letter(b"Dear " + name))
    written = lines_written(monkeypatch)
    remembering.change(*letter(b"Dear J=C3=B6rg"))
    assert [b"Dear J=C3=B6rg\r\n"] == written


def test_neighbours_that_always_differ_are_written_together(monkeypatch):
    remembering = Stretches()
    for name in (b"Anneke", b"Bo", b"Marie"):
        remembering.change(*letter(b"Dear " + name, name + b", hello", name + b", goodbye"))
    written = lines_written(monkeypatch)
    remembering.change(*letter(b"Dear you", b"you, hello", b"you, goodbye"))
    assert [b"Dear you\r\nyou, hello\r\nyou, goodbye\r\n"] == written
    assert 3 == len(next(iter(remembering._bodies.values())))


def test_a_single_message_is_not_cut(monkeypatch):
    written = lines_written(monkeypatch)
    Stretches().change(*letter())
    assert 1 == len(written)


def test_a_campaign_recovers_from_one_message_with_its_lines_in_another_order(monkeypatch):
    remembering = Stretches()
    lines = [b"line %03d of=20this" % n for n in range(7, 40)]
    for name in (b"Anneke", b"Bo", b"Marie"):
        remembering.change(*letter(b"Dear " + name))
    remembering.change(*letter(*lines[1:], lines[0]))
    for name in (b"Anneke", b"Bo", b"Marie", b"Ann", b"Anneke"):
        remembering.change(*letter(b"Dear " + name))
    written = lines_written(monkeypatch)
    remembering.change(*letter(b"Dear Bo"))
    assert [b"Dear Bo\r\n"] == written


@pytest.mark.parametrize("end", [b"", b"=\r\n"])
def test_a_body_that_ended_behind_a_line_end_is_not_taken_for_one_that_goes_on_there(end, monkeypatch):
    monkeypatch.setattr(stretches, "_FEWEST", 1)
    head = HEAD + b"\r\n" + end
    place = len(quoted.decode(head))
    changes = [(place, place, (Literal(b"y" * 74),))]
    remembering = Stretches()
    for raw in (head, head + b"-more"):
        assert quoted.change(raw, 0, len(raw), changes) == remembering.change(raw, 0, len(raw), changes)


def test_few_changes_are_found_anew():
    remembering = Stretches()
    given = letter(count=stretches._FEWEST - 1)
    assert quoted.change(*given) == remembering.change(*given)
    assert {} == remembering._bodies


def test_what_is_remembered_has_a_bound():
    remembering = Stretches()
    for count in range(1, 3 * stretches._MOST_BODIES):
        remembering.change(*letter(count=count + 10))
    assert stretches._MOST_BODIES == len(remembering._bodies)
    long = letter(count=20_000)
    assert len(long[0]) > stretches._LONGEST
    before = list(remembering._bodies)
    assert quoted.change(*long) == remembering.change(*long)
    assert before == list(remembering._bodies)
