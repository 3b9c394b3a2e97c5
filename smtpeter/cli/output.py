"""How the command answers: JSON for programs, plain columns for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
import msgspec

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: Any) -> None:
    click.echo(_shown(msgspec.json.format(msgspec.json.encode(value), indent=2)))


def print_line(value: Any) -> None:
    """One JSON object on a line of its own."""
    click.echo(_shown(msgspec.json.encode(value)))


def _shown(octets: bytes) -> str:
    """The same JSON, in which it escapes what else a terminal would obey: RFC 8259 7 wants that below U+0020 only."""
    text = octets.decode("utf-8")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))


def safe(text: str) -> str:
    """Strangers' text without characters that a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool, names: Sequence[str], nothing: str) -> None:
    """A listing: all of each row as JSON, or the columns `names` for people; `nothing` when there is none."""
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        click.echo(nothing)
        return
    table = [[name.upper() for name in names], *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(names))]
    for line in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_fields(row: Mapping[str, Any]) -> None:
    """One thing whole, a line for each of its fields."""
    width = max(map(len, row))
    for name, value in row.items():
        click.echo(f"{name.ljust(width)}  {_cell(value)}")


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return safe(",".join(map(str, value))) or "-"
        case _:
            return safe(str(value)) or "-"
