"""`smtpeter explain FILE --login NAME`: what would change in this message, link by link, and why not.

A dry run of what submission and the rewriters decide; nothing is sent and nothing is kept. Tokens, which are made
for each recipient, show as `T…`.
"""

from __future__ import annotations

import difflib
import re
from typing import BinaryIO

import click
import msgspec

from smtpeter.cli.output import json_option, print_json, safe
from smtpeter.cli.store import Ledgers, with_store
from smtpeter.message.author import author_domain, closest
from smtpeter.message.edit import Report, SlotKind
from smtpeter.message.header import fields, find_all
from smtpeter.message.token import TOKEN_LENGTH
from smtpeter.rewrite import comments
from smtpeter.rewrite.render import render
from smtpeter.submission.options import read_options


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--login", "username", required=True, help="The login whose switches hold.")
@json_option
@with_store
def explain(store: Ledgers, file: BinaryIO, username: str, as_json: bool) -> None:
    """Tell what would change in the message FILE ("-": standard input), and why not."""
    from smtpeter.service import rooms  # noqa: PLC0415 - all rewriters, which other commands do not need

    login = store.login(username)
    given = file.read()
    original = re.sub(rb"\r\n|\r|\n", b"\r\n", given)
    found, _ = fields(original)
    options = read_options(original, found, login.switches)
    options = options.over(login, 0.0)
    domains = {domain.name: domain for domain in store.run(store.accounts.sender_domains())}
    domain = closest(author_domain(original, find_all(found, "from")), domains)
    template, report = rooms.pipeline(store.settings, domain).prepare(
        original, options.switches, options.edits
    )
    notes = options.notes + report.notes
    if original != given:
        notes += (
            "the file's lines do not all end in CRLF: a client must send them so, or is answered 550 5.6.0",
        )
    in_comments = (
        comments.findings(original) if options.switches.track_clicks or options.switches.track_opens else []
    )
    report = Report((*report.findings, *in_comments), notes)
    diff = _diff(original, render(original, template, _sample))
    if as_json:
        print_json({"switches": options.switches.on(), "report": msgspec.to_builtins(report), "diff": diff})
        return
    click.echo(f"switches: {', '.join(options.switches.on()) or 'none'}")
    for finding in report.findings:
        why = f" ({finding.reason})" if finding.reason else ""
        click.echo(safe(f"{finding.rewriter:8}{finding.verdict:9}{finding.place}: {finding.value}{why}"))
    for note in report.notes:
        click.echo(safe(f"note    {note}"))
    if not diff:
        click.echo("nothing would change but the trace on top")
    for line in diff:
        click.echo(safe(line))


def _sample(_kind: SlotKind, _number: int) -> str:
    return "T" * TOKEN_LENGTH


def _diff(original: bytes, result: bytes) -> list[str]:
    """A unified diff of the two, as UTF-8, or as ISO-8859-1 when they are not that."""
    try:
        before, after = original.decode(), result.decode()
    except UnicodeDecodeError:
        before, after = original.decode("iso-8859-1"), result.decode("iso-8859-1")
    return list(
        difflib.unified_diff(
            before.split("\r\n"), after.split("\r\n"), "original", "as it would leave", lineterm="", n=1
        )
    )
