"""Sender domains, for operators: the keys are made here, the private halves never leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated

import msgspec
from msgspec import Meta

from smtpeter.accounts import changes, published, signing_keys
from smtpeter.accounts.interface import NoSuchSenderDomain, SenderDomainExists
from smtpeter.accounts.model import Algorithm, SenderDomain, SigningKey
from smtpeter.accounts.published import Judgement, Unanswered, Verdict
from smtpeter.accounts.spf import Ask
from smtpeter.journal.columns import timestamp
from smtpeter.message.address import MAXIMUM_DOMAIN, AddressSyntax, ascii_domain
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.record import record
from smtpeter.web.api.route import Call, Given, given
from smtpeter.web.settings import origin

_PATIENCE = 6.0  # seconds for all questions about a domain
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
    kind: str


class ShownDomain(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sender domain, and the records that belong in the DNS."""

    name: str
    selectors: list[str]
    click_url: str
    open_url: str
    bounce_domain: str
    created: str
    records: list[Record] | None = None


class Judged(Record, frozen=True):
    """How a record stands: right, missing, wrong or unknown; why, and what was found in its place."""

    verdict: str
    reason: str
    found: list[str]


class Advice(msgspec.Struct, frozen=True):
    """A record as the product's `/dns` lists it."""

    name: str
    type: str
    value: str


class DkimKey(msgspec.Struct, frozen=True):
    """The public half of a key that signs."""

    selector: str
    algorithm: str
    public: str


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
        await record(self._neighbours, call, "made keys for the sender domain", name)
        return given(self._whole(made), 201)

    async def modify(self, call: Call[Hosts]) -> Given:
        changed = self._hosts(await self._found(call.path["name"]), call.body)
        try:
            await self._neighbours.accounts.replace_sender_domain(changed)
        except NoSuchSenderDomain:
            raise _no_such() from None
        await record(self._neighbours, call, changes.of_sender_domain(changed), changed.name)
        return given(self._whole(changed))

    async def delete(self, call: Call[None]) -> Given:
        name = _name(call.path["name"], 404)
        try:
            await self._neighbours.accounts.delete_sender_domain(name)
        except NoSuchSenderDomain:
            raise _no_such() from None
        await record(self._neighbours, call, "deleted the sender domain and its keys", name)
        return Given(b"", status=204)

    # -- the DNS -----------------------------------------------------------------------------------------

    async def check(self, call: Call[None]) -> Given:
        """Whether the DNS has the records, asked now."""
        return given([_judged(one) for one in await self._judgements(call)])

    async def recommended(self, call: Call[None]) -> Given:
        records = self._wanted(await self._found(call.path["name"]))
        return given([Advice(one.name, one.type, one.value) for one in records])

    async def status(self, call: Call[None]) -> Given:
        """Each kind of record is "ok" or "error"."""
        stands: dict[str, str] = {}
        for one in await self._judgements(call):
            right = one.verdict is Verdict.RIGHT and stands.get(one.record.kind.lower(), "ok") == "ok"
            stands[one.record.kind.lower()] = "ok" if right else "error"
        return given(stands)

    async def dkimkey(self, call: Call[None]) -> Given:
        """The key that every receiver knows: the RSA one."""
        domain = await self._found(call.path["name"])
        key = next((one for one in domain.keys if one.algorithm is Algorithm.RSA), None)
        if key is None:
            raise _no_such()
        return given(DkimKey(key.selector, "sha256", signing_keys.record(key).partition("p=")[2]))

    async def spf(self, call: Call[None]) -> Given:
        """The mechanisms that let this server send; none where a smarthost does."""
        sender = self._neighbours.sender
        await self._found(call.path["name"])
        return given([f"a:{sender}"] if sender else [])

    async def _judgements(self, call: Call[None]) -> list[Judgement]:
        records = self._wanted(await self._found(call.path["name"]))
        ask = in_time(self._neighbours.ask, self._neighbours.monotonic)
        found: list[Judgement] = await self._neighbours.asking(_judge, records, self._neighbours.sender, ask)
        return found

    def _wanted(self, domain: SenderDomain) -> list[published.Record]:
        return published.wanted(domain, self._neighbours.sender, self._neighbours.server)

    def _whole(self, domain: SenderDomain) -> ShownDomain:
        records = [
            Record(one.name, one.type, one.value, one.strings, one.kind) for one in self._wanted(domain)
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


def in_time(ask: Ask, monotonic: Callable[[], float]) -> Ask:
    """The same for as long as whoever waits has patience, from the first question on; then nothing is answered."""
    since: list[float] = []

    def asked(name: str, kind: str, /) -> Sequence[str]:
        since.append(monotonic())
        if since[-1] - since[0] > _PATIENCE:
            raise Unanswered("the name servers take too long")
        return ask(name, kind)

    return asked


def _judge(records: Sequence[published.Record], sender: str, ask: Ask) -> list[Judgement]:
    """Takes as long as the DNS does."""
    return [published.judge(record, sender, ask) for record in records]


def _judged(one: Judgement) -> Judged:
    record = one.record
    return Judged(
        record.name, record.type, record.value, record.strings,
        record.kind, one.verdict, one.reason, list(one.found),
    )  # fmt: skip


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
