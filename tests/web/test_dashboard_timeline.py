"""Events as a person reads them."""

import pytest

from smtpeter.journal.events import Attempt, Click, Failed
from smtpeter.message.status import Stage
from smtpeter.web.dashboard.timeline import item

COMMON = {"time": 1.0, "delivery": 1, "message": 1}


def test_switches_are_listed():
    told = item(Attempt(properties=("track_clicks", "inline_css"), client="192.0.2.1", **COMMON))
    assert ("Accepted", (("switches", "Track clicks, Inline CSS"), ("client", "192.0.2.1"))) == (
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


@pytest.mark.parametrize("stage", list(Stage))
def test_where_a_conversation_ended_is_told_in_words(stage):
    told = dict(item(Failed(state=stage.value, **COMMON)).details)["at"]
    assert " " in told or told == "connecting"


def test_a_host_is_told_where_it_is_another_than_the_one_written_to():
    same = item(Failed(to="192.0.2.1", host="192.0.2.1", **COMMON)).details
    other = item(Failed(to="192.0.2.1", host="mx.example", **COMMON)).details
    assert (False, "mx.example") == ("host" in dict(same), dict(other)["host"])
