"""A template's edits, read back from it, make the same message."""

from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.edit import Edit, Literal, Slot, SlotKind, compile_template, edits_of
from smtpeter.rewrite.render import render

ORIGINAL = bytes(range(65, 85))
PIECES = st.lists(
    st.one_of(
        st.binary(max_size=3).map(Literal), st.integers(0, 5).map(lambda number: Slot(SlotKind.CLICK, number))
    ),
    max_size=3,
).map(tuple)


@st.composite
def edit_lists(draw):
    places = sorted(draw(st.lists(st.integers(0, len(ORIGINAL)), max_size=12)))
    return [Edit(*pair, draw(PIECES)) for pair in zip(places[::2], places[1::2], strict=False)]


def rendered(edits):
    template = compile_template(len(ORIGINAL), edits)
    return template, render(ORIGINAL, template, lambda kind, number: f"<{kind}{number}>")


@given(edit_lists())
def test_a_templates_edits_make_the_same_message(edits):
    template, expected = rendered(edits)
    assert expected == rendered(edits_of(len(ORIGINAL), template))[1]
    more = Edit(len(ORIGINAL), len(ORIGINAL), (Literal(b"!"),))
    assert expected + b"!" == rendered([*edits_of(len(ORIGINAL), template), more])[1]
