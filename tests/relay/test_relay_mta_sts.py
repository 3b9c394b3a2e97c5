"""The texts of MTA-STS as strangers write them (RFC 8461 3.1, 3.2), and how a policy is fetched (3.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from smtpeter.relay.mta_sts import MAXIMUM_SIZE, NoPolicy, Text, identifier, parse
from smtpeter.relay.policy_book import fetch
from smtpeter.request.client import NoAnswer, Response
from smtpeter.spool.mta_sts import PolicyMode
from tests.relay.hosts import result

GOOD = b"version: STSv1\nmode: enforce\nmx: mx1.example.com\nmx: *.example.net\nmax_age: 604800\n"
READ = Text(PolicyMode.ENFORCE, ("mx1.example.com", "*.example.net"), 604_800)


@pytest.mark.row(113)
@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([b"v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        ([b"v=STSv1;id=1"], "1"),
        ([b"v=STSv1 ;\tid=1 ; more=x-y"], "1"),
        ([b"v=spf1 -all", b"v=STSv1; id=1;"], "1"),
        ([], None),
        ([b"v=STSv1; id=1;", b"v=STSv1; id=2;"], None),  # "MUST NOT" choose (3.1)
        ([b"v=STSv10; id=1;"], None),
        ([b"V=STSv1; id=1;"], None),
        ([b" v=STSv1; id=1;"], None),
        ([b"v=STSv1; id=;"], None),
        ([b"v=STSv1; id=1; id=2;"], None),
        ([b"v=STSv1; id=" + b"1" * 33], None),
        ([b"v=STSv1; id=a-b;"], None),
        ([b"v=STSv1; nonsense; id=1;"], None),
        ([b"v=STSv1;"], None),
        ([b"v=STSv1; id=\xff;"], None),
    ],
)
def test_the_id_of_a_txt_record(records, expected):
    assert expected == identifier(records)


@pytest.mark.row(113)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (GOOD, READ),
        (GOOD.replace(b"\n", b"\r\n"), READ),
        (GOOD.replace(b": ", b":"), READ),
        (GOOD + b"mode: none\nversion: STSv2\nmax_age: 1\n", READ),  # the first counts
        (GOOD + b"mx: MX1.example.com\n", READ),
        (GOOD + b"future_field: whatever \xc3\xa4\n\n", READ),
        (GOOD.rstrip(), READ),
        (b"max_age: 1\nmode: none\nversion: STSv1", Text(PolicyMode.NONE, (), 1)),
        (GOOD.replace(b"604800", b"9999999999"), Text(PolicyMode.ENFORCE, READ.mx, 31_557_600)),
        (GOOD.replace(b"enforce", b"testing"), Text(PolicyMode.TESTING, READ.mx, 604_800)),
    ],
)
def test_a_policy(body, expected):
    assert expected == parse(body)


@pytest.mark.row(113)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Not found</html>",
        GOOD.replace(b"STSv1", b"STSv2"),
        GOOD.replace(b"version: STSv1\n", b""),
        GOOD.replace(b"enforce", b"Enforce"),
        GOOD.replace(b"mode: enforce\n", b""),
        GOOD.replace(b"604800", b"1 week"),
        GOOD.replace(b"604800", b"-1"),
        GOOD.replace(b"604800", "٣".encode()),
        GOOD.replace(b"604800", b"1" * 11),
        GOOD.replace(b"max_age: 604800", b""),
        b"version: STSv1\nmode: enforce\nmax_age: 604800\n",  # no mx
        GOOD.replace(b"*.example.net", b"*"),
        GOOD.replace(b"*.example.net", b"mx*.example.net"),
        GOOD.replace(b"*.example.net", b"*.*.example.net"),
        GOOD.replace(b"*.example.net", b"[192.0.2.1]"),
        GOOD.replace(b"*.example.net", b""),
        GOOD + b"no field\n",
        GOOD + b"\xff: x\n",
        GOOD + b"mx: a.example\n" * 10 + b"".join(b"mx: %d.example\n" % n for n in range(100)),
        GOOD + b"x: " + b"y" * MAXIMUM_SIZE,
        GOOD + b"".join(b"mx: %d.%s.example\n" % (n, b".".join([b"x" * 60] * 3)) for n in range(22)),
    ],
    ids=range(22),
)
def test_no_policy(body):
    with pytest.raises(NoPolicy):
        parse(body)


_LINES = st.sampled_from(
    [b"version: STSv1", b"mode: enforce", b"mode: testing", b"mode: none", b"mx: a.example", b"mx:*.b.example",
     b"max_age: 86400", b"max_age:", b"mx:", b":", b"x-y.z_1: \xc3\xa4", b"", b"\r", b" ", b"\x00"]
)  # fmt: skip


@given(st.lists(st.one_of(_LINES, st.binary(max_size=40)), max_size=12).map(b"\n".join))
def test_any_body_is_a_policy_or_none(body):
    """A policy is one by its own words: it can be written down and read again."""
    try:
        read = parse(body)
    except NoPolicy:
        return
    lines = [
        "version: STSv1",
        f"mode: {read.mode}",
        f"max_age: {read.max_age}",
        *(f"mx: {one}" for one in read.mx),
    ]
    assert read == parse("\n".join(lines).encode())


_FIELDS = st.sampled_from([b"v=STSv1", b"id=1", b"id=abc", b" ", b";", b"; ", b"x=y", b"=", b"id="])


@given(st.lists(st.one_of(st.lists(_FIELDS).map(b"".join), st.binary(max_size=60)), max_size=3))
def test_any_records_have_an_id_or_none(records):
    found = identifier(records)
    assert found is None or (
        found.isalnum() and len(found) <= 32 and identifier([f"v=STSv1; id={found};".encode()]) == found
    )


# -- fetching ---------------------------------------------------------------------------------------------


def fetched(answer, **more):
    asked = []

    async def request(method, url, *, most):
        asked.append((method, url, most))
        if isinstance(answer, Exception):
            raise answer
        return answer

    done = Deferred.fromCoroutine(fetch(request, "example.com", **more))
    done.addErrback(lambda failure: failure.value)
    return result(done), asked


def shown(body=GOOD, status=200, kind="text/plain"):
    return Response(status, (("content-type", kind),), body)


@pytest.mark.row(113)
@pytest.mark.parametrize("kind", ["text/plain", "Text/Plain; charset=utf-8"])
def test_a_policy_is_fetched_from_its_host(kind):
    read, asked = fetched(shown(kind=kind))
    assert READ == read
    assert [("GET", "https://mta-sts.example.com/.well-known/mta-sts.txt", MAXIMUM_SIZE)] == asked
    assert "https://mta-sts.example.com:8443/.well-known/mta-sts.txt" == fetched(shown(), port=8443)[1][0][1]


@pytest.mark.row(113)
@pytest.mark.parametrize(
    "answer",
    [
        shown(status=301),
        shown(status=302),
        shown(status=404),
        shown(status=204),
        shown(kind="text/html"),
        shown(kind=""),
        shown(body=b"Not found"),
    ],
    ids=["301", "302", "404", "204", "html", "no type", "no policy"],
)
def test_anything_else_is_no_policy(answer):
    assert isinstance(fetched(answer)[0], NoPolicy)


@pytest.mark.row(113)
def test_no_answer_is_no_policy():
    """A certificate that does not verify, a body that is too long, a host that stalls: the client says so."""
    assert isinstance(fetched(NoAnswer("its answer is too long"))[0], NoAnswer)
