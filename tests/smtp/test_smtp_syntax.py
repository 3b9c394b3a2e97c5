"""Command lines: what is a command, what is a path, and which refusal everything else gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.address import Address
from smtpeter.message.status import Refusal
from smtpeter.smtp.syntax import (
    Chunk,
    Command,
    PathAndParameters,
    parse_bdat,
    parse_helo,
    parse_mail,
    parse_rcpt,
    split_command,
)


def refusal(function, *arguments, **keywords):
    with pytest.raises(Refusal) as caught:
        function(*arguments, **keywords)
    reply = caught.value.reply
    assert reply.text.isascii()
    return reply.code, reply.enhanced


@pytest.mark.row(11)
@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"QUIT", Command("QUIT", "")),
        (b"quit  ", Command("QUIT", "")),
        (b"Mail FROM:<a@b>", Command("MAIL", "FROM:<a@b>")),
        (b"MAIL\tFROM:<a@b> \t", Command("MAIL", "FROM:<a@b>")),
        (b"NOOP \t  a\tb  c ", Command("NOOP", "a\tb  c")),
        (b"STARTTLSX", Command("STARTTLSX", "")),
        (b"GET / HTTP/1.1", Command("GET", "/ HTTP/1.1")),
        ("RCPT TO:<é@b>".encode(), Command("RCPT", "TO:<é@b>")),
        ("NOOP a\u00a0".encode(), Command("NOOP", "a\u00a0")),
    ],
)
def test_split_command(line, command):
    assert command == split_command(line)


@pytest.mark.row(13)
@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"  \t",
        b"NO\0OP",
        b"NOOP \r",
        b"NOOP\nMAIL FROM:<a@b>",
        b"NOOP \x7f",
        b"NOOP \xff",
        b"NOOP \xed\xa0\x80",
        "ſTARTTLS".encode(),  # str.upper() would make it STARTTLS
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS on the plain port
    ],
)
def test_what_is_no_command(line):
    assert (500, "5.5.2") == refusal(split_command, line)


@pytest.mark.parametrize(
    "argument",
    [
        "a",
        "mail.example.com",
        "[127.0.0.1]",
        "[IPv6:::1]",
        "DESKTOP_1",
        "my_host.example",
        "192.0.2.1",
        "a" * 63,
        ".".join(["a" * 63] * 4),
    ],
)
def test_helo_names_are_kept(argument):
    assert argument == parse_helo(argument)


@pytest.mark.row(4)
@pytest.mark.parametrize(
    "argument",
    [
        "",
        "a" * 300,
        ".".join(["a" * 50] * 6),
        "a\nX: 1",
        "a b",
        "é",
        "bücher.example",
        "a..b",
        "-a",
        "a-",
        "(x)",
        "a;b",
        "[",
        "[::1]",
        "[a]",
        "a.",
    ],
)
def test_helo_garbage(argument):
    assert (501, "5.5.4") == refusal(parse_helo, argument)


@pytest.mark.row(20)
@pytest.mark.row(23)
@pytest.mark.row(24)
@pytest.mark.row(25)
@pytest.mark.parametrize(
    ("argument", "address", "parameters"),
    [
        ("FROM:<a@b>", Address("a", "b"), ""),
        ("from:<a@b>", Address("a", "b"), ""),
        ("FROM: <a@b>", Address("a", "b"), ""),
        ("FROM:\t<a@b>\tSIZE=1", Address("a", "b"), "SIZE=1"),
        ("FROM:<a@b> SIZE=1 BODY=7BIT", Address("a", "b"), "SIZE=1 BODY=7BIT"),
        ("FROM:<>", None, ""),
        ("FROM:<> SIZE=1", None, "SIZE=1"),
        ('FROM:<"a b"@x>', Address('"a b"', "x"), ""),
        (r'FROM:<"a\"b"@x>', Address(r'"a\"b"', "x"), ""),
        ('FROM:<"a@b"@x>', Address('"a@b"', "x"), ""),
        ('FROM:<"a>b"@x> SIZE=1', Address('"a>b"', "x"), "SIZE=1"),
        ('FROM:<"a> SIZE=2"@x> SIZE=1', Address('"a> SIZE=2"', "x"), "SIZE=1"),
        (r'FROM:<"\">"@x>', Address(r'"\">"', "x"), ""),
        ("FROM:<a@[127.0.0.1]>", Address("a", "[127.0.0.1]"), ""),
        ("FROM:<@x:a@b>", Address("a", "b"), ""),
        ("FROM:<@x,@y:a@b>", Address("a", "b"), ""),
        ('FROM:<@[IPv6:::1],@y:"a:b"@c>', Address('"a:b"', "c"), ""),
        ("FROM:<Postmaster@b>", Address("Postmaster", "b"), ""),
    ],
)
def test_paths(argument, address, parameters):
    assert PathAndParameters(address, parameters) == parse_mail(argument, utf8=False)
    assert PathAndParameters(address, parameters) == parse_mail(argument, utf8=True)
    if address is not None:
        assert PathAndParameters(address, parameters) == parse_rcpt(f"To{argument[4:]}", utf8=False)


@pytest.mark.row(26)
@pytest.mark.row(70)
@pytest.mark.parametrize(
    "path",
    [
        "a@b",
        "<a@b",
        "a@b>",
        "<<a@b>>",
        "<a@b>x",
        "<a@b>SIZE=1",
        "<a@b><c@d>",
        "<a@b..c>",
        "<.a@b>",
        "<a@b_c>",
        "<a@-b>",
        "<a@b@c>",
        "<a@b:25>",
        "<a@b >",
        "< a@b>",
        "<a>",
        "<@b>",
        "<@b:>",
        "<@b,:a@c>",
        "<@:a@c>",
        "<@x:@y:a@c>",
        '<"a@b>',
        '<"a"@b',
        "",
    ],
)
def test_malformed_paths(path):
    assert (501, "5.1.7") == refusal(parse_mail, f"FROM:{path}", utf8=True)
    assert (501, "5.1.3") == refusal(parse_rcpt, f"TO:{path}", utf8=True)


@pytest.mark.parametrize("argument", ["", "<a@b>", "FROM<a@b>", "FROM :<a@b>", "XFROM:<a@b>", "a@b"])
def test_no_keyword(argument):
    assert (501, "5.5.4") == refusal(parse_mail, argument, utf8=True)
    assert (501, "5.5.4") == refusal(parse_rcpt, argument, utf8=True)


@pytest.mark.row(21)
def test_the_null_path_receives_nothing():
    assert (501, "5.1.3") == refusal(parse_rcpt, "TO:<>", utf8=False)


@pytest.mark.row(22)
def test_postmaster_needs_no_domain_but_sends_nothing():
    assert Address("PostMaster", "") == parse_rcpt("TO:<PostMaster>", utf8=False).address
    assert (501, "5.1.7") == refusal(parse_mail, "FROM:<Postmaster>", utf8=False)


@pytest.mark.row(27)
def test_a_path_with_its_route_and_brackets_has_256_octets_at_most():
    mailbox = f"aa@{'.'.join(['a' * 63] * 3)}"
    longest = f"<@{'r' * 58}:{mailbox}>"

    assert 256 == len(longest)
    assert mailbox == str(parse_rcpt(f"TO:{longest}", utf8=False).address)
    assert (501, "5.1.3") == refusal(parse_rcpt, f"TO:{longest.replace('@r', '@rr')}", utf8=False)


@pytest.mark.row(40)
def test_a_utf8_address_needs_the_parameter():
    assert Address("é", "b") == parse_mail("FROM:<é@b> BODY=8BITMIME smtputf8", utf8=True).address
    assert Address("é", "bücher.example") == parse_rcpt("TO:<é@bücher.example>", utf8=True).address
    assert (553, "5.6.7") == refusal(parse_mail, "FROM:<é@b>", utf8=True)
    assert (553, "5.6.7") == refusal(parse_mail, "FROM:<é@b> XSMTPUTF8 SMTPUTF8=1", utf8=True)
    assert (553, "5.6.7") == refusal(parse_mail, "FROM:<é@b> SMTPUTF8", utf8=False)
    assert (553, "5.6.7") == refusal(parse_rcpt, "TO:<a@é.example>", utf8=False)
    assert (501, "5.1.3") == refusal(parse_rcpt, "TO:<é@b_c>", utf8=True)


def test_utf8_in_parameters_needs_the_parameter_too():
    assert "ORCPT=utf-8;é@b" == parse_rcpt("TO:<a@b> ORCPT=utf-8;é@b", utf8=True).parameters
    assert (501, "5.5.4") == refusal(parse_rcpt, "TO:<a@b> ORCPT=utf-8;é@b", utf8=False)
    assert (501, "5.5.4") == refusal(parse_mail, "FROM:<a@b> ENVID=é", utf8=True)


def test_bdat():
    assert Chunk(0, last=False) == parse_bdat("0")
    assert Chunk(86, last=True) == parse_bdat("86  last")
    for argument in ("", "LAST", "-1", "1.5", "1LAST", "1 FIRST", "1 LAST LAST", "٣", "1" * 21, "0x10"):
        assert (501, "5.5.4") == refusal(parse_bdat, argument)


PIECES = st.sampled_from(
    [
        "FROM:",
        "TO:",
        "<",
        ">",
        "@",
        '"',
        "\\",
        "a",
        "b.c",
        ":",
        ",",
        " ",
        "\t",
        "é",
        "[",
        "]",
        ".",
        "SMTPUTF8",
        "@x:",
    ]
)


@given(
    st.one_of(
        st.lists(PIECES, max_size=30).map("".join), st.binary(max_size=200).map(lambda b: b.decode("latin-1"))
    ),
    st.booleans(),
)
def test_whatever_comes_is_a_path_as_written_or_a_refusal(argument, utf8):
    for function in (parse_mail, parse_rcpt):
        try:
            found = function(argument, utf8=utf8)
        except Refusal:
            continue
        assert str(found.address or "") in argument
        assert argument.endswith(found.parameters)
        assert utf8 or argument.isascii()


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_command_or_a_refusal(line):
    try:
        command = split_command(line)
    except Refusal:
        return
    assert command.verb.isascii()
    assert command.argument.encode() in line
    assert b"\r" not in line
    assert b"\n" not in line
