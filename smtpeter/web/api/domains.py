"""Sender domains, for operators: the keys are made here, the private halves never leave."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
from msgspec import Meta

from smtpeter.accounts import published, signing_keys
from smtpeter.accounts.interface import NoSuchSenderDomain, SenderDomainExists
from smtpeter.accounts.model import Algorithm, SenderDomain, SigningKey
from smtpeter.journal.columns import timestamp
from smtpeter.message.address import MAXIMUM_DOMAIN, AddressSyntax, ascii_domain
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Call, Given, given
from smtpeter.web.settings import origin

Url = Annotated[str, Meta(max_length=300)]


class Hosts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where its links, images and return paths lead in place of the server's hosts; "" for none, null as it is."""

    click_url: Url | None = None
    open_url: Url | None = None
    bounce_domain: Annotated[str, Meta(max_length=255)] | None = None


class NewDomain(Hosts, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
    click_url: str
    open_url: str
    bounce_domain: str
    created: str
    records: list[Record] | None = None


class Domains:
    """The calls about sender domains."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    async def listed(self, call: Call[None]) -> Given:  # noqa: ARG002
        found = await self._neighbours.accounts.sender_domains()
        return given([_shown(one) for one in found])

    async def show(self, call: Call[None]) -> Given:
        return given(self._whole(await self._found(call.path["name"])))

    async def create(self, call: Call[NewDomain]) -> Given:
        name, selector = _name(call.body.name, 422), call.body.selector
        if len(f"{selector}-{Algorithm.ED25519}._domainkey.{name}") > MAXIMUM_DOMAIN - 2:
            raise Problem(422, "too long a name for its records", "name")
        now = self._neighbours.clock()
        hosts = self._hosts(SenderDomain(name, (), now), call.body)
        made = replace(hosts, keys=await self._neighbours.aside(_keys, selector, now))
        try:
            await self._neighbours.accounts.create_sender_domain(made)
        except SenderDomainExists:
            raise Problem(409, "this sender domain exists already", "name") from None
        return given(self._whole(made), 201)

    async def modify(self, call: Call[Hosts]) -> Given:
        changed = self._hosts(await self._found(call.path["name"]), call.body)
        try:
            await self._neighbours.accounts.replace_sender_domain(changed)
        except NoSuchSenderDomain:
            raise _no_such() from None
        return given(self._whole(changed))

    async def delete(self, call: Call[None]) -> Given:
        try:
            await self._neighbours.accounts.delete_sender_domain(_name(call.path["name"], 404))
        except NoSuchSenderDomain:
            raise _no_such() from None
        return Given(b"", status=204)

    def _whole(self, domain: SenderDomain) -> ShownDomain:
        records = [
            Record(one.name, one.type, one.value, list(one.strings))
            for one in published.wanted(domain, self._neighbours.sender, self._neighbours.server)
        ]
        return _shown(domain, records)

    async def _found(self, text: str) -> SenderDomain:
        name = _name(text, 404)
        for one in await self._neighbours.accounts.sender_domains():
            if one.name == name:
                return one
        raise _no_such()

    def _hosts(self, domain: SenderDomain, asked: Hosts) -> SenderDomain:
        """The domain with these hosts."""
        host = asked.bounce_domain
        return replace(
            domain,
            click_url=domain.click_url
            if asked.click_url is None
            else self._url("click_url", asked.click_url),
            open_url=domain.open_url if asked.open_url is None else self._url("open_url", asked.open_url),
            bounce_host=domain.bounce_host if host is None else host and _name(host, 422, "bounce_domain"),
        )

    def _url(self, field: str, url: str) -> str:
        if url and not self._neighbours.tracks:
            raise Problem(422, "there is no listener in [tracking] that would answer there", field)
        try:
            return origin(field, url)
        except ValueError:
            raise Problem(422, "expected https://host or http://host:port, without a path", field) from None


def _keys(selector: str, now: float) -> tuple[SigningKey, ...]:
    """Making an RSA key takes a while."""
    return tuple(signing_keys.make(f"{selector}-{one}", one, now) for one in sorted(Algorithm))


def _shown(domain: SenderDomain, records: list[Record] | None = None) -> ShownDomain:
    return ShownDomain(
        domain.name,
        [key.selector for key in domain.keys],
        domain.click_url,
        domain.open_url,
        domain.bounce_host,
        timestamp(domain.created_at),
        records,
    )


def _no_such() -> Problem:
    return Problem(404, "there is no such sender domain", "name")


def _name(text: str, status: int, field: str = "name") -> str:
    try:
        name = ascii_domain(text.removesuffix("."))
    except AddressSyntax as error:
        raise Problem(status, str(error), field) from None
    if "." not in name or name.startswith("["):
        raise Problem(status, "expected a domain name such as example.com", field)
    return name
