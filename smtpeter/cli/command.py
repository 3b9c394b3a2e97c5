"""The command's frame: where the configuration is, and how errors are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from smtpeter import __version__, config
from smtpeter.cli.backup import backup, restore
from smtpeter.cli.copying import copy_store
from smtpeter.cli.doctor import doctor
from smtpeter.cli.domain import domain
from smtpeter.cli.explain import explain
from smtpeter.cli.key import key
from smtpeter.cli.login import login
from smtpeter.cli.message import events, message
from smtpeter.cli.operator import operator
from smtpeter.cli.queue import queue
from smtpeter.cli.sandbox import sandbox
from smtpeter.cli.suppression import suppression
from smtpeter.cli.token import token
from smtpeter.cli.webhook import webhook


@click.group()
@click.option(
    "--config",
    "config_file",
    envvar="SMTPETER_CONFIG",
    default="/etc/smtpeter/smtpeter.toml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The configuration file.",
)
@click.version_option(__version__, prog_name="smtpeter")
@click.pass_context
def main(context: click.Context, config_file: Path) -> None:
    """Smtpeter: an outbound mail server whose logins carry their own switches."""
    context.obj = config_file


@main.command("check-config")
@click.pass_obj
def check_config(config_file: Path) -> None:
    """Say whether the configuration can be used, and all that is wrong if not."""
    from smtpeter.service.judgement import load  # noqa: PLC0415 - the whole server, which other commands do not need

    try:
        load(config_file)
    except config.Misconfigured as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{config_file}: can be used")


_COMMANDS: tuple[Any, ...] = (login, suppression, domain, queue, message, events, explain, key, sandbox)
_COMMANDS += (copy_store, token, webhook, operator, doctor, backup, restore)
for _command in _COMMANDS:
    main.add_command(_command)
