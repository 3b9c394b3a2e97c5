"""Who is at work, and what workers tell each other: shares of limits, sites, what was learnt of domains."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table, Text

from smtpeter.storage.schema.catalog import Identifier, metadata

workers = Table(
    "workers",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("seen_at", Double, nullable=False),  # the host's boot clock
    sqlite_autoincrement=True,  # no number is ever given again
)

duties = Table(
    "duties",
    metadata,
    Column("name", Text, primary_key=True),
    Column("worker", Integer, nullable=False),  # who has it for as long as it lives
)

# How much of what is limited each worker holds (spool.quota).
quotas = Table(
    "quotas",
    metadata,
    Column("name", Text, primary_key=True),
    Column("worker", Integer, primary_key=True, autoincrement=False),
    Column("held", Integer, nullable=False),
    Column("wanted", Integer, nullable=False),
)

# What the relays say of sites, for operators (spool.waiting).
site_states = Table(
    "site_states",
    metadata,
    Column("site", Text, primary_key=True),
    Column("worker", Integer, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("until", Double),
    Column("said", Text, nullable=False),
    Column("running", Integer, nullable=False),
    Column("at_once", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
)

site_domains = Table(
    "site_domains",
    metadata,
    Column("domain", Text, primary_key=True),
    Column("site", Text, nullable=False),
    Column("seen_at", Double, nullable=False),
)

# Sites to be tried now, whatever they are in trouble with: an operator wants it, or one worker was answered again.
site_lifts = Table(
    "site_lifts",
    metadata,
    Column("seq", Identifier, primary_key=True),
    Column("site", Text, nullable=False),
    Column("lifted_at", Double, nullable=False),
    sqlite_autoincrement=True,  # a cursor never points at another one later
)

mta_sts_policies = Table(
    "mta_sts_policies",
    metadata,
    Column("domain", Text, primary_key=True),
    Column("id", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("mx", Text, nullable=False),  # separated by blanks
    Column("fetched_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double, nullable=False),
    Column("known_since", Double, nullable=False, server_default="0"),
)
Index("mta_sts_policies_expires_at", mta_sts_policies.c.expires_at)
