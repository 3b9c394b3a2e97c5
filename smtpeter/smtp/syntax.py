"""Commands of RFC 5321 4.1 as values. What is malformed raises Refusal with the reply that the standards want."""

from __future__ import annotations

import re
from dataclasses import dataclass

from smtpeter.message.address import Address, AddressSyntax, is_helo_name, parse
from smtpeter.message.status import refusal
from smtpeter.smtp.limits import LIMITS


@dataclass(frozen=True, slots=True)
class Command:
    """A command line: verb in upper case, argument as written without blanks around it."""

    verb: str
    argument: str


@dataclass(frozen=True, slots=True)
class PathAndParameters:
    """Argument of MAIL or RCPT: the mailbox (None for `<>`), and the ESMTP parameters as one raw string ("" if none)."""

    address: Address | None
    parameters: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Argument of BDAT (RFC 3030 2): octets that follow, and whether they are the last of the message."""

    size: int
    last: bool


_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def split_command(line: bytes) -> Command:
    """Split a command line (without its CRLF); Refusal 500 5.5.2 for controls, bare CR/LF, NUL, broken UTF-8, no verb."""
    if _CONTROL.search(line):
        raise refusal(500, "5.5.2", "Control characters have no place in a command")
    words = line.split(None, 1)
    if not words:
        raise refusal(500, "5.5.2", "This is no command")
    try:
        argument = words[1].rstrip(b" \t").decode("utf-8") if len(words) > 1 else ""
        return Command(words[0].decode("ascii").upper(), argument)  # beyond ASCII, a long s would become an S
    except UnicodeDecodeError as error:
        raise refusal(500, "5.5.2", "This is neither ASCII nor UTF-8") from error


def parse_helo(argument: str) -> str:
    """Return the name or literal after HELO or EHLO, fit to stand in a Received field; Refusal 501 5.5.4."""
    if not is_helo_name(argument):
        raise refusal(501, "5.5.4", "A domain name or an address literal is wanted here (RFC 5321 4.1.1.1)")
    return argument


# The path runs to the first ">" that no quoted string hides; a quoted string ends, or there is no path.
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PATH = rf':[ \t]*<([^"<>]*|(?:[^"<>]|{_QUOTED})*)>(?:[ \t]+(.*))?'  # both stars linear: their branches share no start
_MAIL = re.compile(rf"[Ff][Rr][Oo][Mm]{_PATH}")
_RCPT = re.compile(rf"[Tt][Oo]{_PATH}")
_KEYWORD = re.compile(r"(?:from|to):", re.IGNORECASE | re.ASCII)
_AT_DOMAIN = r'@(?:[^\[\]@,:"<> ]+|\[[^\[\]@,"<> ]*\])'
_SOURCE_ROUTE = re.compile(rf"{_AT_DOMAIN}(?:,{_AT_DOMAIN})*:")
_SMTPUTF8 = re.compile(r"(?:^|[ \t])SMTPUTF8(?:[ \t]|\Z)", re.IGNORECASE | re.ASCII)


def parse_mail(argument: str, *, utf8: bool) -> PathAndParameters:
    """`FROM:<path> parameters`; `utf8`: this server offers SMTPUTF8.

    Refusal 501 5.5.4 (no FROM:), 501 5.1.7 (path), 553 5.6.7 (a UTF-8 address without the SMTPUTF8 parameter beside it).
    """
    path, parameters = _split(_MAIL, argument, "5.1.7")
    utf8 = utf8 and (argument.isascii() or _SMTPUTF8.search(parameters) is not None)
    _check_parameters_ascii(parameters, utf8=utf8)
    return PathAndParameters(_mailbox(path, "5.1.7", utf8=utf8) if path else None, parameters)


def parse_rcpt(argument: str, *, utf8: bool) -> PathAndParameters:
    """`TO:<path> parameters`; `utf8`: this transaction's MAIL had SMTPUTF8.

    The address is never None; that of `<Postmaster>` has the domain "" (RFC 5321 4.5.1).
    Refusal 501 5.5.4 (no TO:), 501 5.1.3 (path, or `<>`), 553 5.6.7 (a UTF-8 address and `utf8` is false).
    """
    path, parameters = _split(_RCPT, argument, "5.1.3")
    _check_parameters_ascii(parameters, utf8=utf8)
    if path.isascii() and path.lower() == "postmaster":
        return PathAndParameters(Address(path, ""), parameters)
    return PathAndParameters(_mailbox(path, "5.1.3", utf8=utf8), parameters)


def _split(pattern: re.Pattern[str], argument: str, enhanced: str) -> tuple[str, str]:
    match = pattern.fullmatch(argument)
    if match is not None:
        return match[1], match[2] or ""
    if _KEYWORD.match(argument) is None:
        raise refusal(501, "5.5.4", "FROM:<address> or TO:<address> is wanted here")
    raise refusal(
        501, enhanced, "The address is malformed: <local-part@domain> is wanted, then blanks or nothing"
    )


def _mailbox(path: str, enhanced: str, *, utf8: bool) -> Address:
    """Read a path that is not null; a source route is accepted and ignored (RFC 5321 4.1.1.3)."""
    if not utf8 and not path.isascii():
        # RFC 6531 3.5
        raise refusal(553, "5.6.7", "A UTF-8 address needs the parameter SMTPUTF8 with MAIL")
    if len(path.encode()) + 2 > LIMITS.path:
        raise refusal(501, enhanced, f"The path is longer than {LIMITS.path} octets")
    route = _SOURCE_ROUTE.match(path)
    try:
        return parse(path if route is None else path[route.end() :], utf8=utf8)
    except AddressSyntax as error:
        raise refusal(501, enhanced, f"The address is malformed: {error}") from error


def _check_parameters_ascii(parameters: str, *, utf8: bool) -> None:
    if not utf8 and not parameters.isascii():
        raise refusal(501, "5.5.4", "Parameters in UTF-8 need the parameter SMTPUTF8 with MAIL")


_BDAT = re.compile(r"([0-9]{1,20})(?:[ \t]+(LAST))?", re.IGNORECASE | re.ASCII)


def parse_bdat(argument: str) -> Chunk:
    """`n [LAST]` of BDAT (RFC 3030 2); Refusal 501 5.5.4. Since n is not known then, the connection is to be closed."""
    match = _BDAT.fullmatch(argument)
    if match is None:
        raise refusal(501, "5.5.4", "BDAT wants the number of octets, then LAST or nothing")
    return Chunk(int(match[1]), match[2] is not None)
