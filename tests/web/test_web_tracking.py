"""Clicks, images and the pixel: who is led where, and what is told of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from smtpeter.message.edit import SlotKind
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.token import KeyRing, tracked_tail
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.web.hits import Hit
from smtpeter.web.server import Server
from smtpeter.web.tracking import PIXEL, Tracking
from smtpeter.web.visit import Answer, Proxies, Visit

RING = KeyRing({1: b"k" * 32}, newest=1)
OTHERS = KeyRing({1: b"o" * 32}, newest=1)
DELIVERY = DeliveryId(4711)
URL = "https://shop.example/a%2Fb?c=d&e"
NEVER_KEPT = {"Cache-Control: no-store", "Referrer-Policy: no-referrer", "X-Content-Type-Options: nosniff"}


class Host:
    """The tracking host in memory."""

    def __init__(self, target=None):
        self.hits = []
        self.asked = []
        self.stored = target if callable(target) else lambda: succeed(target)
        self.clock = Clock()
        tracking = Tracking(
            lambda: RING,
            self,
            self.hits.append,
            Proxies(["192.0.2.0/24"]),
            self.clock,
            lambda: 1_700_000_000.0,
        )
        self.server = Server(tracking.answer, self.clock)

    def target(self, delivery, number):
        self.asked.append((delivery, number))
        return self.stored()

    def request(self, target, method="GET", *fields):
        peer = IPv4Address("TCP", "192.0.2.9", 4000)
        self.channel = self.server.buildProtocol(peer)
        self.transport = StringTransport(peerAddress=peer)
        self.channel.makeConnection(self.transport)
        head = "\r\n".join(
            (f"{method} {target} HTTP/1.1", "Host: t.example", "User-Agent: Browser/1", *fields)
        )
        self.channel.dataReceived(head.encode("utf-8", "surrogateescape") + b"\r\n\r\n")
        return self.response()

    def response(self):
        head, _, body = self.transport.value().partition(b"\r\n\r\n")
        status, *fields = head.decode("latin-1").split("\r\n")
        return (int(status.split(" ")[1]) if status else None), set(fields), body


def click(number=3, url=URL, ring=RING):
    return f"/{ring.click(DELIVERY, number, url)}{tracked_tail(url)}"


def image(number=4, url=URL):
    return f"/{RING.open(DELIVERY, number, url)}{tracked_tail(url)}"


def pixel(ring=RING):
    return f"/{ring.open(DELIVERY, 5, '')}.gif"


def location(fields):
    return [field.partition(": ")[2] for field in fields if field.startswith("Location: ")]


@pytest.mark.row(148)
def test_a_click_leads_to_the_original_without_asking_anybody():
    host = Host()
    status, fields, body = host.request(click())
    assert (302, [URL], b"", []) == (status, location(fields), body, host.asked)
    assert fields >= NEVER_KEPT


def test_a_click_is_told_once_with_what_the_request_said():
    host = Host()
    host.request(click(), "GET", "X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https")
    assert [
        Hit(
            kind=SlotKind.CLICK,
            time=1_700_000_000.0,
            delivery=DELIVERY,
            number=3,
            ip="198.51.100.7",
            headers="Host: t.example\nUser-Agent: Browser/1\nX-Forwarded-For: 198.51.100.7\nX-Forwarded-Proto: https",
            destination=URL,
            protocol="https",
        )
    ] == host.hits


@pytest.mark.parametrize("target", [click(), image(), pixel()])
def test_head_is_answered_like_get_and_told_as_a_machine(target):
    host = Host()
    got_status, got_fields, _ = host.request(target)
    status, fields, body = host.request(target, "HEAD")
    assert (got_status, got_fields, b"") == (status, fields, body)
    assert ["", "method"] == [hit.rule for hit in host.hits]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get", "X"])
def test_other_methods_are_not_understood(method):
    host = Host()
    status, fields, _ = host.request(click(), method)
    assert 405 == status
    assert "Allow: GET, HEAD" in fields
    assert [] == host.hits


def test_an_absolute_request_target_is_the_same():
    assert [URL] == location(Host().request(f"http://t.example{click()}")[1])


def test_what_browsers_normalised_is_followed_as_it_came():
    host = Host()
    altered = click().replace("/a%2Fb", "/x/../a%2fb")
    assert ["https://shop.example/a%2fb?c=d&e"] == location(host.request(altered)[1])
    assert [] == host.asked


@pytest.mark.row(148)
@pytest.mark.parametrize(
    "tail", ["/evil.example/", "//evil.example/", "/shop.example/a%2Fb?c=x", "/javascript:alert(1)", "/"]
)
def test_an_altered_link_leads_to_the_message_s_own(tail):
    host = Host("https://shop.example/ö#f")
    token = RING.click(DELIVERY, 3, URL)
    status, fields, _ = host.request(f"/{token}{tail}")
    assert (302, ["https://shop.example/%C3%B6#f"], [(DELIVERY, 3)]) == (status, location(fields), host.asked)
    assert "https://shop.example/%C3%B6#f" == host.hits[0].destination


@pytest.mark.row(148)
@pytest.mark.parametrize("stored", [None, "", "javascript:alert(1)", "ftp://x/", "https://u:p@x/", "no url"])
def test_an_altered_link_without_a_web_address_of_its_own_is_not_found(stored):
    host = Host(stored)
    status, fields, _ = host.request(f"/{RING.click(DELIVERY, 3, URL)}/evil.example/")
    assert (404, []) == (status, location(fields))
    assert [] == host.hits


@pytest.mark.row(148)
@pytest.mark.parametrize(
    "stored", ["https://x.example/\r\nSet-Cookie: a=b", "https://x.example/\x00\r\n\r\nbody"]
)
def test_a_stored_link_splits_no_header(stored):
    _, fields, body = Host(stored).request(f"/{RING.click(DELIVERY, 3, URL)}/evil.example/")
    assert not [field for field in fields if field.startswith("Set-Cookie")]
    assert b"" == body
    assert 1 == len(location(fields))


@pytest.mark.row(148)
@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/favicon.ico",
        "/robots.txt",
        "//evil.example/",
        "/https://evil.example/",
        "/" + "A" * 36 + "/evil.example/",
        click(ring=OTHERS),
        click()[:20] + "A" + click()[21:],
        click().replace("/", "//", 1),
        click()[1:],
        "*",
        "http://t.example",
    ],
)
def test_anything_else_is_a_bare_404(target):
    host = Host("https://shop.example/")
    status, fields, body = host.request(target)
    assert (404, [], b"Not found.\n") == (status, location(fields), body)
    assert [] == host.hits == host.asked


def test_a_store_that_is_down_does_not_stop_a_genuine_link_and_asks_to_retry_an_altered_one():
    def down():
        raise SpoolUnavailable("locked")

    host = Host(down)
    assert 302 == host.request(click())[0]
    status, fields, _ = host.request(f"/{RING.click(DELIVERY, 3, URL)}/evil.example/")
    assert 503 == status
    assert "Retry-After: 60" in fields


def test_a_store_that_does_not_answer_is_not_waited_for_long():
    host = Host(Deferred)
    assert None is host.request(f"/{RING.click(DELIVERY, 3, URL)}/evil.example/")[0]
    host.clock.advance(5)
    assert 503 == host.response()[0]


def test_the_pixel_is_43_octets_that_nobody_keeps_and_an_open():
    host = Host()
    status, fields, body = host.request(pixel())
    assert (200, 43, PIXEL) == (status, len(body), body)
    assert fields >= {"Content-Type: image/gif", "Content-Length: 43", *NEVER_KEPT}
    assert [(SlotKind.OPEN, DELIVERY, 5, "")] == [
        (h.kind, h.delivery, h.number, h.destination) for h in host.hits
    ]


@pytest.mark.row(149)
@pytest.mark.parametrize(
    "target", [pixel(OTHERS), "/x.gif", "/" + "A" * 36 + ".gif", "/.gif?x", pixel()[:-6] + ".gif"]
)
def test_a_pixel_of_nobody_looks_the_same(target):
    host = Host()
    genuine, stranger = host.request(pixel()), host.request(target)
    assert genuine == stranger
    assert 1 == len(host.hits)


def test_a_tracked_image_leads_to_the_image_and_is_an_open():
    host = Host()
    status, fields, _ = host.request(image())
    assert (302, [URL]) == (status, location(fields))
    assert [(SlotKind.OPEN, 4, URL)] == [(hit.kind, hit.number, hit.destination) for hit in host.hits]


def test_keys_may_change_under_way():
    rings = [RING]
    host = Host()
    tracking = Tracking(lambda: rings[-1], host, host.hits.append, Proxies([]), host.clock, lambda: 0.0)
    host.server.handler = tracking.answer
    assert 302 == host.request(click())[0]
    rings.append(OTHERS)
    assert 404 == host.request(click())[0]


@given(st.text(st.characters(blacklist_characters="\r\n ", blacklist_categories=("Cs",)), max_size=60))
def test_no_target_leads_anywhere_but_where_a_message_led(text):
    host = Host("https://shop.example/")
    token = RING.click(DELIVERY, 3, URL)
    for target in (f"/{text}", f"/{token}{text}", f"/{token}/{text}", text):
        _, fields, _ = host.request(target)
        assert set(location(fields)) <= {"https://shop.example/", URL}


def test_the_answer_is_the_same_for_machines():
    host = Host()
    human = host.request(click())
    machine = host.request(click(), "GET", "Sec-Purpose: prefetch;prerender")
    assert human == machine
    assert ["", "prefetch"] == [hit.rule for hit in host.hits]


def test_an_anonymous_host_keeps_neither_address_nor_agent():
    hits = []
    tracking = Tracking(lambda: RING, None, hits.append, Proxies([]), Clock(), lambda: 1.0, anonymous=True)
    tracking.answer(Visit(b"GET", click().encode(), (("User-Agent", "curl/8"),), "192.0.2.9"))
    assert [("", "", "agent")] == [(hit.ip, hit.headers, hit.rule) for hit in hits]


class Shelf:
    """Pictures in memory."""

    def __init__(self, picture):
        self.asked = []
        self._picture = picture

    def picture(self, url):
        self.asked.append(url)
        return succeed(self._picture)


def serving(picture, target):
    """What a host that serves pictures answers."""
    shelf, hits = Shelf(picture), []
    tracking = Tracking(lambda: RING, None, hits.append, Proxies([]), Clock(), lambda: 1.0, pictures=shelf)
    answer = tracking.answer(Visit(b"GET", target.encode(), (), "192.0.2.9"))
    if not isinstance(answer, Answer):
        held = []
        Deferred.fromCoroutine(answer).addBoth(held.append)
        [answer] = held
    return answer, shelf.asked, len(hits)


def test_a_picture_is_served_and_told():
    answer, asked, told = serving((b"image/png", b"PNG"), image())
    assert (200, b"PNG", [URL], 1) == (answer.status, answer.body, asked, told)
    assert {(b"Content-Type", b"image/png"), (b"Cache-Control", b"no-store")} <= set(answer.headers)


def test_a_picture_that_is_not_to_be_had_is_redirected_to():
    answer, _, told = serving(None, image())
    assert (302, (b"Location", URL.encode()), 1) == (answer.status, answer.headers[0], told)


@pytest.mark.parametrize("target", [click(), pixel(), "/x.gif", "/nothing"])
def test_nothing_but_tracked_images_is_ever_fetched(target):
    assert [] == serving((b"image/png", b"PNG"), target)[1]
