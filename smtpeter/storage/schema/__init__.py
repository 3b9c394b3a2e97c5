"""The tables of the store, for every engine, by what they tell of.

Columns are what is searched by, ordered by, or changed; the rest of a value is packed (see `records`).
An index is kept only where its price, paid by every message, is less than what it saves (docs/decisions).
Tables change only together with a revision in `migrations`; a test compares the two.
"""

from __future__ import annotations

from smtpeter.storage.schema import accounts, journal, mail, operators, webhooks, work
from smtpeter.storage.schema.catalog import metadata

__all__ = ["accounts", "journal", "mail", "metadata", "operators", "webhooks", "work"]
