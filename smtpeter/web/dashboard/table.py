"""All pages and all that forms do, with the role that each needs."""

from __future__ import annotations

from smtpeter.accounts.operators import Role
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.logins import Logins
from smtpeter.web.dashboard.messages import Messages
from smtpeter.web.dashboard.overview import Overview
from smtpeter.web.dashboard.pages import Pages
from smtpeter.web.dashboard.queue import Queue
from smtpeter.web.dashboard.record import Record, Recording
from smtpeter.web.dashboard.route import Route, Routes
from smtpeter.web.dashboard.sites import Counting


def table(neighbours: Neighbours, pages: Pages) -> Routes:
    """The table of a server's dashboard."""
    recording = Recording(neighbours)
    logins = Logins(neighbours, pages, recording)
    messages = Messages(neighbours, pages, recording)
    record = Record(neighbours, pages)
    counting = Counting(neighbours.sites, neighbours.api.clock, neighbours.api.monotonic)
    overview = Overview(neighbours, pages, counting)
    queue = Queue(neighbours, pages, recording, counting)
    one, mail = "/logins/{username}", "/messages/{id}"
    return Routes(
        (
            Route("GET", "/", Role.VIEW, overview.show),
            *queue.routes(),
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
            Route("POST", f"{one}/enabled", Role.ADMINISTER, logins.enable),
            Route("POST", f"{one}/delete", Role.ADMINISTER, logins.delete),
            Route("POST", f"{one}/test", Role.OPERATE, logins.test),
            Route("GET", "/operators", Role.ADMINISTER, record.operators),
            Route("GET", "/changes", Role.ADMINISTER, record.changes),
        )
    )
