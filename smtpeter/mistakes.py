"""All that is wrong with a configuration, told at once: its tables are gone through by the settings' types.

What is wrong is told with its key and left out, so that what remains can be judged further. What would only follow
from it is not told: it goes away with the mistake, or is told the next time.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import Enum
from typing import Any, get_args, get_origin

import msgspec

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_OWN = re.compile(r"([a-z_]+)(?:\[\d+\])?: (.*)", re.DOTALL)
_NO_MEMBER = re.compile(r"Invalid enum value '(.*)'", re.DOTALL)
_AT = re.compile(r" - at `\$(.*)`$")
_STAND_IN = "localhost"  # for a text that must be there: a host name, and a directory, as good as any


class Misconfigured(Exception):
    """The configuration cannot be used; each of `problems` is one line for the sysadmin."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Problems:
    """What is wrong, a line each, which begins with the key; `file` stands before it."""

    def __init__(self) -> None:
        self.file = ""
        self._lines: dict[str, None] = {}  # a mistake that is found again is one
        self._keys: set[str] = set()  # of what was left out

    def __iter__(self) -> Iterator[str]:
        return (f"{self.file}{line}" for line in self._lines)

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, key: str, what: str) -> None:
        """Something is wrong with the value of a key, which is left out."""
        self._lines[f"{key}: {what}" if key else what] = None
        self.leave_out(key)

    def leave_out(self, key: str) -> None:
        """A key is not as the file has it any more."""
        self._keys.add(key.partition("[")[0])

    def follow(self, line: str) -> None:
        """Something is wrong with what remains; not told if it speaks of a key that was left out."""
        if not any(re.search(rf"(?<![\w.]){re.escape(key)}(?!\w)", line) for key in self._keys):
            self._lines[line] = None


class Table:
    """Goes through tables. `duration` reads one, given its key: seconds; raises Misconfigured."""

    def __init__(self, problems: Problems, duration: Callable[[Any, str], float]) -> None:
        self._problems = problems
        self._duration = duration

    def read(self, table: Mapping[str, Any], kind: type[msgspec.Struct], key: str) -> dict[str, Any]:
        """What is right in it: it can be converted to `kind`."""
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        right: dict[str, Any] = {}
        for name, value in table.items():
            if name not in fields:
                self._problems.add(_below(key, name), "no such key")
            elif (kept := self._value(value, fields[name].type, _below(key, name))) is not None:
                right[name] = kept
        for name, field in fields.items():
            if field.required and name not in table:
                self._problems.add(_below(key, name), "missing, and there is no default")
        _fill(right, kind)
        before: dict[str, Any] = {}
        while (problem := _refused(right, kind)) is not None and right != before:
            before = dict(right)
            self._tell(right, problem, key, gone=table.keys() - right.keys())
            _fill(right, kind)
        return right

    def _value(self, value: Any, kind: Any, key: str) -> Any:
        """What is right in it, None when nothing is."""
        kinds = get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
        if isinstance(value, Mapping):
            for one in kinds:
                if isinstance(one, type) and issubclass(one, msgspec.Struct):
                    return self.read(value, one, key)
                if get_origin(one) is dict:
                    read = {
                        name: self._value(each, get_args(one)[1], _below(key, name))
                        for name, each in value.items()
                    }
                    return {name: each for name, each in read.items() if each is not None}
        if isinstance(value, list):
            for one in kinds:
                if get_origin(one) is tuple:
                    item = get_args(one)[0]
                    items = [self._value(each, item, f"{key}[{place}]") for place, each in enumerate(value)]
                    return [each for each in items if each is not None]
        return self._single(value, kind, kinds, key)

    def _single(self, value: Any, kind: Any, kinds: tuple[Any, ...], key: str) -> Any:
        try:
            return (
                self._duration(value, key)
                if float in kinds
                else msgspec.to_builtins(msgspec.convert(value, kind))
            )
        except Misconfigured as error:
            self._problems.add(key, str(error).removeprefix(f"{key}: "))
        except msgspec.ValidationError as error:
            self._problems.add(key, _in_our_words(str(error), kinds))
        return None

    def _tell(self, right: dict[str, Any], problem: str, key: str, gone: Collection[str]) -> None:
        """A table's own judgement: leave out what it names first, or else whatever it speaks of, or else all.

        It is not told when it speaks of what is `gone`, which was wrong by itself.
        """
        own = _OWN.fullmatch(problem)
        name = own[1] if own else ""
        line = f"{_below(key, name)}: {own[2]}" if own else f"{key}: {problem}"
        if not _spoken_of(gone, problem):
            self._problems.follow(line)
        named = [name] if name in right else _spoken_of(right, problem)
        for one in named or list(right):
            right[one] = _without(right[one], problem)
            if not right[one]:
                del right[one]
                self._problems.leave_out(_below(key, one))


def _spoken_of(names: Collection[str], problem: str) -> list[str]:
    return [one for one in names if re.search(rf"\b{re.escape(one)}\b", problem)]


def _refused(right: Mapping[str, Any], kind: type[msgspec.Struct]) -> str | None:
    """Why this table cannot be, in the words of its own type; None when it can."""
    try:
        msgspec.convert(right, kind)
    except msgspec.ValidationError as error:
        return _AT.sub("", str(error))
    return None


def _without(value: Any, problem: str) -> Any:
    """What is left of a list, or of a table, without those of which the problem speaks; nothing when that is unclear."""
    if isinstance(value, list):
        left = [one for one in value if str(one) not in problem]
        return left if len(left) < len(value) else None
    if isinstance(value, Mapping):
        kept = {name: one for name, one in value.items() if name not in problem}
        return kept if len(kept) < len(value) else None
    return None


def _fill(table: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    """Something in place of what must be there and is not."""
    for field in msgspec.structs.fields(kind):
        if field.required and field.encode_name not in table:
            table[field.encode_name] = _stand_in(field.type)


def _stand_in(kind: Any) -> Any:
    if not issubclass(kind, msgspec.Struct):
        return _STAND_IN
    table: dict[str, Any] = {}
    _fill(table, kind)
    return table


def _in_our_words(problem: str, kinds: tuple[Any, ...]) -> str:
    """Msgspec's error about one value."""
    words = [each.value for one in kinds if isinstance(one, type) and issubclass(one, Enum) for each in one]
    if words and (match := _NO_MEMBER.fullmatch(problem)):
        return f"expected one of {', '.join(words)}; got {match[1]!r}"
    return f"{problem[0].lower()}{problem[1:].replace('`', '')}"


def _below(key: str, name: str) -> str:
    """The key of what is called `name` in the table `key`, as TOML writes it."""
    written = name if _BARE.fullmatch(name) else msgspec.json.encode(name).decode()  # it escapes as JSON does
    return f"{key}.{written}" if key else written
