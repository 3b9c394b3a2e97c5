"""Who is owed which delivery status notification, and the DSN itself as a message to be kept (RFC 3461, RFC 3464).

One report tells of all recipients of a message that ended together. It goes to the return path, from the null return
path, with NOTIFY=NEVER; so a null return path is owed nothing, and no report is ever made about a report.
Where bounces are tracked, they go to whom the login wants to be told, which is the return path unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from smtpeter.journal.events import Reported
from smtpeter.message import dsn, identifier
from smtpeter.message.address import Address
from smtpeter.message.delivery_report import Action, DeliveryReport, RecipientReport
from smtpeter.message.envelope import Notify
from smtpeter.message.identifier import Identifiers, MessageId
from smtpeter.message.status import Outcome, Result
from smtpeter.spool.model import Accepted, Delivery, Message, Settlement
from smtpeter.spool.ours import ours
from smtpeter.spool.schedule import Schedule


def owed(delivery: Delivery, outcome: Outcome, *, warned: bool, final: bool) -> Action | None:
    """Which report the sender is owed for one recipient, by NOTIFY; None when none.

    A success is reported as `delivered` where we make the final delivery (`final`: the sandbox), else as `relayed`,
    and not at all when the next hop takes over the duty to report (RFC 3461 5.2.1 to 5.2.3). A deferral is
    reported when the time to warn has come (`warned`).
    """
    wants = delivery.recipient.wants
    if outcome.result is Result.DELIVERED:
        if not wants(Notify.SUCCESS):
            return None
        if final:
            return Action.DELIVERED
        return None if outcome.dsn_offered else Action.RELAYED
    if outcome.result is Result.DEFERRED:
        return Action.DELAYED if warned and wants(Notify.DELAY) else None
    return Action.FAILED if wants(Notify.FAILURE) else None


class Notification:
    """Makes the reports of one server; called with a message and settlements of its deliveries.

    `hostname` reports; `now` gives Unix seconds; `final` is true where mail is not passed on (the sandbox).
    """

    def __init__(
        self,
        hostname: str,
        identifiers: Identifiers,
        now: Callable[[], float],
        schedule: Schedule,
        *,
        final: bool = False,
    ) -> None:
        self._hostname = hostname
        self._identifiers = identifiers
        self._now = now
        self._schedule = schedule
        self._final = final

    def __call__(self, message: Message, settlements: Sequence[Settlement], /) -> tuple[Accepted, ...]:
        """One report for each kind of ending: what failed together, and so on."""
        return_path = message.reports_to
        if return_path is None:
            return ()
        reported: dict[Action, list[Settlement]] = {}
        for settlement in settlements:
            delivery, outcome = settlement.claim.delivery, settlement.outcome
            action = owed(delivery, outcome, warned=settlement.warned, final=self._final)
            if action is not None:
                reported.setdefault(action, []).append(settlement)
        return tuple(
            self._report(message, return_path, action, concerned) for action, concerned in reported.items()
        )

    def _report(
        self, message: Message, return_path: Address, action: Action, concerned: Sequence[Settlement]
    ) -> Accepted:
        now = self._now()
        own = self._identifiers.message()
        report = DeliveryReport(
            identifier=identifier.show(own),
            hostname=self._hostname,
            to=return_path,
            created_at=now,
            arrived_at=message.accepted_at,
            recipients=tuple(self._group(message, action, settlement, now) for settlement in concerned),
            original=message.content,
            ret=message.envelope.ret,
            envid=message.envelope.envid,
            smtputf8=message.envelope.smtputf8,
        )
        content = dsn.compose(report)
        events = tuple(_reported(message, each.claim.delivery, action, own, now) for each in concerned)
        return ours(own, self._identifiers.delivery(), dsn.envelope(report, content), content, now, events)

    def _group(self, message: Message, action: Action, settlement: Settlement, now: float) -> RecipientReport:
        delivery = settlement.claim.delivery
        delayed = action is Action.DELAYED
        return RecipientReport(
            recipient=delivery.recipient,
            action=action,
            outcome=settlement.outcome,
            log_id=identifier.show(delivery.id),
            attempted_at=now,
            retry_until=self._schedule.deadline(message.accepted_at, message.give_up_at) if delayed else None,
        )


def _reported(
    message: Message, delivery: Delivery, action: Action, report: MessageId, now: float
) -> Reported:
    return Reported(
        time=now,
        delivery=delivery.id,
        message=message.id,
        login=message.login,
        recipient=str(delivery.recipient.address),
        tags=message.tags,
        action=action.value,
        to=str(message.reports_to),
        report=report,
    )
