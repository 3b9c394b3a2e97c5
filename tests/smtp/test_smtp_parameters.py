"""Parameters of MAIL and RCPT: decoded exactly, refused where malformed, doubled or unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message import xtext
from smtpeter.message.envelope import Body, Notify, OriginalRecipient, Ret
from smtpeter.message.status import Refusal
from smtpeter.smtp.extensions import MailParameters, RcptParameters, mail_parameters, rcpt_parameters


def of_mail(raw):
    return mail_parameters(raw, maximum_size=1000)


def refusal(function, raw):
    with pytest.raises(Refusal) as caught:
        function(raw)
    return caught.value.reply.code, caught.value.reply.enhanced


def refused(function, raw):
    try:
        function(raw)
    except Refusal as caught:
        return caught.reply
    return None


@pytest.mark.parametrize(
    ("raw", "parameters"),
    [
        ("", MailParameters()),
        ("SIZE=0", MailParameters(size=0)),
        ("size=1000", MailParameters(size=1000)),
        ("BODY=7BIT", MailParameters(body=Body.SEVENBIT)),
        ("body=8bitmime", MailParameters(body=Body.EIGHTBITMIME)),
        ("SMTPUTF8", MailParameters(smtputf8=True)),
        ("RET=hdrs ENVID=QQ314159", MailParameters(ret=Ret.HDRS, envid="QQ314159")),
        ("RET=FULL\tENVID=a+2Bb+3Dc+20d", MailParameters(ret=Ret.FULL, envid="a+b=c d")),
        ("ENVID=" + "e" * 100, MailParameters(envid="e" * 100)),
        ("AUTH=<>", MailParameters()),
        ("AUTH=e+3Dmc2@example.com", MailParameters()),
        (
            "SIZE=1  BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=x AUTH=<>",
            MailParameters(1, Body.EIGHTBITMIME, True, Ret.FULL, "x"),
        ),
    ],
)
def test_mail(raw, parameters):
    assert parameters == of_mail(raw)


@pytest.mark.row(16)
@pytest.mark.parametrize(
    "raw",
    [
        "SIZE",
        "SIZE=",
        "SIZE=abc",
        "SIZE=-1",
        "SIZE=+1",
        "SIZE=1.5",
        "SIZE=٣",
        "SIZE=" + "1" * 21,
        "BODY",
        "BODY=FOO",
        "BODY=BINARYMIME",
        "SMTPUTF8=1",
        "RET",
        "RET=X",
        "ENVID",
        "ENVID=",
        "ENVID=a+b",
        "ENVID=a=b",
        "ENVID=+0D+0AX:1",
        "ENVID=+00",
        "ENVID=+C3+A9",
        "ENVID=é",
        "ENVID=" + "e" * 101,
        "AUTH",
        "AUTH=+",
        "SIZE=1 SIZE=1",
        "SIZE=1 size=2",
        "SMTPUTF8 SMTPUTF8",
        "=1",
        "-SIZE=1",
        "SI_ZE=1",
        "SIZE==1",
        "é=1",
        "ſIZE=1",  # str.upper() would make it SIZE
    ],
)
def test_mail_malformed_or_doubled(raw):
    assert (501, "5.5.4") == refusal(of_mail, raw)


@pytest.mark.row(15)
@pytest.mark.parametrize(
    "raw", ["FOO", "FOO=BAR", "SIZE=1 FOO", "NOTIFY=NEVER", "ORCPT=rfc822;a@b", "HOLDFOR=1"]
)
def test_mail_unknown(raw):
    assert (555, "5.5.4") == refusal(of_mail, raw)


@pytest.mark.row(17)
def test_size_above_the_limit():
    assert (552, "5.3.4") == refusal(of_mail, "SIZE=1001")
    assert (552, "5.3.4") == refusal(of_mail, "SIZE=99999999999999999999")


@pytest.mark.row(123)
@pytest.mark.parametrize(
    ("raw", "parameters"),
    [
        ("", RcptParameters()),
        ("NOTIFY=NEVER", RcptParameters(notify=Notify.NEVER)),
        ("notify=success", RcptParameters(notify=Notify.SUCCESS)),
        (
            "NOTIFY=SUCCESS,FAILURE,DELAY",
            RcptParameters(notify=Notify.SUCCESS | Notify.FAILURE | Notify.DELAY),
        ),
        ("NOTIFY=DELAY,delay", RcptParameters(notify=Notify.DELAY)),
        ("ORCPT=rfc822;a@b", RcptParameters(orcpt=OriginalRecipient("rfc822", "a@b"))),
        ("ORCPT=RFC822;a+2Bb+3D@c", RcptParameters(orcpt=OriginalRecipient("RFC822", "a+b=@c"))),
        ("ORCPT=rfc822;+22a+20b+22@c", RcptParameters(orcpt=OriginalRecipient("rfc822", '"a b"@c'))),
        ("ORCPT=x400;/S=a/".replace("=a", "+3Da"), RcptParameters(orcpt=OriginalRecipient("x400", "/S=a/"))),
        (r"ORCPT=utf-8;jos\x{E9}\x{2B}1@b", RcptParameters(orcpt=OriginalRecipient("utf-8", "josé+1@b"))),
        (
            "ORCPT=UTF-8;josé@b NOTIFY=NEVER",
            RcptParameters(Notify.NEVER, OriginalRecipient("UTF-8", "josé@b")),
        ),
        ("ORCPT=rfc822;" + "a" * 493, RcptParameters(orcpt=OriginalRecipient("rfc822", "a" * 493))),
    ],
)
def test_rcpt(raw, parameters):
    assert parameters == rcpt_parameters(raw)


@pytest.mark.row(16)
@pytest.mark.row(123)
@pytest.mark.parametrize(
    "raw",
    [
        "NOTIFY",
        "NOTIFY=",
        "NOTIFY=FOO",
        "NOTIFY=NEVER,SUCCESS",
        "NOTIFY=SUCCESS,NEVER",
        "NOTIFY=SUCCESS,",
        "NOTIFY=,SUCCESS",
        "NOTIFY=DELAY NOTIFY=DELAY",
        "ORCPT",
        "ORCPT=a@b",
        "ORCPT=;a@b",
        "ORCPT=rfc822;",
        "ORCPT=rfc822;a+b",
        "ORCPT=rfc822;a+0D+0Ab",
        "ORCPT=rfc822;é@b",
        "ORCPT=rfc822;+C3+A9@b",
        "ORCPT=rfc(822);a@b",
        "ORCPT=utf-8;",
        "ORCPT=utf-8;a+b",
        r"ORCPT=utf-8;a\x{0D}b",
        r"ORCPT=utf-8;a\x{2028}b",
        r"ORCPT=utf-8;a\x{85}b",
        "ORCPT=rfc822;" + "a" * 494,
        "ORCPT=rfc822;a ORCPT=rfc822;a",
    ],
)
def test_rcpt_malformed_or_doubled(raw):
    assert (501, "5.5.4") == refusal(rcpt_parameters, raw)


@pytest.mark.row(15)
@pytest.mark.parametrize("raw", ["FOO", "SIZE=1", "NOTIFY=NEVER FOO=1"])
def test_rcpt_unknown(raw):
    assert (555, "5.5.4") == refusal(rcpt_parameters, raw)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=33))
def test_an_envelope_identifier_survives(envid):
    assert envid == of_mail(f"ENVID={xtext.encode(envid)}").envid


WORDS = st.sampled_from(
    [
        "SIZE=",
        "BODY=",
        "8BITMIME",
        "SMTPUTF8",
        "RET=",
        "FULL",
        "ENVID=",
        "AUTH=",
        "<>",
        "NOTIFY=",
        "NEVER",
        ",",
        "ORCPT=",
        "rfc822;",
        "utf-8;",
        "+2B",
        "\\x{E9}",
        "é",
        " ",
        "\t",
        "1",
        "=",
    ]
)


@given(st.one_of(st.text(max_size=100), st.lists(WORDS, max_size=12).map("".join)))
def test_whatever_comes_is_decoded_or_refused(raw):
    for function in (of_mail, rcpt_parameters):
        reply = refused(function, raw)
        assert reply is None or (reply.code, reply.enhanced) in {
            (501, "5.5.4"),
            (555, "5.5.4"),
            (552, "5.3.4"),
        }
        assert reply is None or reply.text.isascii()
