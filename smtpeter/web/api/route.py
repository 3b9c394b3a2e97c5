"""A call of the API as a value: its path, what it takes and gives, and who may make it.

The table of these is all there is: requests are matched and read by it, and the OpenAPI document is made of it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import unquote

import msgspec

from smtpeter.accounts.changes import caller
from smtpeter.accounts.tokens import AccessToken, Scope
from smtpeter.web.api.problem import Problem

_PLACE = re.compile(r"\{(\w+)(\*?)\}")  # with the star: all that follows
JSON = "application/json"

_B = TypeVar("_B")


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call without parameters."""


class Given(NamedTuple):
    """An answer: `body` whole, or in portions that are written as fast as the reader takes them."""

    body: bytes | AsyncIterator[bytes]
    content_type: str = JSON
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Call(Generic[_B]):
    """A request that was read and may be made."""

    token: AccessToken
    body: _B
    path: dict[str, str]
    query: Any
    client: str  # IP address
    target: str  # the path and query as they came, without the token
    headers: dict[str, str]  # names in lower case
    octets: bytes = b""  # the body as it came
    operator: str = ""  # for whom the dashboard makes it

    @property
    def by(self) -> str:
        """Who makes it, as it is written down."""
        return self.operator or caller(self.token)

    @property
    def login(self) -> str | None:
        """Whose mail it may see; None: everybody's."""
        return self.token.login or None


Handler = Callable[[Call[Any]], Awaitable[Given]]


@dataclass(frozen=True, slots=True)
class Route:
    """`scope` None: anybody may. `gives`: a type, or a media type that is no JSON."""

    method: str
    path: str
    scope: Scope | None
    summary: str
    handler: Handler
    takes: type | None = None
    gives: Any = None
    query: type[msgspec.Struct] = NoQuery
    status: int = 200
    tag: str = "messages"
    forms: bool = False  # may the body be form-encoded
    canonical: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    headers: tuple[tuple[str, str], ...] = ()  # request header fields that matter: name, description
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        expression = _PLACE.sub(lambda one: f"(?P<{one[1]}>{'.+' if one[2] else '[^/]+'})", self.path)
        object.__setattr__(self, "pattern", re.compile(expression))

    @property
    def places(self) -> tuple[str, ...]:
        """The parameters in the path."""
        return tuple(name for name, _ in _PLACE.findall(self.path))


class Routes:
    """The table."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self.all = routes
        self._fixed: dict[str, list[Route]] = {}
        self._others = [route for route in routes if route.places]
        for route in routes:
            if not route.places:
                self._fixed.setdefault(route.path, []).append(route)

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and what stands in its places, unquoted; raises Problem 404 or 405."""
        found: list[tuple[Route, dict[str, str]]] = [(route, {}) for route in self._fixed.get(path, ())]
        found += [
            (route, {name: unquote(text) for name, text in match.groupdict().items()})
            for route in (self._others if not found else ())
            if (match := route.pattern.fullmatch(path))
        ]
        if not found:
            raise Problem(404, "there is no such call")
        for route, places in found:
            if route.method == method:
                return route, places
        allowed = ", ".join(sorted({route.method for route, _ in found}))
        raise Problem(405, f"expected {allowed}", headers=((b"Allow", allowed.encode()),))


def given(value: Any, status: int = 200, *headers: tuple[bytes, bytes]) -> Given:
    """The value as JSON."""
    return Given(msgspec.json.encode(value), JSON, status, headers)


def plain(text: str) -> Given:
    """Text as it is."""
    return Given(text.encode("utf-8", "replace"), "text/plain; charset=utf-8")
