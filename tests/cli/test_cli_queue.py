"""`smtpeter queue …`, `message show`, `events` and `explain`, over a store with mail in it."""

import io
import time

import pytest
from twisted.internet.defer import succeed

from smtpeter import config
from smtpeter.cli import queue
from smtpeter.message.identifier import show
from smtpeter.service.answer import answered
from smtpeter.service.host import host
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.sites import SiteSummary
from smtpeter.spool.states import Step
from smtpeter.spool.waiting import Reason, SiteState
from smtpeter.storage.store import open_for_command
from tests.storage.stores import accepted


@pytest.fixture
def store(configuration):
    settings = config.load(configuration)
    store = open_for_command(settings.store.url, settings.data_directory, host())
    yield store
    store.stop()


@pytest.fixture
def queued(store):
    """Three deliveries that wait, of messages of their own."""
    mails = [
        accepted(number * 10, recipients=(f"reader@{name}.example",)) for number, name in enumerate("abc", 1)
    ]
    for mail in mails:
        answered(store.spool.accept(mail))
    return [mail.deliveries[0] for mail in mails]


def test_an_empty_queue_says_so(smtpeter, listed):
    assert "Nothing waits in the queue.\n" == smtpeter("queue", "list").output
    assert [] == listed("queue", "list")


def test_the_queue_lists_what_waits_and_filters_find_it(listed, queued):
    assert [show(one.id) for one in queued] == [row["id"] for row in listed("queue", "list")]
    assert ["reader@b.example"] == [
        row["recipient"] for row in listed("queue", "list", "--domain", "B.Example")
    ]
    assert ["reader@c.example"] == [
        row["recipient"] for row in listed("queue", "list", "--id", show(queued[2].id))
    ]


def test_hold_release_delete(smtpeter, listed, queued):
    identifier = show(queued[0].id)

    assert {"altered": 1} == listed("queue", "hold", "--id", identifier)
    assert "held" == listed("queue", "show", identifier)["state"]
    assert {"altered": 1} == listed("queue", "release", "--id", identifier)
    assert "due" == listed("queue", "show", identifier)["state"]
    assert {"altered": 1} == listed("queue", "delete", "--id", identifier)
    assert "deleted" == listed("queue", "show", identifier)["state"]
    assert {"altered": 2} == listed("queue", "delete", "--all")
    assert "0 deliveries\n" == smtpeter("queue", "delete", "--all").output


def test_a_verb_without_a_filter_touches_nothing(smtpeter, listed, queued):
    ended = smtpeter("queue", "delete")

    assert 2 == ended.exit_code
    assert len(queued) == len(listed("queue", "list"))


def test_the_story_is_found_by_delivery_and_by_message(smtpeter, listed, queued):
    by_delivery = listed("message", "show", show(queued[0].id))

    assert by_delivery == listed("message", "show", show(queued[0].message))
    assert "reader@a.example" == by_delivery["recipient"]
    assert by_delivery["submitted"]["size"] > 0
    assert "reader@a.example: due" in smtpeter("message", "show", show(queued[0].id)).output


def test_a_subject_is_printed_as_people_read_it(smtpeter, listed, store):
    raw = "=?utf-8?q?Gr=C3=BC=C3=9Fe?="
    one = accepted(7, facts={"subject": raw})
    answered(store.spool.accept(one))

    identifier = show(one.deliveries[0].id)

    assert "Grüße" in smtpeter("message", "show", identifier).output
    assert raw == listed("message", "show", identifier)["submitted"]["subject"]


def test_the_story_outlives_the_content(listed, queued, store):
    answered(store.spool.alter(QueueFilter(), Step.DELETE, time.time(), 10))
    assert answered(store.spool.forget_content(time.time() + 1e9, 10)) == len(queued)

    told = listed("message", "show", show(queued[0].id))

    assert told["submitted"]["login"]
    assert told["submitted"]["size"] is None


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("queue", "show", "nonsense"), "an identifier has 13 letters and digits"),
        (("queue", "show", "a" * 13), "no such delivery"),
        (("message", "show", "a" * 13), "no such delivery or message"),
    ],
)
def test_an_unknown_id_is_said_in_one_line(smtpeter, words, problem):
    ended = smtpeter(*words)

    assert 1 == ended.exit_code
    assert problem in ended.stderr


def test_events_are_filtered(listed, queued):
    assert [] == listed("events", "--kind", "click")
    assert [] == listed("events", "--recipient", "nobody@a.example")


def test_explain_tells_of_links_in_conditional_comments(listed, tmp_path):
    listed("login", "create", "news", "--track-clicks")
    file = tmp_path / "message.eml"
    file.write_text(
        "MIME-Version: 1.0\nContent-Type: text/html\n\n<!--[if mso]><a href='https://a.example/'><![endif]-->\n"
    )
    (finding,) = listed("explain", str(file), "--login", "news")["report"]["findings"]
    assert ("left", "https://a.example/") == (finding["verdict"], finding["value"])
    assert "conditional comment" in finding["reason"]


def test_explain_tells_each_link_and_keeps_nothing(smtpeter, listed, tmp_path):
    listed("login", "create", "news", "--track-clicks", "--prevent-scam")
    file = tmp_path / "message.eml"
    file.write_text(
        "Subject: x\nMIME-Version: 1.0\nContent-Type: text/html\n\n"
        '<a href="https://www.example.com/a">here</a> <a href="https://www.example.com/b">www.example.com</a>'
    )

    told = listed("explain", str(file), "--login", "news")

    assert ["changed", "left"] == [finding["verdict"] for finding in told["report"]["findings"]]
    assert any("/TTTT" in line for line in told["diff"])
    assert [] == listed("queue", "list")


@pytest.mark.parametrize(
    ("octets", "shown"),
    [("Grüße 漢字".encode(), "Grüße 漢字"), ("Grüße".encode("iso-8859-1"), "Grüße"), (b"\xff\xfe", "ÿþ")],
)
def test_explain_shows_text_as_people_read_it(listed, tmp_path, octets, shown):
    listed("login", "create", "news", "--track-clicks")
    file = tmp_path / "message.eml"
    file.write_bytes(
        b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        b"x-smtpeter-tags: " + octets + b"\r\n\r\n" + octets
    )
    assert f"-x-smtpeter-tags: {shown}" in listed("explain", str(file), "--login", "news")["diff"]


TROUBLE = SiteState("{mx1,mx2}.host.example", Reason.SITE_TROUBLE, 9e9, "451 4.4.1 No connection", 0, 1, 0)


@pytest.fixture
def troubled(store, queued):
    """The site of a.example and b.example is in trouble."""
    sites = {"a.example": TROUBLE.site, "b.example": TROUBLE.site}
    answered(store.sites.tell([TROUBLE], sites, time.time()))
    return queued


def test_every_delivery_says_why_it_waits(smtpeter, listed, troubled):
    rows = listed("queue", "list")
    assert [TROUBLE.site, TROUBLE.site, "c.example"] == [row["site"] for row in rows]
    assert ["site in trouble", "site in trouble", "backlog"] == [row["reason"] for row in rows]
    assert ["451 4.4.1 No connection", "451 4.4.1 No connection", ""] == [row["said"] for row in rows]
    assert "site in trouble" in smtpeter("queue", "list").output
    told = listed("message", "show", show(troubled[0].id))
    assert ("site in trouble", TROUBLE.site) == (told["reason"], told["site"])
    assert "site in trouble" in smtpeter("message", "show", show(troubled[0].id)).output
    assert "site in trouble" in smtpeter("queue", "show", show(troubled[0].id)).output


def test_the_queue_is_summed_up_by_site(smtpeter, listed, troubled):
    first, second = listed("queue", "list", "--sites")
    assert (TROUBLE.site, 2, 2, "site in trouble") == tuple(
        first[name] for name in ("site", "domains", "queued", "reason")
    )
    assert ("c.example", 1, None) == (second["site"], second["queued"], second["reason"])
    assert first["oldest"] <= first["next"]
    assert TROUBLE.site in smtpeter("queue", "list", "--sites").output
    assert 2 == smtpeter("queue", "list", "--sites", "--login", "x").exit_code


def test_what_is_meant_is_named_in_many_ways(listed, troubled):
    assert 2 == len(listed("queue", "list", "--site", TROUBLE.site))
    assert 3 == len(listed("queue", "list", "--sender", "me@customer.example"))
    assert 0 == len(listed("queue", "list", "--sender", ""))
    assert 3 == len(listed("queue", "list", "--older-than", "1h"))
    assert {"altered": 2} == listed("queue", "hold", "--site", TROUBLE.site)
    assert 2 == len(listed("queue", "list", "--state", "held"))


def test_an_age_that_is_none_is_refused(smtpeter):
    ended = smtpeter("queue", "list", "--older-than", "yesterday")
    assert 2 == ended.exit_code
    assert "expected a duration" in ended.stderr


def test_a_retry_has_a_site_in_trouble_tried_now_and_says_so(smtpeter, listed, troubled, store):
    assert {"altered": 0, "lifted": [TROUBLE.site]} == listed("queue", "retry", "--domain", "a.example")
    assert {"altered": 0} == listed("queue", "retry", "--domain", "c.example")
    assert "was in trouble, and is tried now" in smtpeter("queue", "retry", "--all").output
    assert (TROUBLE.site, TROUBLE.site) == answered(store.sites.lifted(0))[1]


def test_a_login_has_a_priority_and_a_time_for_delivery(smtpeter, listed):
    made = listed("login", "create", "codes", "--priority", "high", "--max-deliver-time", "10m")
    assert ("high", 600.0) == (made["priority"], made["max_deliver_time"])
    changed = listed("login", "modify", "codes", "--max-deliver-time", "default")
    assert ("high", None) == (changed["priority"], changed["max_deliver_time"])
    assert 2 == smtpeter("login", "modify", "codes", "--max-deliver-time", "soon").exit_code
    assert 2 == smtpeter("login", "modify", "codes", "--max-deliver-time", "0s").exit_code


def test_long_work_shows_how_far_it_is(monkeypatch):
    """Portion by portion, with a bar where somebody looks; of some a few were claimed since they were found."""
    left = [500, 499, 251, 0]

    class Store:
        class spool:
            alter = staticmethod(lambda *_: succeed(left.pop(0)))

        class sites:
            sites = staticmethod(lambda _: succeed([SiteSummary("x", 1, 1250, 0, 0, 0.0, 0.0)]))

        run = staticmethod(answered)

    class Screen(io.StringIO):
        isatty = staticmethod(lambda: True)

    screen = Screen()
    monkeypatch.setattr(queue.sys, "stderr", screen)
    assert 1250 == sum(queue._altered(Store, QueueFilter(), Step.HOLD, quiet=False))
    assert "100%" in screen.getvalue()
