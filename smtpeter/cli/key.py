"""`smtpeter key rotate`: the ring of keys that signs links and return paths."""

from __future__ import annotations

import click

from smtpeter.cli.store import Ledgers, with_store


@click.group()
def key() -> None:
    """The keys that sign tokens."""


@key.command()
@with_store
def rotate(store: Ledgers) -> None:
    """Make a new newest key; tokens made with the older ones keep their worth."""
    made = store.run(store.accounts.add_key())
    store.record("made a newest key for tokens", str(made.number))
    click.echo(f"new tokens are signed with key {made.number}")
