"""What is in a message, whoever made it."""

import time
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.web.api import parts
from smtpeter.web.api.compose import File, compose
from smtpeter.web.api.shapes import Send

WHOLE = compose(
    Send(from_="a@x.example", text="plain ü", html="<p>ü</p>"),
    [
        File(b"one", "ü.txt", "text/plain"),
        File(b"two", "2.bin"),
        File(b"logo", "l.png", "image/png", "logo@x"),
    ],
    "m",
)


def test_texts():
    assert "plain ü\r\n" == parts.text(WHOLE, "plain")
    assert "<p>ü</p>\r\n" == parts.text(WHOLE, "html")
    assert parts.text(b"Subject: x\r\n\r\nhi\r\n", "html") is None


def test_header_fields_stand_as_they_came():
    assert "A: 1\r\nB: 2\r\n 3\r\n" == parts.header_section(b"A: 1\r\nB: 2\r\n 3\r\n\r\nbody")


def test_files():
    assert [("ü.txt", "text/plain", b"one"), ("2.bin", "application/octet-stream", b"two")] == [
        (one.name, one.content_type, one.octets) for one in parts.attachments(WHOLE)
    ]
    [logo] = parts.embeds(WHOLE)
    assert ("l.png", "logo@x", b"logo") == (logo.name, logo.content_id, logo.octets)


@pytest.mark.parametrize(
    ("wanted", "octets"),
    [("0", b"one"), ("1", b"two"), ("2.bin", b"two"), ("2", None), ("", None), ("-1", None)],
)
def test_a_file_is_chosen_by_name_or_number(wanted, octets):
    found = parts.chosen(parts.attachments(WHOLE), wanted)
    assert octets == (None if found is None else found.octets)


def test_what_pythons_own_package_makes_is_read():
    message = EmailMessage()
    message.set_content("hi\n")
    message.add_alternative("<b>hi</b>\n", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="ä.pdf")
    content = message.as_bytes().replace(b"\n", b"\r\n")
    assert "<b>hi</b>" == parts.text(content, "html").strip()
    assert [("ä.pdf", b"%PDF")] == [(one.name, one.octets) for one in parts.attachments(content)]


@given(st.binary(max_size=2000), st.binary(max_size=200))
def test_strangers_octets_never_raise(body, value):
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    inner = (
        b"Content-Disposition: attachment; filename="
        + value
        + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    for content in (body, head + body, head + inner + body + b"\r\n--b--\r\n"):
        parts.text(content, "plain")
        parts.text(content, "html")
        parts.header_section(content)
        parts.attachments(content)
        parts.embeds(content)


def test_time_is_linear_in_the_number_of_parts():
    def took(number):
        part = b"--b\r\nContent-Disposition: attachment; filename=x\r\n\r\nhello\r\n"
        content = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * number + b"--b--\r\n"
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            assert number == len(parts.attachments(content))
            best = min(best, time.process_time() - began)
        return best

    assert took(4000) < 40 * took(400) + 0.5
