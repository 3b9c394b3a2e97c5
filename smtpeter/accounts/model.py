"""Logins, sender domains and keys as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace

from smtpeter.accounts.allowance import DAY, HOUR, Allowance
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
class Limits:
    """To how many recipients a login may send in any hour and any day; 0: to as many as it likes."""

    per_hour: int = 0
    per_day: int = 0

    def allowances(self) -> tuple[Allowance, ...]:
        """Those that there are."""
        both = (Allowance(self.per_hour, HOUR), Allowance(self.per_day, DAY))
        return tuple(one for one in both if one.most)


@dataclass(frozen=True, slots=True)
class Previous:
    """The password before the present one, as it was kept, since when it is that, and until when it still opens."""

    password_hash: str = field(repr=False)
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Login:
    """A login (SMTP credentials) with its switches and limits. Times are Unix seconds.

    `senders`: return paths and From addresses it may use: addresses, or domains (`example.com`, `.example.com`
    for its subdomains); () means any. `password_hash` is what `passwords` made, never the password.
    `previous`: beside it, for a while, the password before it. `tags`: what all its messages are tagged with.
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
    tags: tuple[str, ...] = ()
    limits: Limits = Limits()
    previous: Previous | None = None

    def kept(self, now: float) -> tuple[str, ...]:
        """What is kept of the passwords that open it now."""
        if self.previous is None or now >= self.previous.until:
            return (self.password_hash,)
        return (self.password_hash, self.previous.password_hash)

    def rotated(self, password_hash: str, now: float, overlap: float = 0.0) -> Login:
        """With another password; the present one opens it for `overlap` more seconds."""
        previous = Previous(self.password_hash, now, now + overlap) if overlap > 0 else None
        return replace(self, password_hash=password_hash, previous=previous)


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
