"""What became of one delivery, told whole: the same story for the command line, the API and the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from smtpeter.journal.columns import record, timestamp
from smtpeter.journal.interface import Entry
from smtpeter.message import identifier
from smtpeter.message.status import Outcome
from smtpeter.spool.model import Delivery, Message


def tell(message: Message | None, delivery: Delivery, entries: Sequence[Entry]) -> dict[str, Any]:
    """The delivery, its message (None when that is no longer kept) and its events, as plain JSON values."""
    return {
        **row(delivery),
        "submitted": None if message is None else _submitted(message),
        "report": None if message is None else msgspec.to_builtins(message.report),
        "links": [] if message is None else [target.url for target in message.template.targets],
        "events": [record(entry.event) for entry in entries],
    }


def row(delivery: Delivery) -> dict[str, Any]:
    """One line of a queue listing."""
    waiting = not delivery.state.is_final
    return {
        "id": identifier.show(delivery.id),
        "message": identifier.show(delivery.message),
        "recipient": str(delivery.recipient.address),
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "accepted": timestamp(delivery.accepted_at),
        "due": timestamp(delivery.due_at) if waiting else None,
        "last": None if delivery.last is None else _last(delivery.last),
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
        **message.facts,
    }


def _last(outcome: Outcome) -> dict[str, Any]:
    return {
        "result": outcome.result.value,
        "stage": outcome.stage.value,
        "reply": str(outcome.reply),
        "cause": outcome.cause,
        "host": outcome.host,
        "address": outcome.address,
        "tls": outcome.tls,
    }
