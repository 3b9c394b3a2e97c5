"""Messages made of JSON: what mail programs read in them is what was asked for, and no line is longer than it may be."""

import re
from email import message_from_bytes, policy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtpeter.web.api import fields
from smtpeter.web.api.compose import File, compose
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.shapes import Mailbox, Send, Unsubscribe


def made(files=(), **wanted):
    return compose(Send(**{"from_": "info@example.com", **wanted}), files, "mark")


def parsed(*files, **wanted):
    content = made(files, **wanted)
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert content.partition(b"\r\n\r\n")[0].isascii()
    return message_from_bytes(content, policy=policy.default)


def text_of(part):
    return part.get_content().replace("\r\n", "\n")


def test_the_least():
    assert (
        b"From: info@example.com\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nhi\r\n"
    ) == made(text="hi")


def test_text_html_embedded_and_attached_stand_where_readers_look_for_them():
    message = parsed(
        File(b"one", "1.txt", "text/plain"),
        File(b"logo", "l.png", "image/png", "logo@x"),
        text="plain",
        html='<img src="cid:logo@x">',
    )
    assert "multipart/mixed" == message.get_content_type()
    alternative, attached = message.iter_parts()
    plain, related = alternative.iter_parts()
    html, embedded = related.iter_parts()
    assert ["text/plain", "multipart/related", "text/html", "image/png", "text/plain"] == [
        one.get_content_type() for one in (plain, related, html, embedded, attached)
    ]
    assert "<logo@x>" == embedded["content-id"]
    assert b"one" == attached.get_payload(decode=True)


def test_what_is_embedded_without_html_is_attached():
    message = parsed(File(b"x", cid="a"), text="t")
    assert ["text/plain", "application/octet-stream"] == [
        one.get_content_type() for one in message.iter_parts()
    ]


@pytest.mark.parametrize("kind", ["message/rfc822", "multipart/mixed", ""])
def test_what_cannot_be_in_base64_goes_as_octets(kind):
    [_, attached] = parsed(File(b"Subject: x\r\n\r\n", "m.eml", kind), text="t").iter_parts()
    assert "application/octet-stream" == attached.get_content_type()


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e")
)


@given(TEXTS, TEXTS)
@example("a" * 2000, "é" * 2000)
@example(".\n..\nFrom x\n-- \n", "=?utf-8?q?x?= \t\n trailing  \n")
@example("\x00", "a\rb\nc\r\nd")
def test_texts_come_back_as_they_were(plain, html):
    message = parsed(text=plain, html=html)
    for subtype, wanted in (("plain", plain), ("html", html)):
        lines = re.sub(r"\r\n|\r", "\n", wanted)
        lines += "" if lines.endswith("\n") else "\n"
        octets = message.get_body((subtype,)).get_payload(decode=True)
        assert lines == octets.decode().replace("\r\n", "\n")


SUBJECTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]))


@given(SUBJECTS)
@example("x" * 2000)
@example("=?utf-8?q?hello?=")
@example("é" * 500)
@example("a  b")
def test_subjects_come_back_as_they_were(subject):
    content = fields.text("Subject", subject, "subject")
    assert content.isascii()
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    read = message_from_bytes(content + b"\r\n", policy=policy.default)["subject"]
    assert " ".join(subject.split()) == " ".join(read.split())


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60).map(str.strip)


@given(
    st.lists(
        st.tuples(NAMES, st.sampled_from(["a@x.example", '"b c"@y.example', "d+e@z.example"])),
        min_size=1,
        max_size=5,
    )
)
@example([('Doe, "John" \\', "a@x.example")])
@example([("=?utf-8?q?a?=", "a@x.example")])
@example([("ü <b@evil.example>,", "a@x.example")])
@example([("a <b@evil.example>, c", "a@x.example")])
@example([("0" * 8 + "\xa0" * 9 + "\U00010000" * 5, "a@x.example")])
def test_no_display_name_adds_an_address(mailboxes):
    wanted = [Mailbox(address, name) for name, address in mailboxes]
    content = fields.addresses("To", fields.mailboxes(wanted, "to"))
    assert content.isascii()
    field = message_from_bytes(content + b"\r\n", policy=policy.default)["to"]
    assert [address for _, address in mailboxes] == [one.addr_spec for one in field.addresses]
    # Python's reader keeps the blank between two encoded words, which RFC 2047 6.2 takes away.
    unfolded = ["".join(one.display_name.split()) for one in field.addresses]
    assert ["".join(name.split()) for name, _ in mailboxes] == unfolded


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("a@x.example", [("", "a@x.example")]),
        ("A <a@x.example>, b@x.example", [("A", "a@x.example"), ("", "b@x.example")]),
        ('"A, B" <a@x.example>', [("A, B", "a@x.example")]),
        ('"A \\"x\\"" <a@x.example>,', [('A "x"', "a@x.example")]),
        (["a@x.example", "Ü <b@x.example>"], [("", "a@x.example"), ("Ü", "b@x.example")]),
        (Mailbox("a@x.example", "A"), [("A", "a@x.example")]),
        ('"a,b"@x.example', [("", '"a,b"@x.example')]),
    ],
    ids=["pure", "list", "quoted comma", "quoted quote", "array", "object", "quoted local part"],
)
def test_mailboxes_are_read_as_people_write_them(written, wanted):
    assert wanted == [(name, str(address)) for name, address in fields.mailboxes(written, "to")]


@given(st.text(max_size=200))
def test_no_text_of_mailboxes_does_anything_but_be_read_or_refused(text):
    try:
        found = fields.mailboxes(text, "to")
    except Problem as problem:
        assert 422 == problem.status  # noqa: PT017
    else:
        fields.addresses("To", found)


def test_many_commas_take_linear_time():
    """A thousand times as many as there may be: refused before they are all looked at."""
    with pytest.raises(Problem, match="more than 1000 mailboxes"):
        fields.mailboxes("a@x.example," * 5000, "to")


def test_a_list_can_be_left():
    message = parsed(
        text="t", unsubscribe=Unsubscribe("u@x.example", "https://x.example/" + "a" * 200, oneclick=True)
    )
    long = "https://x.example/" + "a" * 200
    assert f"<mailto:u@x.example>, <{long}>" == " ".join(str(message["list-unsubscribe"]).split())
    assert "List-Unsubscribe=One-Click" == message["list-unsubscribe-post"]


def test_an_address_beyond_ascii_stands_in_a_url_as_urls_have_it():
    """RFC 6068 5; so the header asks for no SMTPUTF8."""
    content = made(text="t", unsubscribe=Unsubscribe("jörg+a@x.example"))
    assert b"<mailto:j%C3%B6rg+a@x.example>" in content


def test_a_long_word_is_no_encoded_word():
    """Mail programs read no encoded words in List-Unsubscribe (RFC 2047 5)."""
    content = made(text="t", unsubscribe=Unsubscribe(url="https://x.example/" + "a" * 300))
    assert b"<https://x.example/" + b"a" * 300 + b">" in content


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=255))
@example('a "b" \\ c.txt')
@example("ü" * 80 + ".pdf")
@example("a\u00a0b  c")
def test_names_of_files_come_back_as_they_were(name):
    [_, attached] = parsed(File(b"x", name), text="t").iter_parts()
    assert " ".join(name.split()) == " ".join(attached.get_filename().split())


def test_dates_and_ids_are_left_to_submission():
    message = parsed(text="t", subject="s", to="a@x.example", cc=["b@x.example"], replyto="r@x.example")
    assert {
        "From",
        "To",
        "Cc",
        "Reply-To",
        "Subject",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    } == set(message.keys())


@pytest.mark.parametrize(
    "inside", ['\\"', "a", "\\\\", "<", ","], ids=["quote", "letter", "backslash", "angle", "comma"]
)
def test_a_quote_that_is_not_closed_is_read_once(inside):
    """Each octet belongs to one piece, so that nothing is looked at again from each quote within."""
    assert ['"' + inside * 30_000] == fields._PIECE.findall('"' + inside * 30_000)
    with pytest.raises(Problem, match="no mail address"):
        list(fields.mailboxes(f'"{inside} <a@b.example>', "to"))
