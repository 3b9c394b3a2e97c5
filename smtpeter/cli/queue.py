"""`smtpeter queue …`: deliveries on their way, and the operator's hand on them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import click

from smtpeter.accounts import changes
from smtpeter.cli.output import json_option, print_json, print_rows, safe
from smtpeter.cli.store import Ledgers, identified, with_store
from smtpeter.cli.user import user
from smtpeter.config import Misconfigured, duration
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.spool import story
from smtpeter.spool.altering import PORTION, alter, lift
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State, Step
from smtpeter.spool.verbs import VERBS, WAITING

_SITES = 1000  # of which it is looked at whether they are in trouble


@click.group()
def queue() -> None:
    """Deliveries on their way."""


def _age(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float | None:
    try:
        return None if text is None else duration(text, "--older-than")
    except Misconfigured as error:
        raise click.BadParameter(str(error)) from None


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which deliveries are meant."""
    for option in (
        click.option("--login", default=None, help="Submitted by this login."),
        click.option("--sender", default=None, help='With this return path; "" is the null return path.'),
        click.option("--site", default=None, help="To domains of this site."),
        click.option("--domain", default=None, help="To recipients at this domain."),
        click.option("--recipient", default=None, help="To this recipient."),
        click.option(
            "--older-than", callback=_age, default=None, help='Accepted longer ago than "90s", "2h", "1d".'
        ),
        click.option("--message", default=None, help="Of the message with this id."),
        click.option("--id", "delivery", default=None, help="The delivery with this id."),
    ):
        command = option(command)
    return command


def _wanted(states: tuple[State, ...], given: dict[str, Any]) -> QueueFilter:
    age = given["older_than"]
    return QueueFilter(
        states=states,
        login=given["login"],
        sender=given["sender"],
        site=given["site"] and given["site"].lower(),
        domain=given["domain"],
        recipient=given["recipient"],
        accepted_before=None if age is None else _now() - age,
        message=MessageId(identified(given["message"])) if given["message"] else None,
        delivery=DeliveryId(identified(given["delivery"])) if given["delivery"] else None,
    )


def _now() -> float:
    return time.time()  # noqa: TID251 - the command is the door where the clock comes in


@queue.command("list")
@filters
@click.option(
    "--state", type=click.Choice([state.value for state in State]), default=None, help="In this state."
)
@click.option("--sites", is_flag=True, help="A line for each site: how much, how old, and what holds it up.")
@click.option("--limit", default=100, show_default=True, help="At most so many, oldest first.")
@json_option
@with_store
def list_(
    store: Ledgers, state: str | None, sites: bool, limit: int, as_json: bool, **given: str | float | None
) -> None:
    """What waits, and why; with --state, what is in that state."""
    if sites:
        if state or any(value is not None for value in given.values()):
            raise click.UsageError(
                "--sites tells of all that is queued: it goes with --limit and --json only"
            )
        _list_sites(store, limit, as_json)
        return
    states = (State(state),) if state else WAITING
    found = store.run(store.spool.deliveries(_wanted(states, given), limit))
    standings, now = store.standings(found), _now()
    rows = [story.row(each, standings[each.domain], now) for each in found]
    print_rows(
        rows,
        as_json,
        ("id", "recipient", "state", "attempts", "due", "site", "reason", "message", "said"),
        "Nothing waits in the queue.",
    )


def _list_sites(store: Ledgers, limit: int, as_json: bool) -> None:
    rows = [story.summary(each) for each in store.run(store.sites.sites(limit))]
    columns = ("site", "domains", "queued", "held", "oldest", "next", "reason", "until", "said")
    print_rows(rows, as_json, columns, "Nothing waits in the queue.")


@queue.command()
@click.argument("identifier")
@json_option
@with_store
def show(store: Ledgers, identifier: str, as_json: bool) -> None:
    """One delivery, why it waits, and what its last attempt ended in."""
    found = store.run(store.spool.delivery(DeliveryId(identified(identifier))))
    if found is None:
        raise click.ClickException(f"{identifier}: no such delivery")
    (standing,) = store.standings((found,)).values()
    row = story.row(found, standing, _now())
    if as_json:
        print_json(row)
        return
    last = row.pop("last") or {}
    for name, value in {**row, **{f"last {name}": value for name, value in last.items()}}.items():
        click.echo(safe(f"{name:14}{'-' if value in (None, '') else value}"))


def _alter(name: str, explanation: str) -> None:
    verb = VERBS[name]

    @queue.command(name, help=explanation)
    @filters
    @click.option("--all", "everything", is_flag=True, help="All that waits, when nothing else is named.")
    @json_option
    @with_store
    def command(store: Ledgers, everything: bool, as_json: bool, **given: Any) -> None:
        if not everything and all(value is None for value in given.values()):
            raise click.UsageError(
                "name what is meant (--id, --message, --recipient, --sender, --domain, --site, --login, "
                "--older-than), or --all"
            )
        wanted = verb.meant(_wanted(verb.states, given), _now())
        lifted = sorted(store.run(lift(store.spool, store.sites, wanted, _now()))) if verb.lifts else []
        done = 0
        try:
            for altered in _altered(store, wanted, verb.step, as_json):
                done += altered
        finally:  # also what was done before somebody interrupted it
            if done or lifted:
                store.record(changes.queued(name, done), changes.meant(given))
        if as_json:
            print_json({"altered": done, "lifted": lifted} if lifted else {"altered": done})
            return
        click.echo(f"{done} {'delivery' if done == 1 else 'deliveries'}")
        for site in lifted:
            click.echo(safe(f"{site} was in trouble, and is tried now"))


def _altered(store: Ledgers, wanted: QueueFilter, step: Step, quiet: bool) -> Iterator[int]:
    """Do it in portions, with a bar of progress for people when there is more than one; how many each time."""
    done, portions = 0, alter(store.spool, wanted, step, _now(), user())
    total = _total(store) if not quiet and sys.stderr.isatty() else 0
    bar: Any = (
        click.progressbar(length=total, label=step.value, file=sys.stderr)
        if total > PORTION
        else nullcontext()
    )
    with bar as shown:
        while altered := store.run(anext(portions, 0)):
            done += altered
            yield altered
            if shown is not None:
                shown.update(altered)
            elif not quiet and altered == PORTION:
                click.echo(f"{done} …", err=True)


def _total(store: Ledgers) -> int:
    """What is queued, at most: what a bar can come to."""
    return sum(each.due + each.held for each in store.run(store.sites.sites(_SITES)))


_alter("retry", "Try again now what waits for its time, also at sites in trouble.")
_alter("hold", "Keep from being tried until released.")
_alter("release", "Let go what was held; it is due now.")
_alter("delete", "Take out of the queue; nobody is told.")
