"""The store as a command sees it: opened beside a server that may run, every answer there at once."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from smtpeter import config
from smtpeter.accounts.interface import Accounts, AccountsUnavailable
from smtpeter.journal.interface import Journal, JournalUnavailable
from smtpeter.message import identifier
from smtpeter.service.server import host
from smtpeter.spool.interface import Spool, SpoolUnavailable
from smtpeter.storage.engine import StoreInUse, StoreUnusable
from smtpeter.storage.store import open_for_command

T = TypeVar("T")


class Ledgers:
    """The three ledgers; `run` gives what a verb answers, and raises what it fails with."""

    def __init__(self, settings: config.Settings, spool: Spool, journal: Journal, accounts: Accounts) -> None:
        self.settings = settings
        self.spool = spool
        self.journal = journal
        self.accounts = accounts

    def run(self, awaitable: Awaitable[T]) -> T:
        async def answer() -> T:
            return await awaitable

        ended: list[Any] = []
        Deferred.fromCoroutine(answer()).addBoth(ended.append)
        if isinstance(ended[0], Failure):
            ended[0].raiseException()
        result: T = ended[0]
        return result


@contextmanager
def opened(settings: config.Settings) -> Iterator[Ledgers]:
    """The ledgers of these settings; what goes wrong with the store is one line for the user."""
    try:
        store = open_for_command(settings.store.url, settings.data_directory, host())
        try:
            yield Ledgers(settings, store.spool, store.journal, store.accounts)
        finally:
            store.stop()
    except (StoreInUse, StoreUnusable, SpoolUnavailable, JournalUnavailable, AccountsUnavailable) as error:
        raise click.ClickException(f"the store: {error}") from None


def with_store(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command the ledgers of the configuration as its first argument."""

    @click.pass_obj
    @functools.wraps(command)
    def run(config_file: Path, /, *arguments: Any, **options: Any) -> None:
        try:
            settings = config.load(config_file)
        except config.Misconfigured as error:
            raise click.ClickException(str(error)) from None
        with opened(settings) as store:
            command(store, *arguments, **options)

    return run


def identified(text: str) -> int:
    """The number of an identifier as it is shown."""
    try:
        return identifier.read(text)
    except identifier.NotAnIdentifier as error:
        raise click.ClickException(str(error)) from None
