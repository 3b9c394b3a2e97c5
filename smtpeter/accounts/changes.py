"""What changes are called where it is written down who made them: the same words, whichever way they came.

What was changed stands there as it is now. No password, token, key or secret does, and of a webhook's URL the host only:
what follows it may be one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from smtpeter.accounts.model import Login, SenderDomain
from smtpeter.accounts.tokens import AccessToken
from smtpeter.accounts.webhooks import Webhook

_NAMED = 100  # recipients that one entry names
_LONGEST_NOTE = 60  # characters, of a token's note
# What the queue's verbs did.
_DONE = {"retry": "retried", "hold": "held", "release": "released", "delete": "deleted"}


def of_login(before: Login, after: Login) -> str:
    """What is another in a login than it was before; not its password, see `rotated`."""
    return _of("login", _login(before), _login(after), {"yes": "enabled", "no": "disabled"})


def rotated(overlap: float) -> str:
    """The old password opens for `overlap` more seconds."""
    stops = f"in {overlap:.0f} seconds" if overlap > 0 else "at once"
    return f"gave the login another password, the old one stops {stops}"


def of_webhook(before: Webhook, after: Webhook) -> str:
    """What is another in a webhook than it was before."""
    had, has = _webhook(before), _webhook(after)
    if before.url != after.url:
        had["to"] = ""  # another place at the same host is told of too
    return _of("webhook", had, has, {"yes": "resumed", "no": "paused"})


def made_webhook(webhook: Webhook) -> str:
    whose = f"of the login {webhook.login}" if webhook.login else "of all logins"
    return f"made the webhook to {_host(webhook.url)}, {whose}: {' '.join(webhook.kinds)}"


def replayed(seconds: float | None, cursor: int | None) -> str:
    """From where a webhook posts again; with neither only what it could not."""
    what = "what waits apart or was given up"
    if seconds is not None:
        what = f"all of the last {seconds:.0f} seconds"
    elif cursor is not None:
        what = f"all after place {cursor}"
    return f"had the webhook post again {what}"


def of_sender_domain(domain: SenderDomain) -> str:
    hosts = ", ".join(filter(None, (domain.click_url, domain.open_url, domain.bounce_host)))
    return f"changed the sender domain, hosts: {hosts or 'none of its own'}"


def made_token(token: AccessToken) -> str:
    whose = f"of the login {token.login}" if token.login else "of no login"
    return f"made a token {whose}: {' '.join(token.scopes)}"


def suppressed(scope: str, reason: str) -> str:
    return f"suppressed, {_list(scope)}: {reason}"


def not_suppressed(scope: str | None) -> str:
    """None: on no list any more."""
    return f"lets get mail again, {'of every list' if scope is None else _list(scope)}"


def recipients(addresses: Collection[str]) -> str:
    """Some of them by name, and how many more there are."""
    named = ", ".join(tuple(addresses)[:_NAMED])
    more = len(addresses) - _NAMED
    return f"{named} and {more:,} more" if more > 0 else named


def queued(verb: str, number: int) -> str:
    """What a verb did to so many deliveries of the queue."""
    return f"{_DONE[verb]} in the queue: {number:,} {'delivery' if number == 1 else 'deliveries'}"


def meant(named: Mapping[str, object]) -> str:
    """Which deliveries were, by what was named of the queue's filter; what is None was not."""
    told = {name.replace("_", " "): value for name, value in named.items() if value is not None}
    if "older than" in told:
        told["older than"] = f"{told['older than']:.0f} seconds"
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "everything"


def caller(token: AccessToken) -> str:
    """Who makes a change by the API."""
    whose = f" of the login {token.login}" if token.login else ""
    note = f" ({token.note[:_LONGEST_NOTE]})" if token.note else ""
    return f"token {token.id}{whose}{note}"


_ENABLED = "enabled"


def _of(what: str, had: Mapping[str, str], has: Mapping[str, str], done: Mapping[str, str]) -> str:
    """`done` is what it is called when that it is enabled, or not, is all."""
    other = {name: value for name, value in has.items() if value != had[name]}
    if other.keys() == {_ENABLED}:
        return f"{done[other[_ENABLED]]} the {what}"
    return f"changed the {what}, {'; '.join(map(': '.join, other.items())) or 'nothing in it'}"


def _login(login: Login) -> dict[str, str]:
    bounces, lasting = login.bounces, login.give_up_after
    return {
        _ENABLED: _yes(login.enabled),
        "switches": ", ".join(login.switches.on()) or "none",
        "may send as": " ".join(login.senders) or "any",
        "option headers": _yes(login.trusted_option_headers),
        "tags": " ".join(login.tags) or "none",
        "recipients an hour": str(login.limits.per_hour or "any number"),
        "recipients a day": str(login.limits.per_day or "any number"),
        "tried for": "as long as the server does" if lasting is None else f"{lasting:.0f} seconds",
        "priority": login.priority.name.lower(),
        "bounces go to": bounces.forward,
        "suppresses for": bounces.suppress.value,
        "suppressed mail": bounces.suppressed.value,
        "suppressed for": f"{bounces.suppress_for:.0f} seconds" if bounces.suppress_for else "ever",
        "note": login.note or "none",
    }


def _webhook(webhook: Webhook) -> dict[str, str]:
    return {
        _ENABLED: _yes(webhook.enabled),
        "to": _host(webhook.url),
        "kinds": " ".join(webhook.kinds),
        "encoding": webhook.encoding.value,
        "note": webhook.note or "none",
    }


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _host(url: str) -> str:
    return urlsplit(url).hostname or "nowhere"


def _list(scope: str) -> str:
    """Of `suppression`: whose list it is."""
    kind, _, name = scope.partition(":")
    return f"of the {kind} {name}" if kind else "of everybody"
