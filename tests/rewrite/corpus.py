"""Newsletters of our own, and messages made of them in every encoding; strategies for hostile ones."""

import base64
import quopri
import re
from pathlib import Path

from hypothesis import strategies as st

from smtpeter.rewrite.pipeline import Pipeline
from smtpeter.rewrite.settings import Settings

NEWSLETTERS = tuple(sorted((Path(__file__).parent / "newsletters").glob("*.html")))
CLICK, OPEN = "https://click.example", "https://open.example/o"
PIPELINE = Pipeline(Settings(click_url=CLICK, open_url=OPEN))


def newsletter(path):
    return path.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\n", "\r\n")


def enlarged(text, size):
    """The same with its articles repeated until it has about `size` characters."""
    match = re.search(r"<!-- articles -->(.*?)<!-- /articles -->", text, re.DOTALL)
    count = max(1, (size - len(text)) // len(match[1]) + 1)
    articles = "".join(match[1].replace("?", f"?n={n}&amp;", 1) for n in range(count))
    return text[: match.start()] + articles + text[match.end() :]


def quoted_printable(octets):
    """Not our own encoder: Python's, which leaves a lone dot and trailing blanks to us."""
    return quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")


def encoded(octets, encoding):
    if encoding == "quoted-printable":
        return quoted_printable(octets)
    if encoding == "base64":
        return base64.encodebytes(octets).replace(b"\n", b"\r\n")
    return octets


def message(text, *, charset="utf-8", encoding="8bit", subtype="html", more=""):
    """A message that is one text part."""
    head = (
        f"From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: text/{subtype}; charset={charset}{more}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    codec = {"utf-16": "utf-16"}.get(charset, charset)
    return head.encode() + encoded(text.encode(codec), encoding)


def multipart(subtype, *parts, boundary="=_b", more=""):
    """Parts are octets with their header sections."""
    head = f'MIME-Version: 1.0\r\nContent-Type: multipart/{subtype}; boundary="{boundary}"{more}\r\n\r\n'
    line = f"--{boundary}".encode()
    return head.encode() + b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"


def part(content_type, body, *fields):
    head = "".join(f"{field}\r\n" for field in (f"Content-Type: {content_type}", *fields))
    return head.encode() + b"\r\n" + (body if isinstance(body, bytes) else body.encode())


def token(kind, number):
    """36 characters that tell kind and number."""
    return f"{kind}-{number:03}-".ljust(36, "t")


# Fragments that open, close and break every construct of the tokenizer.
FRAGMENTS = st.sampled_from([
    "<", ">", "</", "/>", "<!--", "-->", "--!>", "->", "-", "!", "=", '"', "'", " ", "\r\n", "\t", "\f", "/", "&",
    "<a ", "<A\r\nhref", "<a", "</a>", "href=", "HREF = ", "href='", 'href="', "http://example.com/", "https://a.example/?b=1&c=2",
    "<img ", "src=", "<area ", "<base ", "<body>", "</body>", "</html>", "<script>", "</script>", "<script><!--", "<style>",
    "</style>", "<title>", "</title", "<textarea>", "</textarea >", "<svg>", "<svg ", "<math>", "<![CDATA[", "]]>", "<![if !mso]>",
    "<![endif]>", "<!doctype html>", "<?xml ?>", "<p/=x>", '<b class="x">', "<b c='>'>", '<q a="b"c="d"="e">',
    'style="background:url(', "background=", "url(x)", ")", ";", "<plaintext>", "<xmp>", "</xmp>", "<iframe>", "\x00",
    "&amp;", "&copy=3", "&copy", "&#0;", "&#x80;", "&#xD800;", "&#99999999999;", "&notit;", "&lt", "é", "漢", "\u212a", "\u017f",
    'data-smtpeter-track="false" ', 'srcset="a 1x, b 2x"', "x", '="', "=''", '=""', "a=b", '<a="x">', '<a ="x>y">',
])  # fmt: skip
SOUPS = st.lists(FRAGMENTS, max_size=60).map("".join)
