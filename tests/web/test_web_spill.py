"""The spill file: what goes in comes out, in order, whatever a crash left of it."""

import stat

from smtpeter.message.edit import SlotKind
from smtpeter.message.identifier import DeliveryId
from smtpeter.web.hits import Hit
from smtpeter.web.spill import Spill


def hits(*numbers):
    return [
        Hit(
            kind=SlotKind.CLICK,
            time=1.5,
            delivery=DeliveryId(7),
            number=number,
            headers="A: b\nC: ü",
            destination="x",
        )
        for number in numbers
    ]


def drain(spill, limit=2):
    """All of it, group by group."""
    groups = []
    while spill.waiting():
        group, position = spill.read(limit)
        groups.append([hit.number for hit in group])
        spill.done(position)
    return groups


def test_what_was_written_is_read_in_order_and_then_gone(tmp_path):
    spill = Spill(tmp_path / "spill")
    assert not spill.waiting()
    assert 3 == spill.write(hits(1, 2, 3))
    assert 1 == spill.write(hits(4))
    assert hits(1, 2) == spill.read(2)[0]
    assert [[1, 2], [3, 4]] == drain(spill)
    assert [] == list(tmp_path.iterdir())


def test_what_is_written_while_it_is_read_is_kept(tmp_path):
    spill = Spill(tmp_path / "spill")
    spill.write(hits(1, 2))
    group, position = spill.read(10)
    spill.write(hits(3))
    spill.done(position)
    assert 2 == len(group)
    assert [[3]] == drain(spill)


def test_after_it_was_emptied_it_starts_anew(tmp_path):
    spill = Spill(tmp_path / "spill")
    spill.write(hits(1, 2))
    drain(spill)
    spill.write(hits(3))
    assert [[3]] == drain(spill)


def test_a_line_that_a_crash_cut_short_costs_only_itself(tmp_path):
    path = tmp_path / "spill"
    Spill(path).write(hits(1, 2))
    path.write_bytes(path.read_bytes()[:-10])
    spill = Spill(path)
    spill.write(hits(3))
    assert [[1, 3]] == drain(spill, 10)


def test_a_cut_line_at_the_end_is_the_end(tmp_path):
    path = tmp_path / "spill"
    Spill(path).write(hits(1, 2))
    path.write_bytes(path.read_bytes()[:-10])
    assert [[1]] == drain(Spill(path), 10)


def test_its_size_is_bounded_and_it_says_what_had_no_room(tmp_path):
    spill = Spill(tmp_path / "spill", maximum_size=300)
    assert 2 == spill.write(hits(1, 2))
    assert 0 == spill.write(hits(3, 4, 5))
    assert [[1, 2]] == drain(spill)


def test_it_is_the_owner_s_alone(tmp_path):
    Spill(tmp_path / "spill").write(hits(1))
    assert 0o600 == stat.S_IMODE((tmp_path / "spill").stat().st_mode)


def test_what_another_process_left_is_taken_over_after_ones_own(tmp_path):
    spill, other = Spill(tmp_path / "hits"), Spill(tmp_path / "hits-3")
    spill.write(hits(1))
    other.write(hits(2, 3))
    with (tmp_path / "hits").open("ab") as file:
        file.write(b'{"cut')
    spill.adopt(tmp_path / "hits-3")
    assert [[1, 2, 3]] == drain(spill, 9)
    assert not other.waiting()


def test_what_another_process_left_is_taken_over_where_there_is_nothing_of_ones_own(tmp_path):
    Spill(tmp_path / "hits-3").write(hits(7))
    spill = Spill(tmp_path / "hits")
    spill.adopt(tmp_path / "hits-3")
    assert [[7]] == drain(spill, 9)
