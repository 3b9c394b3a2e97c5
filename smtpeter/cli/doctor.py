"""`smtpeter doctor`: is all well, with this machine, its configuration and the DNS; and what to type if not."""

from __future__ import annotations

import ctypes
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from smtpeter import config
from smtpeter.accounts.model import SenderDomain
from smtpeter.accounts.published import Verdict
from smtpeter.cli import diagnosis
from smtpeter.cli.diagnosis import Finding, Means
from smtpeter.cli.output import json_option, print_json, safe
from smtpeter.cli.store import opened, owned
from smtpeter.config import Settings
from smtpeter.relay import names
from smtpeter.service.questions import Dns, name_servers
from smtpeter.storage.engine import DirectoryLock, StoreInUse, StoreUnusable

_PATIENCE = 10.0  # seconds for a connection and a greeting
_TIMEX = 512  # octets, more than struct timex has
_UNSYNCHRONISED = 5  # adjtimex(2): TIME_ERROR


def _greet(address: str, port: int) -> str:
    with socket.create_connection((address, port), _PATIENCE) as connection:
        return connection.makefile("rb").readline(1000).decode("utf-8", "replace").strip()


def _is_synchronised() -> bool:
    """As the kernel knows it; asking changes nothing."""
    state = ctypes.create_string_buffer(_TIMEX)
    return bool(ctypes.CDLL(None).adjtimex(state) != _UNSYNCHRONISED)


@click.command()
@click.option("--probe", default="gmail.com", show_default=True, help="A domain whose MX hosts are tried.")
@json_option
@click.pass_obj
def doctor(config_file: Path, probe: str, as_json: bool) -> None:
    """Look at everything mail depends on; what is not right comes with its fix, and exit status 1."""
    found = list(_findings(config_file, probe))
    if as_json:
        print_json([_shown(one) for one in found])
    else:
        for one in found:
            click.echo(safe(f"{one.verdict:8} {one.subject}: {one.text}"))
            if one.fix:
                click.echo(safe(f"         fix: {one.fix}"))
    if any(one.verdict is not Verdict.RIGHT for one in found):
        raise click.exceptions.Exit(1)


def _shown(one: Finding) -> dict[str, Any]:
    return {"subject": one.subject, "verdict": one.verdict, "text": one.text, "fix": one.fix}


def _mistakes(error: config.Misconfigured, file: Path) -> Iterator[Finding]:
    for problem in error.problems:
        yield Finding("configuration", Verdict.WRONG, problem, f"edit {file}")


def _findings(file: Path, probe: str) -> Iterator[Finding]:
    # The whole server, which other commands do not need.
    from smtpeter.service.judgement import load  # noqa: PLC0415

    try:
        settings = config.load(file)
    except config.Misconfigured as error:
        yield from _mistakes(error, file)
        return
    try:
        load(file)
        yield Finding("configuration", Verdict.RIGHT, f"{file} can be used")
    except config.Misconfigured as error:
        yield from _mistakes(error, file)
    store, domains = _stored(settings)
    now = time.time()  # noqa: TID251 - the command is the door where the clock comes in
    dns = Dns(settings.relay.nameservers)
    are_local = names.are_local(name_servers(settings.relay.nameservers))
    means = Means(dns.ask, _greet, now, _is_synchronised, validates=dns.validates, are_local=are_local)
    yield from diagnosis.examine(settings, domains, probe, means)
    yield store
    yield _server(settings)


def _stored(settings: Settings) -> tuple[Finding, list[SenderDomain]]:
    """Whether the store can be used, and its sender domains."""
    try:
        with opened(settings) as store:
            domains = list(store.run(store.accounts.sender_domains()))
    except click.ClickException as error:
        fix = f"ls -ld {settings.data_directory}; look at [store] url"
        return Finding("store", Verdict.WRONG, error.message, fix), []
    return Finding("store", Verdict.RIGHT, "it can be used"), domains


def _server(settings: Settings) -> Finding:
    """Whether a server works on the data directory."""
    try:
        with owned(settings.data_directory):
            DirectoryLock(settings.data_directory).release()
    except StoreInUse:
        return Finding("server", Verdict.RIGHT, "it runs")
    except StoreUnusable as error:
        return Finding("server", Verdict.UNKNOWN, str(error), f"ls -ld {settings.data_directory}")
    return Finding(
        "server", Verdict.WRONG, "it does not run", "systemctl start smtpeter; journalctl -u smtpeter"
    )
