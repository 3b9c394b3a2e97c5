"""Newsletters as HTML texts with LF line ends: compiled by MJML, of npm's template packages, and of our own.

The packages are installed at test time; nothing of them is kept here. The sources in `mjml/` are ours.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from pathlib import Path

from tests.kit.daemon import ROOT
from tests.kit.newsletters import FOUNDATION, MAILGEN
from tests.kit.npm import installed
from tests.kit.peers import program

HERE = Path(__file__).parent
MJML = "mjml@5.4.1"
RESPONSIVE = "responsive-html-email-template@1.0.0"

_FOUNDATION = ("basic", "drip", "hero", "marketing", "newsletter", "newsletter-2", "order", "password", "sidebar",
               "sidebar-hero", "welcome")  # fmt: skip
_MAILGEN = ("default", "neopolitan", "salted", "cerberus")
_MJML = ("harbour", "receipt", "invitation")
_RESPONSIVE = ("email", "email-inlined")
_OURS = tuple(sorted((ROOT / "tests/rewrite/newsletters").glob("*.html")))

NAMES = (
    "rough",
    *(path.stem for path in _OURS),
    *(f"mjml {name}" for name in _MJML),
    *(f"foundation {name}" for name in _FOUNDATION),
    *(f"mailgen {name}" for name in _MAILGEN),
    *(f"responsive {name}" for name in _RESPONSIVE),
)

_COMPILE = """
const mjml = require("mjml");
const sources = JSON.parse(require("fs").readFileSync(0, "utf8"));
(async () => {
    const made = {};
    for (const [name, source] of Object.entries(sources)) made[name] = (await mjml(source, { validationLevel: "soft" })).html;
    process.stdout.write(JSON.stringify(made));
})();
"""
_GENERATE = """
const Mailgen = require("mailgen");
const product = { name: "Harbour", link: "https://www.example.com/?from=mail&lang=en", logo: "https://img.example.com/logo.png" };
const table = { data: [{ item: "Ferry", price: "12" }, { item: "Bicycle", price: "3" }], columns: { customWidth: { item: "60%" } } };
const button = { color: "#14532d", text: "Confirm", link: "https://www.example.com/confirm?s=d9&t=8b#now" };
const body = { name: "J\\u00f6rg", intro: ["Welcome aboard.", "See <a href='https://www.example.com/rules'>the rules</a>."], table,
    action: { instructions: "Please:", button }, goToAction: { text: "Go", link: "https://www.example.com/go", description: "x" }, outro: "Bye" };
const themes = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(Object.fromEntries(themes.map((theme) => [theme, new Mailgen({ theme, product }).generate({ body })]))));
"""


def template(name: str) -> str:
    """One of NAMES."""
    family, _, title = name.partition(" ")
    text = {
        "mjml": lambda: compiled()[title],
        "foundation": lambda: _foundation(title),
        "mailgen": lambda: _generated()[title],
        "responsive": lambda: _responsive(title),
        "rough": lambda: (HERE / "rough.html").read_text("utf-8"),
    }.get(family, lambda: next(path for path in _OURS if path.stem == name).read_text("utf-8"))()
    return text.replace("\r\n", "\n")


def mjml_source(name: str, articles: int = 1) -> str:
    """A source in `mjml/`, with so many articles."""
    source = (HERE / "mjml" / f"{name}.mjml").read_text("utf-8")
    head, begin, rest = source.partition("<!-- articles -->")
    article, _, tail = rest.partition("<!-- /articles -->")
    return (
        head + "".join(article.replace("{n}", str(n)) for n in range(1, articles + 1)) + tail
        if begin
        else head
    )


@functools.cache
def compiled() -> dict[str, str]:
    return mjml({name: mjml_source(name, 3) for name in _MJML})


def mjml(sources: dict[str, str]) -> dict[str, str]:
    return node(_COMPILE, sources, installed(MJML))


def node(script: str, given: object, modules: Path) -> dict[str, str]:
    """What a script that reads JSON writes as JSON."""
    made = subprocess.run(
        [program("node", "nodejs"), "-e", script],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "NODE_PATH": str(modules)},
        cwd=modules,
    )
    return json.loads(made.stdout)


@functools.cache
def _generated() -> dict[str, str]:
    return node(_GENERATE, _MAILGEN, installed(MAILGEN))


def _foundation(name: str) -> str:
    """With its style sheet in a style block and its placeholder links filled in, as a customer does it."""
    package = installed(FOUNDATION) / "foundation-emails"
    html = (package / ".download/templates" / f"{name}.html").read_text("utf-8")
    css = (package / "dist/foundation-emails.css").read_text("utf-8")
    html = re.sub(r'<link rel="stylesheet"[^>]*>', lambda _: f"<style>{css}</style>", html)
    count = iter(range(1, 1_000))
    filled = 'href="https://www.example.com/story/{}?ref=mail&amp;lang=en"'
    return re.sub(r'href="(?:#|undefined)"', lambda _: filled.format(next(count)), html)


def _responsive(name: str) -> str:
    package = installed(RESPONSIVE) / "responsive-html-email-template"
    return (package / f"{name}.html").read_text("utf-8")
