"""The client's side of the extensions: what a server offers, and commands that ask for no more than that."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.address import Address, parse
from smtpeter.message.envelope import Body, Notify, OriginalRecipient, Recipient, Ret
from smtpeter.message.status import Refusal, Reply
from smtpeter.smtp.extensions import (
    Capabilities,
    RcptParameters,
    mail_command,
    mail_parameters,
    rcpt_command,
    rcpt_parameters,
)
from smtpeter.smtp.syntax import parse_mail, parse_rcpt, split_command

NOTHING = Capabilities()
ALL = Capabilities(size=0, pipelining=True, eightbitmime=True, smtputf8=True, dsn=True)
SENDER = parse("a@b.example")


def ehlo(*lines):
    return Capabilities.parse(Reply(250, "", "\n".join(["SIZE.PIPELINING.example", *lines])))


@pytest.mark.row(107)
def test_a_server_that_offers_nothing():
    assert NOTHING == ehlo() == Capabilities.parse(Reply(250, "", ""))


@pytest.mark.row(111)
def test_keywords_in_any_case():
    offered = ehlo(
        "pipelining", "Size 1000", "8bitMIME", "smtputf8", "DSN", "starttls ", "CHUNKING", "EnhancedStatusCodes", "VRFY",
        "auth PLAIN login", "AUTH=LOGIN CRAM-MD5", "limits rcptmax=50 MAILMAX=10 RCPTDOMAINMAX=1", "X-UNKNOWN a=b",
    )  # fmt: skip

    assert offered == Capabilities(
        size=1000,
        pipelining=True,
        eightbitmime=True,
        smtputf8=True,
        dsn=True,
        starttls=True,
        auth=frozenset({"PLAIN", "LOGIN", "CRAM-MD5"}),
        maximum_recipients=50,
        maximum_messages=10,
    )


@pytest.mark.parametrize(
    ("line", "size"),
    [("SIZE", 0), ("SIZE 0", 0), ("SIZE x", 0), ("SIZE 10485760", 10485760), ("SIZES 1", None)],
)
def test_size_as_servers_write_it(line, size):
    assert size == ehlo(line).size


def test_limits_that_are_no_numbers_are_none():
    offered = ehlo("LIMITS RCPTMAX=x MAILMAX RCPTMAX")
    assert (None, None) == (offered.maximum_recipients, offered.maximum_messages)


@pytest.mark.row(108)
@pytest.mark.row(109)
@pytest.mark.row(110)
@pytest.mark.parametrize(
    ("capabilities", "asked", "enhanced"),
    [
        (Capabilities(size=1000), {"size": 1000}, None),
        (Capabilities(size=1000), {"size": 1001}, "5.3.4"),
        (Capabilities(size=0), {"size": 10**9}, None),
        (NOTHING, {"size": 10**9}, None),
        (NOTHING, {"body": Body.SEVENBIT}, None),
        (NOTHING, {"body": Body.EIGHTBITMIME}, "5.6.3"),
        (ALL, {"body": Body.EIGHTBITMIME}, None),
        (NOTHING, {"smtputf8": True}, "5.6.7"),
        (ALL, {"smtputf8": True}, None),
    ],
)
def test_obstacles_are_known_without_asking(capabilities, asked, enhanced):
    found = capabilities.obstacle(**({"size": 1, "body": None, "smtputf8": False} | asked))

    assert enhanced == (found and found.enhanced)
    assert found is None or found.is_permanent


@pytest.mark.row(107)
def test_parameters_go_only_where_they_were_offered():
    wanted = {"size": 7, "body": Body.EIGHTBITMIME, "smtputf8": True, "ret": Ret.HDRS, "envid": "a b"}

    assert b"MAIL FROM:<a@b.example>\r\n" == mail_command(SENDER, NOTHING, **wanted)
    assert b"MAIL FROM:<a@b.example> SIZE=7 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+20b\r\n" == mail_command(
        SENDER, ALL, **wanted
    )
    assert b"MAIL FROM:<a@b.example> SIZE=7\r\n" == mail_command(SENDER, Capabilities(size=9), **wanted)
    assert b"MAIL FROM:<>\r\n" == mail_command(None, ALL)


@pytest.mark.row(122)
def test_dsn_parameters_of_rcpt():
    orcpt = OriginalRecipient("rfc822", "a+b=c@d")
    recipient = Recipient(SENDER, Notify.DELAY | Notify.SUCCESS, orcpt)

    assert b"RCPT TO:<a@b.example>\r\n" == rcpt_command(recipient, replace(ALL, dsn=False))
    assert b"RCPT TO:<a@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb+3Dc@d\r\n" == rcpt_command(
        recipient, ALL
    )
    assert b"RCPT TO:<a@b.example> NOTIFY=NEVER\r\n" == rcpt_command(Recipient(SENDER, Notify.NEVER), ALL)
    assert b"RCPT TO:<a@b.example>\r\n" == rcpt_command(Recipient(SENDER), ALL)


@pytest.mark.row(129)
def test_a_utf8_orcpt_suits_what_the_transaction_speaks():
    recipient = Recipient(SENDER, orcpt=OriginalRecipient("utf-8", "josé@b"))

    assert "RCPT TO:<a@b.example> ORCPT=utf-8;josé@b\r\n".encode() == rcpt_command(
        recipient, ALL, smtputf8=True
    )
    assert b"RCPT TO:<a@b.example> ORCPT=utf-8;jos\\x{E9}@b\r\n" == rcpt_command(recipient, ALL)
    too_long = Recipient(SENDER, orcpt=OriginalRecipient("utf-8", "中" * 80))
    assert b"RCPT TO:<a@b.example>\r\n" == rcpt_command(too_long, ALL)


@pytest.mark.row(23)
@pytest.mark.parametrize(
    "text", ['"a b"@x', r'"a\"b"@x', '"a@b"@x', '"a>b"@x', "A@B", "a@[IPv6:::1]", "a,b@c".replace(",", "+")]
)
def test_addresses_go_out_as_they_came(text):
    assert f"RCPT TO:<{text}>\r\n".encode() == rcpt_command(Recipient(parse(text)), NOTHING)
    assert f"MAIL FROM:<{text}>\r\n".encode() == mail_command(parse(text), NOTHING)


def test_postmaster_goes_out_without_a_domain():
    assert b"RCPT TO:<PostMaster>\r\n" == rcpt_command(Recipient(Address("PostMaster", "")), NOTHING)


@pytest.mark.row(98)
@pytest.mark.row(110)
def test_utf8_addresses():
    idn = parse("a@bücher.example", utf8=True)
    utf8 = parse("é@bücher.example", utf8=True)

    assert "MAIL FROM:<é@bücher.example> SMTPUTF8\r\n".encode() == mail_command(utf8, ALL, smtputf8=True)
    assert b"MAIL FROM:<a@xn--bcher-kva.example>\r\n" == mail_command(idn, ALL)
    assert b"MAIL FROM:<a@xn--bcher-kva.example>\r\n" == mail_command(idn, NOTHING, smtputf8=True)
    for capabilities, smtputf8 in ((ALL, False), (NOTHING, True)):
        with pytest.raises(Refusal) as caught:
            rcpt_command(Recipient(utf8), capabilities, smtputf8=smtputf8)
        assert (553, "5.6.7") == (caught.value.reply.code, caught.value.reply.enhanced)


@pytest.mark.row(83)
@pytest.mark.parametrize(
    "address",
    [
        Address("a\r\nRCPT TO:<evil@x", "b"),
        Address("a", "b> SIZE=1"),
        Address("a>", "b"),
        Address("a", "b\n"),
        Address("a\0", "b"),
        Address("a b", "c"),
        Address("a", ""),
        Address("", ""),
        Address("", "b"),
        Address("a", "bü cher"),
        Address("a", "b@c"),
        Address('"a"@b', "c"),
        Address('"a', 'b"@c'),  # as text it would be another mailbox
    ],
)
def test_nothing_but_an_address_gets_into_a_command(address):
    for command, enhanced in (
        (lambda: mail_command(address, ALL, smtputf8=True), "5.1.7"),
        (lambda: rcpt_command(Recipient(address), NOTHING), "5.1.3"),
    ):
        with pytest.raises(Refusal) as caught:
            command()
        assert (501, enhanced) == (caught.value.reply.code, caught.value.reply.enhanced)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.booleans())
def test_our_commands_are_one_line_that_we_read_as_we_meant_it(
    local_part, domain, text, address_type, smtputf8
):
    recipient = Recipient(Address(local_part, domain), Notify.FAILURE, OriginalRecipient(address_type, text))
    try:
        mail = mail_command(recipient.address, ALL, smtputf8=smtputf8, envid=text)
        rcpt = rcpt_command(recipient, ALL, smtputf8=smtputf8)
    except Refusal:
        mail = mail_command(SENDER, ALL, smtputf8=smtputf8, envid=text)
        rcpt = rcpt_command(replace(recipient, address=SENDER), ALL, smtputf8=smtputf8)
    for line in (mail, rcpt):
        assert line.endswith(b"\r\n")
        assert not any(octet < 32 or octet == 127 for octet in line[:-2])
    assert "FAILURE" in split_command(rcpt[:-2]).argument
    parse_mail(split_command(mail[:-2]).argument, utf8=True)
    parse_rcpt(split_command(rcpt[:-2]).argument, utf8=smtputf8)


@given(
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60),
    st.text(
        alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_categories=["Cc"]),
        min_size=1,
        max_size=60,
    ),
    st.booleans(),
)
def test_what_we_send_is_what_we_would_have_received(envid, original, smtputf8):
    """RFC 3461 5.2.1: passed on unchanged."""
    orcpt = OriginalRecipient("utf-8", original)
    mail = split_command(mail_command(SENDER, ALL, smtputf8=smtputf8, envid=envid[:30])[:-2]).argument
    rcpt = split_command(rcpt_command(Recipient(SENDER, orcpt=orcpt), ALL, smtputf8=smtputf8)[:-2]).argument

    assert envid[:30] == mail_parameters(parse_mail(mail, utf8=True).parameters, maximum_size=1).envid
    assert RcptParameters(orcpt=orcpt) == rcpt_parameters(parse_rcpt(rcpt, utf8=smtputf8).parameters)
