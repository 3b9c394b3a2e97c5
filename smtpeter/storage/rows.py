"""Statements that every message pays for: compiled once an engine, then given to the driver with rows as tuples.

SQLAlchemy's own way builds each row's parameters anew, which measured as much again as SQLite's work for the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.dml import Insert, Update


class Rows:
    """A statement that is executed for many rows; each row has its values in the order of `names`."""

    def __init__(self, statement: Insert | Update, names: Sequence[str]) -> None:
        self.statement = statement
        self.names = tuple(names)

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Do it for all rows; how many rows of the table were touched."""
        return connection.exec_driver_sql(_compiled(self, connection.dialect), list(rows)).rowcount


@lru_cache
def _compiled(rows: Rows, dialect: Dialect) -> str:
    compiled = rows.statement.compile(dialect=dialect, column_keys=rows.names)
    if compiled.positiontup is None or tuple(compiled.positiontup) != rows.names:
        raise TypeError(f"{compiled}: its parameters are {compiled.positiontup}, not {rows.names}")
    return str(compiled)
