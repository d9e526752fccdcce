"""What the control store gives and takes: immutable values, with times in milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import SecretStr

from connectors.models import Level


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who wants to hear of which warnings.

    Parameters
    ----------
    subscription_id
        ``sub_`` and 24 hexadecimal digits.
    url
        Where the webhooks go. It may carry a token in its path or query: show ``shown_url`` to people instead.
    shown_url
        The address without path and query.
    secret
        What the webhooks are signed with.
    minimum_level
        The lowest level that is worth a message.
    enterprises
        The portfolio; None stands for every enterprise. ``ControlStore.watching`` gives only the part asked for.
    active
        Whether anything is still sent.
    ended_reason
        Why not: ``removed`` or ``gone`` (the receiver answered 410).
    """

    subscription_id: str
    url: str = field(repr=False)
    shown_url: str
    secret: SecretStr = field(repr=False)
    minimum_level: Level
    enterprises: frozenset[str] | None = field(repr=False)
    active: bool
    created_at: int
    created_by: str
    ended_at: int | None = None
    ended_reason: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Someone has seen an alert."""

    alert_id: str
    enterprise_id: str
    actor: str
    note: str
    at: int


class DeliveryState(StrEnum):
    """What became of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Work:
    """One transition for one subscription, to be queued.

    Parameters
    ----------
    webhook_id
        The same for the same transition and subscription, always.
    sequence
        The alert's own sequence in its enterprise; what is queued of an enterprise only ever rises.
    body
        Makes the message from the ``delivery_sequence`` that the store gives it.
    """

    webhook_id: str
    subscription_id: str
    enterprise_id: str
    alert_id: str
    sequence: int
    body: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Pending:
    """A delivery whose turn it is."""

    webhook_id: str
    subscription_id: str
    url: str = field(repr=False)
    secret: SecretStr = field(repr=False)
    enterprise_id: str
    alert_id: str
    sequence: int
    delivery_sequence: int
    attempts: int
    due_at: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt ended and what is to follow.

    Parameters
    ----------
    status
        ``retrying`` goes with a ``retry_at``; the other two end the delivery.
    reason
        A short name; never text that came from the receiver.
    """

    status: Literal["delivered", "retrying", "failed"]
    reason: str
    at: int
    took_ms: int
    status_code: int | None = None
    retry_at: int | None = None

    def __post_init__(self) -> None:
        if (self.status == "retrying") != (self.retry_at is not None):
            message = "retry_at goes with status retrying, and only with it"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message in the outbox, for a Kafka topic."""

    number: int
    topic: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Outlook:
    """How delivering to a subscription goes.

    Parameters
    ----------
    failure
        Its newest attempt that did not deliver; None if none is kept.
    next_due
        When the next attempt is due, in milliseconds since the epoch; None if nothing waits.
    """

    failure: Attempt | None = None
    next_due: int | None = None
