"""What a sysadmin may set about relaying; every value has a sentence in etc/smtpeter.toml.

Values that cannot work together are refused here, with the key named, before anything starts.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import msgspec

from smtpeter.message.status import Stage
from smtpeter.relay.limit_settings import Limited, LimitedSite, LimitedSource, sources
from smtpeter.relay.tls import Security


class Mode(enum.StrEnum):
    """Where accepted mail goes."""

    MX = "mx"
    SMARTHOST = "smarthost"
    SANDBOX = "sandbox"


class Dane(enum.StrEnum):
    """Whether TLSA records count, which takes name servers that validate and a way to them that is safe."""

    AUTO = "auto"  # when all name servers are on this machine
    ON = "on"  # wherever they are
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How many seconds a host may take."""

    connect: float
    greeting: float
    command: float
    data: float
    block: float
    message: float

    def of(self, stage: Stage) -> float:
        """For the reply that ends `stage`."""
        if stage is Stage.MESSAGE:
            return self.message
        if stage is Stage.DATA:
            return self.data
        if stage is Stage.GREETING:
            return self.greeting
        return self.connect if stage is Stage.HANDSHAKE else self.command


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [relay]. Durations are seconds.

    `tls`, `dane` and `mta_sts` are for MX hosts. `smarthost_tls` left out means verified when there is a username, else opportunistic:
    a password is never sent but under verified TLS.
    """

    mode: Mode = Mode.MX
    port: int = 25
    nameservers: tuple[str, ...] = ()  # those of /etc/resolv.conf
    allow_private_addresses: bool = False
    tls: Security = Security.OPPORTUNISTIC
    dane: Dane = Dane.AUTO
    mta_sts: bool = True
    mta_sts_port: int = 443  # of the hosts that policies are fetched from

    smarthost: str = ""
    smarthost_username: str = ""
    smarthost_password_file: str = ""
    smarthost_tls: Security | None = None
    certificate_authorities: str = ""  # a PEM file; the system's own

    maximum_addresses: int = 8  # tried in one attempt
    messages_per_connection: int = 100
    keep_connections: float = 5.0  # how long an idle one is kept for the next message

    # The least that RFC 5321 4.5.3.2 allows, but for connecting (and TLS).
    connect_timeout: float = 30.0
    greeting_timeout: float = 300.0
    command_timeout: float = 300.0
    data_timeout: float = 120.0
    block_timeout: float = 180.0
    message_timeout: float = 600.0

    retry: tuple[float, ...] = (300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0)  # the last repeats
    warn_after: float = 4 * 3600.0
    give_up_after: float = 4 * 86400.0

    connections_per_site: int = 20  # at once, where `sites` has no other number
    source_addresses: dict[str, str | LimitedSource] = {}  # address -> name for EHLO
    sites: dict[str, LimitedSite] = {}
    logins: dict[str, Limited] = {}

    def __post_init__(self) -> None:
        if self.mode is Mode.SMARTHOST and not self.smarthost:
            raise ValueError('smarthost: mode = "smarthost" needs its "host:port"')
        if self.smarthost:
            split_host(self.smarthost, self.port, key="smarthost")
        for server in self.nameservers:
            split_host(server, 53, key="nameservers")
        if bool(self.smarthost_username) != bool(self.smarthost_password_file):
            raise ValueError("smarthost_username: it and smarthost_password_file come together")
        if self.smarthost_username and self.smarthost_security is not Security.VERIFIED:
            raise ValueError('smarthost_tls: a password is sent under "verified" TLS only')
        sources(self.source_addresses)
        self._check_numbers()

    def _check_numbers(self) -> None:
        for key in ("port", "mta_sts_port"):
            if not 1 <= getattr(self, key) <= 65535:
                raise ValueError(f"{key}: {getattr(self, key)} is no port; expected 1 to 65535")
        for key in ("maximum_addresses", "messages_per_connection", "connections_per_site"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key}: expected at least 1")
        for key in self.__struct_fields__:
            if key.endswith("_timeout") and getattr(self, key) <= 0:
                raise ValueError(f"{key}: expected more than 0 seconds")
        if self.keep_connections < 0:
            raise ValueError("keep_connections: expected 0 seconds or more")
        if not self.retry or min(self.retry) <= 0:
            raise ValueError("retry: expected at least one duration, each above 0")
        if self.warn_after <= 0 or self.give_up_after <= 0:
            raise ValueError("warn_after, give_up_after: expected more than 0 seconds")

    @property
    def smarthost_security(self) -> Security:
        if self.smarthost_tls is not None:
            return self.smarthost_tls
        return Security.VERIFIED if self.smarthost_username else Security.OPPORTUNISTIC

    @property
    def timeouts(self) -> Timeouts:
        return Timeouts(
            self.connect_timeout,
            self.greeting_timeout,
            self.command_timeout,
            self.data_timeout,
            self.block_timeout,
            self.message_timeout,
        )

    @property
    def smarthost_address(self) -> tuple[str, int]:
        """The smarthost's name or address, and its port."""
        return split_host(self.smarthost, self.port, key="smarthost")


def split_host(text: str, port: int, *, key: str) -> tuple[str, int]:
    """`host`, `host:port`, `[::1]`, `[::1]:port` or a bare IPv6 address; `port` when none is given."""
    host, digits = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f'{key}: {text!r}; expected "host:port" or "[IPv6 address]:port"')
        digits = rest[1:]
        if rest == ":":
            host = ""
    elif text.count(":") == 1:
        host, _, digits = text.partition(":")
        if not digits:
            host = ""
    if not host or any(character.isspace() or character in "@/" for character in host):
        raise ValueError(f'{key}: {text!r}; expected "host:port"')
    if not digits:
        return host, port
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits) <= 65535):
        raise ValueError(f'{key}: {text!r}; expected "host:port" with a port from 1 to 65535')
    return host, int(digits)
