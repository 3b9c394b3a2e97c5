"""Events as a person reads them."""

from smtpeter.journal.events import Attempt, Click, Failed
from smtpeter.web.dashboard.timeline import item

COMMON = {"time": 1.0, "delivery": 1, "message": 1}


def test_switches_are_listed():
    told = item(Attempt(properties=("track_clicks", "inline_css"), client="192.0.2.1", **COMMON))
    assert ("Accepted", (("switches", "track_clicks, inline_css"), ("client", "192.0.2.1"))) == (
        told.title,
        told.details,
    )


def test_of_a_request_only_the_browser_is_told():
    headers = "Host: x\nUser-Agent: Mozilla/5.0 (X11)\nAccept: */*"
    details = dict(item(Click(ip="192.0.2.1", headers=headers, url="https://x.example/", **COMMON)).details)
    assert {"address": "192.0.2.1", "url": "https://x.example/", "browser": "Mozilla/5.0 (X11)"} == details


def test_a_request_may_say_nothing_of_its_browser():
    assert () == item(Click(headers="Host: x", **COMMON)).details


def test_a_failure_is_bad():
    assert "bad" == item(Failed(**COMMON)).mood
