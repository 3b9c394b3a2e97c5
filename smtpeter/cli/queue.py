"""`smtpeter queue …`: deliveries on their way, and the operator's hand on them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from smtpeter.cli.output import json_option, print_json, print_rows
from smtpeter.cli.store import Ledgers, identified, with_store
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.spool import story
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State, Step

_WAITING = (State.DUE, State.CLAIMED, State.HELD)
_BATCH = 1000  # deliveries altered in one transaction, so that the server is never kept from writing for long


@click.group()
def queue() -> None:
    """Deliveries on their way."""


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which deliveries are meant."""
    for option in (
        click.option("--login", default=None, help="Submitted by this login."),
        click.option("--domain", default=None, help="To recipients at this domain."),
        click.option("--recipient", default=None, help="To this recipient."),
        click.option("--message", default=None, help="Of the message with this id."),
        click.option("--id", "delivery", default=None, help="The delivery with this id."),
    ):
        command = option(command)
    return command


def _wanted(states: tuple[State, ...], given: dict[str, str | None]) -> QueueFilter:
    return QueueFilter(
        states=states,
        login=given["login"],
        domain=given["domain"],
        recipient=given["recipient"],
        message=MessageId(identified(given["message"])) if given["message"] else None,
        delivery=DeliveryId(identified(given["delivery"])) if given["delivery"] else None,
    )


@queue.command("list")
@filters
@click.option(
    "--state", type=click.Choice([state.value for state in State]), default=None, help="In this state."
)
@click.option("--limit", default=100, show_default=True, help="At most so many, oldest first.")
@json_option
@with_store
def list_(store: Ledgers, state: str | None, limit: int, as_json: bool, **given: str | None) -> None:
    """What waits; with --state, what is in that state."""
    states = (State(state),) if state else _WAITING
    found = store.run(store.spool.deliveries(_wanted(states, given), limit))
    rows = [story.row(delivery) for delivery in found]
    print_rows(
        rows,
        as_json,
        ("id", "recipient", "state", "attempts", "due", "message"),
        "Nothing waits in the queue.",
    )


@queue.command()
@click.argument("identifier")
@json_option
@with_store
def show(store: Ledgers, identifier: str, as_json: bool) -> None:
    """One delivery and what its last attempt ended in."""
    found = store.run(store.spool.delivery(DeliveryId(identified(identifier))))
    if found is None:
        raise click.ClickException(f"{identifier}: no such delivery")
    row = story.row(found)
    if as_json:
        print_json(row)
        return
    last = row.pop("last") or {}
    for name, value in {**row, **{f"last {name}": value for name, value in last.items()}}.items():
        click.echo(f"{name:14}{value}")


def _alter(name: str, step: Step, states: tuple[State, ...], explanation: str) -> None:
    @queue.command(name, help=explanation)
    @filters
    @click.option("--all", "everything", is_flag=True, help="All that waits, when nothing else is named.")
    @json_option
    @with_store
    def command(store: Ledgers, everything: bool, as_json: bool, **given: str | None) -> None:
        if not everything and not any(given.values()):
            raise click.UsageError(
                "name what is meant (--id, --message, --recipient, --domain, --login), or --all"
            )
        done = _altered(store, _wanted(states, given), step, as_json)
        if as_json:
            print_json({"altered": done})
        else:
            click.echo(f"{done} {'delivery' if done == 1 else 'deliveries'}")


def _altered(store: Ledgers, wanted: QueueFilter, step: Step, quiet: bool) -> int:
    done = 0
    now = time.time()  # noqa: TID251 - the command is the door where the clock comes in
    while altered := store.run(store.spool.alter(wanted, step, now, _BATCH)):
        done += altered
        if not quiet and altered == _BATCH:
            click.echo(f"{done} …", err=True)
        if altered < _BATCH:
            break
    return done


_alter("retry", Step.RELEASE, (State.DUE,), "Try again now what waits for its time.")
_alter("hold", Step.HOLD, (State.DUE,), "Keep from being tried until released.")
_alter("release", Step.RELEASE, (State.HELD,), "Let go what was held; it is due now.")
_alter("delete", Step.DELETE, (State.DUE, State.HELD), "Take out of the queue; nobody is told.")
