"""Logins, sender domains and keys as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from smtpeter.accounts.suppression import Breadth, Treatment
from smtpeter.message.options import Priority, Switches

RETURN_PATH = "return path"
NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Bounces:
    """What a login wants done about what comes back, and about recipients that are gone or complain.

    `forward`: where it is passed on to: the message's own RETURN_PATH, NOBODY, or an address.
    `suppress`: for whom the recipient is then put on the suppression list, for `suppress_for` seconds (0: for ever);
    `suppressed`: what becomes of mail to those who are on it.
    """

    forward: str = RETURN_PATH
    suppress: Breadth = Breadth.NOBODY
    suppressed: Treatment = Treatment.FAIL
    suppress_for: float = 0.0


@dataclass(frozen=True, slots=True)
class Login:
    """A login (SMTP credentials) with its switches and limits. Times are Unix seconds.

    `senders`: return paths and From addresses it may use: addresses, or domains (`example.com`, `.example.com`
    for its subdomains); () means any. `password_hash` is what `passwords` made, never the password.
    `trusted_option_headers`: whether `x-smtpeter-*` header fields count (AUTH sessions: yes; trusted networks: if set).
    """

    username: str
    password_hash: str
    switches: Switches
    created_at: float
    senders: tuple[str, ...] = ()
    enabled: bool = True
    trusted_option_headers: bool = False
    note: str = ""
    give_up_after: float | None = None  # seconds after which its mail is given up; None: as the server does
    priority: Priority = Priority.NORMAL
    bounces: Bounces = Bounces()


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One key of the ring that signs tokens: number 0..255, 32 secret octets, when it was made."""

    number: int
    secret: bytes
    created_at: float


class Algorithm(enum.StrEnum):
    """The kinds of keys that sign mail, by their names in the DNS (RFC 6376 3.6.1, RFC 8463 4.1)."""

    RSA = "rsa"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs mail (DKIM); `private_key` is PKCS #8 in DER, its public half is in the DNS at the selector."""

    selector: str
    algorithm: Algorithm
    private_key: bytes = field(repr=False)
    created_at: float


@dataclass(frozen=True, slots=True)
class SenderDomain:
    """A domain whose mail we sign, its subdomains' too: in lower case and A-labels, with its keys by selector.

    `click_url`, `open_url` (`https://host`) and `bounce_host`: where its links, its images and its return paths lead;
    "" is the server's own.
    """

    name: str
    keys: tuple[SigningKey, ...]
    created_at: float
    click_url: str = ""
    open_url: str = ""
    bounce_host: str = ""
