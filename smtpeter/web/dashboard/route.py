"""A page, or a form's target, as a value: its path, the role it needs, who answers. The table is all there is."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from smtpeter.accounts.operators import Operator, Role
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Given

_PLACE = re.compile(r"\{(\w+)\}")
_MOST_FIELDS = 200
_MOST_DIGITS = 18  # what a column of the store holds


def number(text: str) -> int | None:
    """In decimal; None when it is none, or larger than any of ours."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


class Form:
    """The fields of a form, or of a query; several may have one name."""

    def __init__(self, text: str = "") -> None:
        """Raises Problem 400."""
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise Problem(400, "This form cannot be read.") from None
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def one(self, name: str) -> str:
        """The last of that name without the blanks around it; "" when there is none."""
        return self._values.get(name, [""])[-1].strip()

    def place(self) -> int | None:
        """Where in a list to go on, None for its beginning; raises Problem 400."""
        text = self.one("before")
        if text and number(text) is None:
            raise Problem(400, "This place in the list does not exist.")
        return number(text)

    @classmethod
    def of_body(cls, octets: bytes) -> Form:
        """Raises Problem 400."""
        try:
            return cls(octets.decode("ascii"))
        except UnicodeDecodeError:
            raise Problem(400, "This form cannot be read.") from None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of an operator who may make it; `form_token` is what his forms carry."""

    operator: Operator
    form_token: str
    path: dict[str, str]
    query: Form
    form: Form
    client: str
    is_saved: bool = False  # what was asked just before is done


Handler = Callable[[Asked], Awaitable[Given]]


@dataclass(frozen=True, slots=True)
class Route:
    """What answers a method and a path, for operators who have at least this role."""

    method: str
    path: str
    role: Role
    handler: Handler
    is_question: bool = False  # a page that says what its form will do to what the query names
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(_PLACE.sub(r"(?P<\1>[^/]+)", self.path)))


class Routes:
    """The table."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self.all = routes

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and what stands in its places; raises Problem 404 or 405."""
        found = [(route, match) for route in self.all if (match := route.pattern.fullmatch(path))]
        if not found:
            raise Problem(404, "There is no such page.")
        for route, match in found:
            if route.method == method:
                return route, {name: unquote(text) for name, text in match.groupdict().items()}
        allowed = ", ".join(sorted({route.method for route, _ in found}))
        raise Problem(
            405, "This page cannot be asked for like that.", headers=((b"Allow", allowed.encode()),)
        )

    def back(self, path: str, role: Role) -> str:
        """The nearest page at or above the path that the role may see; "" when there is none.

        One that asks before it does what its query says is none: without that query it would speak of everything.
        """
        while path:
            for route in self.all:
                shows = route.method == "GET" and not route.is_question and role.may(route.role)
                if shows and route.pattern.fullmatch(path):
                    return path
            path = path.rpartition("/")[0]
        return ""
