"""The store as a command sees it: opened beside a server that may run, every answer there at once."""

from __future__ import annotations

import functools
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from smtpeter import config
from smtpeter.accounts.interface import Accounts, AccountsUnavailable
from smtpeter.accounts.model import Login
from smtpeter.accounts.operators import Change, Operators
from smtpeter.accounts.suppression import Suppressions
from smtpeter.accounts.tokens import Tokens
from smtpeter.accounts.webhooks import Webhooks
from smtpeter.cli.user import machine, user
from smtpeter.journal.interface import Journal, JournalUnavailable
from smtpeter.message import identifier
from smtpeter.service.answer import answered
from smtpeter.service.host import host, now
from smtpeter.spool.interface import Spool, SpoolUnavailable
from smtpeter.spool.model import Delivery
from smtpeter.spool.returned import Returns
from smtpeter.spool.sites import SiteBook, Standing
from smtpeter.storage.engine import StoreInUse, StoreUnusable
from smtpeter.storage.store import Store, open_for_command

T = TypeVar("T")


class Ledgers:
    """The ledgers; `run` gives what a verb answers, and raises what it fails with."""

    def __init__(self, settings: config.Settings, store: Store) -> None:
        self.settings = settings
        self.spool: Spool = store.spool
        self.journal: Journal = store.journal
        self.accounts: Accounts = store.accounts
        self.tokens: Tokens = store.tokens
        self.returns: Returns = store.returns
        self.suppressions: Suppressions = store.suppressions
        self.sites: SiteBook = store.sites
        self.webhooks: Webhooks = store.webhooks
        self.operators: Operators = store.operators

    def run(self, awaitable: Awaitable[T]) -> T:
        return answered(awaitable)

    def record(self, action: str, subject: str = "") -> None:
        """Write down what the command has changed, in the words of accounts.changes."""
        self.run(self.operators.record(Change(now(), user(), action, subject, machine())))

    def standings(self, deliveries: Iterable[Delivery]) -> Mapping[str, Standing]:
        """Where the domains of these deliveries stand."""
        return self.run(self.sites.standings({each.domain for each in deliveries}))

    def login(self, username: str) -> Login:
        found = self.run(self.accounts.login(username))
        if found is None:
            raise click.ClickException(f"no login {username!r}")
        return found


@contextmanager
def owned(directory: Path) -> Iterator[None]:
    """Root acts as the owner of the data directory there: what root makes in it, the server could not read."""
    owner = directory.stat() if os.geteuid() == 0 and directory.exists() else None
    if owner is None or owner.st_uid == 0:
        yield
        return
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@contextmanager
def opened(settings: config.Settings) -> Iterator[Ledgers]:
    """The ledgers of these settings; what goes wrong with the store is one line for the user."""
    try:
        with owned(settings.data_directory):
            store = open_for_command(settings.store.url, settings.data_directory, host())
            try:
                yield Ledgers(settings, store)
            finally:
                store.stop()
    except (StoreInUse, StoreUnusable, SpoolUnavailable, JournalUnavailable, AccountsUnavailable) as error:
        raise click.ClickException(f"the store: {error}") from None


def with_store(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command the ledgers of the configuration as its first argument."""

    @click.pass_obj
    @functools.wraps(command)
    def run(config_file: Path, /, *arguments: Any, **options: Any) -> None:
        with opened(configured(config_file)) as store:
            command(store, *arguments, **options)

    return run


def configured(file: Path) -> config.Settings:
    """The settings in this file."""
    try:
        return config.load(file)
    except config.Misconfigured as error:
        raise click.ClickException(str(error)) from None


def identified(text: str) -> int:
    """The number of an identifier as it is shown."""
    try:
        return identifier.read(text)
    except identifier.NotAnIdentifier as error:
        raise click.ClickException(str(error)) from None
