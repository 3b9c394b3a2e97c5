"""Passwords and what is kept of them; never the password itself.

A generated password (128 bits of chance) is kept as salted BLAKE2b: nobody can guess it, so one hash is enough
and costs a microsecond. A chosen one is kept as argon2id, which costs tens of milliseconds: `is_slow` tells the
two apart, and whoever verifies a slow one does it off the reactor.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from hashlib import blake2b

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

GENERATED_OCTETS = 16
LONGEST = 1024  # octets; more is refused before any hashing

_PERSON = b"smtpeter login"
_FAST = "blake2"
_SLOW = "$argon2id$"

Randomness = Callable[[int], bytes]  # `secrets.token_bytes`


class UnusablePassword(ValueError):
    """This cannot be a password; the message says why."""


def generate(token_bytes: Randomness) -> str:
    """A new password: 26 lower-case letters and digits (RFC 4648 6), 128 bits."""
    return base64.b32encode(token_bytes(GENERATED_OCTETS)).decode("ascii").rstrip("=").lower()


def keep_generated(password: str, token_bytes: Randomness) -> str:
    """What to keep of a password that `generate` made: `blake2$salt$digest`."""
    salt = token_bytes(16)
    return f"{_FAST}${salt.hex()}${_digest(password.encode(), salt).hex()}"


def make(token_bytes: Randomness) -> tuple[str, str]:
    """A new password, and what to keep of it."""
    password = generate(token_bytes)
    return password, keep_generated(password, token_bytes)


def keep_chosen(password: str, token_bytes: Randomness) -> str:
    """What to keep of a password that a person chose (argon2id, RFC 9106); raises UnusablePassword."""
    secret = password.encode()
    if not secret:
        raise UnusablePassword("a password cannot be empty")
    if b"\0" in secret:
        raise UnusablePassword("a password cannot contain NUL")  # RFC 4616 2: it ends the password there
    if len(secret) > LONGEST:
        raise UnusablePassword(f"a password has at most {LONGEST} octets")
    return _hasher().hash(secret, salt=token_bytes(16))


def is_slow(stored: str) -> bool:
    """Whether `verify` against this takes long enough to be done off the reactor."""
    return stored.startswith(_SLOW)


def verify(password: bytes, stored: str) -> bool:
    """Whether `stored` was made of this password, in a time that does not depend on where they differ."""
    if b"\0" in password or len(password) > LONGEST:
        return False
    if is_slow(stored):
        return _verify_slow(password, stored)
    kind, _, rest = stored.partition("$")
    salt, _, digest = rest.partition("$")
    if kind != _FAST:
        return False
    try:
        return hmac.compare_digest(_digest(password, bytes.fromhex(salt)), bytes.fromhex(digest))
    except ValueError:  # what is kept is damaged
        return False


def stand_in(token_bytes: Randomness) -> str:
    """A slow hash of a password nobody has, to verify against where there is none, so that it costs the same."""
    return _hasher().hash(token_bytes(GENERATED_OCTETS), salt=token_bytes(16))


def _verify_slow(password: bytes, stored: str) -> bool:
    try:
        return _hasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _digest(password: bytes, salt: bytes) -> bytes:
    return blake2b(password, digest_size=32, salt=salt, person=_PERSON).digest()


def _hasher() -> PasswordHasher:
    # 19 MiB, 2 passes, 1 lane: some 20 ms, and bounded memory when several run at a time.
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
