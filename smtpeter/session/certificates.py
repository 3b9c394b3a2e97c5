"""The server's side of TLS: certificates chosen by SNI, read anew when their files change.

At start a file that is missing, unreadable, or does not fit its key raises CertificateUnusable, which names the
setting. Later such a file costs nothing but a line in the log: the certificate at hand stays in use until the
files are good again. A session that is open is never touched by a change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

_Key = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey
_CHECK_EVERY = 1.0  # seconds between two looks at the files
_SESSION_CONTEXT = b"smtpeter"

# Forward secrecy and authenticated encryption for TLS 1.2; TLS 1.3 has nothing else (RFC 9325 4.2).
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL"


class CertificateUnusable(Exception):
    """A certificate or key cannot be used; the message names setting, file and reason."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of one certificate (PEM; the chain behind it) and its private key, and the settings' names."""

    certificate: str | PathLike[str]
    private_key: str | PathLike[str]
    certificate_setting: str = "[tls] certificate"
    private_key_setting: str = "[tls] private_key"


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A context, the names its certificate is for, and the state of the files it was made from."""

    context: SSL.Context
    names: frozenset[str]
    state: tuple[object, ...]


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """Makes the server's TLS connections; the first pair serves clients that name no host, or none that we know.

    `monotonic` gives seconds. Raises CertificateUnusable.
    """

    _log = Logger()

    def __init__(self, pairs: Sequence[Pair], monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.use(pairs)

    def use(self, pairs: Sequence[Pair]) -> None:
        """Read these, and serve by them from the next connection on; what raises changes nothing."""
        if not pairs:
            raise CertificateUnusable("[tls] certificate: at least one is needed")
        self._loaded = tuple(self._load(pair, _state(pair)) for pair in pairs)
        self._pairs = tuple(pairs)
        self._by_name = _by_name(self._loaded)
        self._failed: dict[Pair, tuple[object, ...]] = {}
        self._next_check = self._monotonic() + _CHECK_EVERY

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: ARG002, N802, N803
        if self._monotonic() >= self._next_check:
            self._next_check = self._monotonic() + _CHECK_EVERY
            self._read_changes()
        return SSL.Connection(self._loaded[0].context, None)

    def _read_changes(self) -> None:
        self._loaded = tuple(map(self._current, self._pairs, self._loaded))
        self._by_name = _by_name(self._loaded)

    def _current(self, pair: Pair, loaded: _Loaded) -> _Loaded:
        """What the files hold now; what is loaded, when they have not changed or cannot be used."""
        try:
            state = _state(pair)
            if state in {loaded.state, self._failed.get(pair)}:
                return loaded
            self._failed[pair] = state
            fresh = self._load(pair, state)
        except CertificateUnusable as unusable:
            self._log.error(
                "certificate not renewed, the one before stays in use: {cause}", cause=str(unusable)
            )
            return loaded
        self._failed.pop(pair, None)
        self._log.info("certificate read anew: {file}", file=fspath(pair.certificate))
        return fresh

    def _load(self, pair: Pair, state: tuple[object, ...]) -> _Loaded:
        chain = _chain(pair)
        key = _private_key(pair)
        context = _context()
        try:
            context.use_certificate(chain[0])
            for issuer in chain[1:]:
                context.add_extra_chain_cert(issuer)
            context.use_privatekey(key)
            context.check_privatekey()
        except SSL.Error:
            raise CertificateUnusable(
                f"{pair.private_key_setting}: {fspath(pair.private_key)}: "
                f"is not the key of {fspath(pair.certificate)}"
            ) from None
        context.set_tlsext_servername_callback(self._choose)
        return _Loaded(context=context, names=_names(chain[0]), state=state)

    def _choose(self, connection: SSL.Connection) -> None:
        """RFC 6066 3: the certificate for the host that the client names."""
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower().rstrip(".")
        chosen = self._by_name.get(name) or self._by_name.get("*." + name.partition(".")[2])
        if chosen is not None and chosen is not self._loaded[0].context:
            connection.set_context(chosen)


def unusable(pair: Pair) -> list[str]:
    """All that keeps a pair from being used; nothing when it can be."""
    problems = []
    for read in (_chain, _private_key):
        try:
            read(pair)
        except CertificateUnusable as error:
            problems.append(str(error))
    if not problems:
        try:
            Certificates((pair,), float)
        except CertificateUnusable as error:
            problems.append(str(error))
    return problems


def facts(connection: SSL.Connection) -> str:
    """Version and cipher of a finished handshake: `TLSv1.3 TLS_AES_256_GCM_SHA384`."""
    return f"{connection.get_protocol_version_name()} {connection.get_cipher_name()}"


def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)  # RFC 8996
    context.set_cipher_list(_CIPHERS)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    # Clients that send one message a connection spend most of their time in handshakes: let them resume.
    context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
    context.set_session_id(_SESSION_CONTEXT)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # some 34 KB less for each idle session
    return context


def _state(pair: Pair) -> tuple[object, ...]:
    """What changes when the files do."""
    return _file_state(pair.certificate_setting, pair.certificate) + _file_state(
        pair.private_key_setting, pair.private_key
    )


def _file_state(setting: str, path: str | PathLike[str]) -> tuple[object, ...]:
    try:
        found = Path(path).stat()
    except OSError as error:
        raise CertificateUnusable(f"{setting}: {fspath(path)}: {error.strerror}") from None
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _read(setting: str, path: str | PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CertificateUnusable(f"{setting}: {fspath(path)}: {error.strerror}") from None


def _chain(pair: Pair) -> list[x509.Certificate]:
    data = _read(pair.certificate_setting, pair.certificate)
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise CertificateUnusable(
            f"{pair.certificate_setting}: {fspath(pair.certificate)}: expected a certificate in PEM form"
        ) from None


def _private_key(pair: Pair) -> _Key:
    data = _read(pair.private_key_setting, pair.private_key)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError):  # TypeError: it is encrypted
        key = None
    if not isinstance(key, _Key):
        raise CertificateUnusable(
            f"{pair.private_key_setting}: {fspath(pair.private_key)}: "
            "expected an EC, Ed25519 or RSA private key in PEM form, without a passphrase"
        )
    return key


def _names(certificate: x509.Certificate) -> frozenset[str]:
    """The host names a certificate is for, wildcards as they stand (RFC 6125 6.4)."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return frozenset()
    return frozenset(name.lower() for name in alternatives.get_values_for_type(x509.DNSName))


def _by_name(loaded: Sequence[_Loaded]) -> Mapping[str, SSL.Context]:
    """Names to contexts; of two certificates for one name the first serves it."""
    return {name: one.context for one in reversed(loaded) for name in one.names}
