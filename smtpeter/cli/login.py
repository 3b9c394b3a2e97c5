"""`smtpeter login …`: the logins and their switches."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import click

from smtpeter.accounts import changes, passwords
from smtpeter.accounts.interface import LoginExists, NoSuchLogin
from smtpeter.accounts.model import Bounces, Limits, Login
from smtpeter.cli.bounces import bounce_options, changed
from smtpeter.cli.bounces import shown as shown_bounces
from smtpeter.cli.output import json_option, print_fields, print_json, print_rows
from smtpeter.cli.store import Ledgers, with_store
from smtpeter.config import Misconfigured, duration
from smtpeter.journal.columns import timestamp
from smtpeter.message.options import MAXIMUM_TAGS, Priority, Switches, is_tag
from smtpeter.submission.senders import check_sender

_HELP = {
    "track_clicks": "Modify hyperlinks to track clicks.",
    "track_opens": "Modify image URLs to track opens.",
    "prevent_scam": "Leave links alone that would trigger scam warnings.",
    "track_bounces": "Change the envelope address to collect bounces.",
    "inline_css": "Modify HTML to contain inline CSS.",
    "track_text_links": "Also track URLs in text parts.",
    "always_pixel": "Add an open pixel even where there are images.",
}


def switch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--track-clicks/--no-track-clicks` and its sisters; None where it was not given."""
    for name in reversed(Switches.names()):
        option = name.replace("_", "-")
        command = click.option(f"--{option}/--no-{option}", default=None, help=_HELP[name])(command)
    return command


def _switches(before: Switches, given: dict[str, bool | None]) -> Switches:
    named = {name: on for name, on in given.items() if on is not None}
    return replace(before, **named)


def _shown(login: Login) -> dict[str, Any]:
    return {
        "username": login.username,
        "enabled": login.enabled,
        "switches": list(login.switches.on()),
        "senders": list(login.senders),
        "option_headers": login.trusted_option_headers,
        "max_deliver_time": login.give_up_after,
        "priority": login.priority.name.lower(),
        **shown_bounces(login.bounces),
        "created": timestamp(login.created_at),
        "note": login.note,
        "tags": list(login.tags),
        "per_hour": login.limits.per_hour,
        "per_day": login.limits.per_day,
        "previous_until": None if login.previous is None else timestamp(login.previous.until),
    }


@click.group()
def login() -> None:
    """Logins and their switches."""


def _checked(_context: click.Context, _parameter: click.Parameter, senders: Sequence[str]) -> Sequence[str]:
    for entry in senders:
        try:
            check_sender(entry)
        except ValueError as error:
            raise click.BadParameter(f"{entry!r} is no address, domain or .domain: {error}") from None
    return senders


senders_option = click.option(
    "--sender",
    "senders",
    multiple=True,
    callback=_checked,
    help="A return path or From address it may use: an address, a domain, or .domain for subdomains. Any, if none.",
)


def _period(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float | None:
    """Seconds; 0 for the server's own time."""
    if text is None or text == "default":
        return None if text is None else 0.0
    try:
        seconds = duration(text, "--max-deliver-time")
    except Misconfigured as error:
        raise click.BadParameter(str(error)) from None
    if seconds <= 0:
        raise click.BadParameter("expected more than 0 seconds")
    return seconds


def _overlap(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    try:
        return duration(text, "--keep-old") if text else 0.0
    except Misconfigured as error:
        raise click.BadParameter(str(error)) from None


def relaying_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How its mail is relayed."""
    names = [priority.name.lower() for priority in Priority]
    command = click.option(
        "--priority", type=click.Choice(names), default=None, help="What goes first where mail has to wait."
    )(command)
    return click.option(
        "--max-deliver-time",
        callback=_period,
        default=None,
        help='How long delivery is tried, as "12h" or "1d"; "default": as long as the server does.',
    )(command)


def _relayed(before: Login, max_deliver_time: float | None, priority: str | None) -> Login:
    if max_deliver_time is not None:
        before = replace(before, give_up_after=max_deliver_time or None)
    return before if priority is None else replace(before, priority=Priority[priority.upper()])


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What all its messages are tagged with, and to how many recipients it may send."""
    most = click.IntRange(0, 2**31 - 1)
    for name, period in (("--per-day", "day"), ("--per-hour", "hour")):
        text = f"Recipients that it may send to in any {period}; 0: any number."
        command = click.option(name, type=most, default=None, help=text)(command)
    return click.option(
        "--tag",
        "tags",
        multiple=True,
        callback=_tags,
        help='What all its messages are tagged with; "" for nothing.',
    )(command)


def _tags(
    _context: click.Context, _parameter: click.Parameter, tags: Sequence[str]
) -> tuple[str, ...] | None:
    """None where none are named."""
    for tag in filter(None, tags):
        if not is_tag(tag):
            raise click.BadParameter(
                f"{tag!r}: a tag has 1 to 100 characters, no white space, no comma or semicolon"
            )
    if len(tags) > MAXIMUM_TAGS:
        raise click.BadParameter(f"at most {MAXIMUM_TAGS}")
    return tuple(dict.fromkeys(filter(None, tags))) if tags else None


def _limited(before: Login, tags: tuple[str, ...] | None, per_hour: int | None, per_day: int | None) -> Login:
    limits = before.limits
    return replace(
        before,
        tags=before.tags if tags is None else tags,
        limits=Limits(
            limits.per_hour if per_hour is None else per_hour,
            limits.per_day if per_day is None else per_day,
        ),
    )


def _limits(given: dict[str, Any]) -> dict[str, Any]:
    """What `limit_options` were given, taken out of the rest."""
    return {name: given.pop(name) for name in ("tags", "per_hour", "per_day")}


headers_option = click.option(
    "--option-headers/--no-option-headers",
    default=None,
    help="Whether x-smtpeter-* header fields count when a trusted network submits as this login.",
)


@login.command()
@click.argument("username", required=False)
@click.option("--password-stdin", is_flag=True, help="Read a password of your choice from standard input.")
@click.option("--note", default="", help="A word to remember it by.")
@senders_option
@headers_option
@relaying_options
@limit_options
@bounce_options
@switch_options
@json_option
@with_store
def create(
    store: Ledgers,
    username: str | None,
    password_stdin: bool,
    note: str,
    senders: Sequence[str],
    option_headers: bool | None,
    max_deliver_time: float | None,
    priority: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Make a login; the password is shown once. Without switches they are all off."""
    if username is not None and not _is_usable(username):
        raise click.ClickException(
            "a username has 1 to 255 octets, none of them a blank or a control character"
        )
    limits = _limits(given)
    bounces = changed(Bounces(), given)
    password, kept = _chosen() if password_stdin else passwords.make(secrets.token_bytes)
    made = Login(
        username=username or f"login-{secrets.token_hex(4)}",
        password_hash=kept,
        switches=_switches(Switches(), given),
        created_at=time.time(),  # noqa: TID251 - the command is the door where the clock comes in
        senders=tuple(senders),
        trusted_option_headers=bool(option_headers),
        note=note,
        bounces=bounces,
    )
    made = _limited(_relayed(made, max_deliver_time, priority), **limits)
    try:
        store.run(store.accounts.create(made))
    except LoginExists:
        raise click.ClickException(f"a login {made.username!r} exists already") from None
    store.record("made the login", made.username)
    answer = _shown(made) if password_stdin else {**_shown(made), "password": password}
    if as_json:
        print_json(answer)
        return
    click.echo(f"username  {made.username}")
    if not password_stdin:
        click.echo(f"password  {password}   (shown this once)")


def _is_usable(username: str) -> bool:
    # What is printable can be encoded: octets that the shell gave us and that are no UTF-8 cannot.
    return username.isprintable() and " " not in username and 0 < len(username.encode()) <= 255


def _chosen() -> tuple[str, str]:
    """The password on standard input, and what to keep of it."""
    password = sys.stdin.readline().rstrip("\r\n")
    try:
        return password, passwords.keep_chosen(password, secrets.token_bytes)
    except passwords.UnusablePassword as error:
        raise click.ClickException(str(error)) from None


@login.command("list")
@json_option
@with_store
def list_(store: Ledgers, as_json: bool) -> None:
    """All logins."""
    rows = [_shown(one) for one in store.run(store.accounts.logins())]
    print_rows(
        rows,
        as_json,
        ("username", "enabled", "switches", "senders", "created", "note"),
        "There are no logins.",
    )


@login.command()
@click.argument("username")
@json_option
@with_store
def show(store: Ledgers, username: str, as_json: bool) -> None:
    """One login."""
    shown = _shown(store.login(username))
    if as_json:
        print_json(shown)
    else:
        print_fields(shown)


@login.command()
@click.argument("username")
@click.option("--note", default=None, help="A word to remember it by.")
@click.option("--any-sender", is_flag=True, help="It may use any sender again.")
@senders_option
@headers_option
@relaying_options
@limit_options
@bounce_options
@switch_options
@json_option
@with_store
def modify(
    store: Ledgers,
    username: str,
    note: str | None,
    any_sender: bool,
    senders: Sequence[str],
    option_headers: bool | None,
    max_deliver_time: float | None,
    priority: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Change what is named; the rest stays. It counts within a second, without a restart."""
    if any_sender and senders:
        raise click.UsageError("--any-sender and --sender exclude each other")
    before = store.login(username)
    after = _limited(before, **_limits(given))
    after = replace(after, bounces=changed(before.bounces, given))
    after = replace(after, switches=_switches(before.switches, given))
    after = _relayed(after, max_deliver_time, priority)
    if note is not None:
        after = replace(after, note=note)
    if senders or any_sender:
        after = replace(after, senders=tuple(senders))
    if option_headers is not None:
        after = replace(after, trusted_option_headers=option_headers)
    _replace(store, after, before, as_json)


def _replace(
    store: Ledgers, changed: Login, was: Login, as_json: bool, action: str = "", **more: str
) -> None:
    try:
        store.run(store.accounts.replace(changed, was))
    except NoSuchLogin:
        raise click.ClickException(f"no login {changed.username!r}") from None
    store.record(action or changes.of_login(was, changed), changed.username)
    if as_json:
        print_json({**_shown(changed), **more})
    for name, value in more.items() if not as_json else ():
        click.echo(f"{name}  {value}   (shown this once)")


@login.command()
@click.argument("username")
@click.option(
    "--keep-old",
    "overlap",
    callback=_overlap,
    default="",
    help='For how long the old one still opens it: "1h", "7d".',
)
@json_option
@with_store
def rotate(store: Ledgers, username: str, overlap: float, as_json: bool) -> None:
    """Give it a new password, shown once; the old one stops within a second, or after the time that is said."""
    password, kept = passwords.make(secrets.token_bytes)
    now = time.time()  # noqa: TID251 - the command is the door where the clock comes in
    was = store.login(username)
    changed = was.rotated(kept, now, overlap)
    _replace(store, changed, was, as_json, changes.rotated(overlap), password=password)


@login.command()
@click.argument("username")
@json_option
@with_store
def disable(store: Ledgers, username: str, as_json: bool) -> None:
    """It can submit nothing more, within a second, also in sessions that are open."""
    was = store.login(username)
    _replace(store, replace(was, enabled=False), was, as_json)


@login.command()
@click.argument("username")
@json_option
@with_store
def enable(store: Ledgers, username: str, as_json: bool) -> None:
    """It can submit again."""
    was = store.login(username)
    _replace(store, replace(was, enabled=True), was, as_json)


@login.command()
@click.argument("username")
@with_store
def delete(store: Ledgers, username: str) -> None:
    """Take it away; its messages and events stay."""
    try:
        store.run(store.accounts.delete(username))
    except NoSuchLogin:
        raise click.ClickException(f"no login {username!r}") from None
    store.record("deleted the login", username)
