"""The keys that sign mail (DKIM): making them, reading them, and the DNS record of each one's public half.

OpenSSL itself makes the keys, of the system's chance. A private key is never shown or logged.
"""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from smtpeter.accounts.model import Algorithm, SigningKey

_RSA_BITS = 2048  # RFC 8301 3.2: signers use at least that; longer keys do not fit the DNS of some hosts
_RSA_EXPONENT = 65537

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class KeyUnusable(ValueError):
    """What is kept is no private key of its algorithm."""


def make(selector: str, algorithm: Algorithm, now: float) -> SigningKey:
    """A new key."""
    made: PrivateKey
    if algorithm is Algorithm.RSA:
        made = rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS)
    else:
        made = ed25519.Ed25519PrivateKey.generate()
    kept = made.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningKey(selector, algorithm, kept, now)


def read(key: SigningKey) -> PrivateKey:
    """The key, ready to sign; raises KeyUnusable."""
    kind = rsa.RSAPrivateKey if key.algorithm is Algorithm.RSA else ed25519.Ed25519PrivateKey
    try:
        # Unproved: that the numbers are primes takes a tenth of a second to see, and they are our own.
        found = serialization.load_der_private_key(key.private_key, None, unsafe_skip_rsa_key_validation=True)
    except ValueError as error:
        raise KeyUnusable("it is no private key") from error
    if not isinstance(found, kind):
        raise KeyUnusable(f"it is no {key.algorithm} key")
    return found


def record(key: SigningKey) -> str:
    """The text of the TXT record at the selector (RFC 6376 3.6.1); raises KeyUnusable."""
    public = read(key).public_key()
    if isinstance(public, rsa.RSAPublicKey):
        octets = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    else:
        octets = public.public_bytes_raw()  # RFC 8463 4.2: the key itself, without ASN.1
    return f"v=DKIM1; k={key.algorithm}; p={base64.b64encode(octets).decode('ascii')}"
