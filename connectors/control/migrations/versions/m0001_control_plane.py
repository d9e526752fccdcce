"""Start the control plane: who subscribed, what is queued for them, who acknowledged what, and the outbox to Kafka."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "subscriptions",
        sa.Column("subscription_id", sa.String(64), primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("minimum_level", sa.String(16), nullable=False),
        sa.Column("all_enterprises", sa.Boolean, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended_reason", sa.String(64), nullable=False, server_default=""),
    )
    op.create_table(
        "subscription_enterprises",
        _subscription_id(primary_key=True),
        sa.Column("enterprise_id", sa.String(64), primary_key=True),
    )
    op.create_index(None, "subscription_enterprises", ["enterprise_id"])
    op.create_table(
        "delivery_positions",
        _subscription_id(primary_key=True),
        sa.Column("enterprise_id", sa.String(64), primary_key=True),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.Column("last_delivery_sequence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("webhook_id", sa.String(64), primary_key=True),
        _subscription_id(nullable=False),
        sa.Column("enterprise_id", sa.String(64), nullable=False),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("delivery_sequence", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.UniqueConstraint("subscription_id", "enterprise_id", "sequence"),
        sa.UniqueConstraint("subscription_id", "enterprise_id", "delivery_sequence"),
    )
    op.create_index(None, "deliveries", ["due_at"])
    op.create_index(None, "deliveries", ["finished_at"])
    op.create_table(
        "attempts",
        sa.Column(
            "webhook_id",
            sa.String(64),
            sa.ForeignKey("deliveries.webhook_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("took_ms", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("status_code", sa.Integer),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("retry_at", sa.BigInteger),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("number", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("enterprise_id", sa.String(64), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index(None, "acknowledgements", ["alert_id"])
    op.create_table(
        "outbox",
        sa.Column("number", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )


def _subscription_id(*, primary_key: bool = False, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(
        "subscription_id",
        sa.String(64),
        sa.ForeignKey("subscriptions.subscription_id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=nullable,
    )
