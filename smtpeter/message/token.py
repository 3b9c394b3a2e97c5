"""Signed tokens: in tracked links, in tracked images and the pixel, and in our return paths.

A tracked link is `CLICK_URL/TOKEN/host/path?query#fragment`, a tracked image `OPEN_URL/TOKEN/host/path?query`, the
pixel `OPEN_URL/TOKEN.gif`. Their token is 36 characters of base64url: key number (1 octet), delivery (8), link number
(15 bits) with the scheme bit (1: https), and two 64-bit keyed BLAKE2b codes, one over all that, one over all that and
the URL. A return path's local part is 28 characters of lower-case base32: key number, delivery, one 64-bit code.

The URL is signed in its WHATWG serialisation without fragment, percent-encoding made uniform, so that what browsers
and filters normalise still verifies. What does not verify reads as None; nothing here raises on a stranger's text.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

from ada_url import normalize_url

from smtpeter.message.edit import SlotKind
from smtpeter.message.identifier import DeliveryId

TOKEN_LENGTH = 36
MAXIMUM_NUMBER = (1 << 15) - 1
PIXEL_TAIL = ".gif"

_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_CODE = 8  # octets of a code: 64 bits, of which a guesser has no way to try many
_HTTPS = 1 << 15
_PERSON = {SlotKind.CLICK: b"click", SlotKind.OPEN: b"open"}
_RETURN_PATH = b"return path"
_TARGET = re.compile(
    rb"(?:https?://[^/?#]*+)?/([A-Za-z0-9_-]{36})(?:(/.*)|(\.gif)(?:\?.*)?)", re.IGNORECASE | re.DOTALL
)
_TOKEN_TEXT = re.compile(r"[A-Za-z0-9_-]{36}")
_RETURN_PATH_TEXT = re.compile(r"[A-Za-z2-7]{28}")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_NOT_UNIFORM = re.compile(rb"%([0-9A-Fa-f]{2})|[\"<>\\^`{|}]")


class Untrackable(ValueError):
    """This URL cannot be tracked: not http(s), not a URL, user information, or an IPv6 literal."""


class Link(NamedTuple):
    """What a token signs of one target; made once a message by `link`, used for each of its deliveries."""

    kind: SlotKind
    number: bytes  # link number and scheme bit
    signed: bytes  # the URL's uniform spelling


class Genuine(NamedTuple):
    """What a token of ours says; `url` is what arrived ("" for the pixel), None when that is not what was signed."""

    delivery: DeliveryId
    number: int
    url: str | None


def serialise(url: str) -> str:
    """The URL as WHATWG has it, fragment kept, ASCII only; raises Untrackable for all that is not plain http(s)."""
    try:
        href = normalize_url(url)
    except ValueError:
        raise Untrackable(f"{url[:100]!r} is no URL") from None
    scheme, _, rest = href.partition("://")
    if scheme not in {"http", "https"}:
        raise Untrackable(f"{scheme[:20]} links are not tracked")
    if rest.startswith("[") or "@" in rest.partition("/")[0]:
        raise Untrackable("links to IPv6 literals or with user information are not tracked")
    return href


def _uniform(serialised: str) -> bytes:
    """One spelling for all that RFC 3986 6.2.2 calls equivalent, and for characters that some clients encode."""
    raw = serialised.partition("#")[0].encode("ascii")
    return _NOT_UNIFORM.sub(_uniform_character, raw)


def _uniform_character(match: re.Match[bytes]) -> bytes:
    code = int(match[1], 16) if match[1] else match[0][0]
    return bytes((code,)) if code in _UNRESERVED else b"%%%02X" % code


def link(kind: SlotKind, number: int, url: str) -> Link:
    """Prepare target `number` for signing; `url` "" is the pixel. Raises Untrackable, ValueError above 32,767."""
    if not 0 <= number <= MAXIMUM_NUMBER:
        raise ValueError(f"link number {number}: a token has room for 0 to {MAXIMUM_NUMBER}")
    serialised = serialise(url) if url else PIXEL_TAIL
    bits = number | _HTTPS if serialised.startswith("https:") else number
    return Link(kind, bits.to_bytes(2, "big"), _uniform(serialised))


def tracked_tail(url: str) -> str:
    """What follows the token: `/host[:port]/path?query#fragment`, ASCII only. Raises Untrackable.

    It is the WHATWG serialisation, so that a browser finds no dot segments to resolve against the tracking host.
    """
    return "/" + serialise(url).partition("://")[2]


def split_target(target: bytes) -> tuple[str, str] | None:
    """Token and tail of a raw request target, origin or absolute form (RFC 9112 3.2); None when it holds no token."""
    match = _TARGET.fullmatch(target)
    if match is None:
        return None
    tail = match[2] if match[2] is not None else PIXEL_TAIL.encode("ascii")
    return match[1].decode("ascii"), tail.decode("utf-8", "surrogateescape")


class _Key:
    """One key of the ring, hashed once for each use; `person` keeps the uses apart (BLAKE2, RFC 7693 2.5)."""

    __slots__ = ("_return_path", "_states", "number")

    def __init__(self, number: int, secret: bytes) -> None:
        self.number = number.to_bytes(1, "big")
        self._states = {
            kind: blake2b(key=secret, digest_size=_CODE, person=person) for kind, person in _PERSON.items()
        }
        self._return_path = blake2b(key=secret, digest_size=_CODE, person=_RETURN_PATH)

    def state(self, kind: SlotKind, ids: bytes) -> blake2b:
        state = self._states[kind].copy()
        state.update(ids)
        return state

    def return_path_code(self, ids: bytes) -> bytes:
        state = self._return_path.copy()
        state.update(ids)
        return state.digest()


class DeliveryTokens:
    """The tokens of one delivery: what they have in common is hashed once."""

    __slots__ = ("_ids", "_key", "_states")

    def __init__(self, key: _Key, delivery: DeliveryId) -> None:
        self._key = key
        self._ids = key.number + delivery.to_bytes(8, "big")
        self._states: dict[SlotKind, blake2b] = {}

    def token(self, target: Link) -> str:
        """The 36 characters for this target."""
        kind, number, signed = target
        state = self._states.get(kind)
        if state is None:
            state = self._states[kind] = self._key.state(kind, self._ids)
        state = state.copy()
        state.update(number)
        ids_code = state.digest()
        state.update(signed)
        data = self._ids + number + ids_code + state.digest()
        return binascii.b2a_base64(data, newline=False).translate(_TO_URL_SAFE).decode("ascii")

    def return_path(self) -> str:
        """The local part of this delivery's return path, 28 lower-case characters."""
        data = self._ids + self._key.return_path_code(self._ids)
        return base64.b32encode(data).decode("ascii").rstrip("=").lower()


class KeyRing:
    """Makes tokens with the newest key, and reads those of every key on the ring."""

    def __init__(self, keys: Mapping[int, bytes], newest: int) -> None:
        """`keys`: number 0..255 to secret of 32 octets; KeyError when `newest` is not among them."""
        self._keys = {number: _Key(number, secret) for number, secret in keys.items()}
        self._newest = self._keys[newest]
        self.newest = newest

    def delivery(self, delivery: DeliveryId, key: int | None = None) -> DeliveryTokens:
        """What makes this delivery's tokens, with the newest key, or that of number `key` while it is on the ring."""
        return DeliveryTokens(self._newest if key is None else self._keys.get(key, self._newest), delivery)

    def click(self, delivery: DeliveryId, number: int, url: str) -> str:
        """The token of tracked link `number`. Raises Untrackable."""
        return self.delivery(delivery).token(link(SlotKind.CLICK, number, url))

    def open(self, delivery: DeliveryId, number: int, url: str) -> str:
        """The token of tracked image `number`, or of the pixel (`url` ""). Raises Untrackable."""
        return self.delivery(delivery).token(link(SlotKind.OPEN, number, url))

    def return_path(self, delivery: DeliveryId) -> str:
        """The local part of this delivery's return path, 28 lower-case characters."""
        return self.delivery(delivery).return_path()

    def read_click(self, token: str, tail: str) -> Genuine | None:
        """What a click's token says, `tail` being what followed it; None when it is not ours."""
        return self._read(SlotKind.CLICK, token, tail)

    def read_open(self, token: str, tail: str) -> Genuine | None:
        """What an image's or a pixel's token says; None when it is not ours."""
        return self._read(SlotKind.OPEN, token, tail)

    def read_return_path(self, text: str) -> DeliveryId | None:
        """The delivery whose return path has this local part, in either case; None when forged or cut short."""
        if not _RETURN_PATH_TEXT.fullmatch(text):
            return None
        data = base64.b32decode(text.upper() + "====")
        key, delivery = self._keys.get(data[0]), DeliveryId(int.from_bytes(data[1:9], "big"))
        if key is None or not hmac.compare_digest(text.lower(), DeliveryTokens(key, delivery).return_path()):
            return None
        return delivery

    def _read(self, kind: SlotKind, token: str, tail: str) -> Genuine | None:
        if not _TOKEN_TEXT.fullmatch(token):
            return None
        data = base64.urlsafe_b64decode(token)
        key = self._keys.get(data[0])
        if key is None:
            return None
        state = key.state(kind, data[:11])
        if not hmac.compare_digest(data[11:19], state.digest()):
            return None
        bits = int.from_bytes(data[9:11], "big")
        url = _arrived(tail, https=bool(bits & _HTTPS))
        if url is not None:
            state.update(_uniform(url))
            if not hmac.compare_digest(data[19:], state.digest()):
                url = None
        delivery = DeliveryId(int.from_bytes(data[1:9], "big"))
        return Genuine(delivery, bits & MAXIMUM_NUMBER, "" if url == PIXEL_TAIL else url)


def _arrived(tail: str, *, https: bool) -> str | None:
    """The URL, without fragment, that this tail of a request target leads to."""
    if tail == PIXEL_TAIL:
        return tail
    try:
        return serialise(f"{'https' if https else 'http'}:/{tail}").partition("#")[0]
    except Untrackable:
        return None
