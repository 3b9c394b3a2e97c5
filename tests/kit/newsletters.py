"""Real newsletters as test data: our own example, which is always there, and those of npm's template packages.

The packages are installed once, without their scripts, below the user's cache directory; nothing of them is kept
in the project. Where npm or the registry cannot be reached the test is skipped, in CI it fails.
"""

from __future__ import annotations

import email.policy
import json
import os
import re
import subprocess
from email.message import EmailMessage

from tests.kit.daemon import ROOT
from tests.kit.npm import installed
from tests.kit.peers import program

FOUNDATION = "foundation-emails@2.5.1"
MAILGEN = "mailgen@2.0.36"
FOUNDATION_TEMPLATES = ("newsletter", "newsletter-2", "marketing", "sidebar")
MAILGEN_THEMES = ("default", "cerberus")
NAMES = ("own", *FOUNDATION_TEMPLATES, *MAILGEN_THEMES)

_RENDER = """
const Mailgen = require("mailgen");
const product = { name: "Harbour", link: "https://www.example.com/?from=mail&lang=en" };
const table = { data: [{ item: "Ferry", price: "12" }], columns: { customWidth: { item: "60%" } } };
const button = { color: "#14532d", text: "Confirm", link: "https://www.example.com/confirm?s=d9&t=8b#now" };
const body = { name: "J\\u00f6rg", intro: "Welcome aboard.", table, action: { instructions: "Please:", button }, outro: "Bye" };
const generator = new Mailgen({ theme: process.argv[1], product });
process.stdout.write(JSON.stringify([generator.generate({ body }), generator.generatePlaintext({ body })]));
"""


def newsletter(name: str = "own") -> bytes:
    """One of NAMES as message content with CRLF line ends."""
    if name == "own":
        return (
            (ROOT / "docs/examples/newsletter.eml")
            .read_bytes()
            .replace(b"\r\n", b"\n")
            .replace(b"\n", b"\r\n")
        )
    if name in FOUNDATION_TEMPLATES:
        return _message(_foundation(name), "The Insider: https://www.example.com/insider\n")
    html, text = _mailgen(name)
    return _message(html, text)


def _foundation(name: str) -> str:
    """A template with its style sheet in a style block and its placeholder links filled in, as a customer does it."""
    package = installed(FOUNDATION) / "foundation-emails"
    html = (package / ".download/templates" / f"{name}.html").read_text("utf-8")
    css = (package / "dist/foundation-emails.css").read_text("utf-8")
    html = re.sub(r'<link rel="stylesheet"[^>]*>', lambda _: f"<style>{css}</style>", html)
    count = 0

    def fill(_: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f'href="https://www.example.com/story/{count}?ref=mail&amp;lang=en"'

    return re.sub(r'href="(?:#|undefined)"', fill, html)


def _mailgen(theme: str) -> tuple[str, str]:
    """HTML and text as the package renders them."""
    modules = installed(MAILGEN)
    rendered = subprocess.run(
        [program("node", "nodejs"), "-e", _RENDER, theme],
        capture_output=True,
        check=True,
        timeout=60,
        env={**os.environ, "NODE_PATH": str(modules)},
        cwd=modules,
    )
    html, text = json.loads(rendered.stdout)
    return html, text


def _message(html: str, text: str) -> bytes:
    """multipart/alternative, quoted-printable, as mailing programs write it."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = "The Harbour Letter <news@sender.example>"
    message["To"] = "Reader <reader@example.net>"
    message["Subject"] = "The Insider: déjà vu"
    message["Date"] = "Sun, 22 Mar 2026 10:00:00 +0100"
    message["Message-ID"] = "<insider@sender.example>"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes()
