"""`smtpeter suppression …`: recipients that get no more mail."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, TextIO

import click

from smtpeter.accounts import changes
from smtpeter.accounts.suppression import EVERYBODY, Suppression, key, of_domain, of_login
from smtpeter.cli.bounces import seconds
from smtpeter.cli.output import json_option, print_json, print_rows
from smtpeter.cli.store import Ledgers, with_store
from smtpeter.journal.columns import timestamp
from smtpeter.message.address import AddressSyntax, ascii_domain, parse
from smtpeter.message.identifier import show

_PAGE = 1000
_COLUMNS = ("recipient", "scope", "reason", "created", "expires")
_TIME = "%Y-%m-%d %H:%M:%S"


@click.group()
def suppression() -> None:
    """Recipients that get no more mail: from a login, from a sender domain, or from anybody."""


def scope_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Whose list is meant."""
    command = click.option("--domain", default=None, help="The list of this sender domain.")(command)
    return click.option("--login", default=None, help="The list of this login.")(command)


def _scope(login: str | None, domain: str | None) -> str | None:
    """None when none is named."""
    if login is not None and domain is not None:
        raise click.UsageError("--login and --domain exclude each other")
    if login is not None:
        return of_login(login)
    if domain is None:
        return None
    try:
        return of_domain(ascii_domain(domain))
    except AddressSyntax as error:
        raise click.UsageError(f"--domain: {domain!r}: {error}") from None


def _there(store: Ledgers, login: str | None, domain: str | None) -> str | None:
    """The same, of a login that there is: a typing error would leave the recipient on nobody's list."""
    scope = _scope(login, domain)
    if login is not None:
        store.login(login)
    return scope


def _key(text: str) -> str:
    try:
        return key(parse(text.strip(), utf8=True))
    except AddressSyntax as error:
        raise click.ClickException(f"{text!r} is no address: {error}") from None


def _now() -> float:
    return time.time()  # noqa: TID251 - the command is the door where the clock comes in


def _row(one: Suppression) -> dict[str, Any]:
    kind, _, name = one.scope.partition(":")
    return {
        "recipient": one.recipient,
        "scope": kind or "everybody",
        "name": name,
        "reason": one.reason,
        "created": timestamp(one.created_at),
        "expires": None if one.expires_at is None else timestamp(one.expires_at),
        "id": None if one.delivery is None else show(one.delivery),
    }


def _all(store: Ledgers, scope: str | None, sought: str = "") -> Iterator[Suppression]:
    place = ("", "")
    while page := store.run(store.suppressions.entries(scope, place, _PAGE, sought)):
        yield from page
        place = (page[-1].scope, page[-1].recipient)


@suppression.command("list")
@scope_options
@click.option("--recipient", default="", help="Those alone in whose address this stands.")
@json_option
@with_store
def list_(store: Ledgers, login: str | None, domain: str | None, recipient: str, as_json: bool) -> None:
    """Who is on the list; of all lists when none is named."""
    rows = [_row(one) for one in _all(store, _scope(login, domain), recipient)]
    print_rows(
        rows,
        as_json,
        ("recipient", "scope", "name", "reason", "created", "expires"),
        "Nobody is on the suppression list.",
    )


@suppression.command()
@click.argument("recipients", nargs=-1, required=True)
@scope_options
@click.option("--reason", default="added by an operator", help="What senders are told.")
@click.option("--for", "lasting", default=None, help='For so long: "30d"; for ever, if not given.')
@json_option
@with_store
def add(
    store: Ledgers,
    recipients: tuple[str, ...],
    login: str | None,
    domain: str | None,
    reason: str,
    lasting: str | None,
    as_json: bool,
) -> None:
    """Put recipients on a list: of all logins, when none is named. It counts within a second."""
    now = _now()
    expires = None if lasting is None else now + seconds(lasting, "--for")
    scope = _there(store, login, domain) or EVERYBODY
    entries = [Suppression(scope, _key(one), reason, now, expires) for one in recipients]
    added = store.run(store.suppressions.add(entries))
    named = changes.recipients([one.recipient for one in entries])
    store.record(changes.suppressed(scope, reason), named)
    _tell(added, "added", as_json)


@suppression.command()
@click.argument("recipients", nargs=-1, required=True)
@scope_options
@json_option
@with_store
def remove(
    store: Ledgers, recipients: tuple[str, ...], login: str | None, domain: str | None, as_json: bool
) -> None:
    """Take recipients off a list: off every list, when none is named."""
    keys = [_key(one) for one in recipients]
    scope = _scope(login, domain)
    scopes = {one.scope for one in _all(store, None)} if scope is None else {scope}
    removed = sum(store.run(store.suppressions.remove(each, keys)) for each in sorted(scopes))
    if removed:
        store.record(changes.not_suppressed(scope), changes.recipients(keys))
    _tell(removed, "removed", as_json)
    if not removed:
        raise click.exceptions.Exit(1)


@suppression.command("export")
@click.argument("file", type=click.File("w", encoding="utf-8", lazy=False), default="-")
@scope_options
@json_option
@with_store
def export(store: Ledgers, file: TextIO, login: str | None, domain: str | None, as_json: bool) -> None:
    """Write a list, or all of them, to FILE (standard output) as CSV, which `import` reads."""
    found = _all(store, _scope(login, domain))
    if as_json:
        print_json([_row(one) for one in found])
        return
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for one in found:
        row = _row(one)
        writer.writerow((row["recipient"], one.scope, row["reason"], row["created"], row["expires"] or ""))


@suppression.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"), default="-")
@scope_options
@click.option("--reason", default="imported", help="Where the file names none.")
@json_option
@with_store
def import_(
    store: Ledgers, file: TextIO, login: str | None, domain: str | None, reason: str, as_json: bool
) -> None:
    """Add what FILE (standard input) lists: what `export` wrote, or one address a line.

    With --login or --domain all goes to that list, whatever the file says. Nothing is added unless all can be read.
    """
    now = _now()
    entries = list(_entries(csv.reader(file), _there(store, login, domain), reason, now))
    added = store.run(store.suppressions.add(entries))
    for scope in sorted({one.scope for one in entries}):
        named = changes.recipients([one.recipient for one in entries if one.scope == scope])
        store.record(changes.suppressed(scope, reason), named)
    _tell(added, "added", as_json)


def _entries(rows: Iterable[list[str]], wanted: str | None, reason: str, now: float) -> Iterator[Suppression]:
    for number, row in enumerate(rows, 1):
        if not row or not row[0].strip() or tuple(row) == _COLUMNS:
            continue
        recipient, scope, why, created, expires = (*row, "", "", "", "")[:5]
        try:
            yield Suppression(
                _known(scope) if wanted is None else wanted,
                _key(recipient),
                why or reason,
                _time(created) or now,
                _time(expires),
            )
        except (click.ClickException, ValueError) as error:
            raise click.ClickException(f"line {number}: {error}; nothing was added") from None


def _known(scope: str) -> str:
    if scope and not scope.startswith((of_login(""), of_domain(""))):
        raise ValueError(f"{scope!r}: expected login:NAME, domain:NAME, or nothing")
    return scope


def _time(text: str) -> float | None:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp() if text else None


def _tell(count: int, what: str, as_json: bool) -> None:
    if as_json:
        print_json({what: count})
    else:
        click.echo(f"{count} {what}")
