"""What a process remembers of domains' MTA-STS policies: bounded in number and in memory. Pure.

The store has the policies too: what is forgotten costs a question. Of too many that goes first which others would not
miss, as in the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from smtpeter.spool.mta_sts import Policy, Worth, surplus

_OVERHEAD = 60  # octets of a name in memory, beside its own


@dataclass(slots=True)
class Known:
    """What is known of a domain; times are the clock's."""

    policy: Policy | None
    looked_at: float
    failed_at: float = float("-inf")  # a fetch
    is_published: bool = True  # there was a TXT record
    is_lasting: bool = False  # mail went by its policy on more than one day

    @property
    def octets(self) -> int:
        return 0 if self.policy is None else sum(len(host) + _OVERHEAD for host in self.policy.mx)


class Remembered:
    """At most `most` domains, whose policies' hosts take at most `octets`."""

    def __init__(self, most: int, octets: int) -> None:
        self._most = most
        self._most_octets = octets
        self._known: dict[str, Known] = {}
        self._octets: dict[str, int] = {}  # of those that take any
        self._taken = 0

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def get(self, domain: str) -> Known | None:
        return self._known.get(domain)

    def keep(self, domain: str, found: Known) -> None:
        """Remember it as it is now; it stays at least until the next is kept."""
        self._forget(domain)
        octets = found.octets
        while self._known and (len(self._known) >= self._most or self._taken + octets > self._most_octets):
            self._make_room()
        self._known[domain] = found
        if octets:
            self._octets[domain] = octets
            self._taken += octets

    def _make_room(self) -> None:
        """For several at once: they are all looked at for that."""
        worths = (
            Worth(found.is_lasting, 0.0 if found.policy is None else found.policy.used_at, domain)
            for domain, found in self._known.items()
        )
        for domain in surplus(worths, 1 + self._most // 20):
            self._forget(domain)

    def _forget(self, domain: str) -> None:
        self._known.pop(domain, None)
        self._taken -= self._octets.pop(domain, 0)
