"""Tracked links: only their addresses changed, a click leads where the link led, and is told of."""

from __future__ import annotations

import email
import email.policy
import http.client
import re
import urllib.error
import urllib.parse
import urllib.request

import html5lib
import pytest

from tests.kit.daemon import Daemon, Login
from tests.kit.newsletters import NAMES, newsletter
from tests.kit.sink import Sink


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def get(url: str) -> tuple[int, http.client.HTTPMessage]:
    """Status and header of a GET, no redirect followed, no proxy asked."""
    opener = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.parse.urldefrag(url).url, timeout=10) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.headers


def html_of(content: bytes) -> str:
    """The HTML of a message, decoded."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    part = message.get_body(["html"])
    assert part is not None
    return part.get_payload(decode=True).decode(part.get_content_charset("utf-8"))


def links_of(html: str) -> list[str]:
    """The addresses of its hyperlinks, as browsers see them."""
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    return [anchor.get("href", "").strip() for anchor in tree.iter("a")]


def tracked_by(server: Daemon) -> str:
    """What a tracked link looks like, up to the address it leads to."""
    return rf"http://127\.0\.0\.1:{server.tracking}/[A-Za-z0-9_-]{{36}}/"


@pytest.fixture(scope="module")
def tracking(server: Daemon) -> Login:
    """A login that tracks clicks."""
    return server.login("--track-clicks")


@pytest.mark.row(74)
@pytest.mark.row(75)
@pytest.mark.row(76)
@pytest.mark.parametrize("name", NAMES)
def test_only_the_addresses_of_links_change(server: Daemon, sink: Sink, tracking: Login, name: str) -> None:
    content = newsletter(name)
    recipient = f"{name}@example.net"
    server.submit(tracking, content, [recipient])
    before, after = html_of(content), html_of(sink.wait_for(recipient).content)
    for original, sent in zip(links_of(before), links_of(after), strict=True):
        if original.startswith(("http:", "https:")):
            assert re.sub(tracked_by(server), "", sent) == original.partition("://")[2]
        else:
            assert sent == original
    between = re.split(tracked_by(server) + r"""[^"'\s>]*""", after)
    assert len(between) > 1
    assert re.fullmatch(r"""[^"'\s>]+""".join(map(re.escape, between)), before)


def timetable(sink: Sink, recipient: str) -> str:
    """The tracked link to the timetable in what the recipient got."""
    [link] = [link for link in links_of(html_of(sink.wait_for(recipient).content)) if "timetable" in link]
    return link


def test_click_redirects_and_is_told_of(server: Daemon, sink: Sink, tracking: Login) -> None:
    identifier = server.submit(tracking, newsletter(), ["clicker@example.net"]).id
    link = timetable(sink, "clicker@example.net")
    status, header = get(link)
    assert status == 302
    assert header["Location"] == "https://www.example.com/timetable?season=spring&year=2026"
    assert "no-store" in header["Cache-Control"]

    story = server.story(identifier, "click")
    assert [event["event"] for event in story["events"]] == ["attempt", "delivery", "click"]
    click = story["events"][-1]["data"]
    assert click["recipient"] == "clicker@example.net"
    assert click["login"] == tracking.username
    assert click["ip"] == "127.0.0.1"
    assert click["destination"] == "https://www.example.com/timetable?season=spring&year=2026"


@pytest.mark.row(148)
def test_a_token_that_is_not_ours_leads_nowhere(server: Daemon, sink: Sink, tracking: Login) -> None:
    server.submit(tracking, newsletter(), ["forger@example.net"])
    link = timetable(sink, "forger@example.net")
    token = link.split("/")[3]
    forged = link.replace(token, ("A" if token[0] != "A" else "B") + token[1:])
    for url in (forged, f"http://127.0.0.1:{server.tracking}//evil.example/", link.replace(token, "x")):
        status, header = get(url)
        assert status == 404
        assert header["Location"] is None


def test_an_altered_address_leads_to_the_stored_link(server: Daemon, sink: Sink, tracking: Login) -> None:
    server.submit(tracking, newsletter(), ["altered@example.net"])
    link = timetable(sink, "altered@example.net")
    status, header = get(link.replace("/www.example.com/", "/evil.example/"))
    assert status == 302
    assert header["Location"] == "https://www.example.com/timetable?season=spring&year=2026#friday"


@pytest.mark.row(77)
def test_a_link_that_shows_its_address_is_left_alone(server: Daemon, sink: Sink) -> None:
    server.submit(server.login("--track-clicks", "--prevent-scam"), newsletter(), ["wary@example.net"])
    links = links_of(html_of(sink.wait_for("wary@example.net").content))
    assert "https://www.example.com/agenda" in links
    assert [link for link in links if "timetable" in link and link.startswith("http://127.0.0.1")]
