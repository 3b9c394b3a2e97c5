"""Whether a tracked link would look like a trick: its text names one place, and it leads to another.

Mail programs warn when the text of a link looks like a URL, a host or an e-mail address other than the one it leads
to. So a link whose text names any place but the tracking host keeps its own target. Text is compared after NFKC,
removal of what is not visible, and IDNA; where nothing certain can be said, it counts as deceptive.
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape

import idna

from smtpeter.rewrite.html import MARKUP

_LONGEST_MARKUP = 20_000  # characters between <a> and </a> that are looked at
_LONGEST_LABEL = 2_000  # characters of text; a longer one is no label, and undecided

# Elements that begin a new line or cell: words on both sides are two words. All others may split one word.
_SEPARATING = frozenset((
    "address", "article", "aside", "blockquote", "br", "center", "dd", "dir", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hr", "img", "li", "main", "nav", "ol", "option", "p", "pre", "section", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
))  # fmt: skip
# Default ignorable code points, and what Unicode calls format characters: nobody sees them.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_DOTS = str.maketrans({"\u3002": ".", "\u06d4": ".", "\u2024": ".", "\ua4f8": "."})
_NAMES = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_AUTHORITY = re.compile(r"://++([^\s/?#\\]*+)")
_MAILBOX = re.compile(r"[^\s@<>(),;:]@[\w-]")
_LAST_LABEL = re.compile(r"[^\W\d_]{2,}|xn--[a-z0-9-]+")
_DOTTED_QUAD = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_CANNOT_NAME = re.compile(r"[A-Za-z0-9 ,;:!?'\"()\r\n\t-]*+")


def label(text: str, start: int, end: int) -> str | None:
    """What a reader sees of the HTML [start, end), tags and comments removed; None when it is too much to say."""
    if end - start > _LONGEST_MARKUP:
        return None
    markup = text[start:end]
    if "<" in markup:
        markup = MARKUP.sub(_seen, markup)
    return unescape(markup) if "&" in markup else markup


def _seen(match: re.Match[str]) -> str:
    name = match[1]
    return "\n" if name is not None and name.lower() in _SEPARATING else ""


def is_deceptive(label_text: str | None, href: str, tracking_host: str) -> bool:
    """Whether a link to `href` with this text would be warned of once it leads to `tracking_host` (lower case)."""
    if label_text is None:
        return True
    shown = _shown(label_text)
    if _same(shown, href):
        return True
    if _CANNOT_NAME.fullmatch(shown):
        return False
    if len(shown) > _LONGEST_LABEL or _MAILBOX.search(shown):
        return True
    hosts = [match[1].rpartition("@")[2].partition(":")[0] for match in _AUTHORITY.finditer(shown)]
    hosts += [name for name in _NAMES.findall(shown) if _is_host(name)]
    return any(_a_labels(host) != tracking_host for host in hosts)


def _shown(label_text: str) -> str:
    if label_text.isascii():
        return label_text.strip().lower()
    seen = _INVISIBLE.sub("", label_text)
    folded = _INVISIBLE.sub("", unicodedata.normalize("NFKC", seen).translate(_DOTS))
    return folded.strip().lower()


def _same(shown: str, href: str) -> bool:
    """Whether the text is the link itself, with or without scheme and slash at the end (`localhost/page` too)."""
    return bool(shown) and _bare(shown) == _bare(_shown(href))


def _bare(url: str) -> str:
    scheme, colon, rest = url.partition("://")
    return (rest if colon and scheme in {"http", "https"} else url).rstrip("/")


def _is_host(name: str) -> bool:
    """`example.com` and 192.0.2.1 are, 19.99 and e.g. are not; what could be one (`report.pdf`) is."""
    if "." not in name:
        return False
    last = name.rpartition(".")[2].strip("-_")
    return bool(_LAST_LABEL.fullmatch(last) or _DOTTED_QUAD.fullmatch(name))


def _a_labels(host: str) -> str | None:
    """None, which no tracking host equals, when IDNA (UTS 46) does not allow it."""
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None
