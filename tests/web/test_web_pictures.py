"""The cache of tracked images: fetched once, bounded, and never in the way."""

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from smtpeter.request.client import NoAnswer, Response
from smtpeter.web.pictures import Pictures


class Web:
    """Answers as a test says; `asked` are the URLs."""

    def __init__(self):
        self.asked = []
        self.answer = Response(200, (("content-type", "image/png; x=y"),), b"PNG")

    def get(self, _method, url, _fields, *, most):
        assert 2_097_152 == most
        self.asked.append(url)
        if isinstance(self.answer, Deferred):
            return self.answer
        return fail(self.answer) if isinstance(self.answer, Exception) else succeed(self.answer)


@pytest.fixture
def web():
    return Web()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pictures(web, clock):
    return Pictures(web.get, clock, maximum=10_000)


def got(deferred):
    held = []
    deferred.addCallback(held.append)
    return held[0]


def test_a_picture_is_fetched_once_an_hour(pictures, web, clock):
    assert [(b"image/png", b"PNG")] * 2 == [got(pictures.picture("http://a/")) for _ in range(2)]
    assert ["http://a/"] == web.asked
    clock.advance(3600.0)
    pictures.picture("http://a/")
    assert 2 == len(web.asked)


@pytest.mark.parametrize(
    "answer",
    [
        NoAnswer("gone"),
        Response(404, (("content-type", "image/png"),), b"PNG"),
        Response(302, (("location", "http://127.0.0.1/"),), b""),
        Response(200, (("content-type", "text/html"),), b"<script>"),
        Response(200, (("content-type", "image/svg+xml"),), b"<svg>"),
        Response(200, (), b"PNG"),
    ],
    ids=["no answer", "not found", "redirect", "page", "svg", "no type"],
)
def test_what_is_no_picture_is_not_asked_for_again_within_a_minute(pictures, web, clock, answer):
    web.answer = answer
    assert [None, None] == [got(pictures.picture("http://a/")) for _ in range(2)]
    assert 1 == len(web.asked)
    clock.advance(60.0)
    web.answer = Response(200, (("content-type", "image/gif"),), b"GIF")
    assert (b"image/gif", b"GIF") == got(pictures.picture("http://a/"))


def test_all_who_wait_share_one_request(pictures, web):
    web.answer = answer = Deferred()
    waiting = [pictures.picture("http://a/") for _ in range(3)]
    answer.callback(Response(200, (("content-type", "image/png"),), b"PNG"))
    assert [(b"image/png", b"PNG")] * 3 == [got(one) for one in waiting]
    assert 1 == len(web.asked)


def test_no_more_than_twenty_are_fetched_at_a_time(pictures, web):
    web.answer = Deferred()
    for number in range(20):
        assert not pictures.picture(f"http://{number}/").called
    assert None is got(pictures.picture("http://20/"))
    assert 20 == len(web.asked)


def test_the_cache_is_bounded_and_the_longest_unused_go_first(pictures, web):
    web.answer = Response(200, (("content-type", "image/png"),), b"x" * 4000)
    for url in ("http://a/", "http://b/", "http://a/", "http://c/", "http://a/", "http://b/"):
        pictures.picture(url)
    assert ["http://a/", "http://b/", "http://c/", "http://b/"] == web.asked


def test_a_fault_of_ours_is_logged_and_no_picture(pictures, web, expected_failures):
    expected_failures.append(ZeroDivisionError)
    web.answer = ZeroDivisionError("ours")
    assert None is got(pictures.picture("http://a/"))
