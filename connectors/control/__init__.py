"""The control store: subscriptions, the delivery queue, acknowledgements and the outbox, in SQLite or PostgreSQL."""

from connectors.control.engine import AWAY
from connectors.control.records import (
    Acknowledgement,
    Attempt,
    DeliveryState,
    Outgoing,
    Outlook,
    Pending,
    Subscription,
    Work,
)
from connectors.control.store import ControlStore, UnknownObjectError, shown_url

__all__ = [
    "AWAY",
    "Acknowledgement",
    "Attempt",
    "ControlStore",
    "DeliveryState",
    "Outgoing",
    "Outlook",
    "Pending",
    "Subscription",
    "UnknownObjectError",
    "Work",
    "shown_url",
]
