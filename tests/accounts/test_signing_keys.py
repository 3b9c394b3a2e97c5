"""Keys that sign mail: made, read back, and published."""

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from smtpeter.accounts import signing_keys
from smtpeter.accounts.model import Algorithm
from smtpeter.accounts.signing_keys import KeyUnusable

RSA = signing_keys.make("r", Algorithm.RSA, 1000.0)
ED25519 = signing_keys.make("e", Algorithm.ED25519, 1000.0)


def test_what_is_made_is_what_was_asked_for():
    assert ("r", Algorithm.RSA, 1000.0) == (RSA.selector, RSA.algorithm, RSA.created_at)
    key = signing_keys.read(RSA)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert (2048, 65537) == (key.key_size, key.public_key().public_numbers().e)
    assert isinstance(signing_keys.read(ED25519), ed25519.Ed25519PrivateKey)


def test_two_keys_are_never_the_same():
    assert ED25519.private_key != signing_keys.make("e", Algorithm.ED25519, 1000.0).private_key


@pytest.mark.parametrize(
    "damaged",
    [
        replace(RSA, private_key=b""),
        replace(RSA, private_key=RSA.private_key[:-1]),
        replace(RSA, private_key=ED25519.private_key),
        replace(ED25519, private_key=RSA.private_key),
    ],
)
def test_what_is_no_key_is_told(damaged):
    with pytest.raises(KeyUnusable, match="it is no"):
        signing_keys.read(damaged)


def test_the_record_of_an_rsa_key_holds_its_public_half_in_asn1():
    record = signing_keys.record(RSA)
    assert record.startswith("v=DKIM1; k=rsa; p=")
    public = serialization.load_der_public_key(base64.b64decode(record.rpartition("p=")[2]))
    assert signing_keys.read(RSA).public_key() == public


def test_the_record_of_an_ed25519_key_holds_its_32_octets():
    record = signing_keys.record(ED25519)
    assert record.startswith("v=DKIM1; k=ed25519; p=")
    public = base64.b64decode(record.partition("p=")[2])
    assert signing_keys.read(ED25519).public_key() == ed25519.Ed25519PublicKey.from_public_bytes(public)
