"""What a sysadmin may set about submission; every value has a sentence in etc/smtpeter.toml."""

from __future__ import annotations

import msgspec

from smtpeter.session.limits import check_network


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [submission]. Every float is a duration in seconds, every int a size in octets or a number.

    Values that cannot be meant raise ValueError with the key's name. Limits of rate, load and resources are
    answered 4xx; those of size, line length and hops 5xx.
    """

    starttls: tuple[str, ...] = ()
    implicit_tls: tuple[str, ...] = ()
    trusted_networks: dict[str, str] = {}
    proxy_protocol: tuple[str, ...] = ()  # listeners (of the above) that speak PROXY v1/v2
    proxies: tuple[str, ...] = ()  # networks that those take connections from: a proxy says who the client is

    maximum_size: int = 52_428_800  # of one message
    maximum_recipients: int = 1000  # of one message; those beyond it get 452 4.5.3
    maximum_hops: int = 100  # Received fields a message may come with
    maximum_errors: int = 20  # per session, since its last message
    maximum_junk: int = 100  # commands that bring no message nearer (NOOP, RSET, ...), counted likewise
    maximum_connections: int = 10_000
    maximum_connections_per_address: int = 100
    maximum_memory: int = 536_870_912  # that messages on their way in may hold, all sessions together
    minimum_rate: int = 500  # octets per second, on average over a message, after the first 5 minutes
    command_timeout: float = 300.0  # RFC 5321 4.5.3.2.7: at least 5 minutes
    session_timeout: float = 14_400.0  # no session lasts longer; a message that is coming in may finish
    error_delay: float = 1.0  # what the reply to an error is held back; grows with their number

    def __post_init__(self) -> None:
        for network in self.trusted_networks:
            check_network("trusted_networks", network)
        strangers = set(self.proxy_protocol) - {*self.starttls, *self.implicit_tls}
        if strangers:
            raise ValueError(f"proxy_protocol: {min(strangers)!r} is not among starttls and implicit_tls")
        for network in self.proxies:
            check_network("proxies", network)
        if self.proxy_protocol and not self.proxies:
            raise ValueError("proxies: missing: whose word do the listeners in proxy_protocol take?")
        for key in self.__struct_fields__:
            if (key.startswith(("maximum_", "minimum_")) or key.endswith("_timeout")) and getattr(
                self, key
            ) <= 0:
                raise ValueError(f"{key}: expected a number above 0")
        if self.error_delay < 0:
            raise ValueError("error_delay: expected 0 or more")
