"""DKIM signatures, as dkimpy verifies them."""

import base64
import doctest
import email
import functools
import hashlib
import re
import time
from pathlib import Path

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpeter.accounts import signing_keys
from smtpeter.accounts.model import Algorithm, SigningKey
from smtpeter.rewrite.render import to_seven_bit
from smtpeter.rewrite.signature import SIGNED, Signatures, Signer
from tests.rewrite.corpus import NEWSLETTERS, message, multipart, newsletter, part

NOW = 1_780_000_000.9
HEAD = b"From: News <news@example.com>\r\nSubject: hello\r\n"


@functools.cache
def key(algorithm, selector=None):
    return signing_keys.make(selector or f"s-{algorithm}", algorithm, 0.0)


def signers(domain="example.com", algorithms=tuple(Algorithm)):
    return [Signer(domain, key(algorithm)) for algorithm in algorithms]


SIGNATURES = Signatures(signers())


def signed(content, signatures=SIGNATURES):
    return signatures.fields(content, NOW) + content


def published(name, **_):
    """The DNS with the keys of every domain."""
    selector = name.decode().partition(".")[0]
    (found,) = [one for one in map(key, Algorithm) if one.selector == selector]
    return signing_keys.record(found).encode()


def verdicts(content, count=2):
    """What dkimpy says of each signature."""
    return [verdict(content, index) for index in range(count)]


def verdict(content, index):
    try:
        return dkim.DKIM(content).verify(idx=index, dnsfunc=published)
    except dkim.ValidationError as error:
        if "body hash mismatch" in str(error):  # how it says that the body is another one
            return False
        raise


def is_verified(content):
    return all(verdicts(content))


def tags(content, index=0):
    """The tags of a signature, folding taken out."""
    field = email.message_from_bytes(content).get_all("DKIM-Signature")[index]
    return dict(pair.strip().split("=", 1) for pair in re.sub(r"\s+", "", field).split(";"))


EVERY_FIELD = b"".join(
    b"%s: <x@example.com>, %d\r\n" % (name.title().encode(), n) for n, name in enumerate(SIGNED)
)
MESSAGES = {
    "plain": HEAD + b"\r\nHello\r\n",
    "empty body": HEAD + b"\r\n",
    "no body": HEAD,
    "blank lines at the end": HEAD + b"\r\nHello\r\n\r\n \t\r\n\r\n",
    "blank lines alone": HEAD + b"\r\n\r\n\r\n\r\n",
    "blanks alone": HEAD + b"\r\n \t \r\n",
    "no final line end": HEAD + b"\r\nHello",
    "blanks": HEAD + b"\r\n\t Hello \t  there\t\r\n  .\r\n..\r\n",
    "8-bit": HEAD + "\r\nGrüße\r\n".encode(),
    "every field": EVERY_FIELD + b"\r\nHello\r\n",
    "folded": b"From:\r\n News\r\n\t<news@example.com>\r\nSubject: a\r\n  b \t c\t\r\n d\r\nTo:\r\n \r\n x@y.example\r\n\r\nHello\r\n",
    "duplicates": HEAD + b"To: a@a.example\r\nX: y\r\nTO: b@b.example\r\nCc:\r\nto: c@c.example\r\n\r\nHello\r\n",
    "8-bit in the header section": HEAD + "To: Jörg <j@example.com>\r\n\r\nHello\r\n".encode(),
    "ISO-8859-1 in the header section": HEAD + "To: Jörg <j@example.com>\r\n\r\nHello\r\n".encode("iso-8859-1"),
    "trace on top": b"Received: from a by b;\r\n\tSat, 22 Nov 2025 08:23:00 +0000\r\n" + HEAD + b"\r\nHello\r\n",
    "signed before": b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=from; bh=eA==; b=eA==\r\n" + HEAD + b"\r\nx\r\n",
    "a long line": HEAD + b"\r\n" + b"x" * 900 + b"\r\n",
}  # fmt: skip


@pytest.mark.row(86)
@pytest.mark.parametrize("content", MESSAGES.values(), ids=MESSAGES)
def test_verifies(content):
    assert is_verified(signed(content))


@pytest.mark.row(86)
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_newsletters_verify(path, encoding):
    content = message(newsletter(path), encoding=encoding)
    assert is_verified(signed(content))


@pytest.mark.row(86)
@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_what_was_made_7_bit_verifies(path):
    text = newsletter(path) + "<!-- ü -->"
    html = part("text/html; charset=utf-8", text, "Content-Transfer-Encoding: 8bit")
    content = b"From: a@example.com\r\n" + multipart("alternative", part("text/plain", "hi"), html)
    converted = to_seven_bit(content)
    assert converted.isascii()
    assert not content.isascii()
    assert is_verified(signed(converted))


@pytest.mark.row(86)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello", b"Hallo"),
        (b"Subject: hello", b"Subject: hullo"),
        (b"news@", b"newz@"),
        (b"\r\n\r\n", b"\r\nFrom: evil@evil.example\r\n\r\n"),
        (b"From: News", b"From: evil@evil.example\r\nFrom: News"),
        (b"Hello\r\n", b"Hello\r\nand more\r\n"),
    ],
)
def test_what_is_altered_does_not_verify(old, new):
    content = signed(MESSAGES["plain"])
    assert [False, False] == verdicts(content.replace(old, new))


def test_what_hosts_do_on_the_way_does_no_harm():
    """Blanks, folding, trace on top, and other fields."""
    content = (
        signed(MESSAGES["every field"])
        .replace(b"Subject: ", b"subject:\r\n\t ")
        .replace(b"Hello", b"Hello  ")
    )
    assert is_verified(b"Received: from x by y\r\nX-Spam: no\r\n" + content + b"\r\n\r\n")


@pytest.mark.row(86)
def test_the_tags():
    content = signed(MESSAGES["plain"])
    found = tags(content)
    assert re.fullmatch("[A-Za-z0-9+/=]{344}", found.pop("b"))
    body_hash = base64.b64encode(hashlib.sha256(b"Hello\r\n").digest()).decode()
    assert {
        "v": "1", "a": "rsa-sha256", "c": "relaxed/relaxed", "d": "example.com", "s": "s-rsa", "t": "1780000000",
        "bh": body_hash, "h": "from:from:subject",
    } == found  # fmt: skip
    assert ("ed25519-sha256", "s-ed25519") == (tags(content, 1)["a"], tags(content, 1)["s"])


@pytest.mark.row(86)
@pytest.mark.row(87)
def test_what_is_covered():
    content = signed(MESSAGES["every field"])
    assert ["from", *SIGNED] == tags(content)["h"].split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post", "feedback-id"} <= set(SIGNED)
    assert ["from", "from", "to", "to", "to", "cc", "subject"] == tags(signed(MESSAGES["duplicates"]))[
        "h"
    ].split(":")


@pytest.mark.row(87)
@pytest.mark.parametrize("name", [b"List-Unsubscribe", b"List-Unsubscribe-Post"])
def test_one_click_unsubscription_cannot_be_altered(name):
    content = (
        HEAD
        + b"List-Unsubscribe: <https://example.com/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHi\r\n"
    )
    done = signed(content)
    assert is_verified(done)
    assert [False, False] == verdicts(done.replace(name + b": ", name + b": x"))


@given(
    st.dictionaries(st.sampled_from(SIGNED[1:]), st.integers(1, 30), max_size=15),
    st.sampled_from(
        [
            "example.com",
            "a-much-longer-name.of.a.subdomain.example.com",
            ".".join(["x" * 60] * 3) + ".example",
        ]
    ),
)
@settings(max_examples=40, deadline=None)
def test_lines_are_below_78_octets_wherever_they_can_be_folded(extra, domain):
    head = b"".join(b"%s: x\r\n" % name.encode() for name, count in extra.items() for _ in range(count))
    content = b"From: a@" + domain.encode() + b"\r\n" + head + b"\r\nx\r\n"
    done = signed(content, Signatures(signers(domain)))
    lines = done[: done.index(b"From: a@")].split(b"\r\n")
    assert [] == [line for line in lines if len(line) >= 78 and b" " in line.strip()]
    assert [] == [line for line in lines[1:] if line and not line.startswith((b"\t", b"DKIM-Signature:"))]
    assert [] == [line for line in lines if line.startswith(b"\t") and not line.strip()]
    assert is_verified(done)


@pytest.mark.parametrize(
    ("author", "domain"),
    [
        ("a@example.com", "example.com"),
        ("A <a@EXAMPLE.Com>", "example.com"),
        ("a@deep.down.example.com", "example.com"),
        ("a@mail.sub.example.com", "sub.example.com"),
        ("a@sub.example.com", "sub.example.com"),
        ("a@bücher.example", "xn--bcher-kva.example"),
        ('"evil@sub.example.com" <a@example.com>', "example.com"),
        ("(x@sub.example.com) a@example.com", "example.com"),
        ("a@example.com, b@sub.example.com", "example.com"),
        ("Group: a@example.com;", "example.com"),
    ],
)
def test_the_closest_domain_signs(author, domain):
    names = "example.com", "sub.example.com", "xn--bcher-kva.example"
    signatures = Signatures([one for name in names for one in signers(name)])
    content = f"From: {author}\r\n\r\nHello\r\n".encode()
    assert [domain, domain] == [tags(signed(content, signatures), index)["d"] for index in range(2)]


@pytest.mark.parametrize(
    "content",
    [
        b"From: a@example.org\r\n\r\nx\r\n",
        b"From: a@notexample.com\r\n\r\nx\r\n",
        b"From: a@com\r\n\r\nx\r\n",
        b"From: a@example.com.evil.example\r\n\r\nx\r\n",
        b"From: a@[192.0.2.1]\r\n\r\nx\r\n",
        b"From: nonsense\r\n\r\nx\r\n",
        b"From: \r\n\r\nx\r\n",
        b'From: "unclosed a@example.com\r\n\r\nx\r\n',
        b"From: a@example.com (unclosed\r\n\r\nx\r\n",
        b"From: a@\xff\xfe..example.com\r\n\r\nx\r\n",
        b"Sender: a@example.com\r\n\r\nx\r\n",
        b"From: a@example.com\r\nFrom: a@example.com\r\n\r\nx\r\n",
        b"From: a@example.com\r\nno field\r\n\r\nx\r\n",
        b"From: a@example.com\r\n: no field\r\n\r\nx\r\n",
        b"\r\nFrom: a@example.com\r\n\r\nx\r\n",
        b"",
    ],
)  # fmt: skip
def test_what_is_not_ours_or_not_clear_is_not_signed(content):
    assert b"" == SIGNATURES.fields(content, NOW)


def test_where_there_are_no_sender_domains_nothing_is_signed():
    assert b"" == Signatures().fields(MESSAGES["plain"], NOW)


def test_rsa_stands_first_whatever_the_order_of_the_keys():
    for order in (Algorithm, list(Algorithm)[::-1]):
        content = signed(MESSAGES["plain"], Signatures(signers(algorithms=order)))
        assert ["rsa-sha256", "ed25519-sha256"] == [tags(content, index)["a"] for index in range(2)]


def test_a_domain_with_one_key_makes_one_signature():
    for algorithm in Algorithm:
        content = signed(MESSAGES["plain"], Signatures(signers(algorithms=[algorithm])))
        assert [True] == verdicts(content, 1)
        assert 1 == content.count(b"DKIM-Signature:")


FRAGMENTS = st.lists(
    st.sampled_from(
        [b" ", b"\t", b"\r\n", b"x", b"\xc3\xa9", b"=", b".", b":", b"\r\n\r\n", b"Grusse", b"\x00", b"\x0b"]
    )
).map(b"".join)


@given(FRAGMENTS, FRAGMENTS.map(lambda value: re.sub(rb"\r\n(?![ \t])|[\x00\x0b]", b"", value)))
@settings(max_examples=60, deadline=None)
def test_any_body_and_subject_verifies(body, subject):
    content = b"From: a@example.com\r\nSubject: " + subject + b"\r\n\r\n" + body + b"\r\n"
    assert [True] == verdicts(signed(content, Signatures(signers(algorithms=[Algorithm.ED25519]))), 1)


@given(
    st.lists(
        st.sampled_from(
            [
                b"From",
                b"to",
                b":",
                b" ",
                b"\r\n",
                b"a@example.com",
                b"<",
                b">",
                b'"',
                b"(",
                b",",
                b"\xff",
                b"\n",
                b"\r",
            ]
        )
    ).map(b"".join)
)
def test_any_content_is_signed_or_not_but_never_fails(content):
    fields = Signatures(signers(algorithms=[Algorithm.ED25519])).fields(content, NOW)
    assert fields == b"" or fields.startswith(b"DKIM-Signature: v=1; ")


@pytest.mark.parametrize(
    "head",
    [
        b"To: x\r\n" * 9_000,
        b"From: " + b"(" * 100_000 + b"\r\n",
        b"From: " + b"a," * 50_000 + b"\r\n",
        b"From: a@" + b"b." * 50_000 + b"\r\n",
        b"Subject:" + b"\r\n \t" * 50_000 + b"\r\n",
    ],
    ids=["fields", "comments", "commas", "labels", "folds"],
)
def test_hostile_header_sections_cost_little(head):
    content = (
        head + b"From: a@example.com\r\n\r\nx\r\n" if not head.startswith(b"From") else head + b"\r\nx\r\n"
    )
    started = time.process_time()
    SIGNATURES.fields(content, NOW)
    assert time.process_time() - started < 20


def test_a_damaged_key_is_refused_when_it_is_read():
    with pytest.raises(signing_keys.KeyUnusable):
        Signer("example.com", SigningKey("s", Algorithm.RSA, b"damaged", 0.0))


def test_the_manual_page_says_what_happens():
    page = Path(__file__).parents[2] / "docs/rewriters/dkim.md"
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=options)
    assert (0, True) == (failed, tried > 5)
