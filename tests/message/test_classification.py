"""What servers mean: replies shaped as large providers and common servers give them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.classification import RULES, classify
from smtpeter.message.refusal import FailureClass as F
from smtpeter.message.status import Reply, split_enhanced

LATER, FINAL = True, False

TABLE = [
    # no such user
    ("550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking", F.NO_SUCH_USER, FINAL),
    ("550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", F.NO_SUCH_USER, FINAL),
    ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", F.NO_SUCH_USER, FINAL),
    ("554 delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.com) [0]", F.NO_SUCH_USER, FINAL),
    ("552 1 Requested mail action aborted, mailbox not found", F.NO_SUCH_USER, FINAL),
    ("550 5.1.1 <x@example.com>: Recipient address rejected: User unknown in virtual mailbox table", F.NO_SUCH_USER, FINAL),
    ("550 5.1.1 <x@icloud.com>: user does not exist", F.NO_SUCH_USER, FINAL),
    ("550 Requested action not taken: mailbox unavailable", F.NO_SUCH_USER, FINAL),
    ("550 5.1.1 User Unknown", F.NO_SUCH_USER, FINAL),
    ("550 No Such User Here", F.NO_SUCH_USER, FINAL),
    ("550 5.7.1 Invalid recipient", F.NO_SUCH_USER, FINAL),
    ("550 Unknown user", F.NO_SUCH_USER, FINAL),
    ("550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_418 [418]", F.NO_SUCH_USER, FINAL),
    ("550 5.1.1 unknown or illegal alias: x@example.com", F.NO_SUCH_USER, FINAL),
    ("511 sorry, no mailbox here by that name (#5.1.1 - chkuser)", F.NO_SUCH_USER, FINAL),
    ("550 #5.1.0 Address rejected.", F.OTHER, FINAL),
    ("550 5.1.0 Address rejected.", F.NO_SUCH_USER, FINAL),
    ("450 4.1.1 <x@example.com>: Recipient address rejected: unverified address: user unknown", F.NO_SUCH_USER, LATER),
    ("550 Mailbox not found. http://service.mail.qq.com/cgi-bin/help", F.NO_SUCH_USER, FINAL),
    ("550 5.1.3 The recipient address is not a valid RFC-5321 address", F.NO_SUCH_USER, FINAL),
    ("550 5.7.1 No such user!", F.NO_SUCH_USER, FINAL),
    ("553 5.1.3 Addressee unknown", F.NO_SUCH_USER, FINAL),
    ("550 x@example.de: Empfänger unbekannt, recipient unknown", F.NO_SUCH_USER, FINAL),
    # no such domain
    ("556 5.1.10 Recipient domain accepts no mail (null MX)", F.NO_SUCH_DOMAIN, FINAL),
    ("550 5.1.2 Host unknown (Name server: example: host not found)", F.NO_SUCH_DOMAIN, FINAL),
    ("550 Unrouteable address", F.NO_SUCH_DOMAIN, FINAL),
    ("450 4.1.8 <me@x.example>: Sender address rejected: Domain not found", F.NO_SUCH_DOMAIN, LATER),
    ("550 5.4.4 Unable to route: no mail hosts for domain", F.NO_SUCH_DOMAIN, FINAL),
    # disabled
    ("550 5.2.1 The email account that you tried to reach is inactive.", F.DISABLED, FINAL),
    ("550 5.2.1 The email account that you tried to reach is disabled.", F.DISABLED, FINAL),
    ("554 30 Sorry, your message to x@yahoo.com cannot be delivered. This mailbox is disabled (554.30).", F.DISABLED, FINAL),
    ("550 5.7.1 Account x@example.com has been suspended", F.DISABLED, FINAL),
    ("550 Recipient has moved; see another place", F.DISABLED, FINAL),
    # mailbox full
    ("452 4.2.2 The email account that you tried to reach is over quota. Please direct the recipient to", F.MAILBOX_FULL, LATER),
    ("552 5.2.2 The email account that you tried to reach is over quota and inactive.", F.MAILBOX_FULL, FINAL),
    ("552 5.2.2 Mailbox size limit exceeded", F.MAILBOX_FULL, FINAL),
    ("452 4.2.2 <x@icloud.com>: user is overquota", F.MAILBOX_FULL, LATER),
    ("552 Requested mail action aborted: exceeded storage allocation, mailbox full", F.MAILBOX_FULL, FINAL),
    ("554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException", F.MAILBOX_FULL, FINAL),
    ("422 4.2.2 Postfach ist voll", F.MAILBOX_FULL, LATER),
    ("550 5.7.1 The recipient's mailbox is full and can't accept messages now", F.MAILBOX_FULL, FINAL),
    # size
    ("552 5.3.4 Your message exceeded Google's message size limits.", F.TOO_LARGE, FINAL),
    ("552 5.3.4 Message size exceeds fixed limit", F.TOO_LARGE, FINAL),
    ("523 5.2.3 Message too large", F.TOO_LARGE, FINAL),
    # greylisting
    ("450 4.2.0 <x@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/", F.GREYLISTING, LATER),
    ("451 4.7.1 Greylisting in action, please come back later", F.GREYLISTING, LATER),
    ("451 4.7.1 Please try again in 300 seconds", F.GREYLISTING, LATER),
    ("450 4.7.1 Graylisted: too many connections, try again", F.GREYLISTING, LATER),
    ("451 Temporary local problem - greylisted - please try later", F.GREYLISTING, LATER),
    # rate
    ("421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP", F.RATE, LATER),
    ("421 4.7.0 Try again later, closing connection. too many concurrent connections", F.RATE, LATER),
    ("450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend later", F.RATE, LATER),
    ("550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional", F.RATE, LATER),
    ("550 5.4.5 Daily user sending limit exceeded. For more information on sending limits go to", F.RATE, LATER),
    ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints", F.RATE, LATER),
    ("451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)", F.RATE, LATER),
    ("451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.", F.RATE, LATER),
    ("421 RP-001 (SNT004) Unfortunately, some messages from 192.0.2.1 weren't sent. You have exceeded the rate", F.RATE, LATER),
    ("421 4.3.2 All server ports are busy, too many connections", F.RATE, LATER),
    ("421 too many errors, too many connections from your host", F.RATE, LATER),
    ("554 5.7.1 You have exceeded your hourly sending limit, retry later", F.RATE, LATER),
    ("550 Message rate limit exceeded for your IP", F.RATE, LATER),
    ("421 4.4.5 Too many SMTP sessions for this host", F.RATE, LATER),
    ("452 4.5.3 Too many messages in this session", F.RATE, LATER),
    ("421 4.7.1 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR004_104", F.RATE, LATER),
    ("450 4.7.1 Error: too much mail from 192.0.2.1, throttled", F.RATE, LATER),
    ("550 Connection frequency limited, ratelimit", F.RATE, LATER),
    # reputation
    ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", F.REPUTATION, FINAL),
    ("550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus. (AS3130)", F.REPUTATION, FINAL),
    ("550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).", F.REPUTATION, FINAL),
    ("550 5.7.1 Our system has detected that this message is likely suspicious due to the very low reputation of the sending IP address.", F.REPUTATION, FINAL),
    ("553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list", F.REPUTATION, FINAL),
    ("554 IP=192.0.2.1 - A problem occurred. Your ip address has been blocked", F.REPUTATION, FINAL),
    ("554 5.7.1 The IP address is temporarily blocked, try again later", F.REPUTATION, LATER),
    ("550 5.7.1 Mail from 192.0.2.1 rejected due to poor sender reputation", F.REPUTATION, FINAL),
    ("550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list", F.REPUTATION, FINAL),
    ("554 5.7.1 <192.0.2.1>: Sender IP listed at b.barracudacentral.org", F.REPUTATION, FINAL),
    # authentication
    ("550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy.", F.AUTHENTICATION, FINAL),
    ("550 5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires SPF or DKIM", F.AUTHENTICATION, FINAL),
    ("550 5.7.1 SPF check failed for example.com", F.AUTHENTICATION, FINAL),
    ("450 4.7.25 Client host rejected: cannot find your reverse hostname, [192.0.2.1]", F.AUTHENTICATION, LATER),
    ("550 5.7.25 The IP address sending this message does not have a PTR record setup", F.AUTHENTICATION, FINAL),
    ("550 5.7.515 Access denied, sending domain example.com does not meet the required authentication level (DKIM failed)", F.AUTHENTICATION, FINAL),
    ("530 5.7.0 Must issue a STARTTLS command first", F.AUTHENTICATION, FINAL),
    ("421 4.7.0 Reverse DNS lookup failed for host 192.0.2.1", F.AUTHENTICATION, LATER),
    # content
    ("552 5.7.0 This message was blocked because its content presents a potential security issue.", F.CONTENT, FINAL),
    ("554 5.7.1 Message identified as SPAM, message scored 12.3", F.CONTENT, FINAL),
    ("554 5.7.9 Message not accepted for policy reasons: virus found", F.CONTENT, FINAL),
    ("550 5.7.1 Our system has detected that this message is likely unsolicited mail.", F.CONTENT, FINAL),
    ("554 5.6.0 Message contains invalid header", F.CONTENT, FINAL),
    ("554 6.6.0 Message content rejected, UBE, id=1234", F.CONTENT, FINAL),
    ("550 5.7.1 Messages missing a valid Message-ID header are not accepted: missing message-id", F.CONTENT, FINAL),
    # policy
    ("554 5.7.1 <x@example.com>: Relay access denied", F.POLICY, FINAL),
    ("550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", F.POLICY, FINAL),
    ("550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy", F.POLICY, FINAL),
    ("550 Administrative prohibition", F.POLICY, FINAL),
    ("550 5.7.124 Sender not in allowed-senders list; not authorized", F.POLICY, FINAL),
    # infrastructure
    ("451 4.3.0 Temporary lookup failure", F.INFRASTRUCTURE, LATER),
    ("421 4.3.0 Temporary System Problem. Try again later", F.INFRASTRUCTURE, LATER),
    ("451 4.3.5 Server configuration problem", F.INFRASTRUCTURE, LATER),
    ("452 4.3.1 Insufficient system storage", F.INFRASTRUCTURE, LATER),
    ("554 5.4.6 Too many hops", F.INFRASTRUCTURE, FINAL),
    ("554 5.3.0 Internal error, try again later", F.INFRASTRUCTURE, LATER),
    ("421 Service not available, closing transmission channel", F.INFRASTRUCTURE, LATER),
    ("554 Transaction failed, please try again later", F.INFRASTRUCTURE, LATER),
    ("550 4.3.2 Something is the matter", F.INFRASTRUCTURE, LATER),
    # nobody knows
    ("554 Transaction failed", F.OTHER, FINAL),
    ("550", F.OTHER, FINAL),
]  # fmt: skip


def reply(text):
    code, _, rest = text.partition(" ")
    return Reply(int(code), *split_enhanced(rest))


@pytest.mark.parametrize(("text", "failure", "is_later"), TABLE, ids=range(len(TABLE)))
def test_what_a_reply_means(text, failure, is_later):
    meaning = classify(reply(text))
    assert (failure, is_later) == (meaning.failure, meaning.is_later), text


def test_the_table_is_long_enough():
    assert len(TABLE) >= 80


@pytest.mark.row(117)
def test_greylisting_slows_no_site_and_a_limit_of_rate_does():
    assert not classify(reply("450 4.2.0 Greylisted, try again in 300 seconds")).slows
    assert not classify(reply("450 4.2.1 The user is receiving mail too quickly")).slows
    assert classify(reply("451 4.7.500 Server busy. Please try again later")).slows
    assert classify(reply("421 4.7.0 Too many connections")).slows


def test_no_address_comes_to_be_by_waiting():
    """5xx for an address, or for what a content is, stays final whatever it says of later."""
    for text in (
        "550 5.1.1 No such user; if you think that this is wrong, try again later",
        "552 5.2.2 Mailbox full, try again later",
        "554 5.7.1 virus found, do not try again later",
    ):
        assert not classify(reply(text)).is_later, text


@given(st.integers(200, 599), st.text(max_size=3000))
def test_every_reply_has_a_meaning(code, text):
    assert classify(Reply(code, *split_enhanced(text))).failure in F


@pytest.mark.parametrize(
    "words", ["user ", "mailbox full ", "a", " ", "spf ", "exceeded message ", "try again in 1"]
)
def test_a_long_reply_is_read_as_far_as_it_may_say_something(words):
    """What comes later changes nothing: so no text, however long, costs more than its beginning."""
    start = (words * 1000)[:1000]
    assert classify(Reply(550, "", start)) == classify(Reply(550, "", start + "no such user" * 100))


def test_no_pattern_repeats_a_repetition():
    """So that each is linear in the text: only `.{0,n}`, `?`, `\\d+` and classes are used, never a group repeated."""
    for rule in RULES:
        for pattern in (rule.words, rule.code, rule.enhanced):
            assert ")+" not in pattern
            assert ")*" not in pattern
            assert ".*" not in pattern
