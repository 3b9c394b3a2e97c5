"""All pages and all that forms do, with the role that each needs."""

from __future__ import annotations

from functools import partial

from smtpeter.accounts.operators import Role
from smtpeter.spool.verbs import VERBS
from smtpeter.web.dashboard.account import Account
from smtpeter.web.dashboard.bounces import Bounces
from smtpeter.web.dashboard.domains import Domains
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.logins import Logins
from smtpeter.web.dashboard.messages import Messages
from smtpeter.web.dashboard.operators import Operators
from smtpeter.web.dashboard.overview import Overview
from smtpeter.web.dashboard.pages import Pages
from smtpeter.web.dashboard.queue import Queue
from smtpeter.web.dashboard.record import Record, Recording
from smtpeter.web.dashboard.route import Route, Routes
from smtpeter.web.dashboard.sites import Counting
from smtpeter.web.dashboard.suppressions import Suppressions
from smtpeter.web.dashboard.tokens import Tokens
from smtpeter.web.dashboard.webhooks import Webhooks

ACCOUNT = "/account"  # one's own


def table(neighbours: Neighbours, pages: Pages) -> Routes:
    """The table of a server's dashboard."""
    recording = Recording(neighbours)
    logins = Logins(neighbours, pages, recording)
    messages = Messages(neighbours, pages, recording)
    record = Record(neighbours, pages)
    counting = Counting(neighbours.sites, neighbours.api.clock, neighbours.api.monotonic)
    overview = Overview(neighbours, pages, counting)
    one, mail = "/logins/{username}", "/messages/{id}"
    return Routes(
        (
            Route("GET", "/", Role.VIEW, overview.show),
            *_queue(Queue(neighbours, pages, recording, counting)),
            Route("GET", "/messages", Role.VIEW, messages.listed),
            Route("GET", mail, Role.VIEW, messages.show),
            Route("GET", f"{mail}/timeline", Role.VIEW, messages.timeline),
            Route("GET", f"{mail}/html", Role.VIEW, messages.html),
            Route("POST", f"{mail}/resend", Role.OPERATE, messages.resend),
            Route("GET", "/logins", Role.VIEW, logins.listed),
            Route("POST", "/logins", Role.ADMINISTER, logins.create),
            Route("GET", one, Role.VIEW, logins.show),
            Route("POST", one, Role.ADMINISTER, logins.change),
            Route("POST", f"{one}/password", Role.ADMINISTER, logins.rotate),
            Route("POST", f"{one}/password/old", Role.ADMINISTER, logins.end_previous),
            Route("POST", f"{one}/enabled", Role.ADMINISTER, logins.enable),
            Route("POST", f"{one}/delete", Role.ADMINISTER, logins.delete),
            Route("POST", f"{one}/test", Role.OPERATE, logins.test),
            *_programs(Domains(neighbours, pages), Webhooks(neighbours, pages)),
            *_tokens(Tokens(neighbours, pages)),
            *_returned(Suppressions(neighbours, pages), Bounces(neighbours, pages)),
            *_people(Operators(neighbours, pages, recording), Account(neighbours, pages, recording)),
            Route("GET", "/changes", Role.ADMINISTER, record.changes),
        )
    )


def _queue(queue: Queue) -> tuple[Route, ...]:
    routes = [Route("GET", "/queue", Role.VIEW, queue.listed)]
    for verb in VERBS.values():
        path = f"/queue/{verb.name}"
        routes += (
            Route("GET", path, Role.OPERATE, partial(queue.confirm, verb), is_question=True),
            Route("POST", path, Role.OPERATE, partial(queue.alter, verb)),
        )
    return tuple(routes)


def _people(operators: Operators, account: Account) -> tuple[Route, ...]:
    one = "/operators/{name}"
    return (
        Route("GET", "/operators", Role.ADMINISTER, operators.listed),
        Route("POST", "/operators", Role.ADMINISTER, operators.create),
        Route("GET", one, Role.ADMINISTER, operators.show),
        Route("POST", f"{one}/role", Role.ADMINISTER, operators.give_role),
        Route("POST", f"{one}/enabled", Role.ADMINISTER, operators.enable),
        Route("POST", f"{one}/password", Role.ADMINISTER, operators.give_password),
        Route("POST", f"{one}/no-code", Role.ADMINISTER, operators.ask_no_code),
        Route("POST", f"{one}/delete", Role.ADMINISTER, operators.delete),
        Route("GET", ACCOUNT, Role.VIEW, account.show),
        Route("POST", f"{ACCOUNT}/password", Role.VIEW, account.change_password),
        Route("POST", f"{ACCOUNT}/totp/key", Role.VIEW, account.make_key),
        Route("POST", f"{ACCOUNT}/totp", Role.VIEW, account.ask_code),
        Route("POST", f"{ACCOUNT}/totp/off", Role.VIEW, account.ask_no_code),
    )


def _programs(domains: Domains, webhooks: Webhooks) -> tuple[Route, ...]:
    domain, webhook = "/domains/{name}", "/webhooks/{number}"
    return (
        Route("GET", "/domains", Role.VIEW, domains.listed),
        Route("POST", "/domains", Role.ADMINISTER, domains.create),
        Route("GET", domain, Role.VIEW, domains.show),
        Route("POST", domain, Role.ADMINISTER, domains.change),
        Route("GET", f"{domain}/records", Role.VIEW, domains.records),
        Route("POST", f"{domain}/delete", Role.ADMINISTER, domains.delete),
        Route("GET", "/webhooks", Role.VIEW, webhooks.listed),
        Route("POST", "/webhooks", Role.ADMINISTER, webhooks.create),
        Route("GET", webhook, Role.VIEW, webhooks.show),
        Route("POST", webhook, Role.ADMINISTER, webhooks.change),
        Route("POST", f"{webhook}/enabled", Role.OPERATE, webhooks.enable),
        Route("POST", f"{webhook}/test", Role.OPERATE, webhooks.test),
        Route("POST", f"{webhook}/replay", Role.OPERATE, webhooks.replay),
        Route("POST", f"{webhook}/delete", Role.ADMINISTER, webhooks.delete),
    )


def _tokens(tokens: Tokens) -> tuple[Route, ...]:
    return (
        Route("GET", "/tokens", Role.ADMINISTER, tokens.listed),
        Route("POST", "/tokens", Role.ADMINISTER, tokens.create),
        Route("POST", "/tokens/{id}/revoke", Role.ADMINISTER, tokens.revoke),
    )


def _returned(suppressions: Suppressions, bounces: Bounces) -> tuple[Route, ...]:
    return (
        Route("GET", "/bounces", Role.VIEW, bounces.listed),
        Route("GET", "/suppressions", Role.VIEW, suppressions.listed),
        Route("POST", "/suppressions", Role.OPERATE, suppressions.add),
        Route("POST", "/suppressions/remove", Role.OPERATE, suppressions.remove),
    )
