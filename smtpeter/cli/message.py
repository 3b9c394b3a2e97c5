"""`smtpeter message show` and `smtpeter events`: what became of mail."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import click

from smtpeter.cli.output import json_option, print_json, print_line, safe
from smtpeter.cli.store import Ledgers, identified, with_store
from smtpeter.config import Misconfigured, duration
from smtpeter.journal import daily
from smtpeter.journal.columns import record
from smtpeter.journal.daily import LOGS, Format
from smtpeter.journal.events import KINDS, CameBack
from smtpeter.journal.interface import Entry, Query
from smtpeter.message.encoded import decoded
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.spool import story
from smtpeter.spool.model import QueueFilter

_PAGE = 1000
_FOLLOW_EVERY = 0.5  # seconds


@click.group()
def message() -> None:
    """Messages and what became of them."""


@message.command()
@click.argument("identifier")
@json_option
@with_store
def show(store: Ledgers, identifier: str, as_json: bool) -> None:
    """The whole story of one delivery, or of all deliveries of a message, named by its id."""
    stories = _stories(store, identifier)
    if as_json:
        print_json(stories[0] if len(stories) == 1 else stories)
        return
    for one in stories:
        _print(one)


def _stories(store: Ledgers, identifier: str) -> list[dict[str, Any]]:
    number = identified(identifier)
    found = store.run(store.spool.delivery(DeliveryId(number)))
    deliveries = [found] if found else []
    if not deliveries:
        every = QueueFilter(states=None, message=MessageId(number))
        deliveries = list(store.run(store.spool.deliveries(every, _PAGE)))
    if not deliveries:
        raise click.ClickException(f"{identifier}: no such delivery or message")
    # The content is forgotten first; the rest of the message is known for as long as its links.
    kept = store.run(store.spool.message(deliveries[0].message))
    kept = kept or store.run(store.spool.outline(deliveries[0].message))
    standings = store.standings(deliveries)
    now = time.time()  # noqa: TID251 - a door
    return [
        story.tell(
            kept,
            one,
            store.run(store.journal.since(0, Query(delivery=one.id), _PAGE)),
            standings[one.domain],
            now,
        )
        for one in deliveries
    ]


def _whole(store: Ledgers, entry: Entry) -> dict[str, Any]:
    """The event with all its columns: what came back stands in `mime`, for as long as it is kept."""
    told = record(entry.event)
    if isinstance(entry.event, CameBack):
        number = entry.event.original
        text = None if number is None else store.run(store.returns.original(number))
        told["data"]["mime"] = "" if text is None else text.decode("utf-8", "replace")
    return told


@message.command()
@click.argument("identifier")
@click.option("--number", default=1, show_default=True, help="Which of them, in the order that they came.")
@with_store
def returned(store: Ledgers, identifier: str, number: int) -> None:
    """Print what came back about a delivery, as it came."""
    query = Query(delivery=DeliveryId(identified(identifier)), kinds=("bounce", "response", "abuse"))
    events = [entry.event for entry in store.run(store.journal.since(0, query, _PAGE))]
    if not 0 < number <= len(events):
        raise click.ClickException(f"{identifier}: {len(events)} came back")
    event = events[number - 1]
    assert isinstance(event, CameBack)
    text = None if event.original is None else store.run(store.returns.original(event.original))
    if text is None:
        raise click.ClickException(f"{identifier}: the text is no longer kept")
    sys.stdout.buffer.write(text)


def _print(told: dict[str, Any]) -> None:
    click.echo(f"{told['id']}  to {safe(told['recipient'])}: {told['state']}")
    shown = ("attempts", "due", "site", "reason", "until", "said")
    waits = {name: told[name] for name in shown} if told["due"] else {}
    submitted = dict(told["submitted"] or {})
    submitted |= {name: decoded(submitted[name]) for name in ("subject", "from") if name in submitted}
    for name, value in {**waits, **submitted}.items():
        if value not in (None, "", []):
            click.echo(f"  {name:12}{safe(', '.join(value) if isinstance(value, list) else str(value))}")
    for finding in (told["report"] or {}).get("findings", ()):
        why = f" ({finding['reason']})" if finding.get("reason") else ""
        what = finding["value"] or finding["place"]
        click.echo(safe(f"  {finding['rewriter']:8}{finding['verdict']:9}{what}{why}"))
    for note in (told["report"] or {}).get("notes", ()):
        click.echo(safe(f"  note    {note}"))
    for event in told["events"]:
        click.echo(f"  {_line(event)}")


_SAID = (
    "step",
    "by",
    "host",
    "reply",
    "tls",
    "code",
    "description",
    "cause",
    "action",
    "class",
    "verdict",
    "rule",
    "url",
    "client",
)


def _line(event: dict[str, Any]) -> str:
    """An event on one line: what it says beyond its message."""
    data = event["data"]
    said = "  ".join(str(data[name]) for name in _SAID if data.get(name))
    return safe(f"{data['time']}  {event['event']:10}{said}")


@click.command()
@click.option("--follow", is_flag=True, help="Go on with what comes, one JSON object a line.")
@click.option(
    "--kind",
    "--kinds",
    "kinds",
    multiple=True,
    type=click.Choice(sorted({*KINDS, *LOGS})),
    help="Only of this kind; with --day, the log file of this name, such as clicks.",
)
@click.option("--id", "delivery", default=None, help="Of this delivery.")
@click.option("--message", "message_id", default=None, help="Of this message.")
@click.option("--recipient", default=None, help="About this recipient.")
@click.option("--login", default=None, help="Of this login.")
@click.option("--tag", "tags", multiple=True, help="With this tag; all that are named must be there.")
@click.option("--since", default=None, help='Only of the last "90s", "5m", "2h" or "7d".')
@click.option("--limit", default=1000, show_default=True, help="At most so many, when not following.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), default=None, help="The log file of this UTC day.")
@click.option(
    "--format", "form", type=click.Choice([one.value for one in Format]), default="csv", help="With --day."
)
@json_option
@with_store
def events(
    store: Ledgers,
    follow: bool,
    kinds: tuple[str, ...],
    delivery: str | None,
    message_id: str | None,
    recipient: str | None,
    login: str | None,
    tags: tuple[str, ...],
    since: str | None,
    limit: int,
    day: datetime | None,
    form: str,
    as_json: bool,
) -> None:
    """The journal, in order; with --day, one of its daily log files."""
    names = {log.kind: name for name, log in LOGS.items()}
    if day is not None:
        if len(kinds) != 1 or names.get(kinds[0], kinds[0]) not in LOGS:
            raise click.UsageError(f"--day: name one log file by --kind, of {', '.join(LOGS)}")
        _write_day(store, names.get(kinds[0], kinds[0]), day.date(), Format(form))
        return
    query = Query(
        delivery=DeliveryId(identified(delivery)) if delivery else None,
        message=MessageId(identified(message_id)) if message_id else None,
        recipient=recipient,
        login=login,
        tags=tags,
        kinds=tuple(LOGS[kind].kind if kind in LOGS else kind for kind in kinds) or None,
        start=None if since is None else time.time() - _seconds(since),  # noqa: TID251 - a door
    )
    if follow:
        _follow(store, query)
    entries = store.run(store.journal.since(0, query, limit))
    if as_json:
        print_json([_whole(store, entry) for entry in entries])
        return
    found = [record(entry.event) for entry in entries]
    for one in found:
        data = one["data"]
        click.echo(f"{data['id']}  {_line(one)}  {safe(data['recipient'])}")


def _write_day(store: Ledgers, log: str, day: date, form: Format) -> None:
    """Piece by piece; in a command every piece is there at once."""
    pieces = daily.write(store.journal, store.returns.original, log, day, form)
    with suppress(StopAsyncIteration):
        while True:
            click.echo(store.run(anext(pieces)), nl=False)


def _seconds(text: str) -> float:
    try:
        return duration(text, "--since")
    except Misconfigured as error:
        raise click.UsageError(str(error)) from None


def _follow(store: Ledgers, query: Query) -> None:
    cursor = 0
    while True:
        entries = store.run(store.journal.since(cursor, query, _PAGE))
        for entry in entries:
            cursor = entry.cursor
            print_line(_whole(store, entry))
        if not entries:
            time.sleep(_FOLLOW_EVERY)
