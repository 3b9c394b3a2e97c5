"""Who may ask what: tokens, scopes, https, rates; and that every mistake has one shape."""

from dataclasses import replace

import pytest

from smtpeter.accounts import tokens
from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.journal.interface import JournalUnavailable
from smtpeter.web.visit import Visit
from tests.web.rest import NOW, Rest


@pytest.fixture
def rest():
    return Rest()


@pytest.mark.parametrize(
    "token",
    ["", "x", "st_" + "a" * 13 + "_" + "a" * 26, None],
    ids=["none", "no token", "no such token", "wrong secret"],
)
def test_without_a_right_token_nothing_is_told(rest, token):
    wrong = rest.token[:-1] + ("a" if rest.token[-1] != "a" else "b")
    answered = rest.get("/queue", token=wrong if token is None else token)
    assert 401 == answered.status
    assert answered.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "query", ["?access_token={}", "?limit=3&access_token={}", "?access_token={}&limit=3"]
)
def test_the_token_may_be_a_parameter(rest, query):
    assert 200 == rest.get("/queue" + query.format(rest.token), token="").status


def test_the_token_stands_in_no_answer(rest):
    [identifier] = rest.send().json
    answered = rest.get(f"/events/messageid/{identifier}?limit=1&access_token={rest.token}", token="")
    assert rest.token not in answered.headers.get("Link", "")


def test_a_token_may_do_what_its_scopes_say(rest):
    text, kept = tokens.make("shop", ("read",), NOW, rest.secret)
    rest.tokens.create(kept)
    assert 200 == rest.get("/events", token=text).status
    assert 403 == rest.get("/queue", token=text).status
    assert 403 == rest.post("/send", {}, token=text).status
    assert 403 == rest.get("/logins", token=rest.token).status
    assert 403 == rest.post("/send", {}, token=rest.operator).status


def test_a_token_ends_with_its_login(rest):
    rest.accounts.replace(replace(rest.login, enabled=False))
    assert 401 == rest.send().status
    rest.accounts.delete("shop")
    assert 401 == rest.send().status
    rest.accounts.create(replace(rest.login, created_at=NOW + 1))  # another one of the same name
    assert 401 == rest.send().status


# -- https ---------------------------------------------------------------------------------------------------

PROXY = "10.0.0.1"
SAYS_HTTPS = {"X_Forwarded_Proto": "https"}
SAYS_HTTP = {"X_Forwarded_Proto": "http"}


@pytest.mark.parametrize(
    ("peer", "secure", "said", "status"),
    [
        ("127.0.0.1", False, {}, 200),
        ("::1", False, {}, 200),
        ("::ffff:127.0.0.1", False, {}, 200),
        ("", False, {}, 200),
        ("192.0.2.1", False, {}, 400),
        ("192.0.2.1", True, {}, 200),
        ("192.0.2.1", False, SAYS_HTTPS, 400),
        (PROXY, False, SAYS_HTTPS, 200),
        (PROXY, False, SAYS_HTTP, 400),
        (PROXY, False, {}, 400),
        ("127.0.0.1", False, SAYS_HTTPS, 400),
        ("127.0.0.1", False, {"X_Forwarded_For": "192.0.2.7"}, 400),
    ],
    ids=[
        "loopback", "loopback v6", "mapped", "unix", "stranger", "tls", "stranger who says https",
        "proxy", "proxy over http", "silent proxy", "unknown proxy here", "unknown proxy here for another",
    ],
)  # fmt: skip
def test_plain_http_is_for_this_machine_and_trusted_proxies(peer, secure, said, status):
    rest = Rest(proxies=[f"{PROXY}/32"])
    assert status == rest.get("/queue", peer=peer, secure=secure, **said).status


def test_over_plain_http_not_even_the_token_is_looked_at(rest):
    rest.get("/queue", peer="192.0.2.1")
    assert [] == rest.tokens.calls


# -- rates ---------------------------------------------------------------------------------------------------


def test_a_token_that_asks_too_often_is_told_when_to_come_back():
    rest = Rest(rate=1)
    assert [200, 200, 429] == [rest.get("/queue").status for _ in range(3)]
    assert "1" == rest.get("/queue").headers["Retry-After"]
    assert 200 == rest.get("/queue", token=rest.operator).status
    rest.now += 1
    assert [200, 429] == [rest.get("/queue").status for _ in range(2)]


def test_guessing_from_one_address_is_held_up_and_the_right_token_never(rest):
    statuses = [rest.get("/queue", token="x", peer="127.0.0.2").status for _ in range(25)]
    assert [401] * 20 + [429] * 5 == statuses
    assert 401 == rest.get("/queue", token="x", peer="127.0.0.3").status
    assert 200 == rest.get("/queue", peer="127.0.0.2").status


# -- mistakes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", "/nothing", 404, None),
        ("GET", "/", 404, None),
        ("PUT", "/send", 405, "POST"),
        ("TRACE", "/logins", 405, "GET, POST"),
        ("POST", "/openapi.json", 405, "GET"),
        ("DELETE", "/logins/a/b", 404, None),
    ],
)
def test_what_is_not_there(rest, method, path, status, allowed):
    answered = rest.ask(method, path)
    assert (status, allowed) == (answered.status, answered.headers.get("Allow"))
    assert answered.error[1]


def test_beside_v1_there_is_nothing(rest):
    assert 404 == rest.answer(Visit(b"GET", b"/", (), "127.0.0.1"), b"").status
    assert 404 == rest.answer(Visit(b"OPTIONS", b"*", (), "127.0.0.1"), b"").status


@pytest.mark.parametrize(
    ("body", "kind", "status", "field"),
    [
        (b"{", "application/json", 400, ""),
        (b"[]", "application/json", 400, ""),
        (b"null", "application/json", 400, ""),
        (b"", "application/json", 400, ""),
        (b"\xff", "application/json", 400, ""),
        (b"[" * 90_000, "application/json", 400, ""),
        (b"[" * 100_000, "application/json", 413, ""),
        (b"<a/>", "text/xml", 415, "Content-Type"),
        (b"a[=1", "application/x-www-form-urlencoded", 400, "a["),
        (b"a=1&a=2", "application/x-www-form-urlencoded", 400, "a"),
        (b"a=1&a[b]=2", "application/x-www-form-urlencoded", 400, "a[b]"),
        (b"a[b][c][d][e][f]=1", "application/x-www-form-urlencoded", 400, "a[b][c][d][e][f]"),
        (b"a=%ff", "application/x-www-form-urlencoded", 400, ""),
        ("a=ü".encode(), "application/x-www-form-urlencoded", 400, ""),
    ],
)  # fmt: skip
def test_bodies_that_cannot_be_read(rest, body, kind, status, field):
    answered = rest.ask("POST", "/send", body, Content_Type=kind)
    assert (status, field) == (answered.status, answered.error[0]), answered.body


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=x", "limit"),
        ("limit=0", "limit"),
        ("nothing=1", "nothing"),
        ("limit=1&limit=2", "limit"),
        ("state=x", "state"),
    ],
)
def test_parameters_that_cannot_be_read(rest, query, field):
    answered = rest.get(f"/queue?{query}")
    assert (400, field) == (answered.status, answered.error[0])


@pytest.mark.parametrize("ledger", ["accounts", "tokens", "journal"])
def test_trouble_of_ours_is_503(rest, ledger):
    trouble = JournalUnavailable("x") if ledger == "journal" else AccountsUnavailable("x")
    getattr(rest, ledger).trouble = trouble
    answered = rest.get("/events")
    assert (503, "30") == (answered.status, answered.headers["Retry-After"])


def test_a_fault_of_ours_is_500_and_in_the_log(rest, expected_failures):
    expected_failures.append(ZeroDivisionError)
    rest.journal.trouble = ZeroDivisionError("secret")
    answered = rest.get("/events")
    assert (500, False) == (answered.status, "secret" in answered.body.decode())


def test_head_is_answered_as_get(rest):
    assert 200 == rest.ask("HEAD", "/queue").status
