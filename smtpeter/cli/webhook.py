"""`smtpeter webhook …`: where events are posted to, how that goes, and what was refused."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import Any

import click

from smtpeter.accounts import changes
from smtpeter.accounts.webhooks import KINDS, Aside, Encoding, Health, NoSuchWebhook, Webhook, WebhookId
from smtpeter.cli.output import json_option, print_json, print_rows, safe
from smtpeter.cli.store import Ledgers, with_store
from smtpeter.config import Misconfigured, duration
from smtpeter.journal.columns import timestamp
from smtpeter.journal.interface import Query
from smtpeter.message import identifier
from smtpeter.request import target

_SECRET_LENGTH = 32  # octets; Standard Webhooks asks for 24 to 64
_SHOWN = 1000


@click.group()
def webhook() -> None:
    """Where events are posted to."""


@webhook.command()
@click.argument("url")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(sorted(KINDS)), help="Of this kind; all by default."
)
@click.option("--login", default="", help="Only of this login.")
@click.option(
    "--encoding", type=click.Choice([one.value for one in Encoding]), default="json", show_default=True
)
@click.option("--note", default="", help="For whoever reads the list.")
@json_option
@with_store
def create(
    store: Ledgers, url: str, kinds: tuple[str, ...], login: str, encoding: str, note: str, as_json: bool
) -> None:
    """Post what happens from now on to URL. The secret that signs is shown."""
    _check(store, url)
    if login:
        store.login(login)
    new = Webhook(
        id=WebhookId(0),
        url=url,
        kinds=tuple(dict.fromkeys(kinds)) or tuple(KINDS),
        secret=secrets.token_bytes(_SECRET_LENGTH),
        created_at=_now(),
        login=login,
        encoding=Encoding(encoding),
        note=note,
        cursor=store.run(store.journal.end()),
    )
    made = store.run(store.webhooks.create(new))
    store.record(changes.made_webhook(made), str(made.id))
    told = {**_row(made), "secret": made.shown_secret()}
    if as_json:
        print_json(told)
    else:
        click.echo(f"webhook {made.id}: {safe(made.url)}\nsecret  {made.shown_secret()}")


@webhook.command("list")
@json_option
@with_store
def list_(store: Ledgers, as_json: bool) -> None:
    """All webhooks, and whether their receivers answer."""
    rows = [
        {**_row(one), **_health(store.run(store.webhooks.health(one.id)))}
        for one in store.run(store.webhooks.webhooks())
    ]
    print_rows(
        rows, as_json, ("id", "url", "kinds", "login", "enabled", "failures", "problem"), "No webhooks."
    )


@webhook.command()
@click.argument("number", type=int)
@json_option
@with_store
def show(store: Ledgers, number: int, as_json: bool) -> None:
    """One webhook, its secret, and the events that wait apart or were given up."""
    found = _found(store, number)
    aside = [_refused(one) for one in store.run(store.webhooks.aside(found.id, _SHOWN))]
    behind = store.run(store.journal.end()) - found.cursor
    told = {
        **_row(found),
        "secret": found.shown_secret(),
        **_health(store.run(store.webhooks.health(found.id))),
        "behind": max(0, behind),
        "aside": aside,
    }
    if as_json:
        print_json(told)
        return
    told.pop("aside")
    for name, value in told.items():
        shown = ",".join(value) if isinstance(value, tuple) else value
        click.echo(f"{name:10}{'-' if shown in ('', None) else safe(str(shown))}")
    if aside:
        print_rows(aside, False, ("event", "id", "attempts", "due", "problem"), "")


@webhook.command()
@click.argument("number", type=int)
@json_option
@with_store
def test(store: Ledgers, number: int, as_json: bool) -> None:
    """Post a signed request that tells of nothing, now, and say what was answered."""
    from smtpeter.service.trial import trial  # noqa: PLC0415 - it starts a reactor, which other commands do not need

    found = _found(store, number)
    posted = trial(store.settings, found)
    if as_json:
        print_json({"taken": posted.is_taken, "status": posted.status, "problem": posted.problem})
    elif posted.is_taken:
        click.echo(f"{safe(found.url)} answered {posted.status}")
    if not posted.is_taken:
        raise click.ClickException(f"{safe(found.url)}: {safe(posted.told())}")


@webhook.command()
@click.argument("number", type=int)
@click.option("--since", default=None, help='Events of the last "90s", "5m", "2h" or "7d".')
@click.option(
    "--cursor", default=None, type=click.IntRange(0), help="Events after this place in the journal."
)
@with_store
def replay(store: Ledgers, number: int, since: str | None, cursor: int | None) -> None:
    """Post again: what waits apart or was given up, and what the options name."""
    found = _found(store, number)
    if since is not None and cursor is not None:
        raise click.UsageError("--since or --cursor, not both")
    place = found.cursor if cursor is None else cursor
    seconds = None if since is None else _seconds(since)
    if seconds is not None:
        first = store.run(store.journal.since(0, Query(start=_now() - seconds), 1))
        place = first[0].cursor - 1 if first else found.cursor
    store.run(store.webhooks.replay(found.id, min(place, found.cursor)))
    store.record(changes.replayed(seconds, cursor), str(found.id))
    behind = store.run(store.journal.end()) - min(place, found.cursor)
    click.echo(f"webhook {number}: goes through the last {behind} events of the journal again")


@webhook.command()
@click.argument("number", type=int)
@with_store
def enable(store: Ledgers, number: int) -> None:
    """Go on where it was."""
    _switch(store, number, enabled=True)
    click.echo(f"webhook {number}: enabled")


@webhook.command()
@click.argument("number", type=int)
@with_store
def disable(store: Ledgers, number: int) -> None:
    """Post nothing until it is enabled again; what happens meanwhile is posted then."""
    _switch(store, number, enabled=False)
    click.echo(f"webhook {number}: disabled")


@webhook.command()
@click.argument("number", type=int)
@with_store
def delete(store: Ledgers, number: int) -> None:
    """Post no more there, and forget what waits."""
    store.run(store.webhooks.delete(_found(store, number).id))
    store.record("deleted the webhook", str(number))
    click.echo(f"webhook {number}: deleted")


def _switch(store: Ledgers, number: int, *, enabled: bool) -> None:
    found = _found(store, number)
    changed = replace(found, enabled=enabled)
    store.run(store.webhooks.replace(changed))
    store.record(changes.of_webhook(found, changed), str(number))


def _check(store: Ledgers, url: str) -> None:
    try:
        target.read(url, allow_private=store.settings.webhooks.allow_private_addresses)
    except target.NotAllowed as error:
        raise click.ClickException(str(error)) from None


def _found(store: Ledgers, number: int) -> Webhook:
    for one in store.run(store.webhooks.webhooks()):
        if one.id == number:
            return one
    raise click.ClickException(f"{NoSuchWebhook(number).args[0]}: no such webhook")


def _row(one: Webhook) -> dict[str, Any]:
    return {
        "id": one.id,
        "url": one.url,
        "kinds": one.kinds,
        "login": one.login,
        "encoding": one.encoding.value,
        "enabled": one.enabled,
        "note": one.note,
        "cursor": one.cursor,
        "created": timestamp(one.created_at),
    }


def _health(health: Health) -> dict[str, Any]:
    return {
        "failures": health.failures,
        "problem": health.problem,
        "retry": timestamp(health.retry_at) if health.failures else None,
        "taken": timestamp(health.taken_at) if health.taken_at else None,
    }


def _refused(one: Aside) -> dict[str, Any]:
    return {
        "event": one.event,
        "id": identifier.show(one.delivery),
        "attempts": one.attempts,
        "since": timestamp(one.set_at),
        "due": None if one.due_at is None else timestamp(one.due_at),
        "problem": one.problem,
    }


def _seconds(text: str) -> float:
    try:
        return duration(text, "--since")
    except Misconfigured as error:
        raise click.UsageError(str(error)) from None


def _now() -> float:
    return time.time()  # noqa: TID251 - the command is the door where the clock comes in
