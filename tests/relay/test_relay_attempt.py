"""Attempts against scripted hosts in memory: which host is tried, and what becomes of each delivery."""

import pytest
from twisted.logger import capturedLogs

from smtpeter.message.envelope import Notify, OriginalRecipient, Recipient, Ret
from smtpeter.message.status import Result, Stage
from tests.relay.hosts import (
    CLOSE,
    CONTENT,
    SILENT,
    Host,
    Net,
    Outgoing,
    address,
    attempt,
    attempts,
    begin,
    group,
    result,
)

ONE, TWO, THREE = "198.51.100.1", "198.51.100.2", "198.51.100.3"
DELIVERED, DEFERRED, FAILED = Result.DELIVERED, Result.DEFERRED, Result.FAILED


def once(host, *recipients, **message):
    """The outcomes of one attempt at one host."""
    net = Net({ONE: host})
    return attempt(net, attempts(net, ONE), group(*recipients, **message))


def shown(outcomes):
    return [(outcome.result, outcome.stage, outcome.reply.code) for outcome in outcomes]


def test_a_message_is_delivered_and_the_outcome_says_where():
    host = Host()
    (outcome,) = once(host)
    assert (DELIVERED, Stage.MESSAGE, "250 2.0.0 Queued") == (
        outcome.result,
        outcome.stage,
        str(outcome.reply),
    )
    assert ("mx1.example", ONE, "192.0.2.99", "") == (
        outcome.host,
        outcome.address,
        outcome.source,
        outcome.tls,
    )
    assert not outcome.duplicate_possible
    assert [CONTENT] == host.contents
    assert [
        "EHLO relay.example",
        f"MAIL FROM:<a@sender.example> SIZE={len(CONTENT)}",
        "RCPT TO:<b@example.com>",
        "DATA",
    ] == host.commands


# -- the next host ----------------------------------------------------------------------------------------


@pytest.mark.row(89)
@pytest.mark.parametrize(
    "first",
    [
        None,
        Host(connect="454 4.3.0 Not now"),
        Host(connect="421 4.3.2 Busy"),
        Host(connect=CLOSE),
        Host(connect="hello there"),
        Host(EHLO="421 4.3.2 Busy"),
        Host(EHLO=CLOSE),
        Host(EHLO="451 4.3.0 Later"),
        Host(MAIL="421 4.3.2 Busy"),
        Host(MAIL=CLOSE),
        Host(RCPT="421 4.3.2 Busy"),
        Host(DATA="421 4.3.2 Busy"),
        Host(DATA=CLOSE),
        Host(offers=("8BITMIME",), MAIL="421 4.3.2 Busy"),
    ],
)
def test_a_host_that_cannot_be_talked_to_gives_way_to_the_next_in_the_same_attempt(first):
    second = Host()
    net = Net({TWO: second} if first is None else {ONE: first, TWO: second})
    (outcome,) = attempt(net, attempts(net, ONE, TWO), group())
    assert (DELIVERED, TWO, "mx2.example") == (outcome.result, outcome.address, outcome.host)
    assert [CONTENT] == second.contents


@pytest.mark.row(89)
def test_a_blackhole_gives_way_after_the_time_for_connecting():
    net = Net({TWO: Host()}, blackholes=(ONE,))
    (running,) = begin(net, attempts(net, ONE, TWO), group())
    net.wait(29)
    assert not running.called
    net.wait(1)
    assert DELIVERED is result(running)[1].result


@pytest.mark.row(89)
def test_a_host_that_does_not_greet_gives_way_after_five_minutes():
    net = Net({ONE: Host(connect=SILENT), TWO: Host()})
    (running,) = begin(net, attempts(net, ONE, TWO), group())
    net.wait(299)
    assert not running.called
    net.wait(1)
    assert TWO == result(running)[1].address


@pytest.mark.row(90)
@pytest.mark.parametrize(
    "refusing", [{"connect": "554 5.7.1 Go away"}, {"EHLO": "550 5.7.1 Go away", "HELO": "550 5.7.1 Go away"}]
)
def test_a_host_that_refuses_for_good_before_mail_gives_way_and_only_all_of_them_fail(refusing):
    net = Net({ONE: Host(**refusing), TWO: Host()})
    assert DELIVERED is attempt(net, attempts(net, ONE, TWO), group())[0].result
    net = Net({ONE: Host(**refusing), TWO: Host(**refusing)})
    (outcome,) = attempt(net, attempts(net, ONE, TWO), group())
    assert (FAILED, "5.7.1", TWO) == (outcome.result, outcome.reply.enhanced, outcome.address)
    net = Net({ONE: Host(**refusing)})
    (outcome,) = attempt(net, attempts(net, ONE, TWO), group())
    assert (DEFERRED, Stage.CONNECT, "4.4.1") == (outcome.result, outcome.stage, outcome.reply.enhanced)
    net = Net({TWO: Host(**refusing)})
    assert DEFERRED is attempt(net, attempts(net, ONE, TWO), group())[0].result


def test_an_answer_about_the_delivery_itself_is_not_taken_to_the_next_host():
    second = Host()
    for answers in (
        {"MAIL": "450 4.7.1 Greylisted"},
        {"RCPT": "450 4.2.0 Later"},
        {"DATA": "451 4.3.0 Later"},
    ):
        net = Net({ONE: Host(**answers), TWO: second})
        (outcome,) = attempt(net, attempts(net, ONE, TWO), group())
        assert (DEFERRED, ONE) == (outcome.result, outcome.address)
    assert [] == second.connections


# -- replies ----------------------------------------------------------------------------------------------


@pytest.mark.row(101)
@pytest.mark.parametrize("offers", [("PIPELINING",), ("8BITMIME",)])
@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"DATA": "250 2.0.0 Fine"}, (DEFERRED, Stage.DATA, 451)),
        ({"DATA": "300 What"}, (DEFERRED, Stage.DATA, 451)),
        ({"dot": "354 More"}, (DEFERRED, Stage.MESSAGE, 451)),
        ({"MAIL": "354 More"}, (DEFERRED, Stage.MAIL, 451)),
        ({"RCPT": "354 More"}, (DEFERRED, Stage.RCPT, 451)),
        ({"MAIL": "251 Fine"}, (DELIVERED, Stage.MESSAGE, 250)),
        ({"RCPT": "252 2.1.5 Perhaps"}, (DELIVERED, Stage.MESSAGE, 250)),
        ({"dot": "299 Fine"}, (DELIVERED, Stage.MESSAGE, 299)),
    ],
)
def test_nothing_is_delivered_but_by_a_2xx_to_the_final_dot(offers, answers, expected):
    assert [expected] == shown(once(Host(offers, **answers)))


@pytest.mark.row(100)
@pytest.mark.parametrize(
    "nonsense",
    [
        b"0xx\r\n",
        b"099 hm\r\n",
        b"699 hm\r\n",
        b"garbage\r\n",
        b"250-a\r\n550 b\r\n",
        b"250-x\r\n" * 10_000,
        b"x" * 300_000,
    ],
    ids=["word", "0xx", "6xx", "garbage", "codes", "lines", "endless"],
)
@pytest.mark.parametrize("verb", ["connect", "EHLO", "MAIL", "dot"])
def test_a_reply_that_is_none_defers(nonsense, verb):
    (outcome,) = once(Host(**{verb: nonsense}))
    assert (DEFERRED, "4.5.0") == (outcome.result, outcome.reply.enhanced)
    assert (verb == "dot") == outcome.duplicate_possible


@pytest.mark.row(100)
def test_replies_of_many_lines_without_text_or_with_lf_only_are_understood():
    host = Host(
        connect=b"220-a\n220-b\n220\n", MAIL=b"250\r\n", RCPT=b"250-" + b"x" * 3000 + b"\r\n250 y\r\n"
    )
    assert [(DELIVERED, Stage.MESSAGE, 250)] == shown(once(host))


@pytest.mark.row(102)
@pytest.mark.parametrize("offers", [("PIPELINING",), ("8BITMIME",)])
def test_each_recipient_has_its_own_outcome(offers):
    host = Host(offers, RCPT=["250 Ok", "550 5.1.1 No such user", "451 4.2.1 Later"])
    assert [
        (DELIVERED, Stage.MESSAGE, 250),
        (FAILED, Stage.RCPT, 550),
        (DEFERRED, Stage.RCPT, 451),
    ] == shown(once(host, "a@example.com", "b@example.com", "c@example.com"))


@pytest.mark.row(102)
@pytest.mark.parametrize("data", ["354 Go on", "554 5.5.1 No valid recipients"])
def test_when_no_recipient_is_taken_no_content_is_sent_and_the_connection_lives(data):
    host = Host(RCPT=["550 5.1.1 No", "451 4.2.1 Later", "250 Ok"], DATA=[data, "354 Go on"])
    net = Net({ONE: host})
    courier = attempts(net, ONE)
    assert [(FAILED, Stage.RCPT, 550), (DEFERRED, Stage.RCPT, 451)] == shown(
        attempt(net, courier, group("a@example.com", "b@example.com"))
    )
    assert [b""] * data.startswith("354") == host.contents  # the lone dot of RFC 2920 3.1
    assert DELIVERED is attempt(net, courier, group())[0].result
    assert 1 == len(host.connections)
    assert 1 == host.commands.count("RSET")


def test_a_server_without_pipelining_is_not_asked_for_data_when_no_recipient_is_taken():
    host = Host(("8BITMIME",), RCPT="550 5.1.1 No")
    assert [(FAILED, Stage.RCPT, 550)] == shown(once(host))
    assert "DATA" not in host.commands


@pytest.mark.parametrize("final", ["451 4.3.0 Later", "421 4.3.0 Later"])
def test_what_is_refused_after_the_dot_is_not_a_possible_duplicate_and_no_other_host_is_asked(final):
    second = Host()
    net = Net({ONE: Host(dot=final), TWO: second})
    (outcome,) = attempt(net, attempts(net, ONE, TWO), group())
    assert (DEFERRED, Stage.MESSAGE, False) == (outcome.result, outcome.stage, outcome.duplicate_possible)
    assert [] == second.connections


@pytest.mark.row(103)
@pytest.mark.parametrize(
    "too_many", ["452 4.5.3 Too many", "452 Too many", "552 Too many", "552 5.5.3 Too many"]
)
def test_recipients_that_are_too_many_follow_at_once_in_another_transaction(too_many):
    host = Host(RCPT=["250 Ok", "250 Ok", too_many, too_many, "250 Ok"])
    assert [(DELIVERED, Stage.MESSAGE, 250)] * 4 == shown(once(host, *(f"{n}@example.com" for n in "abcd")))
    assert 2 == len(host.contents)
    assert 1 == len(host.connections)


@pytest.mark.row(103)
def test_when_not_one_recipient_is_taken_too_many_means_later():
    host = Host(RCPT="452 4.5.3 Too many")
    assert [(DEFERRED, Stage.RCPT, 452)] * 2 == shown(once(host, "a@example.com", "b@example.com"))
    assert [(DEFERRED, Stage.RCPT, 552)] == shown(once(Host(RCPT="552 Too many")))
    assert [(FAILED, Stage.RCPT, 552)] == shown(once(Host(RCPT="552 5.2.2 Mailbox full")))


@pytest.mark.row(103)
def test_a_host_that_ends_every_transaction_is_not_asked_for_ever():
    host = Host(RCPT=["250 Ok", "452 4.5.3 Too many"] * 20, DATA="421 4.3.2 Busy")
    assert [(DEFERRED, Stage.DATA, 421)] * 2 == shown(once(host, "a@example.com", "b@example.com"))
    assert 1 == len(host.connections)


def test_the_limit_of_recipients_that_a_host_tells_is_kept():
    host = Host(("PIPELINING", "LIMITS RCPTMAX=2"))
    assert [DELIVERED] * 5 == [o.result for o in once(host, *(f"{n}@example.com" for n in "abcde"))]
    assert 3 == len(host.contents)


# -- connections that end ---------------------------------------------------------------------------------


@pytest.mark.row(104)
@pytest.mark.parametrize("verb", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("end", ["421 4.3.2 Going down", CLOSE])
@pytest.mark.parametrize("offers", [("PIPELINING",), ("8BITMIME",)])
def test_421_or_a_closed_connection_defers_at_any_stage_and_the_next_message_is_not_charged(
    verb, end, offers
):
    host = Host(offers, **{verb: [end, *(["250 Ok"] if verb != "EHLO" else [])]})
    host.script["connect"].append("220 hello")
    host.script["DATA"].append("354 Go on")
    net = Net({ONE: host})
    courier = attempts(net, ONE)
    (outcome,) = attempt(net, courier, group())
    assert DEFERRED is outcome.result
    assert (451 if end is CLOSE else 421) == outcome.reply.code
    assert (verb == "dot" and end is CLOSE) == outcome.duplicate_possible
    if verb == "EHLO":
        host.says_hello = True
    elif verb == "connect":
        host.script["connect"].popleft()
    elif verb == "DATA":
        host.script["DATA"].popleft()
    assert DELIVERED is attempt(net, courier, group())[0].result


@pytest.mark.row(104)
@pytest.mark.parametrize("verb", ["MAIL", "RSET"])
@pytest.mark.parametrize("end", ["421 4.4.2 Idle too long", CLOSE])
def test_a_kept_connection_that_turns_out_dead_costs_the_message_nothing(verb, end):
    host = Host(MAIL=["250 Ok", end, "250 Ok"] if verb == "MAIL" else "250 Ok", RSET=end)
    if verb == "RSET":
        host.script["RCPT"].extendleft(["550 5.1.1 No"])
    net = Net({ONE: host})
    courier = attempts(net, ONE)
    attempt(net, courier, group())
    assert [(DELIVERED, Stage.MESSAGE, 250)] == shown(attempt(net, courier, group()))
    assert 2 == len(host.connections)


@pytest.mark.row(104)
def test_a_connection_that_the_host_closed_while_it_was_idle_is_not_used():
    host = Host()
    net = Net({ONE: host})
    courier = attempts(net, ONE)
    attempt(net, courier, group())
    host.connections[0].say("421 4.4.2 Idle too long")
    net.settle()
    assert DELIVERED is attempt(net, courier, group())[0].result
    assert 2 == len(host.connections)


@pytest.mark.row(105)
@pytest.mark.parametrize("offers", [("PIPELINING",), ("8BITMIME",)])
def test_a_refusal_of_mail_stays_permanent_when_the_host_closes_behind_it(offers):
    host = Host(offers, MAIL="550 5.7.1 Not you", RCPT=CLOSE)
    assert [(FAILED, Stage.MAIL, 550)] == shown(once(host))


@pytest.mark.row(105)
def test_refusals_of_recipients_stay_permanent_when_the_host_closes_behind_them():
    host = Host(RCPT=["550 5.1.1 No", CLOSE])
    assert [(FAILED, Stage.RCPT, 550), (DEFERRED, Stage.RCPT, 451)] == shown(
        once(host, "a@example.com", "b@example.com")
    )


@pytest.mark.row(106)
def test_the_answer_to_the_final_dot_may_take_nine_minutes():
    host = Host(dot=SILENT)
    net = Net({ONE: host})
    (running,) = begin(net, attempts(net, ONE), group())
    net.wait(540)
    host.connections[0].say("250 2.0.0 Queued")
    net.settle()
    assert DELIVERED is result(running)[1].result


@pytest.mark.row(106)
@pytest.mark.parametrize("lost_by", ["time", "connection"])
def test_no_answer_to_the_final_dot_is_a_possible_duplicate_and_nothing_is_sent_again_at_once(lost_by):
    first, second = Host(dot=SILENT), Host()
    net = Net({ONE: first, TWO: second})
    (running,) = begin(net, attempts(net, ONE, TWO), group())
    if lost_by == "connection":
        first.connections[0].say(CLOSE)
    net.wait(599)
    assert (lost_by == "connection") == running.called
    net.wait(1)
    outcome = result(running)[1]
    assert (DEFERRED, Stage.MESSAGE, True) == (outcome.result, outcome.stage, outcome.duplicate_possible)
    assert [] == second.connections
    assert 1 == len(first.connections)


def test_each_reply_of_a_pipeline_has_its_own_time():
    host = Host(RCPT=SILENT, DATA=SILENT)
    net = Net({ONE: host})
    (running,) = begin(net, attempts(net, ONE), group())
    net.wait(290)
    host.connections[0].say("250 Ok")
    net.settle()
    net.wait(119)
    assert not running.called
    net.wait(1)
    outcome = result(running)[1]
    assert (DEFERRED, Stage.DATA, False) == (outcome.result, outcome.stage, outcome.duplicate_possible)


def test_a_timeout_after_mail_is_not_carried_to_the_next_host():
    second = Host()
    net = Net({ONE: Host(MAIL=SILENT, RCPT=SILENT, DATA=SILENT), TWO: second})
    (running,) = begin(net, attempts(net, ONE, TWO), group())
    net.wait(300)
    outcome = result(running)[1]
    assert (DEFERRED, ONE) == (outcome.result, outcome.address)
    assert [] == second.connections


# -- what the host offers ---------------------------------------------------------------------------------


@pytest.mark.row(107)
def test_a_host_that_knows_helo_only_is_asked_for_nothing_more():
    host = Host(EHLO="502 5.5.1 What?")
    recipient = Recipient(
        address("b@example.com"), Notify.SUCCESS, OriginalRecipient("rfc822", "c@example.com")
    )
    (outcome,) = once(host, recipient, ret=Ret.HDRS, envid="QQ314159")
    assert (DELIVERED, False) == (outcome.result, outcome.dsn_offered)
    assert [
        "EHLO relay.example",
        "HELO relay.example",
        "MAIL FROM:<a@sender.example>",
        "RCPT TO:<b@example.com>",
        "DATA",
    ] == host.commands


@pytest.mark.row(107)
def test_dsn_parameters_go_to_a_host_that_offers_dsn_and_the_outcome_says_so():
    host = Host()
    recipient = Recipient(
        address("b@example.com"), Notify.SUCCESS, OriginalRecipient("rfc822", "c+d@example.com")
    )
    (outcome,) = once(host, recipient, ret=Ret.HDRS, envid="QQ 314159")
    assert (DELIVERED, True) == (outcome.result, outcome.dsn_offered)
    assert f"MAIL FROM:<a@sender.example> SIZE={len(CONTENT)} RET=HDRS ENVID=QQ+20314159" in host.commands
    assert "RCPT TO:<b@example.com> NOTIFY=SUCCESS ORCPT=rfc822;c+2Bd@example.com" in host.commands


@pytest.mark.row(107)
def test_keywords_in_lower_case_count():
    host = Host(("pipelining", "size 1000"))
    once(host)
    assert f"MAIL FROM:<a@sender.example> SIZE={len(CONTENT)}" in host.commands


def test_the_null_return_path_is_sent_as_such():
    host = Host(("PIPELINING",))
    once(host, return_path=None)
    assert "MAIL FROM:<>" in host.commands


@pytest.mark.row(108)
def test_a_message_that_is_too_big_for_the_host_fails_without_being_sent():
    host = Host(("PIPELINING", f"SIZE {len(CONTENT) - 1}"))
    (outcome,) = once(host)
    assert (FAILED, "5.3.4") == (outcome.result, outcome.reply.enhanced)
    assert ["EHLO relay.example"] == host.commands
    assert DELIVERED is once(Host(("PIPELINING", f"SIZE {len(CONTENT)}")))[0].result


EIGHT = b"Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n"


@pytest.mark.row(109)
def test_8_bit_mail_goes_as_it_is_to_a_host_with_8bitmime():
    host = Host()
    assert DELIVERED is once(host, content=EIGHT)[0].result
    assert f"MAIL FROM:<a@sender.example> SIZE={len(EIGHT)} BODY=8BITMIME" in host.commands
    assert [EIGHT] == host.contents


@pytest.mark.row(109)
def test_8_bit_mail_is_converted_for_a_7_bit_host_or_fails_when_it_cannot_be():
    seven = b"Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n"
    host = Host(("PIPELINING",))
    net = Net({ONE: host})
    assert (
        DELIVERED
        is attempt(net, attempts(net, ONE, outgoing=Outgoing(seven)), group(content=EIGHT))[0].result
    )
    assert [seven] == host.contents
    assert "MAIL FROM:<a@sender.example>" in host.commands
    host = Host(("PIPELINING",))
    (outcome,) = once(host, content=EIGHT)
    assert (FAILED, "5.6.3") == (outcome.result, outcome.reply.enhanced)
    assert [] == host.contents


@pytest.mark.row(110)
def test_a_utf8_local_part_fails_alone_at_a_host_without_smtputf8():
    host = Host(("PIPELINING", "8BITMIME"))
    outcomes = once(host, "ä@example.com", "b@example.com", smtputf8=True)
    assert [FAILED, DELIVERED] == [outcome.result for outcome in outcomes]
    assert "5.6.7" == outcomes[0].reply.enhanced
    assert "RCPT TO:<b@example.com>" in host.commands


@pytest.mark.row(110)
@pytest.mark.parametrize(
    "message",
    [{"return_path": "ä@sender.example"}, {"content": "Subject: ä\r\n\r\nx\r\n".encode()}],
    ids=["return path", "header"],
)
def test_a_message_that_needs_smtputf8_fails_at_a_host_without_it(message):
    (outcome,) = once(Host(("PIPELINING", "8BITMIME")), smtputf8=True, **message)
    assert (FAILED, "5.6.7") == (outcome.result, outcome.reply.enhanced)


@pytest.mark.row(98)
@pytest.mark.row(110)
def test_a_domain_alone_goes_out_in_a_labels_without_smtputf8_and_as_it_is_with_it():
    plain, able = Host(("PIPELINING",)), Host(("PIPELINING", "SMTPUTF8", "8BITMIME"))
    for host in (plain, able):
        assert DELIVERED is once(host, "b@bücher.example", smtputf8=True)[0].result
    assert "RCPT TO:<b@xn--bcher-kva.example>" in plain.commands
    assert "RCPT TO:<b@bücher.example>" in able.commands
    assert "MAIL FROM:<a@sender.example> SMTPUTF8" in able.commands


@pytest.mark.row(99)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 65_533, 65_534, 65_535, 65_536, 65_537, 200_000])
def test_dots_survive_on_every_border_of_a_block(size):
    content = (
        b".first\r\n" + (b".\r\n" * (size // 3 + 1))[: size // 3 * 3] + b"x" * (size % 3) + b"..\r\n.\r\n"
    )
    host = Host()
    assert DELIVERED is once(host, content=content)[0].result
    assert [content] == host.contents


@pytest.mark.row(99)
def test_a_missing_last_line_end_is_added_and_what_could_smuggle_is_never_sent():
    host = Host()
    assert DELIVERED is once(host, content=b"Subject: x\r\n\r\nend")[0].result
    assert [b"Subject: x\r\n\r\nend\r\n"] == host.contents
    for content in (b"a\n.\r\nMAIL FROM:<x@y.example>\r\n", b"a\r.\r\n", b"a\0b\r\n"):
        host = Host()
        (outcome,) = once(host, content=content)
        assert (FAILED, "5.6.0") == (outcome.result, outcome.reply.enhanced)
        assert ["EHLO relay.example"] == host.commands


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "dot", "RSET"])
@pytest.mark.parametrize("offers", [("PIPELINING",), ()])
def test_a_host_that_answers_what_makes_no_sense_is_not_talked_to_any_longer(verb, offers):
    """After 3xx nobody knows what it waits for: the next message might be taken for a part of this one."""
    host = Host(offers, **{verb: ["354 More", "250 Ok"]})
    if verb == "RSET":
        host.script["RCPT"].extendleft(["550 5.1.1 No"])
    net = Net({ONE: host})
    courier = attempts(net, ONE)
    (outcome,) = attempt(net, courier, group())
    assert outcome.result is (FAILED if verb == "RSET" else DEFERRED)
    assert not outcome.duplicate_possible
    if verb == "RCPT":
        assert [] == host.contents
    assert DELIVERED is attempt(net, courier, group())[0].result
    assert 2 == len(host.connections)


@pytest.mark.parametrize("offers", [("PIPELINING",), ()])
def test_one_senseless_answer_defers_those_that_were_accepted_and_refusals_stand(offers):
    host = Host(offers, RCPT=["550 5.1.1 No", "250 Ok", "354 More"])
    assert [(FAILED, Stage.RCPT, 550), (DEFERRED, Stage.RCPT, 451), (DEFERRED, Stage.RCPT, 451)] == shown(
        once(host, "a@example.com", "b@example.com", "c@example.com")
    )
    assert [] == host.contents


@pytest.mark.parametrize(("own_each", "made"), [(False, 1), (True, 3)])
def test_attempts_of_one_message_share_what_leaves_unless_each_has_its_own(own_each, made):
    class Counting(Outgoing):
        asked = 0

        def content(self, message, delivery, *, eight_bit):
            self.asked += 1
            return super().content(message, delivery, eight_bit=eight_bit)

    outgoing = Counting(own_each=own_each)
    net = Net({ONE: Host(dot=[SILENT, SILENT, SILENT, "250 Ok"])})
    courier = attempts(net, ONE, outgoing=outgoing)
    running = begin(net, courier, group(), group(), group())
    assert made == outgoing.asked
    net.wait(600)
    assert [DEFERRED] * 3 == [result(each)[1].result for each in running]
    attempt(net, courier, group())
    assert made + 1 == outgoing.asked  # nothing is kept when nobody uses it


# -- our own trouble --------------------------------------------------------------------------------------


def test_trouble_with_the_content_defers_is_logged_and_the_connection_is_not_lost(expected_failures):
    expected_failures.append(OSError)

    class Broken(Outgoing):
        def content(self, message, delivery, *, eight_bit):
            raise OSError("disk")

    host = Host()
    net = Net({ONE: host})
    courier = attempts(net, ONE, outgoing=Broken())
    with capturedLogs() as logged:
        (outcome,) = attempt(net, courier, group())
    assert [OSError] == [event["log_failure"].type for event in logged]
    assert (DEFERRED, Stage.PROCESS, "4.3.0") == (outcome.result, outcome.stage, outcome.reply.enhanced)
    assert "disk" in outcome.cause
    assert "disk" not in str(outcome.reply)
    attempt(net, courier, group())
    assert 1 == len(host.connections)


@pytest.mark.parametrize("verb", ["connect", "EHLO", "MAIL", "dot"])
def test_an_attempt_that_is_cancelled_cuts_its_connection_and_takes_no_other_way(verb):
    first, second = Host(**{verb: SILENT}), Host()
    net = Net({ONE: first, TWO: second})
    courier = attempts(net, ONE, TWO)
    (running,) = begin(net, courier, group())
    running.addErrback(lambda failure: failure.type.__name__)
    running.cancel()
    net.settle()
    assert "CancelledError" == result(running)
    assert first.connections[0].closed
    assert [] == second.connections
    assert [] == net.getDelayedCalls()
