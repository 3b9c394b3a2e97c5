"""No value of a user's makes a line of a header section that is ours: it is refused, or stands within one field."""

import pytest

from smtpeter.message.header import fields
from smtpeter.rewrite.render import render
from tests.submission.door import speak, submit, trusted

EVILS = (
    "+0D+0AX-Evil:+20y",
    "+0AX-Evil:y",
    "+0DX-Evil:y",
    "+00",
    "+0D+0A+20folded",
    "\u2028x",
    "\x0bx",
    "+C2+85",
)


@pytest.mark.row(83)
@pytest.mark.parametrize("evil", EVILS, ids=ascii)
@pytest.mark.parametrize(
    "commands",
    [
        ("MAIL FROM:<a@b.test> ENVID=x{}",),
        ("MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test> ORCPT=rfc822;x{}@d.test"),
        ("MAIL FROM:<a@b.test> SMTPUTF8", "RCPT TO:<c@d.test> ORCPT=utf-8;x{}@d.test"),
    ],
    ids=["ENVID", "ORCPT", "ORCPT in UTF-8"],
)
def test_parameters_of_the_envelope(commands, evil):
    _, wire = trusted()
    *_, last = speak(wire, *(command.format(evil) for command in commands))
    assert last[:3] in {"500", "501"}


@pytest.mark.row(83)
@pytest.mark.parametrize("evil", ["a\u2028b", "a\x00b", "a\rX-Evil: y", "a\x85b", "a b", "a\x0bb"], ids=ascii)
@pytest.mark.parametrize(
    "command",
    ["EHLO {}", "MAIL FROM:<{}@b.test> SMTPUTF8", "RCPT TO:<{}@d.test>"],
    ids=["EHLO", "MAIL", "RCPT"],
)
def test_names_and_addresses(command, evil):
    _, wire = trusted()
    before = ["MAIL FROM:<a@b.test> SMTPUTF8"] if command.startswith("RCPT") else []
    *_, last = speak(wire, *before, command.format(evil))
    assert last[0] == "5"


@pytest.mark.row(83)
@pytest.mark.parametrize(
    "field",
    [
        b"x-smtpeter-tags: a\r\n\tX-Evil: y",
        b"x-smtpeter-trackclicks: true\r\n X-Evil: y",
        "x-smtpeter-tags: a\u2028X-Evil: y".encode(),
        b"x-smtpeter-nothing\r\n : y",
        b"Subject: a\r\n X-Evil: y",
        b"Message-ID: <a\r\n X-Evil: y>",
    ],
    ids=ascii,
)
def test_fields_that_are_read(field):
    """Folded or not, they are one field each; what we write on top has ours and nothing else."""
    door, wire = trusted()
    own = b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nFrom: a@b.test\r\n"
    assert submit(wire, own + field + b"\r\n\r\nx\r\n").startswith("250")
    (message,) = door.messages
    found, _ = fields(render(message.content, message.template, lambda _kind, _number: "T" * 36))
    allowed = {"received", "date", "message-id", "from", "subject"}
    assert {one.name.lower() for one in found} <= allowed
    assert not any("\n" in text or "\u2028" in text for text in (*message.tags, *message.facts.values()))
