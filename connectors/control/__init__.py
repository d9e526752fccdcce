"""The control store: subscriptions, the delivery queue, acknowledgements and the outbox, in SQLite or PostgreSQL."""

from connectors.control.records import (
    Acknowledgement,
    Attempt,
    DeliveryState,
    Outgoing,
    Pending,
    Subscription,
    Work,
)
from connectors.control.store import ControlStore, UnknownObjectError

__all__ = [
    "Acknowledgement",
    "Attempt",
    "ControlStore",
    "DeliveryState",
    "Outgoing",
    "Pending",
    "Subscription",
    "UnknownObjectError",
    "Work",
]
