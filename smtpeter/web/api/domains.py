"""Sender domains, for operators: the keys are made here, the private halves never leave."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from smtpeter.accounts import published, signing_keys
from smtpeter.accounts.interface import NoSuchSenderDomain, SenderDomainExists
from smtpeter.accounts.model import Algorithm, SenderDomain
from smtpeter.journal.columns import timestamp
from smtpeter.message.address import MAXIMUM_DOMAIN, AddressSyntax, ascii_domain
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Call, Given, given


class NewDomain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A domain whose mail shall be signed; `selector` is what the selectors of its keys begin with."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    selector: Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,52}[a-z0-9])?$")] = "smtpeter"


class Record(msgspec.Struct, frozen=True):
    """A record to publish in the DNS."""

    name: str
    type: str
    value: str
    strings: list[str]


class ShownDomain(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sender domain, and the records that belong in the DNS."""

    name: str
    selectors: list[str]
    created: str
    records: list[Record] | None = None


class Domains:
    """The calls about sender domains."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    async def listed(self, call: Call[None]) -> Given:  # noqa: ARG002
        found = await self._neighbours.accounts.sender_domains()
        return given([ShownDomain(one.name, _selectors(one), timestamp(one.created_at)) for one in found])

    async def show(self, call: Call[None]) -> Given:
        name = _name(call.path["name"], 404)
        for one in await self._neighbours.accounts.sender_domains():
            if one.name == name:
                return given(self._whole(one))
        raise _no_such()

    async def create(self, call: Call[NewDomain]) -> Given:
        name, selector = _name(call.body.name, 422), call.body.selector
        if len(f"{selector}-{Algorithm.ED25519}._domainkey.{name}") > MAXIMUM_DOMAIN - 2:
            raise Problem(422, "too long a name for its records", "name")
        now = self._neighbours.clock()
        made: SenderDomain = await self._neighbours.aside(_made, name, selector, now)
        try:
            await self._neighbours.accounts.create_sender_domain(made)
        except SenderDomainExists:
            raise Problem(409, "this sender domain exists already", "name") from None
        return given(self._whole(made), 201)

    async def delete(self, call: Call[None]) -> Given:
        try:
            await self._neighbours.accounts.delete_sender_domain(_name(call.path["name"], 404))
        except NoSuchSenderDomain:
            raise _no_such() from None
        return Given(b"", status=204)

    def _whole(self, domain: SenderDomain) -> ShownDomain:
        records = [
            Record(one.name, "TXT", one.value, list(one.strings))
            for one in published.wanted(domain, self._neighbours.sender)
        ]
        return ShownDomain(domain.name, _selectors(domain), timestamp(domain.created_at), records)


def _made(name: str, selector: str, now: float) -> SenderDomain:
    """Making an RSA key takes a while."""
    keys = [signing_keys.make(f"{selector}-{algorithm}", algorithm, now) for algorithm in sorted(Algorithm)]
    return SenderDomain(name, tuple(keys), now)


def _selectors(domain: SenderDomain) -> list[str]:
    return [key.selector for key in domain.keys]


def _no_such() -> Problem:
    return Problem(404, "there is no such sender domain", "name")


def _name(text: str, status: int) -> str:
    try:
        name = ascii_domain(text.removesuffix("."))
    except AddressSyntax as error:
        raise Problem(status, str(error), "name") from None
    if "." not in name or name.startswith("["):
        raise Problem(status, "expected a domain name such as example.com", "name")
    return name
