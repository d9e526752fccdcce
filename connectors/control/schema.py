"""The tables of the control store. Their history is in ``migrations``; a test compares the two.

Every time is a BIGINT of milliseconds since the epoch: the same on SQLite and PostgreSQL, and never naive.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: SQLite counts up by itself only on its INTEGER PRIMARY KEY.
SERIAL = BigInteger().with_variant(Integer, "sqlite")

subscriptions = Table(
    "subscriptions",
    METADATA,
    Column("subscription_id", String(64), primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("minimum_level", String(16), nullable=False),
    Column("all_enterprises", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_reason", String(64), nullable=False, server_default=""),
)

subscription_enterprises = Table(
    "subscription_enterprises",
    METADATA,
    Column("subscription_id", ForeignKey(subscriptions.c.subscription_id, ondelete="CASCADE"), primary_key=True),
    Column("enterprise_id", String(64), primary_key=True),
    Index(None, "enterprise_id"),
)

# The notifier's record of what it has queued, one row per (subscription, enterprise). It outlives the deliveries, which
# are pruned, so that a transition read again after any time is not queued again and delivery_sequence stays dense.
delivery_positions = Table(
    "delivery_positions",
    METADATA,
    Column("subscription_id", ForeignKey(subscriptions.c.subscription_id, ondelete="CASCADE"), primary_key=True),
    Column("enterprise_id", String(64), primary_key=True),
    Column("last_sequence", BigInteger, nullable=False),
    Column("last_delivery_sequence", BigInteger, nullable=False),
)

# due_at is set for the head of each (subscription, enterprise) alone: the others wait for it.
deliveries = Table(
    "deliveries",
    METADATA,
    Column("webhook_id", String(64), primary_key=True),
    Column("subscription_id", ForeignKey(subscriptions.c.subscription_id, ondelete="CASCADE"), nullable=False),
    Column("enterprise_id", String(64), nullable=False),
    Column("alert_id", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("delivery_sequence", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    UniqueConstraint("subscription_id", "enterprise_id", "sequence"),
    UniqueConstraint("subscription_id", "enterprise_id", "delivery_sequence"),
    Index(None, "due_at"),
    Index(None, "finished_at"),
)

attempts = Table(
    "attempts",
    METADATA,
    Column("webhook_id", ForeignKey(deliveries.c.webhook_id, ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("took_ms", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("status_code", Integer),
    Column("reason", String(64), nullable=False),
    Column("retry_at", BigInteger),
)

acknowledgements = Table(
    "acknowledgements",
    METADATA,
    Column("number", SERIAL, primary_key=True, autoincrement=True),
    Column("alert_id", Text, nullable=False),
    Column("enterprise_id", String(64), nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "alert_id"),
)

outbox = Table(
    "outbox",
    METADATA,
    Column("number", SERIAL, primary_key=True, autoincrement=True),
    Column("topic", String(64), nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice, though relayed rows are deleted
)

leases = Table(
    "leases",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
