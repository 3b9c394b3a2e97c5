"""Messages, claims and outcomes as these tests need them, and a courier that does as it is told."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import replace

import msgspec
from twisted.internet.defer import Deferred, succeed

from smtpeter.message.address import Address
from smtpeter.message.edit import Report, SlotKind, Target, untouched
from smtpeter.message.envelope import Envelope, Recipient
from smtpeter.message.options import Switches
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.relay.limits import Site
from smtpeter.service.outgoing import Rendered
from smtpeter.spool.model import Accepted, Claim, Delivery, Message
from smtpeter.spool.states import State

_numbers = itertools.count(1)

LINKS = (Target(SlotKind.CLICK, "https://shop.example/"),)  # of a message whose clicks are tracked

TAKEN = Outcome(
    Result.DELIVERED, Stage.MESSAGE, Reply(250, "2.0.0", "Ok"), host="mx.example", address="192.0.2.1"
)
REFUSED = Outcome(Result.FAILED, Stage.RCPT, Reply(550, "5.1.1", "No such user"), host="mx.example")
GREYLISTED = Outcome(Result.DEFERRED, Stage.RCPT, Reply(450, "4.2.0", "Greylisted"), host="mx.example")
UNREACHED = Outcome(
    Result.DEFERRED, Stage.CONNECT, Reply(451, "4.4.1", "Connection refused"), host="mx.example"
)
SLOW_DOWN = Outcome(
    Result.DEFERRED, Stage.MAIL, Reply(421, "4.7.0", "Too many connections"), host="mx.example"
)


def address(text):
    local_part, _, domain = text.rpartition("@")
    return Address(local_part, domain)


def recipient(text, **parameters):
    return Recipient(address(text), **parameters)


def message(
    *recipients, login="shop", return_path="sender@shop.example", content=b"Subject: x\r\n\r\nx\r\n", **values
):
    envelope = values.pop("envelope", {})
    return Message(
        id=next(_numbers),
        login=login,
        accepted_at=values.pop("accepted_at", 1000.0),
        envelope=Envelope(
            None if return_path is None else address(return_path),
            tuple(each if isinstance(each, Recipient) else recipient(each) for each in recipients),
            **envelope,
        ),
        content=content,
        template=msgspec.structs.replace(untouched(len(content)), targets=values.pop("targets", ())),
        report=Report(),
        switches=values.pop("switches", Switches()),
        **values,
    )


def deliveries(of, **values):
    values = {"accepted_at": of.accepted_at, "due_at": of.accepted_at, **values}
    return tuple(Delivery(next(_numbers), of.id, each, **values) for each in of.envelope.recipients)


def claims(of, **values):
    """Claims on all deliveries of a message that is nowhere kept."""
    return tuple(Claim(delivery, 1) for delivery in deliveries(of, state=State.CLAIMED, **values))


def accepted(of, *, claimed=False, **values):
    return Accepted(of, deliveries(of, **values), (), claimed)


class Sites:
    """Sites that need no looking up: `site_of` names the site of a domain, which may be a Site."""

    def __init__(self, site_of=lambda domain: domain):
        self._site_of = site_of
        self.forgotten = []

    def known(self, domain, now):
        site = self._site_of(domain)
        return site if isinstance(site, Site) else Site(site)

    def provisional(self, domain):
        return self.known(domain, 0.0)

    def forget(self, domain):
        self.forgotten.append(domain)


class Outgoing:
    """Nothing is rendered here; who goes alone is decided by the server's own rule."""

    def per_recipient(self, message):
        return Rendered.per_recipient(self, message)


class Courier:
    """Answers each attempt with `answer`, by domain in `answers`, or waits for `finish` when told to be `slow`."""

    def __init__(self):
        self.answer = TAKEN
        self.answers = {}
        self.slow = False
        self.groups = []
        self.open = deque()
        self.cancelled = []
        self.stopped = False

    def attempt(self, group):
        self.groups.append(group)
        if not self.slow:
            return succeed(self._outcomes(group))
        attempt = Deferred(lambda _: self.cancelled.append(group))
        self.open.append((group, attempt))
        return attempt

    def _outcomes(self, group):
        answer = self.answers.get(group.domain, self.answer)
        if isinstance(answer, Exception):
            raise answer
        return {delivery.id: answer for delivery in group.deliveries}

    def finish(self, answer=None):
        """End the attempt that is open longest."""
        group, attempt = self.open.popleft()
        outcomes = self._outcomes(group)
        attempt.callback(outcomes if answer is None else dict.fromkeys(outcomes, answer))
        return group

    def kept(self, site):
        return 0

    def stop(self):
        self.stopped = True
        return succeed(None)

    @property
    def tried(self):
        """The recipients tried, in order."""
        return [str(delivery.recipient.address) for group in self.groups for delivery in group.deliveries]


def aged(of, seconds):
    return replace(of, accepted_at=of.accepted_at - seconds)
