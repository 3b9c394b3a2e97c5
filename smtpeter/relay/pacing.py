"""How fast a site may be worked on: decisions without I/O, time an argument.

A *site* is what shares a pace. It is opened by a few attempts at once, a further one is added for each that is
answered, up to a limit; the number is halved when a host says 421 or speaks of a limit of rate, or does not answer while it answers others. A
site where no message can be tried is left alone for a while (doubling), then asked by one attempt before the others
follow.
`now` is a clock for intervals here, never the wall's.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from smtpeter.message.classification import classify
from smtpeter.message.status import Outcome, Result, Stage
from smtpeter.relay.limits import Limit, Site, Throttle
from smtpeter.relay.sources import Source


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of one process. Durations are seconds, sizes octets.

    `window` bounds the deliveries claimed at once (by one message more at most). Half of it is free for all; beyond
    that no site and no login takes more than `share`.
    """

    attempts: int = 200  # at once, in all
    retries: int = 100  # of these; so dead destinations never take the place of first tries
    site: int = 20  # attempts at once at one site
    opening: int = 5  # attempts at once at a site that is not known yet
    greed: int = 3  # of attempts, retries and memory a login has at most so many times what it leaves free
    window: int = 4000
    share: int = 500
    octets: int = 64 * 1024 * 1024  # of content kept in memory
    copies: int = 512 * 1024 * 1024  # octets, of content made anew for each recipient
    backoff: float = 30.0  # how long a site in trouble is left alone at first
    longest_backoff: float = 900.0
    is_shared: bool = False  # what the operator allows is for several processes, and leased
    logins: Mapping[str, Limit] = field(default_factory=dict)  # those that have limits of their own
    sources: tuple[Source, ...] = ()  # the addresses that mail leaves from

    @classmethod
    def of_one_site(cls, attempts: int = 100) -> Bounds:
        """Where all mail goes to one site (smarthost, sandbox): it has all the room, and no opening phase.

        A login alone has it all: no host that it chose can be slower than another's.
        """
        window = cls().window
        return cls(
            attempts,
            retries=attempts,
            site=attempts,
            opening=attempts,
            greed=attempts,
            window=window,
            share=window,
        )


class Signal(enum.Enum):
    """What an attempt told about its site."""

    FINE = "fine"
    SLOW_DOWN = "slow down"  # 421 to a message, or words of a limit of rate
    TROUBLE = "trouble"  # no message could be tried
    NOTHING = "nothing"  # it ended before it came to the site


OURS = frozenset((Stage.PROCESS, Stage.SUPPRESSION))  # what ends there says nothing of any site
_BEFORE_ANY_MESSAGE = frozenset(
    (Stage.DNS, Stage.CONNECT, Stage.HANDSHAKE, Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH)
)


def judge(outcomes: Iterable[Outcome]) -> tuple[Signal, Outcome | None]:
    """What these outcomes of one attempt say of the site, and the outcome that says so when it is trouble."""
    signal = Signal.NOTHING
    for outcome in outcomes:
        if outcome.result is Result.DEFERRED:
            if outcome.stage in _BEFORE_ANY_MESSAGE:
                return Signal.TROUBLE, outcome
            if outcome.reply.code == 421 or (outcome.stage not in OURS and classify(outcome.reply).slows):
                signal = Signal.SLOW_DOWN
        if signal is Signal.NOTHING and outcome.stage not in OURS:
            signal = Signal.FINE
    return signal, None


_LATELY = 60.0  # seconds
_STRIKES = 3  # troubles in a row after which a site that answered lately is left alone, too
_PROBED = 10  # batches that may wait for each attempt at a site that was in trouble
_PATIENCE = 10.0  # what is given back returns no sooner
_SPREAD = 900.0  # and is spread over at most this


class Pace:
    """The pace of one site."""

    __slots__ = (
        "_answered_at",
        "_booked",
        "_bounds",
        "_most",
        "_seconds",
        "_strikes",
        "failures",
        "limit",
        "name",
        "running",
        "throttle",
        "trouble",
        "troubled_at",
        "until",
        "waiting",
    )  # fmt: skip

    def __init__(self, site: Site, bounds: Bounds) -> None:
        self.name = site.name
        self._most = site.limit.connections or bounds.site
        self.throttle = (
            Throttle(f"site {site.name}", site.limit, is_shared=bounds.is_shared, site=site.name)
            if site.limit
            else None
        )
        self.limit = min(bounds.opening, self._most)  # attempts at once, now
        self.running = 0
        self.waiting = 0  # batches
        self.failures = 0  # rounds of trouble without an answer between them
        self.until = 0.0  # left alone until
        self.trouble: Outcome | None = None  # what the last round ended in
        self.troubled_at = 0.0
        self._bounds = bounds
        self._answered_at: float | None = None
        self._strikes = 0  # troubles in a row
        self._seconds = 1.0  # that an answered attempt takes
        self._booked = 0.0

    @property
    def is_idle(self) -> bool:
        return not self.running and not self.waiting

    def is_open(self, now: float) -> bool:
        """Whether one more attempt may start."""
        return self.running < self.limit and (self.throttle is None or self.throttle.may(now))

    def opens_at(self, now: float) -> float:
        """When the operator's limits, if they alone keep it closed, let one more attempt start."""
        if self.throttle is None or self.running >= self.limit:
            return float("inf")
        return self.throttle.opens_at(now)

    def begin(self, now: float) -> None:
        self.running += 1
        if self.throttle is not None:
            self.throttle.take(now)

    def leave(self) -> None:
        """An attempt is over, whatever it came to."""
        self.running -= 1
        if self.throttle is not None:
            self.throttle.give_back()

    def takes(self, now: float, *, contended: bool) -> bool:
        """Whether one more batch may wait for it; `contended`: where others want the room, it has but a share."""
        if now < self.until:
            return False
        if self.failures:
            return self.waiting < _PROBED * self.limit
        return not contended or self.waiting < self._bounds.share

    def book(self, now: float) -> float:
        """Seconds until a claim that cannot wait here may return: one after the other, as fast as they are tried."""
        start = max(now + _PATIENCE, self.until)
        at = max(self._booked, start)
        self._booked = at + self._seconds / self.limit
        return start + (at - start) % _SPREAD - now

    def end(self, signal: Signal, trouble: Outcome | None, began: float, now: float) -> None:
        """An attempt begun at `began` ended; it leaves on its own."""
        if signal is Signal.TROUBLE:
            self._note_trouble(trouble, began, now)
        elif signal is not Signal.NOTHING:
            self.failures = 0
            self.until = 0.0
            self._strikes = 0
            self._answered_at = now
            self._seconds += (now - began - self._seconds) / 8
            if signal is Signal.FINE:
                self.limit = min(self.limit + 1, self._most)
            else:
                self.limit = max(1, self.limit // 2)

    def lift(self) -> None:
        """It is to be tried now."""
        self.until = 0.0

    def _note_trouble(self, trouble: Outcome | None, began: float, now: float) -> None:
        self.trouble = trouble
        if self.failures and began < self.troubled_at:
            return  # of the same round: what ran side by side fails together, and counts once
        self._strikes += 1
        answers = self._answered_at is not None and now - self._answered_at < _LATELY
        if answers and self._strikes < _STRIKES:  # connections are too many, or one of its hosts is ill
            self.limit = max(1, self.limit // 2)
            return
        self.failures += 1
        self.limit = 1
        self.troubled_at = now
        pause = self._bounds.backoff * 2.0 ** min(self.failures - 1, 10)
        self.until = now + min(pause, self._bounds.longest_backoff)
        self._booked = self.until


class Paces:
    """The paces of all sites that are, or lately were, worked on."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.throttles: dict[str, Throttle] = {}  # of the sites that the operator limits
        self._paces: dict[str, Pace] = {}
        self._sweep_at = 10_000

    def of(self, site: Site, now: float) -> Pace:
        pace = self._paces.get(site.name)
        if pace is None:
            if len(self._paces) >= self._sweep_at:
                self._sweep(now)
            pace = self._paces[site.name] = Pace(site, self._bounds)
            if pace.throttle is not None:
                self.throttles[site.name] = pace.throttle
        return pace

    def known(self, site: str) -> Pace | None:
        return self._paces.get(site)

    def __iter__(self) -> Iterator[Pace]:
        return iter(self._paces.values())

    def _sweep(self, now: float) -> None:
        """Forget the sites that nothing waits for and that are not left alone just now."""
        self._paces = {
            name: p for name, p in self._paces.items() if not p.is_idle or now < p.until or p.throttle
        }
        self._sweep_at = max(10_000, 2 * len(self._paces))
