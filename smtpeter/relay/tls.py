"""How a connection is secured: policies as values, the contexts they need, and the judgement of a certificate.

Without verification TLS keeps out those who only listen (RFC 7435), and any certificate is better than clear
text. Where verification is asked for, a host that cannot prove its name gets nothing, neither password nor mail.
"""

from __future__ import annotations

import enum
import ipaddress

from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address


class Security(enum.StrEnum):
    """What TLS is asked of a host."""

    NONE = "none"  # not even when it is offered
    OPPORTUNISTIC = "opportunistic"  # if offered, with any certificate; in clear when it fails
    REQUIRED = "required"  # with any certificate, never in clear
    VERIFIED = "verified"  # with a certificate of a known authority for the host's name

    @property
    def is_mandatory(self) -> bool:
        return self in {Security.REQUIRED, Security.VERIFIED}


class Flaw(enum.StrEnum):
    """Why a connection is not as it was to be, in the words of RFC 8460 4.3."""

    NO_TLS = "starttls-not-supported"
    OTHER_NAME = "certificate-host-mismatch"
    EXPIRED = "certificate-expired"
    NOT_TRUSTED = "certificate-not-trusted"
    TLSA = "tlsa-invalid"
    DNSSEC = "dnssec-invalid"
    FAILED = "validation-failure"


_FLAWS = {10: Flaw.EXPIRED} | dict.fromkeys((2, 7, 18, 19, 20, 21, 27), Flaw.NOT_TRUSTED)  # by X509_V_ERR_...


class NotVerified(Exception):
    """The certificate does not prove the host's name."""


class Contexts:
    """The two client contexts, made once: loading the authorities costs milliseconds.

    `authorities` is a PEM file of trusted certificates, "" for those of the system.
    """

    def __init__(self, authorities: str = "") -> None:
        self._verifying = _context()
        self._verifying.set_verify(SSL.VERIFY_PEER, _as_openssl_says)
        if authorities:
            self._verifying.load_verify_locations(authorities)
        else:
            self._verifying.set_default_verify_paths()
        self._tolerant = _context()
        # Weak certificates and ciphers still beat the clear text that would be next (RFC 7435 3).
        self._tolerant.set_cipher_list(b"DEFAULT:@SECLEVEL=0")

    def connection(self, security: Security, host: str) -> SSL.Connection:
        """A client's end of TLS over memory, which names `host` to the server (RFC 6066 3)."""
        context = self._verifying if security is Security.VERIFIED else self._tolerant
        connection = SSL.Connection(context, None)
        if not is_address(host):
            connection.set_tlsext_host_name(host.encode("ascii"))
        return connection

    def doubt(self, connection: SSL.Connection, host: str) -> Flaw | None:
        """Why the peer's certificate, which was not asked for it, does not prove that it is `host`; None if it does."""
        certificate = connection.get_peer_certificate()
        if certificate is None:
            return Flaw.FAILED
        store, between = self._verifying.get_cert_store(), connection.get_peer_cert_chain() or []
        if store is None:
            return Flaw.NOT_TRUSTED
        try:
            crypto.X509StoreContext(store, certificate, between).verify_certificate()
            verify(connection, host)
        except crypto.X509StoreContextError as error:
            return _FLAWS.get(error.errors[0], Flaw.FAILED)
        except NotVerified:
            return Flaw.OTHER_NAME
        return None


def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)  # RFC 8996
    context.set_options(SSL.OP_NO_COMPRESSION)
    return context


def _as_openssl_says(
    connection: SSL.Connection, _certificate: object, error: int, _depth: int, ok: int
) -> bool:
    if not ok:
        connection.set_app_data(error)  # for `flaw`
    return bool(ok)


def flaw(connection: SSL.Connection) -> Flaw:
    """Why the handshake failed."""
    return _FLAWS.get(connection.get_app_data(), Flaw.FAILED)


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def verify(connection: SSL.Connection, host: str) -> None:
    """Check the peer's certificate for `host` (RFC 6125); raises NotVerified. The chain is OpenSSL's to check."""
    try:
        if is_address(host):
            verify_ip_address(connection, host)
        else:
            verify_hostname(connection, host)
    except (CertificateError, VerificationError) as error:
        raise NotVerified(f"the certificate is not for {host}") from error


def shown(connection: SSL.Connection) -> tuple[x509.Certificate, ...]:
    """The certificates that the peer has shown, its own first; none when one of them cannot be read."""
    try:
        return tuple(connection.get_peer_cert_chain(as_cryptography=True) or ())
    except ValueError:
        return ()


def describe(connection: SSL.Connection) -> str:
    """Version and cipher, as logs and Received fields show them."""
    return f"{connection.get_protocol_version_name()} {connection.get_cipher_name()}"
