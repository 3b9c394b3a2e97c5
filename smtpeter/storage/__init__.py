"""SQL, and nothing else knows SQL: the ledgers kept on SQLite."""
