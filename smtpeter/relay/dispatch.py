"""What is tried next: the window of claimed deliveries, fair over logins and sites, first tries before retries.

Claims of one message to one domain form a batch, for one transaction. What cannot be kept waiting is handed back, to
be released. Pure: nothing here asks, waits or knows the time; `now` is a clock for intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from smtpeter.message.identifier import DeliveryId
from smtpeter.message.status import Outcome
from smtpeter.relay.contents import Contents, Entrant, Held
from smtpeter.relay.interface import MAXIMUM_GROUP
from smtpeter.relay.lane import Batch
from smtpeter.relay.lanes import Lanes
from smtpeter.relay.limits import Site, Throttle
from smtpeter.relay.logins import LoginThrottles
from smtpeter.relay.pacing import OURS, Bounds, Pace, Paces, Signal, judge
from smtpeter.relay.shares import Shares
from smtpeter.relay.sites import Sites
from smtpeter.relay.sources import Source, Sources
from smtpeter.relay.states import closed, states
from smtpeter.spool.model import Claim, Delivery, Message
from smtpeter.spool.states import State
from smtpeter.spool.waiting import Reason, SiteState

_NOTED = 10_000  # domains of which something is remembered, at most
_NOTE_AGAIN = 43_200.0  # seconds until a domain's site is written down anew, before it is forgotten there
_UNKNOWN = 16  # content whose size is not known yet counts as this part of all copies


class Window:
    """The bounded part of the spool that this process works on.

    `sites` knows the site of a domain; `per_recipient` says whether each delivery of a message goes alone.
    """

    def __init__(self, bounds: Bounds, sites: Sites, per_recipient: Callable[[Message], bool]) -> None:
        self.contents = Contents(bounds.octets, bounds.greed)
        self.claimed = 0  # deliveries
        self.fetched = 0  # of these, claimed from the spool, not born claimed
        self._bounds = bounds
        self._paces = Paces(bounds)
        self._sites = sites
        self._per_recipient = per_recipient
        self._lanes = Lanes()
        self._sources = Sources(bounds.sources, is_shared=bounds.is_shared)
        self._login_throttles = LoginThrottles(bounds.logins, is_shared=bounds.is_shared)
        self._attempts = Shares(bounds.attempts, bounds.greed)
        self._retries = Shares(bounds.retries, bounds.greed)
        self._copies = Shares(bounds.copies, bounds.greed)
        self._logins: dict[str, int] = {}  # deliveries claimed, by login
        self._troubled: set[Pace] = set()  # sites that are, or were, left alone
        self._full: dict[str, Pace] = {}  # domains of what could not wait for its site
        # Domains and their sites of other names, to be written down; and those that were noted for it, and when.
        self.found: dict[str, str] = {}
        self._noted: dict[str, tuple[str, float]] = {}
        self.recovered: set[str] = set()  # sites that answer again, which other processes do not know

    @property
    def running(self) -> int:
        """Attempts under way."""
        return self._attempts.taken

    # -- room --------------------------------------------------------------------------------------------

    def has_room(self, message: Message, now: float) -> bool:
        """Whether a message may be born claimed: whether the window, its login and its sites have room."""
        born = self.claimed - self.fetched
        if (
            self.claimed >= self._bounds.window
            or born >= self._most_of_a_kind
            or not self.contents.allows(message)
        ):
            return False
        contended = self._is_contended
        if contended and self._logins.get(message.login, 0) >= self._bounds.share:
            return False
        for recipient in message.envelope.recipients:
            pace = self._pace_known(recipient.address.domain.lower(), now)
            if pace is not None and not pace.takes(now, contended=contended):
                return False
        return True

    @property
    def _is_contended(self) -> bool:
        return 2 * self.claimed >= self._bounds.window

    def places(self) -> int:
        """How many more deliveries may be claimed from the spool."""
        return max(0, min(self._bounds.window - self.claimed, self._most_of_a_kind - self.fetched))

    @property
    def _most_of_a_kind(self) -> int:
        """A quarter of the window is left to what comes from the spool, and one to what is born claimed."""
        return max(1, self._bounds.window * 3 // 4)

    # -- in ----------------------------------------------------------------------------------------------

    def add(self, entrant: Entrant, now: float) -> list[Batch]:
        """Take claims in. The batches that cannot wait here are returned: to be settled or released, and to leave."""
        refused: list[Batch] = []
        batches = self._batches(entrant, now)
        contended = self._is_contended
        for batch in batches:
            self._take(batch)
            if batch.pace.takes(now, contended=contended):
                self._lanes.add(batch)
            else:
                batch.is_over = True
                refused.append(batch)
                self._turned_away(batch)
        return refused

    def put_aside(self, entrant: Entrant, now: float) -> list[Batch]:
        """Take in claims that are not to be tried, and so wait for no site: their batches, to be settled, and to leave."""
        batches = self._emptied(self._batches(entrant, now))
        for batch in batches:
            self._take(batch)
        return batches

    def _take(self, batch: Batch) -> None:
        self.count(batch.held.message.login, len(batch.claims), is_born=batch.is_born)

    def _turned_away(self, batch: Batch) -> None:
        if len(self._full) < _NOTED:
            self._full[batch.domain] = batch.pace

    def is_troubled(self, now: float) -> bool:
        """Whether any site is left alone for a while."""
        if self._troubled:
            self._troubled = {pace for pace in self._troubled if now < pace.until}
        return bool(self._troubled)

    def avoid(self, now: float) -> frozenset[str]:
        """Domains of which nothing could wait here now: no claim on them should be made."""
        contended = self._is_contended
        self._full = {
            domain: pace for domain, pace in self._full.items() if not pace.takes(now, contended=contended)
        }
        return frozenset(self._full)

    def _batches(self, entrant: Entrant, now: float) -> list[Batch]:
        most = 1 if self._per_recipient(entrant.message) else MAXIMUM_GROUP
        groups: list[tuple[str, bool, list[Claim]]] = []
        open_groups: dict[tuple[str, bool], list[Claim]] = {}
        for claim in entrant.claims:
            key = claim.delivery.domain, claim.delivery.attempts > 0
            group = open_groups.get(key)
            if group is None or len(group) == most:
                group = open_groups[key] = []
                groups.append((*key, group))
            group.append(claim)
        held = self.contents.hold(entrant.message, len(groups), is_whole=entrant.is_whole)
        batches = []
        for domain, is_retry, group in groups:
            site = self._site(domain, now)
            self._note(domain, site, now)
            pace = self._paces.of(site, now)
            batches.append(Batch(held, tuple(group), domain, site, pace, is_retry, entrant.is_born))
        return batches

    def count(self, login: str, deliveries: int, *, is_born: bool) -> None:
        """So many claims more (or fewer, below 0) take places here, whether or not they are in a batch yet."""
        self.claimed += deliveries
        if not is_born:
            self.fetched += deliveries
        left = self._logins.get(login, 0) + deliveries
        if left:
            self._logins[login] = left
        else:
            del self._logins[login]

    # -- through -----------------------------------------------------------------------------------------

    def begin(self, now: float) -> Batch | None:
        """The batch whose attempt begins now, or None when none may."""
        if self._attempts.is_spent or self._sources.are_spent(now):
            return None
        batch = self._lanes.take(self._may, now, may_retry=not self._retries.is_spent)
        if batch is None:
            return None
        batch.began = now
        batch.pace.begin(now)
        login = batch.held.message.login
        self._attempts.take(login)
        if self._sources:
            batch.source = self._sources.take(batch.held.message.id, now)
        self._login_throttles.take(login, now)
        if batch.is_retry:
            self._retries.take(login)
        self.weigh(batch)
        return batch

    def _may(self, batch: Batch, now: float) -> bool:
        """Whether its login may have one more attempt, of its kind and of its weight."""
        login = batch.held.message.login
        return (
            self._attempts.allows(login)
            and (not batch.is_retry or self._retries.allows(login))
            and self._has_memory(login, self._weight(batch.held))
            and self._login_throttles.may(login, now)
        )

    def _has_memory(self, login: str, octets: int) -> bool:
        """At least one has it, so that no message is too big for ever."""
        return not octets or not self._copies.taken or self._copies.allows(login, octets)

    def _weight(self, held: Held) -> int:
        """Octets that an attempt has for itself: content fetched for it, content made for one recipient."""
        copies = (not held.is_whole) + 2 * self._per_recipient(held.message)  # in 8 bits and in 7
        if not copies:
            return 0
        return copies * held.size if held.size else self._bounds.copies // _UNKNOWN

    def weigh(self, batch: Batch) -> None:
        """Count what a batch that is running has in memory, when it has begun and when its content is known."""
        if batch.began is not None and not batch.is_over:
            self._count_copies(batch, self._weight(batch.held))

    def _count_copies(self, batch: Batch, octets: int) -> None:
        login = batch.held.message.login
        self._copies.give_back(login, batch.octets)
        self._copies.take(login, octets)
        batch.octets = octets

    def end(self, batch: Batch, outcomes: Mapping[DeliveryId, Outcome], now: float) -> list[Batch]:
        """Its attempt is over. Batches that cannot wait for its site any longer are returned, as by `add`."""
        if batch.is_over or batch.began is None:
            return []
        pace, began = batch.pace, batch.began
        self._quit(batch)
        told = [
            outcome for outcome in outcomes.values() if batch.site.owns(outcome.host) or outcome.stage in OURS
        ]
        if len(told) < len(outcomes):  # its hosts are others by now, or the DNS does not tell: the domain's
            self._sites.forget(batch.domain)
        signal, trouble = judge(told)
        was_in_trouble = pace.failures > 0
        pace.end(signal, trouble, began, now)
        if self._bounds.is_shared and was_in_trouble and not pace.failures:
            self.recovered.add(pace.name)
        if signal is Signal.TROUBLE and now < pace.until:
            self._troubled.add(pace)
            emptied = self._emptied(self._lanes.clear(pace.name))
            for each in emptied:
                self._turned_away(each)
            return emptied
        self._lanes.wake(pace)
        return []

    def _quit(self, batch: Batch) -> None:
        """Its attempt takes no room any longer."""
        batch.is_over = True
        batch.pace.leave()
        login = batch.held.message.login
        self._attempts.give_back(login)
        if batch.is_retry:
            self._retries.give_back(login)
        if batch.source is not None:
            self._sources.give_back(batch.source)
        self._login_throttles.give_back(login)
        self._count_copies(batch, 0)

    # -- to its site -------------------------------------------------------------------------------------

    def _site(self, domain: str, now: float) -> Site:
        """The domain's site; until that is found the domain has one of its own."""
        return self._sites.known(domain, now) or self._sites.provisional(domain)

    def _pace_known(self, domain: str, now: float) -> Pace | None:
        return self._paces.known(self._site(domain, now).name)

    def is_placed(self, batch: Batch, now: float) -> bool:
        """Whether the site that it waited for is its domain's still."""
        site = self._sites.known(batch.domain, now)
        if site is None or site.name != batch.site.name:
            return False
        batch.site = site
        return True

    def place(self, batch: Batch, site: Site, now: float) -> list[Batch]:
        """A batch that has begun waits again, for the right site; batches are returned as by `add`."""
        self._quit(batch)
        self._lanes.wake(batch.pace)
        self._note(batch.domain, site, now)
        batch.site, batch.pace = site, self._paces.of(site, now)
        batch.began = batch.source = None
        if not batch.pace.takes(now, contended=self._is_contended):
            self._turned_away(batch)
            return [batch]
        batch.is_over = False
        self._lanes.add(batch)
        return []

    def _note(self, domain: str, site: Site, now: float) -> None:
        """For people who ask where the domain's mail goes, and why it waits."""
        if site.name == domain:
            return
        name, noted_at = self._noted.get(domain, ("", 0.0))
        if (name != site.name or now - noted_at > _NOTE_AGAIN) and len(self.found) < _NOTED:
            self.found[domain] = site.name
            self._noted.pop(domain, None)
            if len(self._noted) >= _NOTED:
                del self._noted[next(iter(self._noted))]  # the oldest
            self._noted[domain] = site.name, now

    def source(self, batch: Batch) -> Source | None:
        """The address that the batch leaves from."""
        return None if batch.source is None else self._bounds.sources[batch.source]

    # -- as time allows ----------------------------------------------------------------------------------

    def wake_at(self, now: float) -> float:
        """When a limit of the operator's lets the next attempt begin; infinity when time alone does not."""
        limited = self._lanes.limited
        for name in [name for name, pace in limited.items() if not pace.waiting]:
            del limited[name]
        times = [pace.opens_at(now) for pace in limited.values()]
        times += self._login_throttles.opening(self._logins, now)
        if self._sources and self.claimed > self.running:
            times += [each.opens_at(now) for each in self._sources.throttles if each is not None]
        return min((at for at in times if at > now), default=float("inf"))

    @property
    def has_limits(self) -> bool:
        """Whether anything is under a limit of the operator's."""
        return bool(self._paces.throttles or self._login_throttles or self._sources)

    def ring(self, now: float) -> None:
        """Time has passed, or more was leased: sites that are open again are offered."""
        for name, pace in tuple(self._lanes.limited.items()):
            if pace.is_open(now):
                del self._lanes.limited[name]
                self._lanes.wake(pace)

    def throttles(self) -> list[Throttle]:
        """All limits of the operator's that are in use."""
        return [
            *self._paces.throttles.values(),
            *self._login_throttles.all(),
            *(each for each in self._sources.throttles if each is not None),
        ]

    # -- out ---------------------------------------------------------------------------------------------

    def drain(self) -> list[Batch]:
        """Take out all that waits, as by `add`."""
        return self._emptied(self._lanes.drain())

    def _emptied(self, batches: list[Batch]) -> list[Batch]:
        for batch in batches:
            batch.is_over = True
        return batches

    def leave(self, batch: Batch) -> None:
        """Its claims have been given back: their places are free."""
        self.count(batch.held.message.login, -len(batch.claims), is_born=batch.is_born)
        self.contents.drop(batch.held)

    # -- told --------------------------------------------------------------------------------------------

    def why(self, delivery: Delivery, now: float) -> Reason | None:
        """Why a claimed delivery in the window waits; None when it is not in it. Searches all that waits."""
        if delivery.state is not State.CLAIMED or self.contents.known(delivery.message) is None:
            return None
        for batch in self._lanes:
            if any(claim.delivery.id == delivery.id for claim in batch.claims):
                return self._why(batch, now)
        return Reason.IN_PROGRESS

    def _why(self, batch: Batch, now: float) -> Reason:
        pace = batch.pace
        if not pace.is_open(now):
            return closed(pace)
        if self._sources.are_spent(now):
            return Reason.SOURCE_LIMIT
        if not self._login_throttles.may(batch.held.message.login, now):
            return Reason.LOGIN_LIMIT
        return Reason.TURN if self._may(batch, now) else Reason.ALL_BUSY

    def states(self, now: float, unix: float) -> tuple[SiteState, ...]:
        """What holds up sites, as operators are told; `unix` is `now` in Unix seconds."""
        return states(self._paces, now, unix)

    def lift(self, site: str) -> None:
        """The site is to be tried now, whatever its trouble: an operator wants it, or it answers another process."""
        pace = self._paces.known(site)
        if pace is not None:
            pace.lift()

    def trouble(self, domain: str, now: float) -> tuple[Outcome, float] | None:
        """What the site of `domain` is in trouble with, and since how many seconds, while it is left alone."""
        pace = self._pace_known(domain.lower(), now)
        if pace is None or pace.trouble is None or now >= pace.until:
            return None
        return pace.trouble, now - pace.troubled_at
