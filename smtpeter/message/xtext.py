r"""xtext (RFC 3461 4) and its UTF-8 sisters (RFC 6533 3): how ENVID and ORCPT travel in a command.

xtext writes what it must as `+3D`; utf-8-addr-xtext and utf-8-addr-unitext write it as `\x{3D}`.
Decoding is exact and strict, control characters included: who may have them is the caller's to say.
"""

from __future__ import annotations

import re

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
_NOT_XCHAR = re.compile(rb"[^!-*,-<>-~]")

_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_UNITEXT = re.compile(rf"(?:[!-*,-<>-\[\]-~]|[^\x00-\x7f\ud800-\udfff]|{_EMBEDDED.pattern})*")
_NOT_QCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")
_NOT_QUCHAR = re.compile(r"[\x00-\x20+=\\\x7f]")


class XtextSyntax(ValueError):
    """The text is not in the encoding that it should be in."""


def encode(text: str) -> str:
    """Encode as xtext; characters beyond ASCII become their UTF-8 octets."""
    octets = text.encode("utf-8")
    return _NOT_XCHAR.sub(lambda octet: b"+%02X" % octet[0][0], octets).decode("ascii")


def decode(text: str) -> str:
    """Decode xtext exactly (control characters included); raises XtextSyntax."""
    if _XTEXT.fullmatch(text) is None:
        raise XtextSyntax("this is not xtext")
    if "+" not in text:
        return text
    octets = _HEXCHAR.sub(lambda hexchar: chr(int(hexchar[1], 16)), text).encode("latin-1")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise XtextSyntax("the octets of this xtext are no text in UTF-8") from error


def encode_utf8(text: str, *, ascii_only: bool) -> str:
    r"""Encode as utf-8-addr-xtext (`ascii_only`: what is not ASCII as `\x{...}`) or utf-8-addr-unitext (RFC 6533 3)."""
    unsafe = _NOT_QCHAR if ascii_only else _NOT_QUCHAR
    return unsafe.sub(lambda character: rf"\x{{{ord(character[0]):02X}}}", text)


def decode_utf8(text: str) -> str:
    """Decode utf-8-addr-xtext or utf-8-addr-unitext; raises XtextSyntax."""
    if _UNITEXT.fullmatch(text) is None:
        raise XtextSyntax("this is neither utf-8-addr-xtext nor utf-8-addr-unitext")
    return _EMBEDDED.sub(_embedded, text)


def _embedded(match: re.Match[str]) -> str:
    r"""Return the character of `\x{...}`, which only those that cannot stand for themselves may have (RFC 6533 3, HEXPOINT)."""
    digits = match[1]
    point = int(digits, 16)
    if digits[0] == "0" and len(digits) > 2:
        raise XtextSyntax("a code point is written in two digits, or without zeros in front")
    if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
        raise XtextSyntax("this is the number of no character")
    character = chr(point)
    if point < 0x80 and _NOT_QCHAR.match(character) is None:
        raise XtextSyntax("a character that can stand for itself is not to be encoded")
    return character
