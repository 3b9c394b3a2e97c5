"""`smtpeter copy-store URL`: the store of the configuration, copied into an empty one on either engine."""

from __future__ import annotations

from pathlib import Path

import click

from smtpeter.cli.store import configured, owned
from smtpeter.storage.copy import copy_store as copy
from smtpeter.storage.engine import StoreInUse, StoreUnusable


@click.command("copy-store")
@click.argument("url")
@click.pass_obj
def copy_store(config_file: Path, url: str) -> None:
    """Copy all that the store keeps into the empty one at URL, while no server runs."""
    settings = configured(config_file)
    try:
        with owned(settings.data_directory):
            copy(settings.store.url, url, settings.data_directory, _tell)
    except (StoreInUse, StoreUnusable) as error:
        raise click.ClickException(str(error)) from None
    click.echo("copied; set [store] url to it before the server starts again")


def _tell(table: str, rows: int) -> None:
    click.echo(f"{table}: {rows}")
