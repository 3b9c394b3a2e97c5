"""`smtpeter queue …`, `message show`, `events` and `explain`, over a store with mail in it."""

import time

import pytest

from smtpeter import config
from smtpeter.message.identifier import show
from smtpeter.service.answer import answered
from smtpeter.service.host import host
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import Step
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
