"""The original beside what was sent."""

from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.edit import Base64, Edit, Literal, Slot, SlotKind, Span, compile_template
from smtpeter.web.dashboard import beside

CONTENT = b"Subject: x\r\n\r\n<a href=one>\r\n"


def test_what_was_taken_out_and_put_in_is_marked():
    edit = Edit(22, 25, (Literal(b"https://t.example/"), Slot(SlotKind.CLICK, 3)))
    template = compile_template(len(CONTENT), [edit])
    assert [("Subject: x\n\n<a href=", False), ("one", True), (">\n", False)] == [
        tuple(one) for one in beside.original(CONTENT, template)
    ]
    assert [
        ("Subject: x\n\n<a href=", False),
        ("https://t.example/", True),
        ("[token 3]", True),
        (">\n", False),
    ] == [tuple(one) for one in beside.sent(CONTENT, template)]


def test_base64_is_shown_as_what_it_encodes():
    inner = (Span(0, 2), Literal(b"X"), Span(2, 4))
    template = compile_template(8, [Edit(0, 8, (Base64(b"abcd", inner),))])
    assert [("ab", False), ("X", True), ("cd", False)] == [
        tuple(one) for one in beside.sent(b"YWJjZA==", template)
    ]


@given(st.text("abc", max_size=30), st.integers(0, 30), st.integers(0, 30), st.text("xyz", max_size=5))
def test_nothing_is_left_out(text, one, other, put_in):
    content = text.encode()
    start, end = sorted((min(one, len(content)), min(other, len(content))))
    template = compile_template(len(content), [Edit(start, end, (Literal(put_in.encode()),))])
    assert text == "".join(each.text for each in beside.original(content, template))
    assert text[:start] + put_in + text[end:] == "".join(each.text for each in beside.sent(content, template))
