"""What became of one delivery, told whole: the same story for the command line, the API and the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from smtpeter.journal.columns import record, timestamp
from smtpeter.journal.interface import Entry
from smtpeter.message import identifier
from smtpeter.message.classification import classify
from smtpeter.message.status import Outcome, Result
from smtpeter.spool.model import Delivery, Message
from smtpeter.spool.sites import SiteSummary, Standing
from smtpeter.spool.waiting import why


def tell(
    message: Message | None,
    delivery: Delivery,
    entries: Sequence[Entry],
    standing: Standing | None = None,
    now: float = 0.0,
) -> dict[str, Any]:
    """The delivery, its message (None when that is no longer kept) and its events, as plain JSON values."""
    return {
        **row(delivery, standing, now),
        "submitted": None if message is None else _submitted(message),
        "report": None if message is None else msgspec.to_builtins(message.report),
        "links": [] if message is None else [target.url for target in message.template.targets],
        "events": [record(entry.event) for entry in entries],
    }


def row(delivery: Delivery, standing: Standing | None = None, now: float = 0.0) -> dict[str, Any]:
    """One line of a queue listing, at `now` (Unix seconds)."""
    waiting = not delivery.state.is_final
    standing = standing or Standing(delivery.domain)
    wait = why(delivery, standing.state, now)
    return {
        "id": identifier.show(delivery.id),
        "message": identifier.show(delivery.message),
        "recipient": str(delivery.recipient.address),
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "accepted": timestamp(delivery.accepted_at),
        "due": timestamp(delivery.due_at) if waiting else None,
        "site": standing.site,
        "reason": None if wait is None else wait.reason.value,
        "until": None if wait is None or wait.until is None else timestamp(wait.until),
        "said": "" if wait is None else wait.said,
        "last": None if delivery.last is None else _last(delivery.last),
    }


def summary(site: SiteSummary) -> dict[str, Any]:
    """One line of a listing by site."""
    state = site.state
    return {
        "site": site.site,
        "domains": site.domains,
        "queued": site.due + site.claimed + site.held,
        "due": site.due,
        "claimed": site.claimed,
        "held": site.held,
        "oldest": timestamp(site.oldest),
        "next": timestamp(site.next_due),
        "reason": None if state is None else state.reason.value,
        "until": None if state is None or state.until is None else timestamp(state.until),
        "said": "" if state is None else state.said,
        "running": 0 if state is None else state.running,
        "limit": None if state is None else state.limit,
    }


def _submitted(message: Message) -> dict[str, Any]:
    envelope = message.envelope
    return {
        "login": message.login,
        "envelope": "" if envelope.return_path is None else str(envelope.return_path),
        "recipients": [str(recipient.address) for recipient in envelope.recipients],
        "ret": envelope.ret,
        "envid": envelope.envid,
        "size": len(message.content) or None,
        "switches": list(message.switches.on()),
        "tags": list(message.tags),
        "priority": message.priority.name.lower(),
        "give_up": None if message.give_up_at is None else timestamp(message.give_up_at),
        **message.facts,
    }


def _last(outcome: Outcome) -> dict[str, Any]:
    return {
        "result": outcome.result.value,
        "stage": outcome.stage.value,
        "reply": str(outcome.reply),
        "class": None if outcome.result is Result.DELIVERED else classify(outcome.reply).failure.value,
        "cause": outcome.cause,
        "host": outcome.host,
        "address": outcome.address,
        "tls": outcome.tls,
    }
