"""Logins and keys as values."""

from __future__ import annotations

from dataclasses import dataclass

from smtpeter.message.options import Switches


@dataclass(frozen=True, slots=True)
class Login:
    """A login (SMTP credentials) with its switches and limits. Times are Unix seconds.

    `senders`: return paths and From addresses it may use: addresses, or domains (`example.com`, `.example.com`
    for its subdomains); () means any. `password_hash` is what `passwords` made, never the password.
    `option_headers`: whether `x-smtpeter-*` header fields count (AUTH sessions: yes; trusted networks: if set).
    """

    username: str
    password_hash: str
    switches: Switches
    created_at: float
    senders: tuple[str, ...] = ()
    enabled: bool = True
    trusted_option_headers: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One key of the ring that signs tokens: number 0..255, 32 secret octets, when it was made."""

    number: int
    secret: bytes
    created_at: float
