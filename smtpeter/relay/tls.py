"""How a connection is secured: policies as values, the contexts they need, and the judgement of a certificate.

Without verification TLS keeps out those who only listen (RFC 7435), and any certificate is better than clear
text. Where verification is asked for, a host that cannot prove its name gets nothing, neither password nor mail.
"""

from __future__ import annotations

import enum
import ipaddress

from OpenSSL import SSL
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


def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)  # RFC 8996
    context.set_options(SSL.OP_NO_COMPRESSION)
    return context


def _as_openssl_says(
    _connection: SSL.Connection, _certificate: object, _error: int, _depth: int, ok: int
) -> bool:
    return bool(ok)


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


def describe(connection: SSL.Connection) -> str:
    """Version and cipher, as logs and Received fields show them."""
    return f"{connection.get_protocol_version_name()} {connection.get_cipher_name()}"
