"""What follows from a message that came back, mailbox by mailbox; nothing of it is done here, all of it is kept at once.

Trouble of the store, and a failure of a delivery that is only just being settled, are 4xx: whoever brings it comes
again. What nobody can be told of (its delivery is pruned, nobody wants to know) is still in the journal, with its text.
"""

from __future__ import annotations

from dataclasses import dataclass

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.suppression import Suppression
from smtpeter.journal.events import Event
from smtpeter.message.address import Address, AddressSyntax, ascii_domain
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.status import Refusal, Reply, refusal
from smtpeter.returns import findings, listing
from smtpeter.returns.findings import Arrival, Concerned
from smtpeter.returns.forward import Way, came, way
from smtpeter.returns.interface import Neighbours
from smtpeter.returns.judgement import Mailbox, ReturnPath, Role
from smtpeter.returns.passing import Passing, has_been_at
from smtpeter.returns.recognise import tokens_within
from smtpeter.returns.recognition import Kind
from smtpeter.session.interface import Origin
from smtpeter.session.reply import LOCAL_TROUBLE
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import Accepted, Delivery, Message
from smtpeter.spool.returned import LateFailure, Portion
from smtpeter.spool.states import State

_UNSETTLED = Reply(451, "4.3.0", "This delivery is being settled just now, try again later")
_SETTLES = 10  # looks at a delivery that is still claimed
_BETWEEN = 0.5  # seconds
_IN_CIRCLES = (554, "5.4.6", "This message goes round in circles")


@dataclass(frozen=True, slots=True)
class Consequences:
    """What follows for one mailbox."""

    events: tuple[Event, ...] = ()
    failures: tuple[LateFailure, ...] = ()
    forwards: tuple[Accepted, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    portions: tuple[Portion, ...] = ()


class Handling:
    """`postmaster`: who gets mail for postmaster, if anybody."""

    def __init__(self, neighbours: Neighbours, passing: Passing, postmaster: Address | None) -> None:
        self._n = neighbours
        self._passing = passing
        self._postmaster = postmaster

    async def consequences(
        self, arrival: Arrival, origin: Origin, at: Address, mailbox: Mailbox
    ) -> Consequences:
        """What follows from its arrival `at` this address; raises Refusal."""
        try:
            match mailbox:
                case ReturnPath(delivery):
                    return await self._returned(arrival, origin, at, await self._look_up(arrival, delivery))
                case Role.COMPLAINTS:
                    return await self._complaint(arrival, origin, at)
                case Role.POSTMASTER:
                    return Consequences(forwards=self._for_postmaster(arrival, origin, at))
        except (SpoolUnavailable, AccountsUnavailable) as unavailable:
            raise Refusal(LOCAL_TROUBLE, f"the store: {unavailable}") from unavailable

    # -- a return path -------------------------------------------------------------------------------------

    async def _look_up(self, arrival: Arrival, identifier: DeliveryId) -> Concerned:
        """What is known of the delivery; a failure waits until the delivery that it follows upon is settled."""
        spool = self._n.spool
        delivery = await spool.delivery(identifier)
        for _ in range(_SETTLES):
            if delivery is None or delivery.state is not State.CLAIMED or not arrival.recognition.is_failure:
                break
            await self._n.pause(_BETWEEN)
            delivery = await spool.delivery(identifier)
        else:
            raise Refusal(_UNSETTLED)
        if delivery is None:
            return Concerned(identifier)
        message = await spool.message(delivery.message) or await spool.outline(delivery.message)
        return Concerned(identifier, delivery, message)

    async def _returned(
        self, arrival: Arrival, origin: Origin, at: Address, whose: Concerned
    ) -> Consequences:
        late = findings.late_failure(arrival, whose)
        return Consequences(
            events=(findings.event(arrival, whose),),
            failures=(late,) if late is not None else (),
            suppressions=await self._suppressions(arrival, whose),
            portions=(_portion(arrival, whose, self._forwards(arrival, origin, at, whose)),),
        )

    def _forwards(
        self, arrival: Arrival, origin: Origin, at: Address, whose: Concerned
    ) -> tuple[Accepted, ...]:
        delivery, message = whose.delivery, whose.message
        if delivery is None or message is None or message.returning is None:
            return ()
        to = message.returning.reports_to
        if to is None or self._leads_back(to) or has_been_at(at, arrival.content):
            return ()
        return self._passed_on(arrival, origin, at, to, (message, delivery))

    def _passed_on(
        self,
        arrival: Arrival,
        origin: Origin,
        at: Address,
        to: Address,
        about: tuple[Message, Delivery],
    ) -> tuple[Accepted, ...]:
        message, delivery = about
        match way(came(arrival.recognition), delivery.recipient.notify, told=True):
            case Way.REPORT:
                return (self._passing.report(arrival, message, delivery, to),)
            case Way.AS_IT_CAME:
                whose = Concerned(delivery.id, delivery, message)
                return (self._passing.as_it_came(arrival, origin, at, to, whose),)
            case Way.NOT:
                return ()

    def _leads_back(self, to: Address) -> bool:
        """What is passed on to our own bounce domains would come back here."""
        try:
            return ascii_domain(to.domain) in self._n.hosts()
        except AddressSyntax:
            return True

    # -- complaints, and what people write ---------------------------------------------------------------

    async def _complaint(self, arrival: Arrival, origin: Origin, at: Address) -> Consequences:
        """A feedback report is matched by a token in what it quotes; anything else a person should read."""
        whose = Concerned()
        for identifier in self._named_within(arrival.content):
            whose = await self._look_up(arrival, identifier)
            if whose.delivery is not None:
                break
        is_report = arrival.recognition.kind is Kind.COMPLAINT
        return Consequences(
            events=(findings.event(arrival, whose),),
            forwards=() if is_report else self._for_postmaster(arrival, origin, at),
            suppressions=await self._suppressions(arrival, whose),
            portions=(_portion(arrival, whose),) if whose.identifier else (),
        )

    def _named_within(self, content: bytes) -> list[DeliveryId]:
        """The deliveries that genuine tokens in this text name, each once."""
        ring, tokens = self._n.ring(), tokens_within(content)
        found = [ring.read_return_path(text) for text in tokens.return_paths]
        for token, tail in tokens.links:
            genuine = ring.read_click(token, tail) or ring.read_open(token, tail)
            found.append(genuine.delivery if genuine is not None else None)
        return list(dict.fromkeys(identifier for identifier in found if identifier is not None))

    def _for_postmaster(self, arrival: Arrival, origin: Origin, at: Address) -> tuple[Accepted, ...]:
        if self._postmaster is None:
            return ()
        if has_been_at(at, arrival.content):
            raise refusal(*_IN_CIRCLES)
        return (self._passing.as_it_came(arrival, origin, at, self._postmaster, Concerned()),)

    # -- the suppression list ------------------------------------------------------------------------------

    async def _suppressions(self, arrival: Arrival, whose: Concerned) -> tuple[Suppression, ...]:
        reason = listing.why(arrival.recognition)
        if not reason or whose.message is None or whose.delivery is None:
            return ()
        login = await self._n.accounts.login(whose.message.login)
        if login is None:
            return ()
        entry = listing.entry(
            whose.message, whose.delivery, reason, arrival.when, login.bounces, self._n.sender_domain
        )
        return (entry,) if entry is not None else ()


def _portion(arrival: Arrival, whose: Concerned, forwards: tuple[Accepted, ...] = ()) -> Portion:
    return Portion(whose.identifier, forwards, findings.withheld(arrival, whose))
