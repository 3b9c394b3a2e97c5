"""The tables of the store, for every engine.

Columns are what is searched by, ordered by, or changed; the rest of a value is packed (see `records`).
An index is kept only where its price, paid by every message, is less than what it saves (docs/decisions).
Tables change only together with a revision in `migrations`; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
    text,
    true,
)

# SQLite makes a column the table's own key only if its type is called INTEGER, which there has 64 bits.
_Identifier = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    Column("id", _Identifier, primary_key=True, autoincrement=False),
    Column("login", Text, nullable=False),
    Column("accepted_at", Double, nullable=False),
    Column("size", Integer, nullable=False),  # octets of the content
    Column("details", LargeBinary, nullable=False),  # records.Details
    Column("report", LargeBinary, nullable=False),
)

contents = Table(
    "contents",
    metadata,
    Column("message", _Identifier, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("template", LargeBinary, nullable=False),  # pieces only: its targets are kept longer, as links
    Column("content", LargeBinary, nullable=False),  # last, so that nothing lies behind a long value
)

links = Table(
    "links",
    metadata,
    Column("message", _Identifier, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("targets", LargeBinary, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Identifier, primary_key=True, autoincrement=False),
    Column("message", _Identifier, ForeignKey("messages.id"), nullable=False),
    Column("recipient", Text, nullable=False),  # the address
    Column("domain", Text, nullable=False),  # its domain in lower case
    Column("parameters", LargeBinary, nullable=False),  # envelope.Recipient, whole
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Double),  # NULL once the state is final: then the row leaves the queue's index
    Column("warned_at", Double),
    Column("last", LargeBinary),  # status.Outcome
    Column("accepted_at", Double, nullable=False),
    Column("epoch", Integer, nullable=False),  # grows with each change of state
    Column("worker", Integer),  # who has claimed it
    Column(
        "aside", Text, nullable=False, server_default=text("''")
    ),  # its domain, while a claim has left it for later
)
Index("deliveries_message", deliveries.c.message)
# What waits, is held or is being worked on, and nothing else: a claim costs the same whatever lies in the table.
queued = deliveries.c.due_at.is_not(None)
Index(
    "deliveries_queue",
    deliveries.c.state,
    deliveries.c.aside,
    deliveries.c.due_at,
    sqlite_where=queued,
    postgresql_where=queued,
)
# For operators: in a backlog of a million it finds those to one dead domain, or one recipient, without reading the rest.
Index(
    "deliveries_domain",
    deliveries.c.domain,
    deliveries.c.recipient,
    sqlite_where=queued,
    postgresql_where=queued,
)

workers = Table(
    "workers",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("seen_at", Double, nullable=False),  # the host's boot clock
    sqlite_autoincrement=True,  # no number is ever given again
)

events = Table(
    "events",
    metadata,
    Column("seq", _Identifier, primary_key=True),
    Column("time", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("delivery", _Identifier, nullable=False),
    Column("message", _Identifier, nullable=False),
    Column("login", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("tags", Text, nullable=False),  # ";one;two;", or ""
    Column("data", Text, nullable=False),  # JSON: the columns of this kind alone
    sqlite_autoincrement=True,  # a cursor never points at another event later
)
Index("events_delivery", events.c.delivery)
Index("events_message", events.c.message)

# What makes events quick to find: made behind the writers' backs (see `search`), so that no message waits for it.
event_terms = Table(
    "event_terms",
    metadata,
    Column("term", _Identifier, primary_key=True, autoincrement=False),  # a hash of what is searched for
    Column("seq", _Identifier, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

event_hours = Table(
    "event_hours",
    metadata,
    Column("hour", _Identifier, primary_key=True, autoincrement=False),  # Unix seconds at its beginning
    Column("kind", Text, primary_key=True),
    Column("first", _Identifier, nullable=False),  # no event of this hour and kind has a lower seq
    Column("last", _Identifier, nullable=False),  # nor a higher one
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# The same of the last two hours by minute, for plots; counts stay when their events are forgotten.
event_minutes = Table(
    "event_minutes",
    metadata,
    Column("minute", _Identifier, primary_key=True, autoincrement=False),  # Unix seconds at its beginning
    Column("kind", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)

marks = Table(
    "marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seq", _Identifier, nullable=False),  # how far in the journal somebody has come
)

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

# Sites that an operator wants tried now, whatever they are in trouble with.
site_lifts = Table(
    "site_lifts",
    metadata,
    Column("seq", _Identifier, primary_key=True),
    Column("site", Text, nullable=False),
    Column("lifted_at", Double, nullable=False),
    sqlite_autoincrement=True,  # a cursor never points at another one later
)

token_keys = Table(
    "token_keys",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
)

sender_domains = Table(
    "sender_domains",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created_at", Double, nullable=False),
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

pending = Table(  # the messages whose edits are
    "pending",
    metadata,
    Column("message", _Identifier, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
)

sender_hosts = Table(  # of the sender domains that have hosts of their own
    "sender_hosts",
    metadata,
    Column("domain", Text, ForeignKey("sender_domains.name"), primary_key=True),
    Column("click_url", Text, nullable=False),
    Column("open_url", Text, nullable=False),
    Column("bounce_host", Text, nullable=False),
)

originals = Table(
    "originals",
    metadata,
    Column("number", _Identifier, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    Column("content", LargeBinary, nullable=False),  # what came back, as it came
)

comebacks = Table(
    "comebacks",
    metadata,
    Column("delivery", _Identifier, primary_key=True, autoincrement=False),
    Column("since", Double, nullable=False),  # when the first came
    Column("number", Integer, nullable=False),  # of messages that came back to it and were kept
)
Index("comebacks_since", comebacks.c.since)

suppressions = Table(
    "suppressions",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),  # NULL: never
    Column("delivery", _Identifier),
)
Index("suppressions_expiry", suppressions.c.expires_at)

revisions = Table(
    "revisions",
    metadata,
    Column("ledger", Text, primary_key=True),
    Column("number", Integer, nullable=False),  # grows with each change, so that caches can tell
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", Text, nullable=False),
    Column("kinds", Text, nullable=False),  # JSON: an array
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("login", Text, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("cursor", _Identifier, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("retry_at", Double, nullable=False),
    Column("taken_at", Double, nullable=False),
    sqlite_autoincrement=True,  # ids are in receivers' logs
)

webhook_aside = Table(
    "webhook_aside",
    metadata,
    Column("webhook", Integer, ForeignKey("webhooks.id"), primary_key=True, autoincrement=False),
    Column("event", _Identifier, primary_key=True, autoincrement=False),
    Column("delivery", _Identifier, nullable=False),
    Column("set_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Double),  # NULL once it is given up
    Column("problem", Text, nullable=False),
    sqlite_with_rowid=False,
)

duties = Table(
    "duties",
    metadata,
    Column("name", Text, primary_key=True),
    Column("worker", Integer, nullable=False),  # who has it for as long as it lives
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

repeats = Table(
    "repeats",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("message", _Identifier, nullable=False),  # which may not, or no longer, be there
    Column("asked_at", Double, nullable=False),
)
Index("repeats_asked_at", repeats.c.asked_at)

operators = Table(
    "operators",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("one_time", LargeBinary, nullable=False),  # the key of the one-time codes; empty: none
    Column("spent", _Identifier, nullable=False),  # the step of the last one-time code that was used
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("must_change", Boolean, nullable=False, server_default=false()),  # the password, before all else
)

operator_sessions = Table(
    "operator_sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("operator", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
)

operator_changes = Table(
    "operator_changes",
    metadata,
    Column("id", _Identifier, primary_key=True),
    Column("time", Double, nullable=False),
    Column("operator", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("client", Text, nullable=False),
)

# What may be done only so often, by stretches of time (accounts.allowance).
allowances = Table(
    "allowances",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", _Identifier, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("over_at", _Identifier, nullable=False),  # when it counts no more
)
Index("allowances_over_at", allowances.c.over_at)

uses = Table(
    "uses",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("at", Double, nullable=False),
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
