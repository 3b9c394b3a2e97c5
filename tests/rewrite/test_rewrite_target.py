"""Which URLs can be tracked, which not and why, and that the tracked form leads back."""

import pytest
from ada_url import normalize_url
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from smtpeter.message.edit import SlotKind
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.token import KeyRing, Untrackable, split_target, tracked_tail
from smtpeter.rewrite.target import LONGEST, MOST, Reason, Tracked, Tracker

TRACKER = Tracker(SlotKind.CLICK, "https://click.example/t")
RING = KeyRing({1: b"k" * 32}, 1)
DELIVERY = DeliveryId(0x1234567890)


def clicked(tracked, number=3, client=lambda url: url):
    """What the click's token says, the tracked URL having gone through a client."""
    url = f"https://click.example/t/{RING.click(DELIVERY, number, tracked.url)}{tracked.tail}"
    requested = client(url).partition("#")[0].partition("click.example/t")[2]
    return RING.read_click(*split_target(requested.encode()))


TRAPS = [
    "http://example.com",
    "http://example.com?query=without&path",
    "HTTP://EXAMPLE.com/Path",
    "https://example.com/a@b,c!d$e*f|g'h(i)[j]",
    "https://example.com/?q=a@b,c!d$e*f|g'h(i)[j]&k=l;m=n",
    "https://example.com/größe?maß=groß#überall",
    "https://münchen.example/",
    "https://例え.テスト/",
    "https://example.com:8443/x",
    "https://example.com:443/x",
    "https://192.0.2.1/x",
    "https://example.com/a/../b/./c",
    "https://example.com/%7Euser/%2e%2e/%e4",
    "  https://example.com/leading-blanks  ",
    "https://example.com/line\r\nend",
    "https://example.com/?next=https%3A%2F%2Fother.example%2F%3Fa%3D1%26b%3D2",
    "https://example.com//double//slash",
    "https://example.com/a b",
    "https://example.com/?a=1&amp;b=2",
    "https://example.com/path;jsessionid=1?x",
    "https://example.com/#only-a-fragment?not=a&query",
    "https://example.com/?",
    "https://example.com/?#",
    "https://xn--mnchen-3ya.example/",
    "https://a_b.example/x",
    "https://example.com./x",
]


@pytest.mark.row(74)
@pytest.mark.parametrize("url", TRAPS)
def test_the_tracked_form_leads_back_to_the_url(url):
    tracked = TRACKER.track(url, 3)
    assert isinstance(tracked, Tracked)
    assert normalize_url(url) == tracked.url
    assert tracked_tail(url) == tracked.tail
    assert tracked.tail.isascii()
    for client in (lambda url: url, normalize_url):
        genuine = clicked(tracked, client=client)
        assert (DELIVERY, 3, normalize_url(url).partition("#")[0]) == genuine


@pytest.mark.row(76)
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", Reason.EMPTY),
        (" \r\n", Reason.EMPTY),
        ("#top", Reason.ANCHOR),
        ("/path", Reason.RELATIVE),
        ("page.html?x=http://example.com", Reason.RELATIVE),
        ("//example.com/x", Reason.RELATIVE),
        ("?q", Reason.RELATIVE),
        ("http:page", Reason.RELATIVE),
        ("http:\\\\example.com", Reason.RELATIVE),
        ("mailto:a@example.com", Reason.SCHEME),
        ("tel:+1", Reason.SCHEME),
        ("sms:+1", Reason.SCHEME),
        ("skype:x?call", Reason.SCHEME),
        ("cid:part1@example.com", Reason.SCHEME),
        ("data:text/html,x", Reason.SCHEME),
        ("javascript:void(0)", Reason.SCHEME),
        (" java\tscript:x", Reason.SCHEME),
        ("ftp://example.com/", Reason.SCHEME),
        ("{{ url }}", Reason.PLACEHOLDER),
        ("https://example.com/{{ id }}", Reason.PLACEHOLDER),
        ("https://{%host%}/", Reason.PLACEHOLDER),
        ("https://example.com/%%id%%", Reason.PLACEHOLDER),
        ("https://example.com/*|ID|*", Reason.PLACEHOLDER),
        ("https://example.com/{$id}", Reason.PLACEHOLDER),
        ("https://example.com/${id}", Reason.PLACEHOLDER),
        ("https://example.com/<%= id %>", Reason.PLACEHOLDER),
        ("%%unsubscribe%%", Reason.PLACEHOLDER),
        ("https://user@example.com/", Reason.USER),
        ("https://user:secret@example.com/", Reason.USER),
        ("https://@example.com/", Reason.USER),
        ("https://[2001:db8::1]/", Reason.IPV6),
        ("https://example.com\\@evil.example/", Reason.INVALID),
        ("https://exa mple.com/", Reason.INVALID),
        ("https://./", Reason.INVALID),
        ("https://../x", Reason.INVALID),
        ("https://", Reason.INVALID),
        ("https://example.com:99999/", Reason.INVALID),
        ("https://a\x00b.example/", Reason.INVALID),
        ("https://click.example/t/x", Reason.TRACKED),
    ],
)
def test_the_rest_is_left_with_its_reason(url, reason):
    assert reason is TRACKER.track(url, 0)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://click.example", Reason.INSECURE),
        ("https://click.example", None),
        ("http://127.0.0.1:8080", None),
        ("http://localhost:8080/", None),
        ("http://[::1]:8080", None),
    ],
)
def test_https_links_need_an_https_tracking_host_or_loopback(base, expected):
    result = Tracker(SlotKind.CLICK, base).track("https://example.com/", 0)
    assert expected is result if expected else isinstance(result, Tracked)
    assert isinstance(Tracker(SlotKind.CLICK, base).track("http://example.com/", 0), Tracked)


def test_no_tracked_url_is_longer_than_two_thousand_octets():
    overhead = len("https://click.example/t/") + 36 + len("/example.com/")
    fits = "https://example.com/" + "a" * (LONGEST - overhead)
    assert isinstance(TRACKER.track(fits, 0), Tracked)
    assert Reason.LONG is TRACKER.track(fits + "a", 0)


def test_the_number_of_tracked_places_is_bounded():
    assert isinstance(TRACKER.track("https://example.com/", MOST - 1), Tracked)
    assert Reason.MANY is TRACKER.track("https://example.com/", MOST)


def test_a_query_beyond_ascii_is_clear_in_unicode_only():
    assert Reason.CHARSET is TRACKER.track("https://example.com/?ä", 0, is_unicode=False)
    assert isinstance(TRACKER.track("https://example.com/ä#ä?ä", 0, is_unicode=False), Tracked)
    assert isinstance(TRACKER.track("https://example.com/?ä", 0), Tracked)


@pytest.mark.parametrize(
    ("base", "host"),
    [
        ("https://Click.Example:8443/x", "click.example"),
        ("http://[::1]:80", "[::1]"),
        ("http://127.0.0.1", "127.0.0.1"),
    ],
)
def test_the_tracking_host(base, host):
    assert host.partition("]:")[0] + ("]" if "]:" in host else "") == Tracker(SlotKind.CLICK, base).host


URLS = st.lists(
    st.sampled_from(["a", "example", ".com", ".", "/", "//", "/.", "/..", "%2e", "%2", "%41", "%%", "?", "#", "&", "=", "'", "(", "@", ":", "-", "--",
                     "xn--", "1", "0x1", "A", "_", "~", "+", ";", ",", "!", "$", "*", "|", "[", "é", " ", "ß", "www", "\\", "^", "{", "`", '"', "<"]),
    max_size=12,
).map(lambda pieces: "https://example.com"[: 8 + 11 * (len(pieces) % 2)] + "".join(pieces))  # fmt: skip


@settings(max_examples=600)
@given(URLS)
@example("http://r3---sn.example.com/")
@example("https://-a-.b-.example/")
@example("https://" + "a" * 70 + ".example/")
def test_the_short_cut_gives_what_the_serialiser_gives(url):
    result = TRACKER.track(url, 0)
    if isinstance(result, Reason):
        return
    assert tracked_tail(url) == result.tail
    assert normalize_url(url) == result.url


@settings(max_examples=200)
@given(URLS)
def test_every_click_leads_back(url):
    result = TRACKER.track(url, 3)
    assume(isinstance(result, Tracked))
    expected = normalize_url(url).partition("#")[0]
    assert (DELIVERY, 3, expected) == clicked(result)
    assert (DELIVERY, 3, expected) == clicked(result, client=normalize_url)


@given(st.text())
def test_any_text_has_a_result(url):
    try:
        tracked_tail(url)
        trackable = True
    except Untrackable:
        trackable = False
    assert trackable or isinstance(TRACKER.track(url, 0), Reason)
