"""The addresses that mail leaves from, each with the name that EHLO gives there.

An address of either family that has the same name makes one source. The message decides which source it is sent
from, so that a retry comes from where its first try came, by which greylisting knows it; while that one is at its limit,
the next takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from smtpeter.relay.limits import NO_LIMIT, Limit, Throttle


@dataclass(frozen=True, slots=True)
class Face:
    """One of our addresses, and the name that EHLO gives there."""

    address: str
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """`faces` has one for each family (4, 6) that is configured at all."""

    faces: Mapping[int, Face]
    limit: Limit = NO_LIMIT

    def face(self, address: str) -> Face | None:
        """Where to connect to `address` from; None when no address of its family is configured."""
        return self.faces.get(ip_address(address).version)


def pool(configured: Iterable[tuple[str, str, Limit]]) -> tuple[Source, ...]:
    """Sources from addresses, their names and limits, in that order; a pair's limit is that of its first address."""
    pairs: list[tuple[dict[int, Face], Limit]] = []
    for text, name, limit in configured:
        version = ip_address(text).version
        for faces, _ in pairs:
            if version not in faces and any(face.name == name for face in faces.values()):
                break
        else:
            faces = {}
            pairs.append((faces, limit))
        faces[version] = Face(str(ip_address(text)), name)
    # A source without an address of some family borrows one, so that every host can be reached from every source.
    first = {version: face for faces, _ in reversed(pairs) for version, face in faces.items()}
    return tuple(
        Source({**faces, **{v: f for v, f in first.items() if v not in faces}}, limit)
        for faces, limit in pairs
    )


class Sources:
    """All sources, and how much of each is in use. Without any, the system chooses."""

    def __init__(self, sources: Sequence[Source], *, is_shared: bool) -> None:
        self._sources = sources
        self.throttles = [
            Throttle(f"source {_first(source)}", source.limit, is_shared=is_shared) if source.limit else None
            for source in sources
        ]

    def __bool__(self) -> bool:
        return bool(self._sources)

    def are_spent(self, now: float) -> bool:
        """Whether all are at their limits."""
        return bool(self._sources) and all(each is not None and not each.may(now) for each in self.throttles)

    def take(self, number: int, now: float) -> int:
        """The place of the source that a message of this number leaves from; not all are spent."""
        count = len(self._sources)
        for place in range(number, number + count):
            throttle = self.throttles[place % count]
            if throttle is None:
                return place % count
            if throttle.may(now):
                throttle.take(now)
                return place % count
        raise AssertionError("all sources are at their limits")

    def give_back(self, place: int) -> None:
        throttle = self.throttles[place]
        if throttle is not None:
            throttle.give_back()


def _first(source: Source) -> str:
    return next(iter(source.faces.values())).address
