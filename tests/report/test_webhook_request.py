"""What a webhook's request says, and how a receiver verifies it."""

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from smtpeter.accounts.webhooks import KINDS, Encoding, Webhook
from smtpeter.journal.events import Click, Delivered, Failed, Open
from smtpeter.journal.interface import Entry
from smtpeter.report import webhook as module

NOW = 1_767_355_200.0
SECRET = bytes(range(32))


def webhook(**more):
    facts = {
        "id": 1,
        "url": "https://x.example/h",
        "kinds": tuple(KINDS),
        "secret": SECRET,
        "created_at": 0.0,
    }
    return Webhook(**{**facts, **more})


FACTS = {
    "time": NOW,
    "delivery": 7,
    "message": 70,
    "login": "shop",
    "recipient": "bob@x.example",
    "tags": ("a", "b"),
}


def told(event, encoding=Encoding.JSON):
    headers, body = module.request(webhook(encoding=encoding), Entry(42, event), NOW + 60)
    return dict(headers), body


def test_a_click_has_the_product_s_variables():
    event = Click(
        **FACTS, ip="192.0.2.7", headers="User-Agent: B/1\nReferer: http://r/", url="http://x.example/"
    )
    _, body = told(event)
    assert {
        "id": "aaaaaaaaaaaao",
        "type": "click",
        "timestamp": "2026-01-02 12:00:00",
        "time": 1_767_355_200,
        "recipient": "bob@x.example",
        "ip": "192.0.2.7",
        "original": "http://x.example/",
        "useragent": "B/1",
        "referer": "http://r/",
        "tags": ["a", "b"],
    }.items() <= json.loads(body).items()


def test_an_open_tells_who_asked():
    _, body = told(Open(**FACTS, ip="192.0.2.7", headers="User-Agent: B/1"))
    assert ("open", "192.0.2.7", "B/1") == tuple(json.loads(body)[key] for key in ("type", "ip", "useragent"))


@pytest.mark.parametrize(
    ("reply", "parts"),
    [
        ("250 2.0.0 Ok: queued", {"code": "250", "extended": "2.0.0", "description": "Ok: queued"}),
        ("250 thanks", {"code": "250", "description": "thanks"}),
        ("", {}),
    ],
)
def test_a_delivery_tells_the_reply_in_parts(reply, parts):
    body = json.loads(told(Delivered(**FACTS, reply=reply))[1])
    assert parts == {key: body[key] for key in ("code", "extended", "description") if key in body}


def test_a_failure_tells_why():
    event = Failed(**FACTS, code=550, status="5.1.1", description="no such user", state="rcptto")
    body = json.loads(told(event)[1])
    assert {
        "type": "failure",
        "action": "failed",
        "state": "rcptto",
        "code": "550",
        "extended": "5.1.1",
        "description": "no such user",
    }.items() <= body.items()


def test_a_form_has_lists_by_name_and_brackets():
    headers, body = told(Delivered(**FACTS, reply="250 Ok ü"), Encoding.FORM)
    assert "application/x-www-form-urlencoded" == headers["Content-Type"]
    pairs = parse_qsl(body.decode())
    assert [("tags[]", "a"), ("tags[]", "b")] == [pair for pair in pairs if pair[0] == "tags[]"]
    assert ("description", "Ok ü") in pairs


@pytest.mark.row(151)
def test_the_signature_covers_id_time_and_body():
    """Standard Webhooks: the base64 of an HMAC-SHA256 over ID.TIMESTAMP.BODY."""
    headers, body = told(Delivered(**FACTS))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    code = base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    assert "v1," + code == headers["webhook-signature"]
    assert ("evt_42", "1767355260") == (headers["webhook-id"], headers["webhook-timestamp"])


def receiver():
    """The documentation's own lines."""
    text = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    namespace = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], namespace)
    return namespace["verified"]


@pytest.mark.row(151)
def test_the_ten_lines_of_the_documentation_verify_what_is_sent():
    verified = receiver()
    headers, body = told(Delivered(**FACTS))
    secret = webhook().shown_secret()
    assert verified(secret, headers, body, NOW + 61)
    assert not verified(secret, headers, body + b" ", NOW + 61)
    assert not verified(secret, {**headers, "webhook-id": "evt_43"}, body, NOW + 61)
    assert not verified(secret, {**headers, "webhook-timestamp": "1767355261"}, body, NOW + 61)
    assert not verified(secret, headers, body, NOW + 1000)
    assert not verified("whsec_" + base64.b64encode(b"other" * 6).decode(), headers, body, NOW + 61)


def test_the_waits_grow_to_an_hour():
    assert [5.0, 30.0, 120.0, 300.0, 900.0, 1800.0, 3600.0, 3600.0] == [module.delay(n) for n in range(1, 9)]


def test_the_test_request_is_signed_likewise():
    headers, body = module.test_request(webhook(), NOW)
    assert receiver()(webhook().shown_secret(), dict(headers), body, NOW)
    assert "test" == json.loads(body)["type"]
