"""Connections that are kept for the next message to the same host, and how a new one comes to be.

Only a connection whose last conversation ended well is kept, for some seconds and some messages. A host whose TLS
fails is tried once more in clear where the policy is opportunistic (RFC 7435 3).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable
from typing import Any, Protocol

from smtpeter.relay.dane import Proof
from smtpeter.relay.interface import ANY_SITE
from smtpeter.relay.limits import Site
from smtpeter.relay.route import Hop
from smtpeter.relay.sender import HostUnusable, Sender
from smtpeter.relay.sources import Face
from smtpeter.relay.tls import Security
from smtpeter.session.deadline import Clock


class Opener(Protocol):
    """Makes a new connection."""

    def open(self, hop: Hop, security: Security, face: Face | None, /) -> Awaitable[Sender]:
        """A connection that can take a message; raises HostUnusable."""


Key = tuple[str, int, Security, str, Proof | None, Face | None]


class Connections:
    """Gives connections out and takes them back. `keep` is in seconds, 0 keeps none."""

    def __init__(self, opener: Opener, clock: Clock, *, keep: float, maximum_messages: int) -> None:
        self._opener = opener
        self._clock = clock
        self._keep = keep
        self._maximum_messages = maximum_messages
        self._idle: dict[Key, deque[tuple[float, Sender, str]]] = {}
        self._sweep: Any = None

    def idle(self, hop: Hop, security: Security, face: Face | None = None) -> Sender | None:
        """A kept connection to this address, the one that was used last."""
        key = _key(hop, security, face)
        waiting = self._idle.get(key)
        found = None
        while waiting and found is None:
            _, sender, _ = waiting.pop()
            if sender.ended is None:
                found = sender
        if waiting is not None and not waiting:
            del self._idle[key]
        return found

    async def open(
        self, hop: Hop, security: Security, face: Face | None = None, site: Site = ANY_SITE
    ) -> Sender:
        """A new connection, from `face` where there is one; raises HostUnusable.

        Where the operator limits connections to the site, one that is kept makes room for it.
        """
        if site.limit.connections is not None:
            await self._make_room(site.name)
        try:
            return await self._opener.open(hop, security, face)
        except HostUnusable as unusable:
            if security is not Security.OPPORTUNISTIC or not unusable.tls_failed:
                raise
        return await self._opener.open(hop, Security.NONE, face)

    async def _make_room(self, site: str) -> None:
        for key, waiting in self._idle.items():
            for each in waiting:
                if each[2] == site:
                    waiting.remove(each)
                    if not waiting:
                        del self._idle[key]
                    await each[1].quit()
                    return

    def kept(self, site: str) -> int:
        """How many connections to the site are kept."""
        return sum(each[2] == site for waiting in self._idle.values() for each in waiting)

    def give_back(
        self,
        sender: Sender,
        hop: Hop,
        security: Security,
        face: Face | None = None,
        site: Site = ANY_SITE,
    ) -> None:
        """Keep it if it can take another message, else take leave of it."""
        limit = site.messages_per_connection or self._maximum_messages
        if sender.capabilities.maximum_messages is not None:  # RFC 9422 4
            limit = min(limit, sender.capabilities.maximum_messages)
        if sender.ended is not None or sender.messages >= limit or not self._keep:
            sender.quit()
            return
        expires = self._clock.seconds() + self._keep
        self._idle.setdefault(_key(hop, security, face), deque()).append((expires, sender, site.name))
        if self._sweep is None:
            self._sweep = self._clock.callLater(self._keep, self._expire)

    def _expire(self) -> None:
        """Take leave of all that nobody wanted in time; again when the next one's time comes."""
        self._sweep = None
        now = self._clock.seconds()
        following = []
        for key, waiting in tuple(self._idle.items()):
            while waiting and (waiting[0][0] <= now or waiting[0][1].ended is not None):
                waiting.popleft()[1].quit()
            if waiting:
                following.append(waiting[0][0])
            else:
                del self._idle[key]
        if following:
            self._sweep = self._clock.callLater(max(min(following) - now, 0), self._expire)

    async def stop(self) -> None:
        """Take leave of all; returns when they are closed."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        leaving = [sender.quit() for waiting in self._idle.values() for _, sender, _ in waiting]
        self._idle.clear()
        for closed in leaving:
            await closed


def _key(hop: Hop, security: Security, face: Face | None) -> Key:
    """Hosts at one address share connections, but never a certificate's proof."""
    verified = hop.host if security is Security.VERIFIED else ""
    return hop.address, hop.port, security, verified, hop.guard.dane, face
