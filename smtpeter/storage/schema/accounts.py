"""Logins, sender domains, keys and tokens, suppressions, and what of these is used."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from smtpeter.storage.schema.catalog import Identifier, metadata

logins = Table(
    "logins",
    metadata,
    Column("username", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("trusted_option_headers", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("switches", Text, nullable=False),  # JSON: an array of the names of those that are on
    Column("senders", Text, nullable=False),  # JSON: an array
    Column("bounces", Text, nullable=False, server_default="{}"),  # JSON: accounts.model.Bounces
    Column("relaying", Text, nullable=False, server_default=text("'{}'")),  # JSON: priority, give_up_after
    Column("tags", Text, nullable=False, server_default=text("'[]'")),  # JSON: an array
    Column("limits", Text, nullable=False, server_default=text("'{}'")),  # JSON: accounts.model.Limits
    Column("previous", Text, nullable=False, server_default=text("'null'")),  # JSON: accounts.model.Previous
)

sender_domains = Table(
    "sender_domains",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created_at", Double, nullable=False),
)

sender_hosts = Table(  # of the sender domains that have hosts of their own
    "sender_hosts",
    metadata,
    Column("domain", Text, ForeignKey("sender_domains.name"), primary_key=True),
    Column("click_url", Text, nullable=False),
    Column("open_url", Text, nullable=False),
    Column("bounce_host", Text, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("domain", Text, ForeignKey("sender_domains.name"), primary_key=True),
    Column("selector", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("private_key", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
)

token_keys = Table(
    "token_keys",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kept", Text, nullable=False),  # a keyed hash of the secret
    Column("login", Text, nullable=False),  # "": an operator's
    Column("scopes", Text, nullable=False),  # separated by blanks
    Column("created_at", Double, nullable=False),
    Column("note", Text, nullable=False),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),  # NULL: never
    Column("delivery", Identifier),
)
Index("suppressions_expiry", suppressions.c.expires_at)

# What may be done only so often, by stretches of time (accounts.allowance).
allowances = Table(
    "allowances",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Identifier, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("over_at", Identifier, nullable=False),  # when it counts no more
)
Index("allowances_over_at", allowances.c.over_at)

uses = Table(
    "uses",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("at", Double, nullable=False),
)

revisions = Table(
    "revisions",
    metadata,
    Column("ledger", Text, primary_key=True),
    Column("number", Integer, nullable=False),  # grows with each change, so that caches can tell
)
