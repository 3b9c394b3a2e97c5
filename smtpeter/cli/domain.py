"""`smtpeter domain …`: the domains whose mail is signed (DKIM), and what the DNS has to say about them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from smtpeter.accounts import changes, published, signing_keys
from smtpeter.accounts.interface import NoSuchSenderDomain, SenderDomainExists
from smtpeter.accounts.model import Algorithm, SenderDomain
from smtpeter.accounts.published import Judgement, Record, Server, Verdict
from smtpeter.cli.output import json_option, print_json, print_rows, safe
from smtpeter.cli.store import Ledgers, with_store
from smtpeter.config import Settings
from smtpeter.journal.columns import timestamp
from smtpeter.message.address import MAXIMUM_DOMAIN, AddressSyntax, ascii_domain
from smtpeter.relay.settings import Mode
from smtpeter.service.questions import Dns
from smtpeter.web.settings import origin

_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,52}[a-z0-9])?")  # room for the algorithm in a label


def _sender(settings: Settings) -> str:
    """The host whose address the world sees; with a smarthost that is not ours to know."""
    return "" if settings.relay.mode is Mode.SMARTHOST else settings.server.hostname


def _name(text: str) -> str:
    """A sender domain's name as it is kept."""
    try:
        name = ascii_domain(text.removesuffix("."))
    except AddressSyntax as error:
        raise click.ClickException(f"{text!r}: {error}") from None
    if "." not in name or name.startswith("["):
        raise click.ClickException(f"{text!r}: expected a domain name such as example.com")
    return name


def _server(settings: Settings) -> Server:
    """Where the domains' own hosts have to lead."""
    return Server.at(settings.server.hostname, settings.tracking.click_url, settings.tracking.open_url)


def _host_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that name a domain's own hosts."""
    for name, text in (
        ("--bounce-domain", 'The host of its return paths, in place of the server\'s; "" for none.'),
        ("--open-url", "Where its images lead, if not to --click-url."),
        ("--click-url", "Where its links lead, such as https://click.example.com, in place of the server's."),
    ):
        command = click.option(name, default=None, help=text)(command)
    return command


def _with_hosts(
    settings: Settings,
    domain: SenderDomain,
    click_url: str | None,
    open_url: str | None,
    bounce_domain: str | None,
) -> SenderDomain:
    """The domain with these hosts; what is None stays as it is."""
    host = domain.bounce_host if bounce_domain is None else bounce_domain and _name(bounce_domain)
    return replace(
        domain,
        click_url=domain.click_url if click_url is None else _url(settings, "--click-url", click_url),
        open_url=domain.open_url if open_url is None else _url(settings, "--open-url", open_url),
        bounce_host=host,
    )


def _url(settings: Settings, option: str, url: str) -> str:
    """A tracking host as it is kept, "" for none."""
    if url and not settings.tracking.listen:
        raise click.ClickException(f"{option}: there is no listener in [tracking] that would answer there")
    try:
        return origin(option, url)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _found(store: Ledgers, text: str) -> SenderDomain:
    name = _name(text)
    for domain in store.run(store.accounts.sender_domains()):
        if domain.name == name:
            return domain
    raise click.ClickException(f"no sender domain {text!r}")


def _shown(domain: SenderDomain) -> dict[str, Any]:
    return {
        "name": domain.name,
        "selectors": [key.selector for key in domain.keys],
        "click_url": domain.click_url,
        "open_url": domain.open_url,
        "bounce_domain": domain.bounce_host,
        "created": timestamp(domain.created_at),
    }


def _print_record(record: Record) -> None:
    """As it stands in a zone file."""
    if record.type == "TXT":
        strings = " ".join(f'"{string}"' for string in record.strings)
        click.echo(f"{record.name}. IN TXT ( {strings} )")
    else:
        click.echo(f"{record.name}. IN {record.type} {record.value}.")


def _print_domain(store: Ledgers, domain: SenderDomain, as_json: bool) -> None:
    try:
        records = published.wanted(domain, _sender(store.settings), _server(store.settings))
    except signing_keys.KeyUnusable as error:
        raise click.ClickException(f"the keys of {domain.name}: {error}") from None
    if as_json:
        listed = [
            {"name": one.name, "type": one.type, "value": one.value, "strings": one.strings}
            for one in records
        ]
        print_json({**_shown(domain), "records": listed})
        return
    for record in records:
        _print_record(record)


@click.group()
def domain() -> None:
    """Sender domains: whose mail is signed."""


@domain.command()
@click.argument("name")
@click.option(
    "--selector", default="smtpeter", show_default=True, help="What the keys' selectors begin with."
)
@_host_options
@json_option
@with_store
def add(store: Ledgers, name: str, selector: str, as_json: bool, **hosts: str | None) -> None:
    """Make keys for a domain and print the DNS records to publish; its mail is signed within a second."""
    name = _name(name)
    if _SELECTOR.fullmatch(selector) is None:
        raise click.ClickException(
            f"--selector: {selector!r}: expected lower-case letters, digits and hyphens"
        )
    if len(f"{selector}-{Algorithm.ED25519}._domainkey.{name}") > MAXIMUM_DOMAIN - 2:  # in the DNS's own form
        raise click.ClickException(f"{name}: too long a name for its records")
    now = time.time()  # noqa: TID251 - the command is the door where the clock comes in
    keys = [signing_keys.make(f"{selector}-{algorithm}", algorithm, now) for algorithm in sorted(Algorithm)]
    made = _with_hosts(store.settings, SenderDomain(name, tuple(keys), now), **hosts)
    try:
        store.run(store.accounts.create_sender_domain(made))
    except SenderDomainExists:
        raise click.ClickException(f"a sender domain {name!r} exists already") from None
    store.record("made keys for the sender domain", name)
    _print_domain(store, made, as_json)


@domain.command()
@click.argument("name")
@_host_options
@json_option
@with_store
def modify(store: Ledgers, name: str, as_json: bool, **hosts: str | None) -> None:
    """Change a domain's own hosts, for the mail accepted from now on; print all its DNS records."""
    changed = _with_hosts(store.settings, _found(store, name), **hosts)
    store.run(store.accounts.replace_sender_domain(changed))
    store.record(changes.of_sender_domain(changed), changed.name)
    _print_domain(store, changed, as_json)


@domain.command("list")
@json_option
@with_store
def list_(store: Ledgers, as_json: bool) -> None:
    """All sender domains."""
    rows = [_shown(one) for one in store.run(store.accounts.sender_domains())]
    print_rows(rows, as_json, ("name", "selectors", "created"), "There are no sender domains.")


@domain.command()
@click.argument("name")
@json_option
@with_store
def show(store: Ledgers, name: str, as_json: bool) -> None:
    """The DNS records that belong to a domain."""
    _print_domain(store, _found(store, name), as_json)


@domain.command()
@click.argument("name")
@json_option
@with_store
def check(store: Ledgers, name: str, as_json: bool) -> None:
    """Ask the DNS whether it has the records; exit status 1 unless all are right."""
    sender = _sender(store.settings)
    ask = Dns(store.settings.relay.nameservers).ask
    records = published.wanted(_found(store, name), sender, _server(store.settings))
    judged = [published.judge(record, sender, ask) for record in records]
    if as_json:
        print_json([_judged(one) for one in judged])
    else:
        for one in judged:
            _print_judgement(one)
    if any(one.verdict is not Verdict.RIGHT for one in judged):
        raise click.exceptions.Exit(1)


def _judged(one: Judgement) -> dict[str, Any]:
    return {
        "kind": one.record.kind,
        "name": one.record.name,
        "type": one.record.type,
        "value": one.record.value,
        "verdict": one.verdict,
        "reason": one.reason,
        "found": list(one.found),
    }


def _print_judgement(one: Judgement) -> None:
    why = f": {one.reason}" if one.reason else ""
    click.echo(safe(f"{one.verdict:8} {one.record.kind:6} {one.record.name}{why}"))
    if one.verdict in {Verdict.WRONG, Verdict.MISSING}:
        for text in one.found:
            click.echo(safe(f"         found   {text}"))
        click.echo(f"         wanted  {one.record.value}")


@domain.command()
@click.argument("name")
@with_store
def delete(store: Ledgers, name: str) -> None:
    """Sign its mail no more, and forget its keys."""
    kept = _name(name)
    try:
        store.run(store.accounts.delete_sender_domain(kept))
    except NoSuchSenderDomain:
        raise click.ClickException(f"no sender domain {name!r}") from None
    store.record("deleted the sender domain and its keys", kept)
