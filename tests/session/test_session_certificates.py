"""Certificates: chosen by name, read anew when they change, and named when they cannot be used."""

import os
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from OpenSSL import SSL
from twisted.logger import globalLogPublisher

from smtpeter.session.certificates import Certificates, CertificateUnusable, Pair, facts
from smtpeter.session.selfmade import self_made

NOW = 1_780_000_000.0


class Seconds:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def written():
    seen = []
    globalLogPublisher.addObserver(seen.append)
    yield seen
    globalLogPublisher.removeObserver(seen.append)


def write(directory, name, *hosts):
    """A pair of files for these hosts; what was there is replaced as certbot does, by a rename."""
    certificate, key = self_made(hosts, NOW)
    for suffix, data in ((".pem", certificate), (".key", key)):
        fresh = directory / f"{name}{suffix}.new"
        fresh.write_bytes(data)
        fresh.replace(directory / f"{name}{suffix}")
    return Pair(directory / f"{name}.pem", directory / f"{name}.key")


def shake_hands(certificates, name=None):
    """The names of the certificate that a client that asks for `name` is shown, and the server's facts."""
    server = certificates.serverConnectionForTLS(None)
    server.set_accept_state()
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client = SSL.Connection(context, None)
    client.set_connect_state()
    if name is not None:
        client.set_tlsext_host_name(name.encode())
    for _ in range(6):
        for one, other in ((client, server), (server, client)):
            with suppress(SSL.WantReadError):
                one.do_handshake()
            with suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(65536))
    shown = client.get_peer_certificate().to_cryptography().subject.rfc4514_string()
    return shown.removeprefix("CN="), facts(server)


def test_others_are_used_from_the_next_connection_on(tmp_path, seconds):
    certificates = Certificates([write(tmp_path, "one", "one.test")], seconds)
    certificates.use([write(tmp_path, "two", "two.test"), write(tmp_path, "three", "three.test")])
    assert ["two.test", "two.test", "three.test"] == [
        shake_hands(certificates, name)[0] for name in (None, "one.test", "three.test")
    ]


def test_others_that_cannot_be_used_change_nothing(tmp_path, seconds):
    certificates = Certificates([write(tmp_path, "one", "one.test")], seconds)
    missing = Pair(tmp_path / "two.pem", tmp_path / "two.key")
    with pytest.raises(CertificateUnusable, match=r"two\.pem"):
        certificates.use([write(tmp_path, "three", "three.test"), missing])
    assert "one.test" == shake_hands(certificates, "three.test")[0]


@pytest.mark.row(58)
@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (None, "one.test"),
        ("one.test", "one.test"),
        ("TWO.test", "two.test"),
        ("also-two.test", "two.test"),
        ("any.wild.test", "*.wild.test"),
        ("too.deep.wild.test", "one.test"),
        ("unknown.test", "one.test"),
    ],
)
def test_the_certificate_is_chosen_by_name(asked, shown, tmp_path, seconds):
    pairs = [
        write(tmp_path, "1", "one.test"),
        write(tmp_path, "2", "two.test", "also-two.test"),
        write(tmp_path, "3", "*.wild.test"),
    ]
    assert shown == shake_hands(Certificates(pairs, seconds), asked)[0]


def test_facts(tmp_path, seconds):
    certificates = Certificates([write(tmp_path, "1", "one.test")], seconds)
    assert "TLSv1.3 TLS_AES_256_GCM_SHA384" == shake_hands(certificates)[1]


@pytest.mark.row(58)
def test_a_changed_certificate_is_used_after_a_second(tmp_path, seconds):
    certificates = Certificates([write(tmp_path, "1", "old.test")], seconds)
    open_session = certificates.serverConnectionForTLS(None)
    write(tmp_path, "1", "new.test")
    assert "old.test" == shake_hands(certificates)[0]
    seconds.now = 1.0
    assert "new.test" == shake_hands(certificates)[0]
    assert open_session.get_context() is not None


@pytest.mark.parametrize("broken", ["gone", "garbage", "other key"])
def test_a_change_for_the_worse_keeps_the_old_one_and_is_said_once(broken, tmp_path, seconds, written):
    pair = write(tmp_path, "1", "old.test")
    certificates = Certificates([pair], seconds)
    if broken == "gone":
        pair.certificate.unlink()
    elif broken == "garbage":
        pair.certificate.write_bytes(b"garbage")
    else:
        pair.private_key.write_bytes(self_made(["other.test"], NOW)[1])
    for second in range(1, 4):
        seconds.now = float(second)
        assert "old.test" == shake_hands(certificates)[0]
    said = [event["cause"] for event in written if "not renewed" in event["log_format"]]
    assert said
    assert all(text.startswith("[tls] ") for text in said)
    if broken != "gone":
        assert 1 == len(said)
    write(tmp_path, "1", "new.test")
    seconds.now = 10.0
    assert "new.test" == shake_hands(certificates)[0]


def test_a_file_that_is_touched_only_costs_nothing(tmp_path, seconds):
    pair = write(tmp_path, "1", "old.test")
    certificates = Certificates([pair], seconds)
    os.utime(pair.certificate, (1, 1))
    seconds.now = 1.0
    assert "old.test" == shake_hands(certificates)[0]


def test_at_start_a_missing_file_names_the_setting(tmp_path, seconds):
    pair = write(tmp_path, "1", "one.test")
    missing = tmp_path / "missing"
    with pytest.raises(CertificateUnusable, match=r"\[tls\] certificate: .*missing: No such file"):
        Certificates([Pair(missing, pair.private_key)], seconds)
    with pytest.raises(CertificateUnusable, match=r"\[tls\] private_key: .*missing: No such file"):
        Certificates([Pair(pair.certificate, missing)], seconds)


def test_at_start_a_key_that_cannot_be_used_names_the_setting(tmp_path, seconds):
    pair = write(tmp_path, "1", "one.test")
    other = write(tmp_path, "2", "two.test")
    with pytest.raises(CertificateUnusable, match="is not the key of"):
        Certificates([Pair(pair.certificate, other.private_key)], seconds)
    key = load_pem_private_key(pair.private_key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    old = tmp_path / "dsa.key"
    old.write_bytes(
        dsa.generate_private_key(1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    for unusable in (locked, old, pair.certificate):
        with pytest.raises(CertificateUnusable, match=r"\[tls\] private_key: .*without a passphrase"):
            Certificates([Pair(pair.certificate, unusable)], seconds)


def test_without_any_certificate_there_is_no_tls(seconds):
    with pytest.raises(CertificateUnusable, match=r"\[tls\] certificate"):
        Certificates([], seconds)


def test_a_self_made_certificate_is_ec_and_has_names_and_addresses():
    """That strict clients take it, every handshake of the submission tests shows."""
    made = x509.load_pem_x509_certificate(self_made(["mail.test", "127.0.0.1"], NOW)[0])
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ["mail.test"] == names.get_values_for_type(x509.DNSName)
    assert ["127.0.0.1"] == [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert "secp256r1" == made.public_key().curve.name
