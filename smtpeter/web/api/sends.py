"""/send, /resend and /explain: a request becomes a message, which walks the road that submitted mail walks.

What is answered with 200 is safely kept. With an Idempotency-Key the same request may come again, for a day: it gets the
same answer, and there is one message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import msgspec

from smtpeter.message.address import Address
from smtpeter.message.envelope import Recipient
from smtpeter.message.identifier import DeliveryId, MessageId, show
from smtpeter.message.options import Switches
from smtpeter.message.status import Refusal
from smtpeter.session.interface import Client
from smtpeter.spool.model import Delivery, Message, QueueFilter
from smtpeter.spool.repeats import Repeat
from smtpeter.web.api.compose import compose
from smtpeter.web.api.fields import identified
from smtpeter.web.api.files import Files
from smtpeter.web.api.interface import Neighbours, Submission
from smtpeter.web.api.problem import Problem, of_refusal
from smtpeter.web.api.route import Call, Given, given
from smtpeter.web.api.shapes import Explanation, Resend, Send
from smtpeter.web.api.wanted import Wanted, wanted

_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
_LARGE = 100_000  # characters of a request: making its message takes milliseconds
_LINE_END = re.compile(rb"\r\n|\r|\n")
_REPLAYED = (b"Idempotent-Replayed", b"true")


class Sends:
    """`maximum_size` in octets, of one message."""

    def __init__(self, neighbours: Neighbours, maximum_size: int) -> None:
        self._neighbours = neighbours
        self._files = Files(neighbours.fetch, neighbours.aside, maximum_size)
        self._under_way: set[bytes] = set()

    async def send(self, call: Call[Send]) -> Given:
        asked = wanted(call.body, self._neighbours.clock())
        for number, recipient in enumerate(asked.recipients):
            self._judge(recipient, f"recipients[{number}]")
        with self._once(call) as key:
            kept = await self._first(call, key)
            if isinstance(kept, Given):
                return kept
            content = await self._content(call.body, show(kept))
            if call.body.mime is None and not content.partition(b"\r\n\r\n")[0].isascii():
                asked = replace(asked, smtputf8=True)  # an address that has no other form
            return await self._submit(call, asked, content, kept)

    async def resend(self, call: Call[Resend]) -> Given:
        with self._once(call) as key:
            kept = await self._first(call, key)
            if isinstance(kept, Given):
                return kept
            message, delivery = await self._earlier(call)
            return await self._submit(call, again(message, delivery), message.content, kept)

    async def explain(self, call: Call[Send]) -> Given:
        asked = wanted(call.body, self._neighbours.clock(), needs_recipients=False)
        content = await self._content(call.body, show(self._neighbours.identifiers.message()))
        told = await self._neighbours.explain(call.token.login, content, asked.switches)
        if told is None:
            raise Problem(404, "this token's login is no more")
        report: dict[str, object] = msgspec.to_builtins(told.report)
        return given(Explanation(list(told.switches), report, told.diff))

    # -- a request that may come twice -------------------------------------------------------------------

    @contextmanager
    def _once(self, call: Call[Any]) -> Iterator[bytes | None]:
        """One request a key at a time; gives what the key is kept as, None when the request has none."""
        key = call.headers.get("idempotency-key")
        if key is None:
            yield None
            return
        if _KEY.fullmatch(key) is None:
            raise Problem(400, "expected 1 to 255 printable characters", "Idempotency-Key")
        kept = _digest(call.token.login.encode(), key.encode())
        if kept in self._under_way:
            raise Problem(409, "a request with this key is being worked on", "Idempotency-Key", retry_after=1)
        self._under_way.add(kept)
        try:
            yield kept
        finally:
            self._under_way.discard(kept)

    async def _first(self, call: Call[Any], key: bytes | None) -> MessageId | Given:
        """The identifier that the message shall have; the answer, when it was accepted before."""
        identifier = self._neighbours.identifiers.message()
        if key is None:
            return identifier
        fingerprint = _digest(call.target.encode(), call.octets)
        asked = Repeat(key, fingerprint, identifier, self._neighbours.clock())
        kept = await self._neighbours.repeats.first(asked)
        if kept.fingerprint != fingerprint:
            raise Problem(422, "this key came with another request before", "Idempotency-Key")
        message = await self._neighbours.spool.outline(kept.message)
        if message is None:
            return kept.message
        every = QueueFilter(states=None, message=message.id)
        deliveries = await self._neighbours.spool.deliveries(every, len(message.envelope.recipients))
        return given(_answer(deliveries), 200, _REPLAYED)

    # -- on its way --------------------------------------------------------------------------------------

    def _judge(self, recipient: Recipient, field: str) -> None:
        try:
            self._neighbours.submission.judge_recipient(recipient.address)
        except Refusal as refused:
            raise of_refusal(refused, field) from refused

    async def _content(self, send: Send, mark: str) -> bytes:
        if send.mime is not None:
            octets = send.mime.encode("utf-8", "replace")
            if len(octets) < _LARGE:
                return _lines(octets)
            lines: bytes = await self._neighbours.aside(_lines, octets)
            return lines
        files = await self._files.read(send.attachments)
        size = len(send.text or "") + len(send.html or "") + sum(len(one.octets) for one in files)
        if size < _LARGE:
            return compose(send, files, mark)
        content: bytes = await self._neighbours.aside(compose, send, files, mark)
        return content

    async def _submit(self, call: Call[Any], asked: Wanted, content: bytes, message: MessageId) -> Given:
        submission = self._neighbours.submission
        return given(
            _answer(await submit(submission, call.token.login, call.client, asked, content, message))
        )

    async def _earlier(self, call: Call[Resend]) -> tuple[Message, Delivery]:
        spool = self._neighbours.spool
        delivery = await spool.delivery(DeliveryId(identified(call.body.message, "message")))
        message = None if delivery is None else await spool.message(delivery.message)
        outline = message or (None if delivery is None else await spool.outline(delivery.message))
        if delivery is None or outline is None or call.login not in {None, outline.login}:
            raise Problem(404, "there is no such message", "message")
        if message is None:
            raise Problem(410, "the content of this message is no longer kept", "message")
        return message, delivery


async def submit(
    submission: Submission, login: str, client: str, asked: Wanted, content: bytes, message: MessageId
) -> tuple[Delivery, ...]:
    """Keep what `login` asks from the address `client`, as `message`; raises Problem."""
    come = Client("", client, extended=True, tls="", authenticated=True, protocol="HTTP")
    try:
        kept = await submission.submit(
            login,
            come,
            asked.return_path,
            asked.recipients,
            content,
            ret=asked.ret,
            envid=asked.envid,
            smtputf8=asked.smtputf8,
            switches=asked.switches,
            tags=asked.tags,
            give_up_at=asked.give_up_at,
            message=message,
        )
    except Refusal as refused:
        raise of_refusal(refused) from refused
    return kept.deliveries


def again(message: Message, delivery: Delivery) -> Wanted:
    """The same message, to the same recipient."""
    return Wanted(
        recipients=(delivery.recipient,),
        return_path=message.envelope.return_path,
        ret=message.envelope.ret,
        envid=message.envelope.envid,
        switches={name: getattr(message.switches, name) for name in Switches.names()},
        tags=message.tags,
        smtputf8=message.envelope.smtputf8,
    )


def _answer(deliveries: tuple[Delivery, ...]) -> dict[str, str]:
    ordered = sorted(deliveries, key=lambda delivery: delivery.id)
    return {show(delivery.id): _address(delivery.recipient.address) for delivery in ordered}


def _address(address: Address) -> str:
    return str(address)


def _digest(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=24)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _lines(octets: bytes) -> bytes:
    """JSON has its lines as it likes; a content has CRLF."""
    return _LINE_END.sub(b"\r\n", octets)
