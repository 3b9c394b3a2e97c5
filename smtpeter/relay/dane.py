"""What a host's TLSA records ask of the certificates that it shows (RFC 6698, RFC 7671, RFC 7672). Pure.

Only DANE-EE(3) and DANE-TA(2) count with SMTP (RFC 7672 3.1.3); of several digests of the same thing the strongest
alone does (RFC 7671 9). What cannot be read proves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import crypto

from smtpeter.relay.interface import Tlsa

_TRUST_ANCHOR, _END_ENTITY = 2, 3  # certificate usages
_WHOLE, _KEY = 0, 1  # selectors: the certificate, or its SubjectPublicKeyInfo
_EXACT, _SHA256, _SHA512 = 0, 1, 2  # matching types
_DIGESTS = {_SHA256: 32, _SHA512: 64}  # octets
_UNREADABLE = (x509.DuplicateExtension, x509.UnsupportedGeneralNameType)  # extensions that are no ValueError


class Mismatch(Exception):
    """The certificates are not those that the TLSA records ask for."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How a host proves itself. `base`: the name of its TLSA records, which TLS asks for (RFC 7672 2.2.3, 8.1).

    `records` are usable; where none is, TLS is a must without proof (RFC 7672 2.2). `names` are those that a
    certificate below a trust anchor may be for (RFC 7672 3.2.2); empty where no record has a trust anchor.
    """

    base: str
    records: tuple[Tlsa, ...]
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, base: str, published: Iterable[Tlsa], names: Iterable[str]) -> Proof:
        """`names`: the reference identifiers beside `base`."""
        records = usable(published)
        is_anchored = any(record.usage == _TRUST_ANCHOR for record in records)
        return cls(base, records, tuple(dict.fromkeys((base, *names))) if is_anchored else ())


def usable(published: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """Those that can prove something, in an order of their own."""
    known = {record for record in published if _is_known(record)}
    strongest = {
        (record.usage, record.selector) for record in known if record.matching == _SHA512
    }  # RFC 7671 9
    kept = {
        record
        for record in known
        if record.matching != _SHA256 or (record.usage, record.selector) not in strongest
    }
    return tuple(sorted(kept, key=lambda one: (-one.usage, one.selector, one.matching, one.data)))


def _is_known(record: Tlsa) -> bool:
    if record.usage not in {_TRUST_ANCHOR, _END_ENTITY} or record.selector not in {_WHOLE, _KEY}:
        return False
    if record.matching in _DIGESTS:
        return len(record.data) == _DIGESTS[record.matching]
    return record.matching == _EXACT and bool(record.data)


def check(dane: Proof, shown: Sequence[x509.Certificate]) -> None:
    """Check what a host has shown, its own certificate first; raises Mismatch. `dane` has records."""
    if not shown:
        raise Mismatch("the host shows no certificate")
    own, *issuers = shown
    # Neither name nor validity counts with DANE-EE (RFC 7672 3.1.1, 3.2.1).
    if any(record.usage == _END_ENTITY and _matches(record, own) for record in dane.records):
        return
    anchors = _anchors(dane.records, issuers)
    if not anchors:
        raise Mismatch("no TLSA record matches the host's certificates")
    _check_chain(own, issuers, anchors)
    if not any(is_for(own, name) for name in dane.names):
        raise Mismatch(f"the certificate is for none of {', '.join(dane.names)}")


def _anchors(records: Sequence[Tlsa], issuers: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The trust anchors: those shown that a record matches, and those that a record has whole (RFC 7672 3.1.2)."""
    anchors = []
    for record in records:
        if record.usage != _TRUST_ANCHOR:
            continue
        anchors += [issuer for issuer in issuers if _matches(record, issuer)]
        if (record.selector, record.matching) == (_WHOLE, _EXACT):
            try:
                anchors.append(x509.load_der_x509_certificate(record.data))
            except ValueError:
                continue
    return anchors


def _matches(record: Tlsa, certificate: x509.Certificate) -> bool:
    if record.selector == _WHOLE:
        selected = certificate.public_bytes(Encoding.DER)
    else:
        selected = public_key_info(certificate.tbs_certificate_bytes)
    if record.matching == _SHA256:
        selected = hashlib.sha256(selected).digest()
    elif record.matching == _SHA512:
        selected = hashlib.sha512(selected).digest()
    return selected == record.data


def public_key_info(tbs: bytes) -> bytes:
    """The SubjectPublicKeyInfo as it stands in a TBSCertificate (RFC 5280 4.1), in the issuer's very octets."""
    at, _ = _contents(tbs, 0)
    if tbs[at] == 0xA0:  # the version, which is not always there
        at = _contents(tbs, at)[1]
    for _ in range(5):  # serial number, signature, issuer, validity, subject
        at = _contents(tbs, at)[1]
    return tbs[at : _contents(tbs, at)[1]]


def _contents(der: bytes, at: int) -> tuple[int, int]:
    """Where the contents of the element at `at` begin and end; it is DER, since it was parsed before."""
    size, at = der[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(der[at : at + count], "big"), at + count
    return at, at + size


def _check_chain(
    own: x509.Certificate, issuers: Sequence[x509.Certificate], anchors: Iterable[x509.Certificate]
) -> None:
    """Whether the host's certificate hangs from an anchor, which need be no root (RFC 7671 5.2)."""
    store = crypto.X509Store()
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    for anchor in anchors:
        store.add_cert(crypto.X509.from_cryptography(anchor))
    between = [crypto.X509.from_cryptography(issuer) for issuer in issuers]
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(own), between).verify_certificate()
    except crypto.X509StoreContextError as error:
        raise Mismatch(
            f"the certificate does not hang from the TLSA records' trust anchor: {error}"
        ) from error


def is_for(certificate: x509.Certificate, name: str) -> bool:
    """Whether the certificate is for this host (RFC 7672 3.2.3): by its DNS names, or where it has none its CN."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = extension.value.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError, *_UNREADABLE):
        names = []
    names = names or [
        str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    ]
    host = name.lower()
    wildcard = "*." + host.partition(".")[2]
    return any(one.lower().rstrip(".") in {host, wildcard} for one in names)
