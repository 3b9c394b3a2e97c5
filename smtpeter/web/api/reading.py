"""A request's body and query as typed values; what does not fit raises Problem 400, which names the field."""

from __future__ import annotations

import re
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Route

T = TypeVar("T")

_AT = re.compile(r" - at `(?:key in )?\$(.*)`$")
_NAMED = re.compile(r"Object (?:contains unknown|missing required) field `(.*)`")
_KEY = re.compile(r"\[([^\[\]]{0,100})\]")
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 2000
_MOST_VALUES = (
    100_000  # in JSON: each takes a hundred times the memory of the two octets that it may be written in
)
_DEEPEST = 5


def _number(text: str) -> int | float:
    """A number with a point or an exponent; 60.0 is an integer, as JSON Schema has it."""
    value = float(text)
    return int(value) if value.is_integer() else value


_DECODER = msgspec.json.Decoder(float_hook=_number)


def body(route: Route, content_type: str, octets: bytes) -> Any:
    """The body as the route's type."""
    assert route.takes is not None
    kind = content_type.partition(";")[0].strip().lower()
    form = kind == _FORM and route.forms
    if not form and kind not in {"application/json", ""}:
        expected = "application/json" + (f" or {_FORM}" if route.forms else "")
        raise Problem(415, f"expected {expected}", "Content-Type")
    value = _form(octets) if form else _json(octets)
    if route.canonical is not None and isinstance(value, dict):
        value = route.canonical(value)
    return convert(value, route.takes, strict=not form)


def _json(octets: bytes) -> Any:
    if _values(octets) > _MOST_VALUES:
        raise Problem(413, f"more than {_MOST_VALUES} values")
    try:
        return _DECODER.decode(octets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"no JSON: {error}") from None


def _values(octets: bytes) -> int:
    """How many values the JSON has at most: no fewer than there are."""
    most = _beginnings(octets)
    if most <= _MOST_VALUES:
        return most
    unescaped = octets.replace(rb"\\", b"").replace(rb"\"", b"")
    quotes = unescaped.count(b'"')
    if quotes > 2 * _MOST_VALUES:
        return quotes // 2
    return sum(map(_beginnings, unescaped.split(b'"')[::2]))  # what stands in strings is none


def _beginnings(octets: bytes) -> int:
    return 1 + sum(map(octets.count, (b",", b"[", b"{", b":")))


def convert(value: Any, kind: type[T], *, strict: bool = True) -> T:
    """The value as this type."""
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise _in_our_words(str(error)) from None


def _in_our_words(problem: str) -> Problem:
    at = _AT.search(problem)
    where = at[1].lstrip(".") if at else ""
    what = problem[: at.start()] if at else problem
    named = _NAMED.fullmatch(what)
    if named is None:
        return Problem(400, f"{what[:1].lower()}{what[1:]}".replace("`", ""), where)
    words = "there is no such field" if "unknown" in what else "missing"
    return Problem(400, words, ".".join(filter(None, (where, named[1]))))


def query(text: str, kind: type[T]) -> T:
    """The parameters behind the question mark; a name given twice counts as a mistake."""
    pairs = _pairs(text)
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise Problem(400, "given twice", name)
        values[name] = value
    return convert(values, kind, strict=False)


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS, encoding="utf-8"
        )
    except ValueError as error:
        raise Problem(400, f"the parameters cannot be read: {error}") from None


def _form(octets: bytes) -> dict[str, Any]:
    """`a=1&b[]=2&c[d]=3` as PHP and others write it, nested."""
    try:
        text = octets.decode("ascii")
    except UnicodeDecodeError:
        raise Problem(400, "a form has ASCII and percent signs only") from None
    root: dict[str, Any] = {}
    for name, value in _pairs(text):
        first, bracket, rest = name.partition("[")
        keys = [first, *_KEY.findall(bracket + rest)]
        if len(keys) > _DEEPEST or bracket + rest != "".join(f"[{key}]" for key in keys[1:]):
            raise Problem(400, "brackets that do not fit", name[:100])
        _put(root, keys, value, name)
    return {key: _arrays(value) for key, value in root.items()}


def _put(root: dict[str, Any], keys: list[str], value: Any, name: str) -> None:
    place = root
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        key = key or str(len(place))  # noqa: PLW2901 - `b[]` is the next of an array
        if following is None:
            if key in place:
                raise Problem(400, "given twice", name[:100])
            place[key] = value
        else:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise Problem(400, "given as a value and as an object", name[:100])


def _arrays(value: Any) -> Any:
    """Objects whose keys are 0, 1, 2 … as arrays."""
    if not isinstance(value, dict):
        return value
    values = {key: _arrays(one) for key, one in value.items()}
    if list(values) == [str(number) for number in range(len(values))]:
        return list(values.values())
    return values
