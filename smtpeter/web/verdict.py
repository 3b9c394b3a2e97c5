"""Who followed a link or asked for an image: a person, or a machine on somebody's behalf. Pure; the one place of these rules.

A person is assumed. A rule that fits makes it a machine, and its name is told with the event. What a visitor is
answered never depends on it: the answer is the same, so nobody learns here how to look like a person.
"""

from __future__ import annotations

import re
from functools import lru_cache

from smtpeter.message.edit import SlotKind
from smtpeter.web.visit import Visit

HUMAN, MACHINE = "human", "machine"
TOO_SOON = 2.0  # seconds after delivery within which nobody has read a message

_PREFETCH = re.compile(r"\b(?:prefetch|prerender|preview)\b", re.IGNORECASE | re.ASCII)
_PREFETCH_FIELDS = frozenset(("sec-purpose", "purpose", "x-purpose", "x-moz"))
_REMEMBERED = 300  # characters of an agent that is worth remembering

# What scanners, link previews and programs call themselves; compared anywhere in the agent's name, case ignored.
# Google's and Yahoo's image proxies are not here: they ask when a person opens the message.
_NAMES = (
    r"(?<!cu)bot\b|crawler|spider|slurp",  # CUBOT makes telephones
    r"barracuda|mimecast|proofpoint|symantec|bitdefender|trend ?micro|sophos|forcepoint|fortinet|zscaler",
    r"cloudmark|messagelabs|ironport|fireeye|avanan|checkpoint|trustwave|cisco-?umbrella|urlscan|virustotal",
    r"bingpreview|skypeuripreview|microsoft office existence discovery|microsoft-?preview|safelinks",
    r"facebookexternalhit|whatsapp/|slack-?imgproxy|linkexpanding|iframely|embedly",
    r"googleother|google-(?:safety|inspectiontool|read-aloud)|appengine-google|feedfetcher|mediapartners",
    r"headless|phantomjs|puppeteer|playwright|selenium|monitoring|uptime",
    r"^(?:curl|wget|java|axios|got|ruby|perl|php|go-http-client|python|libwww|lwp|node|httpie|postman)\b",
    r"python-requests|python-urllib|aiohttp|libwww-perl|apache-httpclient",
)
_AGENTS = re.compile("|".join(_NAMES), re.IGNORECASE | re.ASCII)


def of_visit(visit: Visit, kind: SlotKind) -> str:
    """The rule by which this request is a machine's, or ""."""
    if visit.method != b"GET":
        return "method"
    agents = []
    for name, value in visit.headers:
        field = name.lower()
        if field == "user-agent":
            agents.append(value)
        elif field in _PREFETCH_FIELDS and _PREFETCH.search(value):
            return "prefetch"
    agent = " ".join(agents).strip()
    if not agent:
        return "no agent"
    if kind is SlotKind.OPEN and agent == "Mozilla/5.0":
        return "apple mail privacy"  # asked for by Apple's servers, whether or not anybody reads
    is_machine = _known(agent) if len(agent) <= _REMEMBERED else _is_machine(agent)
    return "agent" if is_machine else ""


def _is_machine(agent: str) -> bool:
    return _AGENTS.search(agent) is not None


_known = lru_cache(2_000)(_is_machine)  # most visitors' programs are few


def rule(of_request: str, kind: SlotKind, time: float, delivered_at: float | None) -> str:
    """The rule that holds, once it is known when the message was delivered."""
    if of_request or kind is not SlotKind.CLICK or delivered_at is None:
        return of_request
    return "too soon" if time - delivered_at < TOO_SOON else ""
