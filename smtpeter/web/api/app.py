"""The API behind its door: a request is judged, read, made and answered, in this order, and every mistake has its answer.

Nothing is believed of a request over plain HTTP unless it comes from this machine, or from a trusted proxy that says it
was asked over https.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec
from twisted.logger import Logger

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.journal.interface import JournalUnavailable
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.web.api import caller, reading
from smtpeter.web.api.calls import calls
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.openapi import document, page
from smtpeter.web.api.problem import Problem, trouble
from smtpeter.web.api.route import Call, Given, Route
from smtpeter.web.visit import Proxies, Visit

PREFIX = "/v1"
_UNAVAILABLE = (SpoolUnavailable, JournalUnavailable, AccountsUnavailable)
_PAGE_POLICY = (
    (b"Content-Security-Policy", b"default-src 'none'; style-src 'unsafe-inline'"),
    (b"X-Content-Type-Options", b"nosniff"),
)
_FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "forwarded")


class Api:
    """`rate`: requests a second that one token may make, at several processes if it `is_shared`.

    `maximum_size`: octets of a message.
    """

    _log = Logger()

    def __init__(
        self,
        neighbours: Neighbours,
        proxies: Proxies,
        public_url: str,
        *,
        rate: float,
        maximum_size: int,
        is_shared: bool = False,
    ) -> None:
        self._routes = calls(neighbours, maximum_size)
        self._callers = caller.Callers(neighbours, rate, is_shared=is_shared)
        self._proxies = proxies
        described = document(self._routes.all, f"{public_url}{PREFIX}")
        self._open = {
            "/openapi.json": Given(msgspec.json.encode(described)),
            "/docs": Given(page(described).encode(), "text/html; charset=utf-8", 200, _PAGE_POLICY),
        }

    async def answer(self, visit: Visit, body: bytes, *, secure: bool) -> Given:
        """The answer to any request; never raises."""
        try:
            return await self._answer(visit, body, secure=secure)
        except Problem as problem:
            return _told(problem)
        except _UNAVAILABLE as unavailable:
            self._log.warn("the API could not do it: {cause}", cause=str(unavailable))
            return _told(trouble())
        except Exception:  # noqa: BLE001 - a fault of ours, whatever it is, is answered and logged
            self._log.failure("a request was not answered")
            return _told(Problem(500, "Something went wrong here"))

    async def _answer(self, visit: Visit, body: bytes, *, secure: bool) -> Given:
        judge_transport(self._proxies, visit, secure=secure)
        target = visit.target.decode("latin-1")
        path, _, query = target.partition("?")
        if not path.startswith(f"{PREFIX}/"):
            raise Problem(404, f"there is nothing here; the API is under {PREFIX}/")
        path = path.removeprefix(PREFIX)
        method = visit.method.decode("latin-1")
        sought = "GET" if method == "HEAD" else method
        opened = self._open.get(path)
        if opened is not None:
            if sought != "GET":
                raise Problem(405, "expected GET", headers=((b"Allow", b"GET"),))
            return opened
        route, places = self._routes.match(sought, path)
        return await self._call(route, places, visit, query, body)

    async def _call(
        self, route: Route, places: dict[str, str], visit: Visit, query: str, body: bytes
    ) -> Given:
        headers = {name.lower(): value for name, value in visit.headers}
        presented, query = caller.presented(headers, query)
        client = self._proxies.client(visit)
        token = await self._callers.token(presented, client)
        if route.scope is not None:
            caller.judge(token, route.scope)
        path = visit.target.decode("latin-1").partition("?")[0]
        call: Call[Any] = Call(
            token=token,
            query=reading.query(query, route.query),
            body=self._read(route, headers, body),
            path=places,
            client=client,
            target=f"{path}?{query}" if query else path,
            headers=headers,
            octets=body,
        )
        return await route.handler(call)

    def _read(self, route: Route, headers: dict[str, str], body: bytes) -> Any:
        if route.takes is None:
            return None
        return reading.body(route, headers.get("content-type", ""), body)


def judge_transport(proxies: Proxies, visit: Visit, *, secure: bool) -> None:
    """Raises Problem 400 for what others could have read on its way."""
    if secure or proxies.scheme(visit) == "https":
        return
    forwarded = any(visit.values(name) for name in _FORWARDED)
    if forwarded or not _is_loopback(visit.peer):
        raise Problem(400, "This is spoken over https only")


def _is_loopback(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer == ""  # a UNIX socket is of this machine
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _told(problem: Problem) -> Given:
    return Given(msgspec.json.encode(problem.answered), status=problem.status, headers=problem.headers)
