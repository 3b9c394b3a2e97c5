"""`smtpeter token …`: access tokens of the REST API."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

import click

from smtpeter.accounts import changes, tokens
from smtpeter.accounts.tokens import OF_A_LOGIN, AccessToken, NoSuchToken, Scope
from smtpeter.cli.output import json_option, print_json, print_rows
from smtpeter.cli.store import Ledgers, with_store
from smtpeter.journal.columns import timestamp

_OF_AN_OPERATOR = (Scope.READ, Scope.QUEUE, Scope.ADMIN)


def shown(token: AccessToken) -> dict[str, Any]:
    """What may be told of a token."""
    return {
        "id": token.id,
        "login": token.login,
        "scopes": list(token.scopes),
        "created": timestamp(token.created_at),
        "note": token.note,
    }


@click.group()
def token() -> None:
    """Access tokens of the REST API."""


@token.command()
@click.option("--login", "username", default=None, help="The login it belongs to.")
@click.option("--operator", is_flag=True, help="An operator's token: it belongs to no login, and sees all.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; all that it can, if not said.",
)
@click.option("--note", default="", help="A word to remember it by.")
@json_option
@with_store
def create(
    store: Ledgers, username: str | None, operator: bool, scopes: Sequence[str], note: str, as_json: bool
) -> None:
    """Make a token; it is shown once."""
    if (username is None) is not operator:
        raise click.UsageError("name a login (--login NAME), or --operator")
    if username is not None:
        store.login(username)
    try:
        text, kept = tokens.make(
            username or "",
            scopes or (_OF_AN_OPERATOR if operator else OF_A_LOGIN),
            time.time(),  # noqa: TID251 - the command is the door where the clock comes in
            secrets.token_bytes,
            note,
        )
    except tokens.UnusableScope as error:
        raise click.ClickException(str(error)) from None
    store.run(store.tokens.create(kept))
    store.record(changes.made_token(kept), kept.id)
    if as_json:
        print_json({"token": text, **shown(kept)})
    else:
        click.echo(f"token  {text}   (shown this once)")


@token.command("list")
@click.option("--login", "username", default=None, help="Of this login.")
@json_option
@with_store
def list_(store: Ledgers, username: str | None, as_json: bool) -> None:
    """All tokens, without their secrets."""
    rows = [
        shown(one) for one in store.run(store.tokens.tokens()) if username is None or one.login == username
    ]
    print_rows(rows, as_json, ("id", "login", "scopes", "created", "note"), "There are no tokens.")


@token.command()
@click.argument("identifier")
@with_store
def revoke(store: Ledgers, identifier: str) -> None:
    """End it, by its id or by itself; it stops within a second."""
    parts = tokens.split(identifier)
    identifier = parts[0] if parts else identifier
    try:
        store.run(store.tokens.delete(identifier))
    except NoSuchToken:
        raise click.ClickException("no such token") from None
    store.record("revoked the token", identifier)
