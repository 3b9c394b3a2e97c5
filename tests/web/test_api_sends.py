"""/send, /resend and /explain: what is asked for is what is kept, and what cannot be is refused by its field."""

from dataclasses import replace
from email import message_from_bytes, policy

import pytest

from smtpeter.message.envelope import Notify, Ret
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.submission.returning import NO_HOST
from tests.storage.stores import result
from tests.web.rest import MESSAGE, NOW, Rest, b64


@pytest.fixture
def rest():
    return Rest()


def parsed(message):
    return message_from_bytes(message.content, policy=policy.default)


# -- the envelope --------------------------------------------------------------------------------------------


def test_the_minimum_is_accepted_and_each_recipient_has_an_id(rest):
    answered = rest.send()
    assert (200, "application/json") == (answered.status, answered.content_type)
    assert ["john@doe.example"] == list(answered.json.values())
    [message] = rest.messages
    assert "shop" == message.login
    assert message.envelope.return_path is None


def test_recipients_are_answered_in_their_order_and_each_gets_one_copy(rest):
    wanted = ["b@x.example", "a@x.example", "b@X.example", "c@x.example"]
    answered = rest.send(recipient=None, recipients=wanted)
    assert ["b@x.example", "a@x.example", "c@x.example"] == list(answered.json.values())
    assert 3 == len(set(answered.json))


@pytest.mark.parametrize(
    "recipients",
    ["a@x.example,b@x.example", ["a@x.example,b@x.example"], ["a@x.example", " b@x.example "]],
    ids=["comma list", "comma list in an array", "array"],
)
def test_recipients_may_be_written_as_the_product_took_them(rest, recipients):
    answered = rest.send(recipient=None, recipients=recipients)
    assert ["a@x.example", "b@x.example"] == list(answered.json.values())


def test_an_internationalised_domain_is_brought_to_its_ascii_form(rest):
    assert ["a@xn--bcher-kva.example"] == list(rest.send(recipient="a@bücher.example").json.values())


def test_an_address_beyond_ascii_asks_for_smtputf8(rest):
    assert rest.sent(recipient="jörg@x.example").envelope.smtputf8
    assert not rest.sent().envelope.smtputf8


def test_so_does_one_in_the_header_alone_which_has_no_other_form(rest):
    sent = rest.sent(to="jörg@x.example", recipient="list@x.example", envelope="me@example.com")
    assert "To: jörg@x.example\r\n".encode() in sent.content
    assert sent.envelope.smtputf8
    named = rest.sent(to="Jörg <j@x.example>", subject="Grüße", recipient="list@x.example")
    assert not named.envelope.smtputf8


def test_what_a_program_wrote_itself_is_passed_on_as_it_came(rest):
    """As over SMTP without the parameter: hosts that do not offer SMTPUTF8 take it, or say that they do not."""
    mime = "From: a@example.com\r\nSubject: Grüße\r\n\r\nx\r\n"
    assert not rest.sent(**dict.fromkeys(("from", "to", "subject", "text")), mime=mime).envelope.smtputf8


def test_what_asked_for_smtputf8_asks_again_when_it_is_sent_again(rest):
    [first] = rest.send(to="jörg@x.example", recipient="list@x.example").json
    [second] = rest.post("/resend", {"message": first}).json
    assert rest.message(second).envelope.smtputf8


def test_the_envelope_is_the_return_path(rest):
    assert "me@example.com" == str(rest.sent(envelope="me@example.com").envelope.return_path)


def test_what_dsn_asks_for_stands_in_the_envelope(rest):
    asked = {"notify": "success, DELAY", "ret": "FULL", "envid": "a b+c", "orcpt": "old@x.example"}
    envelope = rest.sent(dsn=asked).envelope
    [recipient] = envelope.recipients
    assert Notify.SUCCESS | Notify.DELAY == recipient.notify
    assert ("rfc822", "old@x.example") == (recipient.orcpt.address_type, recipient.orcpt.address)
    assert (Ret.FULL, "a b+c") == (envelope.ret, envelope.envid)


@pytest.mark.parametrize("never", ["NEVER", ["NEVER"]], ids=["text", "array"])
def test_never_is_never(rest, never):
    assert Notify.NEVER == rest.sent(dsn={"notify": never}).envelope.recipients[0].notify


# -- options -------------------------------------------------------------------------------------------------


def test_switches_that_are_left_out_are_the_logins(rest):
    assert ("track_clicks",) == rest.sent().switches.on()


def test_switches_that_are_named_count_for_this_message(rest):
    message = rest.sent(trackclicks=False, trackopens=True, preventscam=True, inlinecss=True)
    assert ("track_opens", "prevent_scam", "inline_css") == message.switches.on()
    assert [message.switches] == rest.prepare.switches


def test_header_fields_count_more_than_switches(rest):
    mime = "x-smtpeter-trackclicks: true\nx-smtpeter-tags: c\nFrom: info@example.com\n\nhello\n"
    body = {"recipient": "a@x.example", "mime": mime, "trackclicks": False, "tags": "a"}
    message = rest.message(next(iter(rest.post("/send", body).json)))
    assert ("track_clicks",) == message.switches.on()
    assert ("a", "c") == message.tags


def test_a_switch_that_the_server_is_not_set_up_for_is_told_in_the_report(rest):
    message = rest.sent(trackbounces=True)
    assert NO_HOST in message.report.notes


@pytest.mark.parametrize("tags", ["a,b", ["a", "b", "a"]], ids=["text", "array"])
def test_tags_are_kept(rest, tags):
    assert ("a", "b") == rest.sent(tags=tags).tags


def test_maxdelivertime_is_the_messages_own_deadline(rest):
    assert NOW + 3600 == rest.sent(maxdelivertime="2026-05-28 21:26:40").give_up_at


@pytest.mark.parametrize(
    ("name", "switch"),
    [
        ("clicktracking", "track_clicks"),
        ("openstracking", "track_opens"),
        ("inlinizecss", "inline_css"),
    ],
)
def test_the_names_of_2015_are_taken(rest, name, switch):
    rest.accounts.replace(replace(rest.login, switches=type(rest.login.switches)()))
    assert (switch,) == rest.sent(**{name: True}).switches.on()


# -- content -------------------------------------------------------------------------------------------------


def test_mime_goes_as_it_is_with_its_lines_in_order(rest):
    mime = "From: info@example.com\nSubject: x\n\nline\r\nother\rlast"
    answered = rest.post("/send", {"recipient": "a@x.example", "mime": mime})
    content = rest.message(next(iter(answered.json))).content
    assert b"From: info@example.com\r\nSubject: x\r\n\r\nline\r\nother\r\nlast" == content


@pytest.mark.parametrize("encoding", [{}, [], None, 5], ids=str)
def test_an_encoding_that_is_no_word_is_a_mistake(rest, encoding):
    attachment = {"content": "x", "encoding": encoding}
    answered = rest.post("/send", {**MESSAGE, "attachments": [attachment]})
    assert 400 == answered.status


def test_attachments_by_data_and_by_url(rest):
    rest.files.known["https://x.example/dir/p%20q.png"] = (b"png", "image/png")
    message = parsed(
        rest.sent(
            attachments=[
                {"data": b64("one"), "name": "ü 1.txt", "type": "text/plain"},
                {"url": "https://x.example/dir/p%20q.png"},
            ]
        )
    )
    files = list(message.iter_attachments())
    assert [("ü 1.txt", "text/plain"), ("p q.png", "image/png")] == [
        (one.get_filename(), one.get_content_type()) for one in files
    ]
    assert b"one" == files[0].get_payload(decode=True)


def test_what_nodemailer_writes_is_taken(rest):
    """Its JSON transport's output: addresses as objects, its own envelope, its names."""
    body = {
        "envelope": {"from": "me@example.com", "to": ["a@x.example", "b@x.example"]},
        "from": {"address": "me@example.com", "name": "Me"},
        "to": [{"address": "a@x.example", "name": ""}],
        "cc": [],
        "bcc": [{"address": "b@x.example", "name": ""}],
        "replyTo": [{"address": "r@example.com", "name": ""}],
        "subject": "héllo",
        "text": "hi",
        "html": '<img src="cid:logo">',
        "headers": {"X-Mailer": "nodemailer"},
        "messageId": "<1@example.com>",
        "inReplyTo": "<0@example.com>",
        "references": ["<0@example.com>", "<00@example.com>"],
        "attachments": [
            {"filename": "a.txt", "content": b64("text"), "encoding": "base64", "contentType": "text/plain"},
            {"filename": "b.txt", "content": "plain ü"},
            {
                "content": b64("png"),
                "encoding": "base64",
                "cid": "logo",
                "contentType": "image/png",
                "contentDisposition": "inline",
            },
        ],
    }
    answered = rest.post("/send", body)
    assert ["a@x.example", "b@x.example"] == list(answered.json.values()), answered.body
    kept = rest.message(next(iter(answered.json)))
    message = parsed(kept)
    assert "me@example.com" == str(kept.envelope.return_path)
    assert ("héllo", "r@example.com") == (message["subject"], message["reply-to"])
    assert ("<1@example.com>", "<0@example.com> <00@example.com>") == (
        message["message-id"],
        message["references"],
    )
    assert ["a.txt", "b.txt"] == [one.get_filename() for one in message.iter_attachments()]
    assert "plain ü".encode() == list(message.iter_attachments())[1].get_payload(decode=True)
    assert "Bcc" not in message


def test_a_form_says_the_same_as_json(rest):
    form = [
        ("recipients[]", "a@x.example"),
        ("recipients[]", "b@x.example"),
        ("from", "info@example.com"),
        ("to[0]", "a@x.example"),
        ("to[1]", "b@x.example"),
        ("subject", "null"),
        ("text", "true"),
        ("trackclicks", "false"),
        ("inlinecss", "1"),
        ("dsn[notify]", "NEVER"),
        ("attachments[0][data]", b64("x")),
        ("attachments[0][name]", "1"),
    ]
    answered = rest.post("/send", form, form=True)
    assert 200 == answered.status, answered.body
    kept = rest.message(next(iter(answered.json)))
    assert ("inline_css",) == kept.switches.on()
    assert Notify.NEVER == kept.envelope.recipients[0].notify
    message = parsed(kept)
    assert ("null", "a@x.example, b@x.example") == (message["subject"], message["to"])


# -- refusals ------------------------------------------------------------------------------------------------

MISTAKES = {
    "no recipient": ({"recipient": None}, 422, "recipients"),
    "both": ({"recipients": ["a@x.example"]}, 422, "recipients"),
    "no address": ({"recipient": "John <a@x.example>"}, 422, "recipient"),
    "one of them": ({"recipient": None, "recipients": ["a@x.example", "x"]}, 422, "recipients[1]"),
    "private literal": ({"recipient": "a@[127.0.0.1]"}, 403, "recipients[0]"),
    "number": ({"recipient": 7}, 400, "recipient"),
    "unknown": ({"recipent": "a@x.example"}, 400, "recipent"),
    "envelope": ({"envelope": "x"}, 422, "envelope"),
    "no from": ({"from": None}, 422, "from"),
    "two from": ({"from": "a@x.example, b@x.example"}, 422, "from"),
    "line end": ({"subject": "a\r\nBcc: b@x.example"}, 422, "subject"),
    "line end in a name": ({"to": "a\n <a@x.example>"}, 422, "to"),
    "mime too": ({"mime": "Subject: x\n\n"}, 422, "mime"),
    "empty mime": ({"mime": " \n", "from": None, "to": None, "subject": None, "text": None}, 422, "mime"),
    "tag": ({"tags": ["a b"]}, 422, "tags[0]"),
    "extra": ({"extra": {"Sender": "x"}}, 422, "extra.Sender"),
    "ours": ({"headers": {"Content-Type": "x"}}, 422, "headers.Content-Type"),
    "header name": ({"extra": {"x-a:b": "x"}}, 422, "extra.x-a:b"),
    "base64": ({"attachments": [{"data": "*", "name": "x"}]}, 422, "attachments[0].data"),
    "no data": ({"attachments": [{"name": "x"}]}, 422, "attachments[0]"),
    "unreachable": ({"attachments": [{"url": "https://x.example/"}]}, 422, "attachments[0].url"),
    "type": ({"attachments": [{"data": "", "type": "x\r\ny"}]}, 422, "attachments[0].type"),
    "past": ({"maxdelivertime": "2020-01-01 00:00:00"}, 422, "maxdelivertime"),
    "no time": ({"maxdelivertime": "2027-02-30 00:00:00"}, 422, "maxdelivertime"),
    "loose time": ({"maxdelivertime": "2027-01-01"}, 422, "maxdelivertime"),
    "notify": ({"dsn": {"notify": "NEVER,FAILURE"}}, 422, "dsn.notify"),
    "ret": ({"dsn": {"ret": "ALL"}}, 400, "dsn.ret"),
    "hosted": ({"images": "hosted"}, 422, "images"),
    "template": ({"template": 1}, 422, "template"),
    "data": ({"data": {"a": 1}}, 422, "data"),
    "bcc": ({"bcc": "other@x.example"}, 422, "bcc"),
    "oneclick": ({"unsubscribe": {"email": "u@x.example", "oneclick": True}}, 422, "unsubscribe.oneclick"),
    "no unsubscribe": ({"unsubscribe": {}}, 422, "unsubscribe"),
    "url": ({"unsubscribe": {"url": "https://x.example/>, <evil"}}, 422, "unsubscribe.url"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_field_and_nothing_is_kept(rest, mistake):
    changes, status, field = MISTAKES[mistake]
    body = {name: value for name, value in {**MESSAGE, **changes}.items() if value is not None}
    answered = rest.post("/send", body)
    assert (status, field) == (answered.status, answered.error[0]), answered.body
    assert [] == rest.messages


def test_what_the_login_may_not_do_is_403(rest):
    rest.accounts.replace(replace(rest.login, senders=("example.com",)))
    assert 200 == rest.send(envelope="a@example.com").status
    refused = rest.send(from_="a@evil.example", **{"from": None})
    assert 403 == refused.status
    refused = rest.send(envelope="a@evil.example")
    assert (403, "envelope") == (refused.status, refused.error[0])


def test_what_is_too_large_is_413():
    rest = Rest(maximum_size=1000)
    assert 413 == rest.send(text="x" * 2000).status
    assert 413 == rest.send(attachments=[{"data": b64("x" * 2000)}]).status


def test_too_many_recipients_are_refused():
    rest = Rest(maximum_recipients=2)
    answered = rest.send(recipient=None, recipients=[f"{n}@x.example" for n in range(3)])
    assert (422, "5.5.3") == (answered.status, answered.json["error"]["status"])


@pytest.mark.parametrize("full", [False, True])
def test_our_own_trouble_is_503_with_a_time(rest, full):
    rest.spool.trouble = SpoolUnavailable("disk", full=full)
    answered = rest.send()
    assert (503, "30") == (answered.status, answered.headers["Retry-After"])
    assert "disk" not in answered.body.decode()


# -- again ---------------------------------------------------------------------------------------------------


def test_the_same_request_under_a_key_is_one_message(rest):
    first = rest.send(Idempotency_Key="order-1")
    again = rest.send(Idempotency_Key="order-1")
    assert (200, first.json) == (again.status, again.json)
    assert "true" == again.headers["Idempotent-Replayed"]
    assert 1 == len(rest.messages)


def test_another_request_under_the_key_is_422(rest):
    rest.send(Idempotency_Key="order-1")
    other = rest.send(Idempotency_Key="order-1", subject="other")
    assert (422, "Idempotency-Key") == (other.status, other.error[0])
    assert 1 == len(rest.messages)


def test_what_failed_may_come_again_under_its_key(rest):
    rest.spool.trouble = SpoolUnavailable("disk")
    assert 503 == rest.send(Idempotency_Key="k").status
    rest.spool.trouble = None
    assert 200 == rest.send(Idempotency_Key="k").status
    assert 1 == len(rest.messages)


def test_a_request_that_is_being_worked_on_is_409(rest):
    """The fetch of an attachment does not end; meanwhile the same request comes again."""
    from twisted.internet.defer import Deferred  # noqa: PLC0415

    from smtpeter.web.visit import Visit  # noqa: PLC0415

    waiting = Deferred()
    rest.api._routes.match("POST", "/send")[0].handler.__self__._files._fetch = lambda *_: waiting
    body = (
        b'{"recipient": "a@x.example", "from": "a@x.example", "attachments": [{"url": "https://x.example/"}]}'
    )
    headers = (
        ("Authorization", f"Bearer {rest.token}"),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "k"),
    )
    visit = Visit(b"POST", b"/v1/send", headers, "127.0.0.1")
    first = Deferred.fromCoroutine(rest.api.answer(visit, body, secure=False))
    second = rest.answer(visit, body)
    assert (409, "1") == (second.status, second.headers["Retry-After"])
    waiting.callback((b"x", "text/plain"))
    assert 200 == result(first).status


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "a\x7fb"], ids=["empty", "blank", "long", "control"])
def test_a_key_has_to_be_one(rest, key):
    assert (400, "Idempotency-Key") == (
        rest.send(Idempotency_Key=key).status,
        rest.send(Idempotency_Key=key).error[0],
    )


def test_resend_makes_a_new_delivery_of_the_same_message(rest):
    first = rest.send(
        recipient=None, recipients=["a@x.example", "b@x.example"], tags="a", envelope="me@example.com"
    )
    [_, second] = first.json
    answered = rest.post("/resend", {"message": second})
    assert ["b@x.example"] == list(answered.json.values())
    [identifier] = answered.json
    assert identifier not in first.json
    one, other = rest.message(second), rest.message(identifier)
    assert (one.content, one.tags, one.switches) == (other.content, other.tags, other.switches)
    assert one.envelope.return_path == other.envelope.return_path


def test_another_logins_message_cannot_be_resent(rest):
    [identifier] = rest.send().json
    message = rest.message(identifier)
    rest.spool.shelf.messages[message.id] = replace(message, login="other")
    answered = rest.post("/resend", {"message": identifier})
    assert (404, "message") == (answered.status, answered.error[0])


def test_what_is_not_kept_cannot_be_resent(rest):
    [identifier] = rest.send().json
    rest.spool.shelf.outlined.add(rest.message(identifier).id)
    answered = rest.post("/resend", {"message": identifier})
    assert 410 == answered.status, answered.body


def test_explain_sends_nothing(rest):
    answered = rest.post("/explain", {"from": "a@example.com", "html": "<p>hi</p>"})
    assert (200, ["track_clicks"]) == (answered.status, answered.json["switches"])
    assert [] == rest.messages
