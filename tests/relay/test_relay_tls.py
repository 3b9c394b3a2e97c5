"""TLS with hosts whose certificates are good, bad, or none; in memory, with real handshakes."""

import pytest

from smtpeter.message.status import Result, Stage
from smtpeter.relay.sender import Credentials
from smtpeter.relay.tls import Contexts, Security
from tests.kit.certificates import Authority
from tests.relay.hosts import CLOSE, OFFERS, SILENT, Host, Net, attempt, attempts, begin, group, result

ONE, TWO = "198.51.100.1", "198.51.100.2"
TLS = (*OFFERS, "STARTTLS")
NONE, OPPORTUNISTIC, REQUIRED, VERIFIED = Security


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def good(authority):
    return authority.issue("mx1.example")


@pytest.fixture(scope="module")
def trusting(authority):
    return Contexts(str(authority.path))


@pytest.fixture(scope="module")
def suspicious():
    return Contexts()


def one(host, security, **more):
    net = Net({ONE: host})
    return attempt(net, attempts(net, ONE, security=security, **more), group())[0]


@pytest.mark.row(111)
@pytest.mark.parametrize("keyword", ["STARTTLS", "starttls"])
@pytest.mark.parametrize("security", [OPPORTUNISTIC, REQUIRED, VERIFIED])
def test_tls_is_used_when_it_is_offered(keyword, security, good, trusting):
    host = Host((*OFFERS, keyword), good)
    outcome = one(host, security, contexts=trusting)
    assert Result.DELIVERED is outcome.result
    assert outcome.tls.startswith("TLSv1.3 TLS_")
    assert ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "DATA"] == [line.split()[0] for line in host.commands]


@pytest.mark.row(111)
def test_the_host_is_named_to_the_server(good, trusting):
    host = Host(TLS, good)
    one(host, VERIFIED, contexts=trusting)
    assert ["mx1.example"] == host.connections[0].server.asked_for


def test_without_tls_in_the_policy_it_is_not_even_tried(good, trusting):
    host = Host(TLS, good)
    assert "" == one(host, NONE, contexts=trusting).tls
    assert "STARTTLS" not in host.commands


@pytest.mark.row(111)
@pytest.mark.parametrize("kind", ["expired", "other name", "unknown authority"])
def test_any_certificate_does_but_where_it_must_be_verified(kind, authority, good, trusting, suspicious):
    certificate = {
        "expired": lambda: authority.issue("mx1.example", expired=True),
        "other name": lambda: authority.issue("other.example"),
        "unknown authority": lambda: good,
    }[kind]()
    contexts = suspicious if kind == "unknown authority" else trusting
    for security in (OPPORTUNISTIC, REQUIRED):
        outcome = one(Host(TLS, certificate), security, contexts=contexts)
        assert (Result.DELIVERED, True) == (outcome.result, bool(outcome.tls))
    host = Host(TLS, certificate)
    outcome = one(host, VERIFIED, contexts=contexts)
    assert (Result.DEFERRED, Stage.HANDSHAKE, "4.7.5") == (
        outcome.result,
        outcome.stage,
        outcome.reply.enhanced,
    )
    assert ["EHLO relay.example", "STARTTLS"] == [line for line in host.commands if line != "QUIT"]


@pytest.mark.row(111)
@pytest.mark.parametrize(
    "refusal", ["454 4.7.0 Not now", "554 5.7.0 No", CLOSE, "421 4.7.0 Not now", "250 Ok"]
)
def test_when_tls_does_not_start_opportunistic_mail_goes_in_clear_once_on_a_new_connection(
    refusal, suspicious
):
    host = Host(TLS, STARTTLS=refusal)
    outcome = one(host, OPPORTUNISTIC, contexts=suspicious)
    assert (Result.DELIVERED, "") == (outcome.result, outcome.tls)
    assert [1, 0] == [connection.commands.count("STARTTLS") for connection in host.connections]
    host = Host(TLS, STARTTLS=refusal)
    outcome = one(host, REQUIRED, contexts=suspicious)
    assert (Result.DEFERRED, []) == (outcome.result, host.contents)
    assert 1 == len(host.connections)


@pytest.mark.row(111)
@pytest.mark.parametrize("garbage", [b"220 Go on\r\n", b"what?"])
def test_a_handshake_that_fails_is_fallen_back_from_once(garbage, suspicious):
    """The host goes on in clear: its answer to our ClientHello is no TLS."""
    host = Host(TLS)
    for security, expected in ((OPPORTUNISTIC, Result.DELIVERED), (REQUIRED, Result.DEFERRED)):
        net = Net({ONE: host})
        (running,) = begin(net, attempts(net, ONE, security=security, contexts=suspicious), group())
        for connection in host.connections[-1:]:
            connection.send_raw(garbage)
        net.settle()
        outcome = result(running)[1]
        assert (expected, "") == (outcome.result, outcome.tls)


@pytest.mark.row(111)
def test_a_handshake_that_stalls_is_fallen_back_from_after_half_a_minute(suspicious):
    net = Net({ONE: Host(TLS)})
    (running,) = begin(net, attempts(net, ONE, security=OPPORTUNISTIC, contexts=suspicious), group())
    net.wait(29)
    assert not running.called
    net.wait(1)
    assert (Result.DELIVERED, "") == (result(running)[1].result, result(running)[1].tls)


@pytest.mark.row(111)
@pytest.mark.parametrize("security", [REQUIRED, VERIFIED])
def test_a_host_that_offers_no_tls_gets_nothing_where_it_is_required(security, suspicious):
    host = Host()
    outcome = one(host, security, contexts=suspicious)
    assert (Result.DEFERRED, Stage.STARTTLS, "4.7.4") == (
        outcome.result,
        outcome.stage,
        outcome.reply.enhanced,
    )
    assert [] == host.contents


@pytest.mark.row(112)
@pytest.mark.parametrize("security", [OPPORTUNISTIC, REQUIRED, VERIFIED])
@pytest.mark.parametrize(
    "injected", [b"220 go\r\n250-fake\r\n250 INJECTED\r\n", b"220 go\r\n2", b"220 go\r\n250 x\r\n"]
)
def test_what_was_said_in_clear_is_no_answer_under_tls(security, injected, good, trusting):
    host = Host(TLS, good, STARTTLS=injected)
    net = Net({ONE: host})
    outcome = attempt(net, attempts(net, ONE, security=security, contexts=trusting), group())[0]
    assert Result.DEFERRED is outcome.result
    assert [] == host.contents
    assert 1 == len(host.connections)
    assert host.connections[0].closed


def test_what_was_offered_in_clear_is_forgotten_under_tls(good, trusting):
    host = Host(TLS, good)
    net = Net({ONE: host})
    (running,) = begin(
        net,
        attempts(net, ONE, security=OPPORTUNISTIC, contexts=trusting),
        group(smtputf8=True, content="Subject: ä\r\n\r\n".encode()),
    )
    assert Result.DELIVERED is result(running)[1].result
    host = Host(TLS, good)
    obey = host.answer

    def fewer_offers(verb):
        host.offers = ("PIPELINING",)
        return obey(verb)

    host.answer = fewer_offers
    outcome = one(host, OPPORTUNISTIC, contexts=trusting)
    assert Result.DELIVERED is outcome.result
    assert "MAIL FROM:<a@sender.example>" in host.commands


# -- AUTH -------------------------------------------------------------------------------------------------

LOGIN = Credentials("user", "pässword")
PLAIN_LINE = "AUTH PLAIN AHVzZXIAcMOkc3N3b3Jk"


def authenticating(mechanisms, contexts, certificate, security=VERIFIED, **script):
    host = Host((*TLS, mechanisms), certificate, **script)
    return host, one(host, security, contexts=contexts, credentials=LOGIN)


def test_auth_plain_goes_to_a_verified_host(good, trusting):
    host, outcome = authenticating("AUTH LOGIN PLAIN", trusting, good)
    assert Result.DELIVERED is outcome.result
    assert PLAIN_LINE in host.commands


def test_auth_login_where_there_is_no_plain(good, trusting):
    answers = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0 Welcome"]
    host, outcome = authenticating("AUTH LOGIN", trusting, good, AUTH=answers)
    assert Result.DELIVERED is outcome.result
    start = host.commands.index("AUTH LOGIN")
    assert ["AUTH LOGIN", "dXNlcg==", "cMOkc3N3b3Jk"] == host.commands[start : start + 3]


@pytest.mark.parametrize(
    "answer", ["535 5.7.8 No", "454 4.7.0 Later", "250 Ok", "334 ", CLOSE, "421 4.7.0 Go away"]
)
def test_a_login_that_is_not_taken_never_fails_mail_for_good_and_shows_no_password(answer, good, trusting):
    host, outcome = authenticating("AUTH PLAIN", trusting, good, AUTH=answer)
    assert (Result.DEFERRED, Stage.AUTH) == (outcome.result, outcome.stage)
    assert [] == host.contents
    assert "ssword" not in repr(outcome) + repr(LOGIN)
    assert "AHVzZXIA" not in repr(outcome)


def test_no_auth_offered_defers(good, trusting):
    _, outcome = authenticating("AUTH CRAM-MD5", trusting, good)
    assert (Result.DEFERRED, Stage.AUTH, "4.7.4") == (outcome.result, outcome.stage, outcome.reply.enhanced)


@pytest.mark.parametrize("security", [NONE, OPPORTUNISTIC, REQUIRED])
def test_a_password_is_never_sent_but_under_verified_tls(security, good, trusting):
    host, outcome = authenticating("AUTH PLAIN", trusting, good, security)
    assert (Result.DEFERRED, Stage.AUTH) == (outcome.result, outcome.stage)
    assert not [line for line in host.commands if line.startswith("AUTH")]


def test_a_stalled_host_after_the_handshake_has_its_time(good, trusting):
    host = Host(TLS, good, MAIL=SILENT, RCPT=SILENT, DATA=SILENT)
    net = Net({ONE: host})
    (running,) = begin(net, attempts(net, ONE, security=OPPORTUNISTIC, contexts=trusting), group())
    net.wait(299)
    assert not running.called
    net.wait(1)
    assert (Result.DEFERRED, Stage.MAIL) == (result(running)[1].result, result(running)[1].stage)
