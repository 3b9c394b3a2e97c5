"""One attempt: the hosts of a route in order, until each delivery of the group has its outcome.

A host that cannot be talked to, or says 421, passes the group on to the next; only when every host refuses for
good is the group refused for good (RFC 5321 5.1). What goes wrong on our side defers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.message.status import Outcome, Refusal, Reply, Result, Stage
from smtpeter.relay.connections import Connections
from smtpeter.relay.destination import Destination
from smtpeter.relay.faults import caught
from smtpeter.relay.guard import Terms, terms
from smtpeter.relay.interface import CannotConvert, Group, Outgoing
from smtpeter.relay.route import Hop, NoRoute
from smtpeter.relay.sender import HostUnusable, Sender
from smtpeter.relay.sources import Face
from smtpeter.relay.tls import Security
from smtpeter.relay.transaction import Ending, Mail, Next, Peer, judge, script
from smtpeter.smtp.extensions import Capabilities
from smtpeter.spool.model import Delivery, Message

_Contents = dict[bool, bytes]  # what leaves for hosts that take 8 bits, and for others


@dataclass(slots=True)
class _Shared:
    """Contents that the attempts of one message share."""

    contents: _Contents = field(default_factory=dict)
    attempts: int = 0


class Attempts:
    """The Courier of modes mx and smarthost; the destination and the policy make the difference."""

    def __init__(
        self, destination: Destination, connections: Connections, outgoing: Outgoing, security: Security
    ) -> None:
        self._destination = destination
        self._connections = connections
        self._outgoing = outgoing
        self._security = security
        self._shared: dict[MessageId, _Shared] = {}

    async def attempt(self, group: Group) -> Mapping[DeliveryId, Outcome]:
        with self._contents(group.message) as contents:
            attempt = _Attempt(group, self._connections, self._outgoing, self._security, contents)
            trouble = await caught(attempt.run(self._destination), f"an attempt for {group.domain}")
        if attempt.left:
            told = Reply(451, "4.3.0", "Trouble of our own; it will be tried again")
            attempt.conclude(Outcome(Result.DEFERRED, Stage.PROCESS, told, repr(trouble)))
        return attempt.outcomes

    @contextmanager
    def _contents(self, message: Message) -> Iterator[_Contents]:
        """What was already made of a message: once for all its attempts, where all get the same."""
        if self._outgoing.per_recipient(message):
            yield {}
            return
        shared = self._shared.setdefault(message.id, _Shared())
        shared.attempts += 1
        try:
            yield shared.contents
        finally:
            shared.attempts -= 1
            if not shared.attempts:
                del self._shared[message.id]

    def kept(self, site: str) -> int:
        return self._connections.kept(site)

    async def stop(self) -> None:
        await self._connections.stop()


class _Attempt:
    """The state of one attempt: who is `left`, and what has become of the others."""

    def __init__(
        self,
        group: Group,
        connections: Connections,
        outgoing: Outgoing,
        security: Security,
        contents: _Contents,
    ) -> None:
        self._group = group
        self._connections = connections
        self._outgoing = outgoing
        self._security = security
        self._contents = contents
        self._trouble: Outcome | None = None  # what stands for those left when there is no other host
        self.left = group.deliveries
        self.outcomes: dict[DeliveryId, Outcome] = {}

    async def run(self, destination: Destination) -> None:
        try:
            hops = await destination.hops(self._group.domain)
        except NoRoute as error:
            result = Result.FAILED if error.reply.is_permanent else Result.DEFERRED
            self.conclude(Outcome(result, Stage.DNS, error.reply, error.cause))
            return
        for hop in hops:
            if self.left:
                await self._at(hop)
        if self._trouble is not None:
            self.conclude(self._trouble)

    def conclude(self, outcome: Outcome) -> None:
        """The same outcome for all that are left."""
        for delivery in self.left:
            self.outcomes[delivery.id] = outcome
        self.left = ()

    async def _at(self, hop: Hop) -> None:
        """Talk to one host, if it may be talked to, until there is nothing more to say to it."""
        agreed = terms(hop.guard, hop.host, self._group.site.tls, self._security)
        if agreed.obstacle is not None:
            self._note(Peer(hop.host, hop.address), agreed.obstacle)
            return
        source = self._group.source
        face = None if source is None else source.face(hop.address)
        if source is not None and face is None:  # a family that no address of ours is for
            told = Reply(451, "4.4.1", f"No address of ours to reach {hop.host} [{hop.address}] from")
            self._note(Peer(hop.host, hop.address), Ending(Stage.PROCESS, told))
            return
        if agreed.guard is not hop.guard:
            hop = replace(hop, guard=agreed.guard)
        await self._talk(hop, agreed, face)

    async def _talk(self, hop: Hop, agreed: Terms, face: Face | None) -> None:
        security = agreed.security
        may_reuse = goes_on = True
        while goes_on and self.left:
            sender = self._connections.idle(hop, security, face) if may_reuse else None
            is_reused = sender is not None
            if sender is None:
                try:
                    sender = await self._connections.open(hop, security, face, self._group.site)
                except HostUnusable as error:
                    self._note(error.peer, agreed.unmet(error.ending))
                    return
            try:
                goes_on = await self._transact(sender, hop, agreed, is_reused=is_reused)
            finally:
                self._connections.give_back(sender, hop, security, face, self._group.site)
            may_reuse = may_reuse and not (is_reused and sender.ended is not None)

    async def _transact(self, sender: Sender, hop: Hop, agreed: Terms, *, is_reused: bool) -> bool:
        """One transaction with as many as the host takes at once; whether another with this host should follow."""
        some = self.left[: sender.capabilities.maximum_recipients or None]
        peer = _peer(sender, hop, agreed)
        try:
            said = script(await self._mail(some, sender.capabilities), sender.capabilities)
        except Refusal as refusal:
            self._settle(
                {d.id: peer.outcome(Result.FAILED, Stage.MAIL, refusal.reply, refusal.cause) for d in some}
            )
            return True
        dialogue = await sender.deliver(said)
        if is_reused and dialogue.is_untouched:
            return True  # the host had closed it meanwhile: that is nothing against this message
        verdicts = zip(some, judge(said, dialogue, peer), strict=True)
        settled = {d.id: outcome for d, (outcome, following) in verdicts if following is Next.NOTHING}
        self._settle(settled)
        if dialogue.ended is not None and dialogue.final is None:
            self._note(peer, dialogue.ended)
            return False
        return bool(settled)

    async def _mail(self, deliveries: tuple[Delivery, ...], capabilities: Capabilities) -> Mail:
        """What to send to a host of these capabilities; raises Refusal."""
        message, first = self._group.message, deliveries[0]
        content = await self._content(first, eight_bit=True)
        if not capabilities.eightbitmime and not content.isascii():
            try:
                content = await self._content(first, eight_bit=False)
            except CannotConvert as error:  # RFC 6152 3
                told = Reply(554, "5.6.3", "The host takes 7-bit mail only, and this cannot be made so")
                raise Refusal(told, str(error)) from error
        return Mail(
            self._outgoing.return_path(message, first),
            tuple(self._outgoing.recipient(message, delivery) for delivery in deliveries),
            content,
            smtputf8=message.envelope.smtputf8,
            ret=message.envelope.ret,
            envid=message.envelope.envid,
        )

    async def _content(self, delivery: Delivery, *, eight_bit: bool) -> bytes:
        content = self._contents.get(eight_bit)
        if content is None:
            rendered = self._outgoing.content(self._group.message, delivery, eight_bit=eight_bit)
            content = rendered if isinstance(rendered, bytes) else await rendered
            self._contents[eight_bit] = content
        return content

    def _settle(self, outcomes: Mapping[DeliveryId, Outcome]) -> None:
        self.outcomes.update(outcomes)
        self.left = tuple(delivery for delivery in self.left if delivery.id not in outcomes)

    def _note(self, peer: Peer, ending: Ending) -> None:
        """The host gave those that are left no answer of their own: any deferral outweighs all refusals."""
        result = Result.FAILED if ending.reply.is_permanent else Result.DEFERRED
        outcome = peer.outcome(result, ending.stage, ending.reply, ending.cause)
        if self._trouble is None or not outcome.is_final or self._trouble.is_final:
            self._trouble = outcome


def _peer(sender: Sender, hop: Hop, agreed: Terms) -> Peer:
    """The host, by the name that this attempt knows it by, and how well its TLS does."""
    remark = agreed.tested(hop.host, sender.doubt(hop.host)) if agreed.is_test else agreed.remark
    if not remark:
        return sender.peer if sender.factory.hop == hop else replace(sender.peer, host=hop.host)
    return replace(sender.peer, host=hop.host, tls=f"{sender.tls}, {remark}".removeprefix(", "))
