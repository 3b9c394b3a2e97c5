"""TLS at the door: handshakes that go wrong, resumption, and what is known of the session afterwards."""

import ssl
import warnings

import pytest
from twisted.internet.testing import StringTransport

from tests.submission.door import HOSTNAME, Door, plain, reply, speak, submit


def encrypted(tmp_path, **options):
    door = Door(tmp_path)
    wire = door.wire(implicit_tls=True, **options)
    reply(wire)
    return door, wire


@pytest.mark.row(55)
def test_without_a_certificate_starttls_is_neither_offered_nor_taken():
    door = Door(tls=False)
    wire = door.wire()
    assert "STARTTLS" not in "".join(speak(wire, "EHLO client.test")) + reply(wire)
    assert ["454 4.7.0 TLS not available"] == speak(wire, "STARTTLS")


@pytest.mark.row(53)
def test_octets_that_come_in_clear_after_220_are_never_commands(tmp_path):
    door = Door(tmp_path)
    wire = door.wire()
    speak(wire, "EHLO client.test", "STARTTLS")
    wire.read()
    wire.deliver(b"MAIL FROM:<injected@b.test>\r\n")
    wire.clock.advance(1)
    assert b"250" not in wire.read()
    assert wire.closed


@pytest.mark.row(54)
def test_what_was_said_in_clear_is_forgotten(tmp_path):
    """Also of a client that may send in clear: its transaction does not survive STARTTLS (RFC 3207 4.2)."""
    door = Door(tmp_path, trusted_networks={"192.0.2.0/24": "alice"})
    wire = door.wire()
    reply(wire)
    replies = speak(wire, "EHLO client.test", "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "STARTTLS")
    assert ["250", "250", "250", "220"] == [said[:3] for said in replies]
    wire.start_tls()
    assert ["503", "503", "503"] == [
        said[:3] for said in speak(wire, "DATA", "RCPT TO:<c@d.test>", "MAIL FROM:<a@b.test>")
    ]
    assert speak(wire, "EHLO client.test", "MAIL FROM:<a@b.test>")[-1].startswith("250")


@pytest.mark.row(56)
@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", b"\x16"])
def test_a_handshake_that_stalls_is_ended_within_thirty_seconds(sent, tmp_path):
    door = Door(tmp_path)
    wire = door.wire()
    speak(wire, "EHLO client.test", "STARTTLS")
    wire.deliver(sent)
    wire.advance(29)
    assert not wire.closed
    wire.advance(2)
    assert wire.closed
    wire.lose()
    assert (0, 0) == (door.clock_calls(), door.quota.connections)


@pytest.mark.row(56)
def test_a_garbage_client_hello_closes(tmp_path):
    door = Door(tmp_path)
    wire = door.wire()
    speak(wire, "EHLO client.test", "STARTTLS")
    wire.deliver(b"\x16\x03\x01\x00\x05garba")
    wire.clock.advance(1)
    assert wire.closed


@pytest.mark.row(56)
def test_an_aborted_handshake_leaves_nothing(tmp_path):
    door = Door(tmp_path)
    wire = door.wire()
    speak(wire, "EHLO client.test", "STARTTLS")
    wire.lose()
    assert (0, 0) == (door.clock_calls(), door.quota.connections)


@pytest.mark.row(56)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_of_tls_are_refused(version, tmp_path):
    """RFC 8996."""
    door = Door(tmp_path)
    wire = door.wire()
    speak(wire, "EHLO client.test", "STARTTLS")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
    wire._context = context
    with pytest.raises(ssl.SSLError):
        wire.start_tls()
    assert wire.closed


def test_tls_1_2_is_taken_with_forward_secrecy(tmp_path):
    door = Door(tmp_path)
    wire = door.wire()
    speak(wire, "EHLO client.test", "STARTTLS")
    wire._context.maximum_version = ssl.TLSVersion.TLSv1_2
    wire.start_tls()
    assert "TLSv1.2" == wire.tls.version()
    assert wire.tls.cipher()[0].startswith("ECDHE-")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed(version, tmp_path):
    """Clients that send one message a connection spend most of their time in handshakes."""
    door, first = encrypted(tmp_path)
    context = first._context
    context.maximum_version = version
    sessions = []
    for session in (None, sessions):
        wire = door.wire()
        speak(wire, "EHLO client.test", "STARTTLS")
        wire._context = _Resuming(context, session[0] if session else None)
        wire.start_tls()
        speak(wire, "EHLO client.test")
        sessions.append(wire.tls.session)
    assert wire.tls.session_reused


class _Resuming:
    """A client context that offers a session."""

    def __init__(self, context, session):
        self._context, self._session = context, session

    def wrap_bio(self, *arguments, **named):
        return self._context.wrap_bio(*arguments, session=self._session, **named)


@pytest.mark.row(50)
def test_version_and_cipher_are_known_afterwards(tmp_path):
    door, wire = encrypted(tmp_path)
    speak(wire, "EHLO client.test", f"AUTH PLAIN {plain()}")
    submit(wire, b"Subject: x\r\n\r\n")
    facts = "TLSv1.3 TLS_AES_256_GCM_SHA384"
    assert facts == door.messages[0].facts["tls"]
    assert f"192.0.2.1 {facts}" == door.journal.events[0].client
    top = door.messages[0].template.pieces[0].data
    assert b"with ESMTPSA" in top
    assert b"TLS_AES_256_GCM_SHA384" in top


@pytest.mark.row(57)
def test_the_greeting_on_an_implicit_listener_comes_inside_tls(tmp_path):
    door = Door(tmp_path)
    factory = door.factory(implicit_tls=True)
    wire = type(door.wire())(factory, door.clock)
    wire.clock.advance(1)
    assert b"" == wire.transport.raw.value()


def test_the_name_is_the_certificates(tmp_path):
    _, wire = encrypted(tmp_path)
    assert ((("commonName", HOSTNAME),),) == wire.tls.getpeercert()["subject"]


def test_replies_to_pipelined_commands_leave_together_and_at_once(tmp_path):
    """In one TLS record, and before the reactor has another turn: a client that waits for each reply has no time to lose."""
    _, wire = encrypted(tmp_path)
    speak(wire, "EHLO client.test")
    written = []
    write = wire.transport.raw.write
    wire.transport.raw.write = lambda data: written.append(data) or write(data)
    wire._tls.write(b"NOOP\r\nRSET\r\nNOOP\r\n")
    timers = list(wire.clock.getDelayedCalls())
    wire.transport.protocol.dataReceived(wire._out.read())
    assert 1 == len(written)
    assert 5 + int.from_bytes(written[0][3:5], "big") == len(written[0])
    assert timers == wire.clock.getDelayedCalls()
    assert 3 == wire.read().count(b"250 ")


def test_starttls_behind_replies_that_are_not_read_yet(tmp_path, monkeypatch):
    """They may fill the transport, which pauses us; what TLS makes of that must not hold the session for ever."""
    door = Door(tmp_path, trusted_networks={"192.0.2.0/24": "alice"})
    wire = door.wire()
    reply(wire)
    speak(wire, "EHLO client.test")
    raw = wire.transport.raw

    def write(data):  # as twisted.internet.abstract.FileDescriptor: it pauses above 64 KB
        StringTransport.write(raw, data)
        if raw.producer is not None and len(raw.value()) > 65_536:
            raw.producer.pauseProducing()

    monkeypatch.setattr(raw, "write", write)
    wire.deliver(b"MAIL FROM:<a@b.test>\r\n")
    while len(raw.value()) < 60_000:
        wire.deliver(b"RCPT TO:<c@d.test>\r\n")
    wire.deliver(b"RCPT TO:<c@d.test>\r\n" * 190 + b"STARTTLS\r\n")
    while not wire.session.startedTLS:
        assert raw.value()
        raw.clear()
        raw.producer.resumeProducing()
    raw.clear()
    raw.producer.resumeProducing()
    wire.start_tls()
    assert speak(wire, "EHLO client.test")[0].startswith("250")
