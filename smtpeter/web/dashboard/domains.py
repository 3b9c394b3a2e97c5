"""Sender domains: whose mail is signed, what the DNS has to say about them, and whether it does, asked while one looks."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from smtpeter.web.api import domains as api
from smtpeter.web.api.reading import convert
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard.acting import act
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages, elsewhere
from smtpeter.web.dashboard.route import Asked, Form

# What each record is for, in a sentence, by published.Kind.
PURPOSES = {
    "DKIM": ("Signature key (DKIM)", "Receivers check the signatures with it."),
    "SPF": ("Permission to send (SPF)", "Receivers see that this server may send for the domain. Has the domain such a record already, put the a: part into that one."),
    "DMARC": ("Policy (DMARC)", "What receivers do with mail that proves to be from somebody else. p=none watches only; go on to quarantine and reject when all is right."),
    "click": ("Links", "The host where the links of its mail lead."),
    "open": ("Images", "The host where the images of its mail lead."),
    "bounce": ("Return paths", "The host where what comes back to its mail goes."),
}  # fmt: skip


class Domains:
    """The pages about sender domains."""

    def __init__(self, neighbours: Neighbours, pages: Pages) -> None:
        self._calls = api.Domains(neighbours.api)
        self._tracks = neighbours.api.tracks
        self._pages = pages

    async def listed(self, asked: Asked) -> Given:
        domains = await act(asked, self._calls.listed)
        return self._pages.page("domains.html", asked, domains=domains, tracks=self._tracks)

    async def create(self, asked: Asked) -> Given:
        named = {name: asked.form.one(name) for name in ("name", "selector") if asked.form.one(name)}
        made = await act(asked, self._calls.create, convert(_hosts(asked.form) | named, api.NewDomain))
        return elsewhere(path_of(made))

    async def show(self, asked: Asked) -> Given:
        """With `?check` the DNS is asked first: for browsers that run no script."""
        domain = await act(asked, self._calls.show)
        records, judged = domain["records"], bool(asked.query.all("check"))
        if judged:
            records = await act(asked, self._calls.check)
        return self._pages.page(
            "domain.html", asked, domain=domain, records=records, judged=judged, purposes=PURPOSES,
            path=path_of(domain), tracks=self._tracks,
        )  # fmt: skip

    async def records(self, asked: Asked) -> Given:
        """The part of the page that lives."""
        records = await act(asked, self._calls.check)
        text = self._pages.text("records.html", asked, records=records, judged=True, purposes=PURPOSES)
        return Given(text.encode(), "text/html; charset=utf-8")

    async def change(self, asked: Asked) -> Given:
        changed = await act(asked, self._calls.modify, convert(_hosts(asked.form), api.Hosts))
        return elsewhere(path_of(changed))

    async def delete(self, asked: Asked) -> Given:
        await act(asked, self._calls.delete)
        return elsewhere("/domains")


def path_of(domain: dict[str, Any]) -> str:
    """Where its page is."""
    return f"/domains/{quote(domain['name'], safe='')}"


def _hosts(form: Form) -> dict[str, Any]:
    """Its own hosts; a field that is empty takes them away, one that is not in the form leaves them."""
    return {name: form.one(name) for name in ("click_url", "open_url", "bounce_domain") if form.all(name)}
