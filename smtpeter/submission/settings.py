"""What a sysadmin may set about submission; every value has a sentence in etc/smtpeter.toml."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [submission]. Durations are seconds, sizes octets."""

    starttls: tuple[str, ...] = ()
    implicit_tls: tuple[str, ...] = ()
    trusted_networks: dict[str, str] = {}
    proxy_protocol: tuple[str, ...] = ()  # listeners (of the above) that speak PROXY v1/v2
    maximum_size: int = 52_428_800
    maximum_recipients: int = 1000
    maximum_hops: int = 100
