"""`smtpeter operator …`: the people who sign in to the dashboard."""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import replace

import click

from smtpeter.accounts import codes, passwords
from smtpeter.accounts.operators import (
    LastAdministrator,
    NoSuchOperator,
    Operator,
    OperatorChanged,
    OperatorExists,
    Role,
    may_be_called,
)
from smtpeter.cli.output import json_option, print_json, print_rows
from smtpeter.cli.store import Ledgers, with_store
from smtpeter.journal.columns import timestamp

_LAST = "nobody else could administer then: make another one first, with `smtpeter operator create NAME`"
_roles = click.Choice([role.value for role in Role])
_role = click.option("--role", type=_roles, default=Role.ADMINISTER.value, show_default=True)
_from_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


def make(store: Ledgers, name: str, role: Role, password: str | None = None) -> str:
    """Make an operator; its password, a generated one unless it is given. Raises OperatorExists, UnusablePassword."""
    password = password or passwords.generate(secrets.token_bytes)
    kept = passwords.keep_chosen(password, secrets.token_bytes)
    store.run(store.operators.create(Operator(name, kept, role, time.time())))  # noqa: TID251 - a door
    store.record(f"made the operator, to {role.value}", name)
    return password


def _given(*, wanted: bool) -> str | None:
    if not wanted:
        return None
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise click.ClickException("a password cannot be empty")
    return password


@click.group()
def operator() -> None:
    """The people who sign in to the dashboard."""


@operator.command()
@click.argument("name")
@_role
@_from_stdin
@json_option
@with_store
def create(store: Ledgers, name: str, role: str, password_stdin: bool, as_json: bool) -> None:
    """Make an operator; a generated password is shown once."""
    if not may_be_called(name):
        raise click.ClickException(
            "a name has 1 to 255 printable characters, and is not like what a token or the command is called"
        )
    given = _given(wanted=password_stdin)
    try:
        password = make(store, name, Role(role), given)
    except OperatorExists:
        raise click.ClickException(f"operator {name!r} exists already") from None
    except passwords.UnusablePassword as error:
        raise click.ClickException(str(error)) from None
    _tell(name, None if given else password, as_json)


@operator.command()
@click.argument("name")
@_from_stdin
@json_option
@with_store
def password(store: Ledgers, name: str, password_stdin: bool, as_json: bool) -> None:
    """Give an operator another password, and end his sessions."""
    found = _found(store, name)
    given = _given(wanted=password_stdin)
    new = given or passwords.generate(secrets.token_bytes)
    try:
        kept = passwords.keep_chosen(new, secrets.token_bytes)
    except passwords.UnusablePassword as error:
        raise click.ClickException(str(error)) from None
    changed = replace(found, password_hash=kept, must_change=False)
    _change(store, changed, found, "gave the operator another password")
    _tell(name, None if given else new, as_json)


@operator.command()
@click.argument("name")
@click.argument("to", metavar="ROLE", type=_roles)
@with_store
def role(store: Ledgers, name: str, to: str) -> None:
    """Let an operator view, operate or administer, and end his sessions."""
    found = _found(store, name)
    _change(store, replace(found, role=Role(to)), found, f"lets the operator {to}")


@operator.command()
@click.argument("name")
@with_store
def disable(store: Ledgers, name: str) -> None:
    """Let an operator sign in no more, and end his sessions."""
    found = _found(store, name)
    _change(store, replace(found, enabled=False), found, "disabled the operator")


@operator.command()
@click.argument("name")
@with_store
def enable(store: Ledgers, name: str) -> None:
    """Let an operator sign in again."""
    found = _found(store, name)
    _change(store, replace(found, enabled=True), found, "enabled the operator")


@operator.command()
@click.argument("name")
@click.option("--off", is_flag=True, help="Ask for no codes any more.")
@json_option
@with_store
def totp(store: Ledgers, name: str, off: bool, as_json: bool) -> None:
    """Ask an operator for a one-time code too; its key is shown once."""
    key = b"" if off else secrets.token_bytes(codes.KEY_OCTETS)
    found = _found(store, name)
    asks = "asks the operator for no code any more" if off else "asks the operator for one-time codes"
    _change(store, replace(found, one_time=key), found, asks)
    if off:
        return
    uri = codes.uri(key, name, store.settings.server.hostname)
    if as_json:
        print_json({"key": codes.text(key), "uri": uri})
    else:
        click.echo(f"key  {codes.text(key)}   (shown this once)\n{uri}")


@operator.command("list")
@json_option
@with_store
def list_(store: Ledgers, as_json: bool) -> None:
    """All operators."""
    rows = [
        {
            "name": one.name,
            "role": one.role.value,
            "enabled": one.enabled,
            "totp": bool(one.one_time),
            "created": timestamp(one.created_at),
        }
        for one in store.run(store.operators.operators())
    ]
    print_rows(rows, as_json, ("name", "role", "enabled", "totp", "created"), "There are no operators.")


@operator.command()
@click.option(
    "--search", "sought", default="", help="Only where this stands in who did it, what, or to what."
)
@click.option("--limit", default=100, show_default=True, help="At most so many, the last first.")
@json_option
@with_store
def changes(store: Ledgers, sought: str, limit: int, as_json: bool) -> None:
    """What was changed: by operators in the dashboard, programs with a token, and on the command line."""
    rows = [
        {
            "time": timestamp(one.time),
            "who": one.operator,
            "what": one.action,
            "to": one.subject,
            "from": one.client,
        }
        for _, one in store.run(store.operators.changes(None, limit, sought))
    ]
    print_rows(rows, as_json, ("time", "who", "what", "to", "from"), "Nothing of that is written down.")


@operator.command()
@click.argument("name")
@with_store
def delete(store: Ledgers, name: str) -> None:
    """Remove an operator, and end his sessions; what he did stays on record."""
    try:
        store.run(store.operators.delete(name))
    except NoSuchOperator:
        raise click.ClickException(f"no operator {name!r}") from None
    except LastAdministrator:
        raise click.ClickException(_LAST) from None
    store.record("removed the operator", name)


def _change(store: Ledgers, changed: Operator, was: Operator, action: str) -> None:
    try:
        store.run(store.operators.replace(changed, was))
    except OperatorChanged:
        raise click.ClickException(f"operator {was.name!r} was changed meanwhile; try again") from None
    except NoSuchOperator:
        raise click.ClickException(f"no operator {was.name!r}") from None
    except LastAdministrator:
        raise click.ClickException(_LAST) from None
    store.record(action, was.name)


def _found(store: Ledgers, name: str) -> Operator:
    found = store.run(store.operators.operator(name))
    if found is None:
        raise click.ClickException(f"no operator {name!r}")
    return found


def _tell(name: str, password: str | None, as_json: bool) -> None:
    if as_json:
        print_json({"name": name} | ({} if password is None else {"password": password}))
    elif password is not None:
        click.echo(f"operator  {name}\npassword  {password}   (shown this once)")
