"""A newsletter of 50 KB, and what a campaign makes of it for each reader: no two messages are alike."""

from __future__ import annotations

import functools
import quopri

from tests.fidelity.templates import mjml, mjml_source

NAMES = ("Jörg", "Anneke", "Bo", "Marie-Claire", "Nguyễn", "Σοφία", "O'Neill & Sons")


@functools.cache
def harbour() -> str:
    """HTML compiled by MJML, of npm."""
    return mjml({"x": mjml_source("harbour", 3)})["x"]


def personal(html: str, number: int) -> str:
    """For one reader: a name in its text, and a parameter in each link."""
    named = html.replace("</body>", f"<p>Dear {NAMES[number % len(NAMES)]} {number},</p></body>")
    return named.replace("&amp;lang=en", f"&amp;lang=en&amp;reader={number * 7919}")


def letter(html: str, number: int) -> bytes:
    """The same as a message, quoted-printable, with CRLF line ends."""
    head = (
        "From: The Harbour Letter <news@src.example>\r\nTo: Reader <rcpt@dest.example>\r\nSubject: The harbour letter\r\n"
        f"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <{number}@src.example>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    body = quopri.encodestring(personal(html, number).replace("\r\n", "\n").encode())
    return head.encode() + body.rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n"
