"""Sizes, recipients, slow judges, connections that go away: what becomes of a transaction."""

import random
from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import deferLater

from smtpeter.message.envelope import Body, Notify, OriginalRecipient, Ret
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.states import State
from tests.submission.door import HOSTNAME, NOW, Door, login, reply, speak, submit, trusted

HEAD = b"Subject: x\r\n\r\n"


@pytest.mark.row(18)
def test_declared_small_sent_big():
    door, wire = trusted(maximum_size=1000)
    speak(wire, "MAIL FROM:<a@b.test> SIZE=10", "RCPT TO:<c@d.test>", "DATA")
    wire.send((b"x" * 98 + b"\r\n") * 50 + b".\r\n")
    assert reply(wire).startswith("552 5.3.4")
    assert [] == door.messages
    assert submit(wire, HEAD).startswith("250")
    assert 1 == len(door.messages)


@pytest.mark.row(19)
@pytest.mark.parametrize(("octets", "code"), [(999, "250"), (1000, "250"), (1001, "552")])
def test_exactly_the_size(octets, code):
    _, wire = trusted(maximum_size=1000)
    content = (b"x" * 98 + b"\r\n") * 9 + b"y" * (octets - 902) + b"\r\n"
    assert octets == len(content)
    assert submit(wire, content).startswith(code)


@pytest.mark.row(29)
def test_recipients_beyond_the_limit_are_refused_for_now_and_the_rest_is_delivered():
    door, wire = trusted(maximum_recipients=3)
    replies = speak(wire, "MAIL FROM:<a@b.test>", *(f"RCPT TO:<c{n}@d.test>" for n in range(5)))
    assert ["250", "250", "250", "250", "452", "452"] == [line[:3] for line in replies]
    assert replies[-1].startswith("452 4.5.3")
    speak(wire, "DATA")
    wire.send(b".\r\n")
    assert reply(wire).startswith("250")
    assert 3 == len(door.messages[0].envelope.recipients)


@pytest.mark.row(29)
def test_a_thousand_recipients():
    door, wire = trusted()
    recipients = [f"c{n}@d.test" for n in range(1000)]
    assert submit(wire, HEAD, recipients=recipients).startswith("250 2.6.0 Ok, queued as ")
    assert recipients == [str(r.address) for r in door.messages[0].envelope.recipients]


def test_up_to_twenty_recipients_are_named_in_the_reply():
    door, wire = trusted()
    twenty = submit(wire, HEAD, recipients=[f"c{n}@d.test" for n in range(20)]).split("\n")
    assert 21 == len(twenty)
    assert "for <c19@d.test>" in twenty[-1]
    assert 1 == len(submit(wire, HEAD, recipients=[f"c{n}@d.test" for n in range(21)]).split("\n"))
    assert 2 == len(door.messages)


@pytest.mark.row(32)
@pytest.mark.parametrize(
    "content",
    [b"", b"\r\n", b"no header section\r\n", b" folded\r\n", HEAD],
    ids=["nothing", "blank", "body", "folded", "head"],
)
def test_a_message_of_little_gets_what_is_missing(content):
    door, wire = trusted()
    assert submit(wire, content).startswith("250")
    message = door.messages[0]
    top, *rest = message.template.pieces
    assert b"\r\nDate: " in top.data
    assert f"@{HOSTNAME}>\r\n".encode() in top.data.partition(b"\r\nMessage-ID: <")[2]
    assert (b"\r\n\r\n" in top.data) == (content in {b"no header section\r\n", b" folded\r\n"})
    assert content == message.content
    assert bool(content) == bool(rest)


@pytest.mark.row(39)
@pytest.mark.parametrize("parameter", ["", " BODY=8BITMIME", " BODY=7BIT"])
def test_eight_bit_content_is_kept_as_it_is(parameter):
    door, wire = trusted()
    speak(wire, f"MAIL FROM:<a@b.test>{parameter}", "RCPT TO:<c@d.test>", "DATA")
    content = HEAD + bytes(range(128, 256)) + b"\r\n"
    wire.send(content + b".\r\n")
    assert reply(wire).startswith("250")
    assert content == door.messages[0].content


def test_what_dsn_asked_for_is_kept_with_each_recipient():
    """RFC 3461: RET, ENVID, NOTIFY and ORCPT, decoded."""
    door, wire = trusted()
    speak(
        wire,
        "MAIL FROM:<a@b.test> RET=HDRS ENVID=QQ+2B314 BODY=8BITMIME",
        "RCPT TO:<c@d.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c+2Bx@d.test",
        "RCPT TO:<e@d.test> NOTIFY=NEVER",
        "RCPT TO:<g@d.test>",
        "DATA",
    )
    wire.send(b".\r\n")
    assert reply(wire).startswith("250")
    envelope = door.messages[0].envelope
    assert (Ret.HDRS, "QQ+314", Body.EIGHTBITMIME) == (envelope.ret, envelope.envid, envelope.body)
    assert [Notify.SUCCESS | Notify.DELAY, Notify.NEVER, None] == [r.notify for r in envelope.recipients]
    assert OriginalRecipient("rfc822", "c+x@d.test") == envelope.recipients[0].orcpt


@pytest.mark.row(23)
@pytest.mark.row(28)
def test_addresses_are_kept_as_they_were_written():
    door, wire = trusted()
    written = ['"a b"@x.test', '"a\\"b"@x.test', '"a@b"@x.test', "MiXed@D.TeSt"]
    assert submit(wire, HEAD, sender='"q s"@B.test', recipients=written).startswith("250")
    envelope = door.messages[0].envelope
    assert written == [str(recipient.address) for recipient in envelope.recipients]
    assert '"q s"@B.test' == str(envelope.return_path)


@pytest.mark.row(38)
@pytest.mark.parametrize(("length", "code"), [(512, "250"), (2048, "250"), (2049, "500"), (100_000, "500")])
def test_command_lines_of_every_length(length, code):
    _, wire = trusted()
    wire.send(b"NOOP " + b"x" * (length - 7) + b"\r\n")
    assert reply(wire).startswith(code)
    assert speak(wire, "NOOP")[0].startswith("250")


@pytest.mark.row(38)
def test_a_line_without_end_is_cut_off():
    _, wire = trusted()
    for _ in range(64):
        wire.send(b"x" * 65536)
    assert reply(wire).startswith("500 5.5.6")
    assert wire.closed


class SlowAccounts:
    """Answers after a while, each time another one."""

    def __init__(self, clock, seed):
        self._clock = clock
        self._random = random.Random(seed)
        self.calls = 0

    def login(self, username):
        self.calls += 1
        return deferLater(self._clock, self._random.uniform(0.01, 3), login)


@pytest.mark.row(41)
@pytest.mark.row(42)
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
def test_pipelined_replies_keep_their_order_however_slow_the_judges(seed, bytewise):
    door = Door(trusted_networks={"192.0.2.0/24": "alice"})
    slow = SlowAccounts(door.clock, seed)
    door.server._neighbours = replace(door.server._neighbours, accounts=slow)
    wire = door.wire(bytewise=bytewise)
    wire.send(
        b"EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<one@d.test>\r\nRCPT TO:<bad..two@d.test>\r\n"
        b"RCPT TO:<three@d.test>\r\nDATA\r\n"
        + HEAD
        + b".\r\nMAIL FROM:<e@f.test>\r\nRCPT TO:<four@d.test>\r\nQUIT\r\n"
    )
    codes = [reply(wire)[:3] for _ in range(11)]
    assert ["220", "250", "250", "250", "501", "250", "354", "250", "250", "250", "221"] == codes
    assert slow.calls >= 3
    assert [["one@d.test", "three@d.test"]] == [
        [str(recipient.address) for recipient in message.envelope.recipients] for message in door.messages
    ]


def test_a_client_that_sends_on_while_we_judge_is_held():
    door, wire = trusted()
    never = Deferred()
    door.accounts.login = lambda username: never
    wire.send(b"MAIL FROM:<a@b.test>\r\n")
    wire.send(b"NOOP\r\n" * 20_000)
    assert "paused" == wire.transport.raw.producerState
    never.callback(login())
    assert "producing" == wire.transport.raw.producerState
    assert wire.read().startswith(b"250 2.1.0")


def test_a_client_that_does_not_read_our_replies_gets_no_more_of_them():
    _, wire = trusted(maximum_junk=10_000)
    wire.transport.raw.producer.pauseProducing()
    wire.send(b"NOOP\r\n" * 100)
    assert b"" == wire.read()
    assert "paused" == wire.transport.raw.producerState
    wire.transport.raw.producer.resumeProducing()
    assert 100 == wire.read().count(b"250 2.0.0")


@pytest.mark.row(43)
@pytest.mark.parametrize("sent", [b"", b"Subject: x\r\n", HEAD, HEAD + b".", HEAD + b".\r"])
def test_a_client_that_leaves_before_the_end_has_sent_nothing(sent):
    door, wire = trusted()
    speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA")
    wire.send(sent)
    wire.hangs_up()
    assert [] == door.messages
    assert (0, 0) == (door.quota.memory, door.quota.connections)


@pytest.mark.row(43)
def test_a_client_that_leaves_after_the_end_has_sent_a_whole_message():
    door, wire = trusted()
    keeping = Deferred()
    accept, door.spool.accept = (
        door.spool.accept,
        lambda accepted: keeping.addCallback(lambda _: accept(accepted)),
    )
    speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA")
    wire.send(HEAD + b".\r\n")
    wire.hangs_up()
    keeping.callback(None)
    assert [HEAD] == [message.content for message in door.messages]
    assert 0 == door.quota.memory


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(SpoolUnavailable("x", full=True), "452 4.3.1"), (SpoolUnavailable("x"), "451 4.3.0")],
    ids=["full", "down"],
)
def test_a_spool_in_trouble_is_a_temporary_refusal(trouble, code):
    door, wire = trusted()
    door.spool.trouble = trouble
    assert submit(wire, HEAD).startswith(code)
    door.spool.trouble = None
    assert submit(wire, HEAD).startswith("250")


def test_a_fault_of_ours_is_451_and_the_session_goes_on(expected_failures):
    expected_failures.append(ZeroDivisionError)
    door, wire = trusted()
    door.spool.trouble = ZeroDivisionError()
    assert submit(wire, HEAD).startswith("451 4.3.0")
    door.spool.trouble = None
    door.accounts.login = lambda username: 1 / 0
    assert speak(wire, "MAIL FROM:<a@b.test>")[0].startswith("451 4.3.0")
    assert speak(wire, "NOOP")[0].startswith("250")


def test_a_rewriter_that_fails_costs_the_feature_never_the_message(expected_failures):
    expected_failures.append(ZeroDivisionError)
    door, wire = trusted()
    door.prepare.trouble = ZeroDivisionError()
    assert submit(wire, b"Bcc: x@y.test\r\n" + HEAD).startswith("250")
    message = door.messages[0]
    assert message.report.notes == ("nothing was rewritten: the rewriters failed",)
    assert b"Bcc" not in message.content[message.template.pieces[1].start :]


@pytest.mark.parametrize("trouble", [None, ZeroDivisionError()], ids=["well", "failing"])
def test_a_message_is_born_claimed_while_the_relay_has_room(trouble, expected_failures):
    """And what goes wrong after it is kept does not take the 250 back."""
    expected_failures.append(ZeroDivisionError)
    door, wire = trusted()
    door.relay.has_room, door.relay.trouble = True, trouble
    assert submit(wire, HEAD, recipients=("c@d.test", "e@f.test")).startswith("250")
    [(message, claims)] = door.relay.taken
    assert door.messages == [message]
    assert ["c@d.test", "e@f.test"] == [str(claim.delivery.recipient.address) for claim in claims]


@pytest.mark.parametrize(
    ("store", "states"),
    [
        (None, {State.DUE}),
        (SpoolUnavailable("away"), {State.CLAIMED}),
        (ZeroDivisionError(), {State.CLAIMED}),
    ],
    ids=["well", "away", "failing"],
)
def test_what_the_relay_cannot_take_over_is_due_again_not_claimed_until_a_restart(
    store, states, expected_failures
):
    """And when the store cannot do that either, the 250 stands."""
    expected_failures.extend([ZeroDivisionError, SpoolUnavailable])
    door, wire = trusted()
    door.relay.has_room, door.relay.trouble = True, ZeroDivisionError()
    release = door.spool.release
    door.spool.release = lambda claim, due_at: release(claim, due_at) if store is None else fail(store)
    assert submit(wire, HEAD, recipients=("c@d.test", "e@f.test")).startswith("250")
    deliveries = [row.delivery for row in door.spool.shelf.rows.values()]
    assert [(NOW, "c@d.test"), (NOW, "e@f.test")] == [
        (delivery.due_at, str(delivery.recipient.address)) for delivery in deliveries
    ]
    assert states == {delivery.state for delivery in deliveries}


def test_the_reply_does_not_wait_for_the_relay_to_begin():
    door, wire = trusted()
    door.relay.has_room = True
    later = []
    door.afterwards = lambda *asked: later.append(asked)
    assert submit(wire, HEAD).startswith("250")
    assert [] == door.relay.taken
    [(function, *arguments)] = later
    function(*arguments)
    assert door.messages == [message for message, _ in door.relay.taken]


def test_a_message_is_born_due_when_the_relay_has_none():
    door, wire = trusted()
    assert submit(wire, HEAD).startswith("250")
    assert [] == door.relay.taken


def test_one_event_a_delivery():
    door, wire = trusted()
    submit(wire, HEAD, recipients=("c@d.test", "e@f.test"))
    assert [("attempt", "alice", "c@d.test", "a@b.test"), ("attempt", "alice", "e@f.test", "a@b.test")] == [
        (event.kind, event.login, event.recipient, event.envelope) for event in door.journal.events
    ]


def test_memory_for_content_has_a_limit_over_all_sessions():
    """Above it DATA, or the end of the content, is 452; what was held is given back."""
    door, first = trusted(maximum_memory=2000)
    second = door.wire()
    second.read_line()
    for wire in (first, second):
        speak(wire, "EHLO client.test", "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA")
        wire.send((b"x" * 98 + b"\r\n") * 12)
    for wire in (first, second):
        wire.send(b".\r\n")
    assert ["250", "452"] == [reply(wire)[:3] for wire in (first, second)]
    assert 0 == door.quota.memory
    replies = speak(second, "MAIL FROM:<a@b.test> SIZE=3000", "RCPT TO:<c@d.test>", "DATA")
    assert replies[-1].startswith("452 4.3.1")


def test_a_chunk_that_is_far_too_big_is_not_waited_for():
    _, wire = trusted(maximum_size=1000)
    speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>")
    assert speak(wire, "BDAT 100000000 LAST")[0].startswith("552 5.3.4")
    assert wire.closed


def test_a_chunk_over_the_size_is_drained():
    door, wire = trusted(maximum_size=1000)
    speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>")
    wire.send(b"BDAT 2000\r\n" + b"x" * 2000 + b"BDAT 2 LAST\r\n\r\nNOOP\r\n")
    assert ["552", "552", "250"] == [reply(wire)[:3] for _ in range(3)]
    assert [] == door.messages


def test_rset_between_chunks_forgets_them():
    door, wire = trusted()
    speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>")
    wire.send(b"BDAT 5\r\nabc\r\n")
    assert reply(wire).startswith("250")
    assert 5 == door.quota.memory
    assert speak(wire, "RSET")[0].startswith("250")
    assert 0 == door.quota.memory
    assert submit(wire, HEAD).startswith("250")
    assert [HEAD] == [message.content for message in door.messages]


def test_edits_may_be_pending_after_the_250():
    door, wire = trusted()
    door.prepare.pending = True
    assert submit(wire, b"x-smtpeter-nothing: 1\r\n" + HEAD).startswith("250")
    (message,) = door.messages
    assert (True, ("x-smtpeter-nothing: no such option",)) == (message.pending, message.report.notes)
