"""TLSA records against certificates: which count, and what they prove (RFC 7671, RFC 7672)."""

import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.relay.dane import Mismatch, Proof, check, is_for, public_key_info, usable
from smtpeter.relay.interface import Tlsa
from tests.kit.certificates import Authority

HOST = "mx1.example"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def root(authority):
    return x509.load_pem_x509_certificate(authority.path.read_bytes())


@pytest.fixture(scope="module")
def own(authority):
    return loaded(authority.issue(HOST))


def loaded(issued):
    return x509.load_pem_x509_certificate(issued.certificate.read_bytes())


def record(usage, selector, matching, certificate):
    if selector:
        data = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        data = certificate.public_bytes(Encoding.DER)
    digest = {
        0: lambda d: d,
        1: lambda d: hashlib.sha256(d).digest(),
        2: lambda d: hashlib.sha512(d).digest(),
    }
    return Tlsa(usage, selector, matching, digest[matching](data))


def dane(*records, names=()):
    return Proof.of(HOST, records, names)


def is_met(wanted, *shown):
    try:
        check(wanted, shown)
    except Mismatch:
        return False
    return True


@pytest.mark.row(114)
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_the_hosts_own_certificate_or_key_is_proof(own, authority, selector, matching):
    other = loaded(authority.issue("other.example"))
    assert is_met(dane(record(3, selector, matching, own)), own)
    assert not is_met(dane(record(3, selector, matching, own)), other)
    assert not is_met(dane(record(3, selector, matching, other)), own)
    assert is_met(dane(record(3, selector, matching, other), record(3, selector, matching, own)), own)


def test_neither_name_nor_time_counts_for_the_hosts_own(authority):
    """RFC 7672 3.1.1"""
    stale = loaded(authority.issue("other.example", expired=True))
    assert is_met(dane(record(3, 1, 1, stale)), stale)


@pytest.mark.row(114)
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_a_certificate_below_a_trust_anchor_is_proof(own, root, tmp_path, selector, matching):
    stranger = Authority(tmp_path)
    foreign = loaded(stranger.issue(HOST))
    foreign_root = x509.load_pem_x509_certificate(stranger.path.read_bytes())
    wanted = dane(record(2, selector, matching, root))
    assert is_met(wanted, own, root)
    assert not is_met(wanted, foreign, foreign_root)
    assert not is_met(wanted, foreign, root)  # shown beside, but it did not sign
    assert not is_met(wanted, foreign, foreign_root, root)


def test_a_trust_anchor_that_is_published_whole_need_not_be_shown(own, root):
    assert is_met(dane(record(2, 0, 0, root)), own)
    assert not is_met(dane(record(2, 0, 1, root)), own)
    assert not is_met(dane(Tlsa(2, 0, 0, b"no certificate")), own, root)


def test_below_a_trust_anchor_name_and_time_count(authority, root):
    """RFC 7672 3.1.2, 3.2.2"""
    wanted = dane(record(2, 1, 1, root), names=["example.net"])
    assert (HOST, "example.net") == wanted.names
    assert is_met(wanted, loaded(authority.issue("*.example")), root)
    assert is_met(wanted, loaded(authority.issue("example.net")), root)
    assert not is_met(wanted, loaded(authority.issue("other.example.org")), root)
    assert not is_met(wanted, loaded(authority.issue(HOST, expired=True)), root)


def test_a_leaf_is_no_trust_anchor_of_its_own(own):
    assert not is_met(dane(record(2, 1, 1, own)), own)


def test_a_certificate_that_may_sign_none_is_no_link_of_a_chain(authority, root):
    """The own certificate of another host of the same authority signs as if it were an authority."""
    issued = authority.issue("other.example")
    between, key = loaded(issued), load_pem_private_key(issued.private_key.read_bytes(), None)
    forged = _signed_by(between, key)
    assert not is_met(dane(record(2, 1, 1, root)), forged, between, root)
    assert not is_met(dane(record(2, 0, 0, between)), forged, between)


def _signed_by(issuer, key, *extensions):
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(1))
        .not_valid_after(now + dt.timedelta(1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


def test_nothing_shown_proves_nothing(own):
    assert not is_met(dane(record(3, 1, 1, own)))


@pytest.mark.row(114)
@pytest.mark.parametrize(
    "unusable",
    [
        Tlsa(0, 1, 1, bytes(32)),
        Tlsa(1, 1, 1, bytes(32)),
        Tlsa(255, 1, 1, bytes(32)),
        Tlsa(3, 2, 1, bytes(32)),
        Tlsa(3, 1, 3, bytes(32)),
        Tlsa(3, 1, 1, bytes(31)),
        Tlsa(3, 1, 2, bytes(32)),
        Tlsa(2, 0, 0, b""),
    ],
    ids=str,
)
def test_pkix_usages_and_what_is_not_understood_are_unusable(unusable):
    assert () == usable([unusable])
    assert () == dane(unusable).records


def test_of_several_digests_the_strongest_counts(own, authority):
    """RFC 7671 9: a weaker digest that matches does not outweigh a stronger one that does not."""
    other = loaded(authority.issue("other.example"))
    mixed = dane(record(3, 1, 1, own), record(3, 1, 2, other))
    assert not is_met(mixed, own)
    assert is_met(mixed, other)
    assert is_met(dane(record(3, 0, 1, own), record(3, 1, 2, other)), own)  # of another thing


def test_names_are_asked_for_only_below_trust_anchors(own, root):
    assert () == dane(record(3, 1, 1, own), names=["example.net"]).names
    assert dane(record(3, 1, 1, own), names=["a.example"]) == dane(record(3, 1, 1, own), names=["b.example"])


def test_equal_records_in_any_order_are_equal(own, root):
    first, second = record(3, 1, 1, own), record(2, 1, 1, root)
    assert dane(first, second) == dane(second, first, second)


@pytest.mark.parametrize(
    ("names", "host", "expected"),
    [
        (["mx.example"], "MX.example", True),
        (["*.example"], "mx.example", True),
        (["*.example"], "a.mx.example", False),
        (["*.example"], "example", False),
        (["other.example"], "mx.example", False),
    ],
)
def test_names_of_a_certificate(authority, names, host, expected):
    assert expected == is_for(loaded(authority.issue(*names)), host)


def test_a_common_name_counts_where_there_is_no_other(own):
    """RFC 7672 3.2.3"""
    assert is_for(_signed_by(own, ec.generate_private_key(ec.SECP256R1())), HOST)
    assert not is_for(_signed_by(own, ec.generate_private_key(ec.SECP256R1())), "other.example")


def test_names_that_nobody_can_read_are_none(own):
    """An x400Address (RFC 5280 4.2.1.6), which the library does not know."""
    names = x509.UnrecognizedExtension(x509.OID_SUBJECT_ALTERNATIVE_NAME, bytes.fromhex("3002a300"))
    certificate = _signed_by(own, ec.generate_private_key(ec.SECP256R1()), names)
    assert is_for(certificate, HOST)
    assert not is_for(certificate, "other.example")


@pytest.mark.parametrize(
    "make", [lambda: ec.generate_private_key(ec.SECP384R1()), lambda: rsa.generate_private_key(65537, 2048)],
    ids=["ec", "rsa"],
)  # fmt: skip
def test_the_key_is_found_where_it_stands(own, make):
    certificate = _signed_by(own, make())
    expected = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert expected == public_key_info(certificate.tbs_certificate_bytes)


_records = st.builds(
    Tlsa,
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 255),
    st.one_of(st.binary(max_size=70), st.just(bytes(32)), st.just(bytes(64))),
)


@given(st.lists(_records | st.builds(Tlsa, st.sampled_from([2, 3]), st.sampled_from([0, 1]), st.sampled_from([0, 1, 2]), st.just(bytes(32)))))  # fmt: skip
def test_no_records_of_strangers_do_harm(own, root, published):
    """They are usable or not; usable ones that match nothing prove nothing."""
    wanted = dane(*published)
    assert set(wanted.records) <= set(published)
    assert not (wanted.records and is_met(wanted, own, root))
