"""What a sysadmin may set about the doors for browsers and programs; every value has a sentence in etc/smtpeter.toml.

Values that cannot work together are refused here, with the key named, before anything starts.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

import msgspec

from smtpeter.session.limits import check_network


class Tracking(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [tracking]. Nothing is tracked without `click_url` (links) and `open_url` (images and the pixel).

    The URLs are those that recipients see: scheme, host and, if need be, port. `open_url` left out is `click_url`.
    `listen` are Twisted endpoint strings, speaking plain HTTP; TLS is the business of a proxy in front, which is
    believed about the client's address only when it connects from one of `trusted_proxies` (networks).
    `images`: recipients are redirected to the original, or it is fetched once and served from here.
    `anonymous`: neither address nor header fields of visitors are kept.
    """

    click_url: str = ""
    open_url: str = ""
    listen: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    images: Literal["redirect", "serve"] = "redirect"
    anonymous: bool = False
    allow_private_addresses: bool = False

    def __post_init__(self) -> None:
        for key in ("click_url", "open_url"):
            msgspec.structs.force_setattr(self, key, origin(key, getattr(self, key) or self.click_url))
        for network in self.trusted_proxies:
            check_network("trusted_proxies", network)
        if self.open_url and not self.listen:
            raise ValueError('listen: missing; click_url and open_url need a listener, such as "tcp:8080"')


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [web]: the REST API. Nothing listens without `listen` or `tls`.

    `listen` are Twisted endpoint strings that speak plain HTTP: requests are answered there only when they come from
    this machine itself, or from a proxy in `trusted_proxies` (networks) that says it was asked over https. `tls` are
    those that speak HTTPS with the certificates of section [tls]. `public_url` is what others see, if that is not the
    first listener's. Sizes are octets.
    """

    listen: tuple[str, ...] = ()
    tls: tuple[str, ...] = ()
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    requests_per_second: int = 200  # of one token
    maximum_memory: int = 268_435_456  # that requests on their way in may hold
    allow_private_addresses: bool = False  # attachments may be fetched from there

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "public_url", origin("public_url", self.public_url))
        for network in self.trusted_proxies:
            check_network("trusted_proxies", network)
        for key in ("requests_per_second", "maximum_memory"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key}: expected a number above 0")


def origin(key: str, url: str) -> str:
    """A tracking host's URL without a final slash; "" stays "". ValueError, which begins with `key`, for any other."""
    if not url:
        return ""
    problem = f'{key}: {url!r}; expected "https://host" or "http://host:port", without a path'
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(problem) from None
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or not url.isascii():
        raise ValueError(problem)
    if parts.path not in {"", "/"} or any(mark in url for mark in "?#\\ "):
        raise ValueError(problem)
    return f"{parts.scheme}://{parts.netloc.lower()}"
