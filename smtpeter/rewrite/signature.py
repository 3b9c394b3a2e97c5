"""DKIM signatures (RFC 6376, RFC 8463): relaxed/relaxed and SHA-256, one for each key of the sender domain.

The sender domain is that of the From field, or the closest one above it; a message without one is not signed.
Nor is one whose author or whose body different readers would find at different places: with another number of
From fields than one, an author that cannot be read, or a header section that does not end in an empty line.
Signing is the last that happens to a message. It reads all, changes nothing, and puts fields on top.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from smtpeter.accounts import signing_keys
from smtpeter.accounts.model import Algorithm, SigningKey
from smtpeter.message import header
from smtpeter.message.author import author_domain, closest
from smtpeter.message.header import Field
from smtpeter.rewrite import canonical

# What a reader is shown or led by (RFC 6376 5.4.1), and what RFC 8058 4 asks for. Each is signed as often as it is
# there; From once more, so that no second one can be added above it (RFC 6376 8.15).
SIGNED = (
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "feedback-id",
    "references",
    "in-reply-to",
)
_LINE = 77  # octets; RFC 5322 2.1.1 asks for 78 at most
_NAME = "DKIM-Signature"

Found = Mapping[str, Sequence[Field]]


class Signer:
    """One key of a sender domain; raises KeyUnusable."""

    def __init__(self, domain: str, key: SigningKey) -> None:
        self.domain = domain
        self.algorithm = key.algorithm
        self._selector = key.selector
        self._private_key = signing_keys.read(key)

    def field(self, names: Sequence[str], covered: bytes, body_hash: str, now: float) -> bytes:
        """The signature field over `covered`, the canonical fields that `names` lists, and the body's hash."""
        *others, last = names
        pieces = [
            " v=1;",
            f" a={self.algorithm}-sha256;",
            " c=relaxed/relaxed;",
            f" d={self.domain};",
            f" s={self._selector};",
            f" t={int(now)};",
            f" bh={body_hash};",
            " h=",
            *(f"{name}:" for name in others),
            f"{last};",
            " b=",
        ]
        unsigned = _folded(f"{_NAME}:", pieces)
        own = canonical.field(_NAME.encode(), unsigned.partition(":")[2].encode())
        signature = base64.b64encode(self._sign(covered + own.removesuffix(b"\r\n"))).decode("ascii")
        return _filled(unsigned, signature).encode("ascii") + b"\r\n"

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._private_key, rsa.RSAPrivateKey):
            return self._private_key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self._private_key.sign(sha256(data).digest())  # RFC 8463 3: what is signed is the hash


class Signatures:
    """The keys of all sender domains."""

    def __init__(self, signers: Iterable[Signer] = ()) -> None:
        self._signers: dict[str, list[Signer]] = {}
        # Those who look at one signature only look at the first, and everybody knows RSA.
        for signer in sorted(signers, key=lambda signer: signer.algorithm is not Algorithm.RSA):
            self._signers.setdefault(signer.domain, []).append(signer)

    def fields(self, content: bytes, now: float) -> bytes:
        """The signature fields to put on top of `content`, CRLF included; b"" where it is not to be signed."""
        if not self._signers:
            return b""
        everything, body_start = header.fields(content)
        found = _wanted(everything)
        # That of the sender domain which is the author's, or the closest above it.
        signers = closest(author_domain(content, found["from"]), self._signers)
        if not signers or not _is_ended(content, everything, body_start):
            return b""
        names = ["from", *(name for name in SIGNED for _ in found.get(name, ()))]
        covered = b"".join(
            canonical.field(name.encode(), content[field.value_start : field.end])
            for name in SIGNED
            for field in reversed(found.get(name, ()))  # RFC 6376 5.4.2: from the bottom up
        )
        digest = sha256()
        for piece in canonical.body(content, body_start):
            digest.update(piece)
        body_hash = base64.b64encode(digest.digest()).decode("ascii")
        return b"".join(signer.field(names, covered, body_hash, now) for signer in signers)


def _wanted(everything: Iterable[Field]) -> Found:
    """The fields that are signed, by name."""
    found: dict[str, list[Field]] = {name: [] for name in SIGNED}
    for field in everything:
        same = found.get(field.name.lower())
        if same is not None:
            same.append(field)
    return found


def _is_ended(content: bytes, everything: Sequence[Field], body_start: int) -> bool:
    """Whether everybody finds the body where we do: after an empty line, or nowhere."""
    return body_start == len(content) or body_start > everything[-1].end


def _folded(line: str, pieces: Iterable[str]) -> str:
    """The pieces in lines that are as long as may be; each piece may begin a line."""
    lines = [line]
    for piece in pieces:
        if len(lines[-1]) + len(piece) <= _LINE:
            lines[-1] += piece
        else:
            lines.append("\t" + piece.lstrip(" "))
    return "\r\n".join(lines)


def _filled(unsigned: str, signature: str) -> str:
    """The signature after its `b=`, in lines."""
    room = _LINE - len(unsigned.rpartition("\r\n")[2])
    rest = (signature[start : start + _LINE - 1] for start in range(room, len(signature), _LINE - 1))
    return "\r\n\t".join((unsigned + signature[:room], *rest))
