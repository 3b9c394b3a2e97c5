"""The options of `smtpeter login` about what comes back, and about recipients that are gone or complain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from smtpeter.accounts.model import NOBODY, RETURN_PATH, Bounces
from smtpeter.accounts.suppression import Breadth, Treatment
from smtpeter.config import Misconfigured, duration
from smtpeter.message.address import AddressSyntax, parse

_FORWARD_HELP = 'Where bounces and answers of tracked mail are passed on to: "return path" (the default), an address, or "none".'


def bounce_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is not given is None."""
    for option in (
        click.option(
            "--suppress-for",
            default=None,
            help='How long they stay on it: "30d"; "0s", the default, is for ever.',
        ),
        click.option(
            "--suppressed",
            type=click.Choice([each.value for each in Treatment]),
            default=None,
            help="What becomes of mail to who is on the list: it fails after the 250 (the default), or is refused at RCPT.",
        ),
        click.option(
            "--suppress",
            type=click.Choice([each.value for each in Breadth]),
            default=None,
            help="For whom recipients that are gone, or complain, are put on the suppression list; nobody by default.",
        ),
        click.option("--forward-bounces", "forward", default=None, help=_FORWARD_HELP),
    ):
        command = option(command)
    return command


def changed(before: Bounces, given: dict[str, Any]) -> Bounces:
    """With what was given, which is taken out of `given`."""
    forward, suppress = given.pop("forward"), given.pop("suppress")
    suppressed, suppress_for = given.pop("suppressed"), given.pop("suppress_for")
    if forward is not None:
        before = replace(before, forward=_forward(forward))
    if suppress is not None:
        before = replace(before, suppress=Breadth(suppress))
    if suppressed is not None:
        before = replace(before, suppressed=Treatment(suppressed))
    if suppress_for is not None:
        before = replace(before, suppress_for=seconds(suppress_for, "--suppress-for"))
    return before


def _forward(text: str) -> str:
    word = text.lower().replace("-", " ")
    if word in {RETURN_PATH, NOBODY}:
        return word
    try:
        return str(parse(text, utf8=True))
    except AddressSyntax as error:
        raise click.UsageError(
            f'--forward-bounces: {text!r}: expected "return path", "none" or an address: {error}'
        ) from None


def seconds(text: str, option: str) -> float:
    try:
        return duration(text, option)
    except Misconfigured as error:
        raise click.UsageError(str(error)) from None


def shown(bounces: Bounces) -> dict[str, Any]:
    return {
        "forward_bounces": bounces.forward,
        "suppress": bounces.suppress.value,
        "suppressed": bounces.suppressed.value,
        "suppress_for": int(bounces.suppress_for),
    }
