"""What the tables are kept in and made with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData

# SQLite makes a column the table's own key only if its type is called INTEGER, which there has 64 bits.
Identifier = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()
