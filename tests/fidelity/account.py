"""Holds a result against its original and its report, without any of smtpeter's own reading of MIME, charsets or HTML.

Python's email package takes the messages apart, regular expressions and html5lib the documents; the report says what
was changed. What was changed is put back, and what comes out must be the original, character by character.
"""

from __future__ import annotations

import base64
import email
import email.policy
import functools
import html
import itertools
import re
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple

import html5lib
from ada_url import normalize_url

from smtpeter.message.edit import Finding, Report, Verdict

CLICK, OPEN = "https://click.example", "https://open.example/o"
TRACKED = re.compile(rf"(?:{re.escape(CLICK)}|{re.escape(OPEN)})/([A-Za-z0-9_-]{{36}})")
_PIXEL = re.compile(rf'<img src="{re.escape(OPEN)}/([A-Za-z0-9_-]{{36}})\.gif"[^<>]*>')
OPT_OUT = re.compile(r"\s+data-smtpeter-track=(?:\"[^\"]*\"|'[^']*'|[^\s>]*)")
_TOKEN = re.compile(r"<!--.*?-->|<[/!?]?[a-zA-Z\[](?:\"[^\"]*\"|'[^']*'|[^'\">])*>|[^<]+|<", re.DOTALL)
_STYLE = re.compile(r"(\sstyle\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s\"'>][^\s>]*)", re.IGNORECASE)


class Leaf(NamedTuple):
    """One part that is no multipart: its path as IMAP counts, its header fields, its body raw and decoded."""

    path: str
    fields: tuple[tuple[str, str], ...]
    content_type: str
    encoding: str
    raw: str
    text: str | None  # None where it is no text, or cannot be decoded


def leaves(content: bytes) -> tuple[list[Leaf], list[object]]:
    """The leaves, and all that lies around them."""
    found: list[Leaf] = []
    around: list[object] = []
    parsed = email.message_from_bytes(content, policy=email.policy.compat32)
    _walk(parsed, "", found, around)
    return found, around


def _walk(part: Message, path: str, found: list[Leaf], around: list[object]) -> None:
    around.append((path, part.get_content_type(), part.preamble, part.epilogue, len(part.defects)))
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        around.append(tuple(part.raw_items()))
        for number, child in enumerate(part.get_payload(), 1):
            _walk(child, f"{path}.{number}" if path else str(number), found, around)
        return
    fields = tuple(part.raw_items())
    if part.is_multipart():  # message/rfc822 and the like: one leaf, compared as it stands
        found.append(Leaf(path, fields, part.get_content_type(), "", part.as_string(), None))
        return
    encoding = str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower()
    found.append(
        Leaf(path or "1", fields, part.get_content_type(), encoding, part._payload, _text(part))
    )  # as it came


def _text(part: Message) -> str | None:
    if part.get_content_maintype() != "text":
        return None
    octets = part.get_payload(decode=True)
    try:
        return octets.decode(part.get_content_charset("us-ascii"))
    except (UnicodeDecodeError, LookupError):
        return None


def account(original: bytes, result: bytes, report: Report) -> None:
    """AssertionError where a difference is not what the report tells."""
    before, around = leaves(original)
    after, around_after = leaves(result)
    assert around == around_after
    assert [leaf.path for leaf in before] == [leaf.path for leaf in after]
    tracked = [
        one
        for one in report.findings
        if one.verdict is Verdict.CHANGED and one.rewriter in {"clicks", "opens"}
    ]
    seen = 0
    for one, other in zip(before, after, strict=True):
        own = [finding for finding in tracked if finding.place.startswith(f"part {one.path},")]
        seen += len(own)
        if one.raw == other.raw:
            assert one.fields == other.fields
            assert [] == own
        else:
            _account_leaf(one, other, tracked)
            assert len(own) == len(set(map(number_of, TRACKED.findall(other.text or ""))))
    assert len(tracked) == seen


def _account_leaf(before: Leaf, after: Leaf, tracked: list[Finding]) -> None:
    assert before.content_type in {"text/html", "text/plain"}
    assert before.text is not None
    assert after.text is not None
    _account_encoding(before, after)
    is_html = before.content_type == "text/html"
    expected = OPT_OUT.sub("", before.text) if is_html and OPT_OUT.search(after.text) is None else before.text
    assert expected == restored(expected, after.text, tracked, is_html=is_html)


def _account_encoding(before: Leaf, after: Leaf) -> None:
    """Fields are the same but for the transfer encoding of a leaf whose lines had become too long.

    Lines fit, or are no longer than the longest was before (Python writes quoted-printable of 78).
    """
    if before.encoding == after.encoding:
        assert before.fields == after.fields
    else:
        assert before.encoding in {"7bit", "8bit", "binary"}
        assert "quoted-printable" == after.encoding
        assert [one for one in before.fields if one[0].lower() != "content-transfer-encoding"] == [
            one for one in after.fields if one[0].lower() not in {"content-transfer-encoding", "mime-version"}
        ] or "mime-version" in {name.lower() for name, _ in before.fields}
    limit = 76 if after.encoding in {"quoted-printable", "base64"} else 998
    assert max(map(len, after.raw.split("\r\n"))) <= max(limit, *map(len, before.raw.split("\r\n")))


def number_of(token: str) -> int:
    """The number that a token names."""
    return int.from_bytes(base64.urlsafe_b64decode(token)[9:11], "big") & 0x7FFF


def restored(original: str, result: str, tracked: list[Finding], *, is_html: bool) -> str:
    """`result` with every tracked URL put back as the original spells it, and without the pixel."""
    result = _without_pixel(result, tracked) if is_html else result
    literals, out, place = [], [], 0
    numbers = []
    for match in TRACKED.finditer(result):
        finding = tracked[number_of(match[1])]
        tail = _tail_at(result, match.end(), finding.value, is_html=is_html)
        literals.append(result[place : match.start()])
        numbers.append(finding)
        place = match.end() + len(tail)
    literals.append(result[place:])
    position = 0
    for literal, finding, following in zip(literals, numbers, literals[1:], strict=False):
        assert original.startswith(literal, position), (literal[:200], original[position : position + 200])
        position += len(literal)
        spelled = _spelled_at(original, position, finding.value, following, is_html=is_html)
        out += (literal, spelled)
        position += len(spelled)
    return "".join((*out, literals[-1]))


def _without_pixel(result: str, tracked: list[Finding]) -> str:
    wanted = [
        number for number, one in enumerate(tracked) if one.place.partition(", ")[2].startswith("pixel")
    ]
    found = [match for match in _PIXEL.finditer(result) if number_of(match[1]) in wanted]
    for match in found:
        result = result[: match.start()] + result[match.end() :]
    return result


def _tail_at(result: str, place: int, url: str, *, is_html: bool) -> str:
    """What follows the token here: where the URL leads, in the spelling of the WHATWG URL standard."""
    tail = "/" + normalize_url(url).partition("://")[2]
    if is_html:
        escaped = tail.replace("&", "&amp;")
        quotes = {'"': "&quot;", "'": "&#39;"}
        spellings = [escaped, *(escaped.replace(quote, reference) for quote, reference in quotes.items())]
        spellings.append(re.sub(r"[\s\"'<>`]", lambda match: f"&#{ord(match[0])};", escaped))
    else:
        spellings = [tail]
    fitting = [one for one in spellings if result.startswith(one, place)]
    assert fitting, (url, result[place : place + 200])
    return fitting[0]


def _spelled_at(original: str, position: int, url: str, following: str, *, is_html: bool) -> str:
    """How the original spells the URL here, such that what follows goes on as in the result."""
    for length in itertools.chain((len(url),), range(len(url) * 6 + 60)):
        spelled = original[position : position + length]
        if original.startswith(following, position + length) and url == (
            attribute_value(spelled) if is_html else spelled
        ):
            return spelled
    raise AssertionError(f"{url} is not at {original[position : position + 200]!r}")


@functools.lru_cache(maxsize=10_000)
def attribute_value(spelled: str) -> str:
    """What a browser takes it for: html5lib decides where there are references that Python reads in another way."""
    if "&" not in spelled:
        return spelled
    if re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt|quot|apos|#39);)*", spelled):
        return html.unescape(spelled)
    quote = '"' if '"' not in spelled else "'"
    return tree(f"<a href={quote}{spelled}{quote}>").find(".//a").get("href")


def tree(text: str):
    return html5lib.parse(text, namespaceHTMLElements=False)


def account_trees(original: str, result: str, tracked: list[Finding]) -> None:
    """html5lib builds the same tree of both, but for the URLs in attributes, the pixel and the opt-outs."""
    result = _without_pixel(result, tracked)
    for one, other in itertools.zip_longest(tree(original).iter(), tree(result).iter()):
        assert (one.tag, one.text, one.tail) == (other.tag, other.text, other.tail)
        expected = {
            name: value
            for name, value in one.items()
            if name != "data-smtpeter-track" or name in other.attrib
        }
        assert expected == {name: _untracked(value, tracked) for name, value in other.items()}


def _untracked(value: str, tracked: list[Finding]) -> str:
    while match := TRACKED.search(value):
        url = tracked[number_of(match[1])].value
        tail = _tail_at(value, match.end(), url, is_html=False)
        value = value[: match.start()] + url + value[match.end() + len(tail) :]
    return value


def account_inlining(without: str, inlined: str) -> None:
    """Two documents differ in `style` attributes only, each of which keeps what it had."""
    for one, other in itertools.zip_longest(_TOKEN.findall(without), _TOKEN.findall(inlined)):
        if one == other:
            continue
        assert one is not None
        assert other is not None
        own, made = _STYLE.search(one), _STYLE.search(other)
        assert made is not None, other
        if own is None:
            assert one == other[: made.start()] + other[made.end() :]
            continue
        assert one[: own.start(2)] == other[: made.start(2)]
        assert one[own.end() :] == other[made.end() :]
        assert own[2].strip("\"'").strip() in made[2]


def urls(result: str) -> Iterator[tuple[str, str]]:
    """Tracked URLs of a document as a client sees them, each with its prefix."""
    for element in tree(result).iter():
        for name, value in element.items():
            for match in TRACKED.finditer(value):
                rest = value[match.start() :]
                end = (
                    len(rest)
                    if name in {"href", "src", "background"}
                    else re.search(r"[\s,)\"']|$", rest).start()
                )
                yield (CLICK if match[0].startswith(CLICK) else OPEN), rest[:end].rstrip("\t\n\f\r ")
