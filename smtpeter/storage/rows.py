"""Statements that every message pays for: compiled once an engine, then given to the driver with rows as tuples.

SQLAlchemy's own way builds each row's parameters anew, which measured as much again as SQLite's work for the row; and what it
does around a statement costs some 15 µs, as much as inserting four rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Insert, Update


class Rows:
    """A statement that is executed for many rows; each row has its values in the order of `names`."""

    def __init__(self, statement: Insert | Update, names: Sequence[str]) -> None:
        self.statement = statement
        self.names = tuple(names)

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Do it for all rows; how many rows of the table were touched. Raises DBAPIError."""
        dialect = connection.dialect
        statement, failures = _compiled(self, dialect), dialect.loaded_dbapi.Error
        cursor = connection.connection.cursor()
        try:
            dialect.do_executemany(cursor, statement, rows)
            return int(cursor.rowcount)
        except failures as error:
            raise DBAPIError.instance(statement, None, error, failures, dialect=dialect) from error
        finally:
            cursor.close()


@lru_cache
def _compiled(rows: Rows, dialect: Dialect) -> str:
    compiled = rows.statement.compile(dialect=dialect, column_keys=rows.names)
    if compiled.positiontup is None or tuple(compiled.positiontup) != rows.names:
        raise TypeError(f"{compiled}: its parameters are {compiled.positiontup}, not {rows.names}")
    return str(compiled)
