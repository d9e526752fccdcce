"""From records of topic ``alerts`` to the delivery queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from connectors.control import ControlStore, Work
from connectors.models import Action, Alert
from streams.alerting.messages import work
from streams.alerting.routing import Routing, route
from streams.clock import moment


class AlertRecord(NamedTuple):
    """A record as it came from Kafka."""

    topic: str
    partition: int
    offset: int
    value: bytes | None


class Intake(NamedTuple):
    """What became of some records."""

    transitions: int
    queued: int
    refused: int


def take_in(store: ControlStore, records: Iterable[AlertRecord], now_ms: int) -> Intake:
    """Queue every transition for every subscription that is to get it, in one transaction.

    A record that is no alert is reported on topic ``actions`` and passed over; it stays where it is. Records that were
    taken in before change nothing.

    Raises
    ------
    connectors.control.AWAY
        If the control store is away: take the same records in again.
    """
    alerts: list[Alert] = []
    refused: list[Action] = []
    for record in records:
        try:
            alerts.append(Alert.model_validate_json(record.value or b""))
        except ValidationError as error:
            refused.append(_refusal(record, error, now_ms))
    works = _works(store, alerts)
    queued = store.enqueue(works, now_ms=now_ms, refused=refused) if works or refused else 0
    return Intake(len(alerts), queued, len(refused))


def _works(store: ControlStore, alerts: Sequence[Alert]) -> list[Work]:
    if not alerts:
        return []
    subscriptions = store.watching({alert.enterprise_id for alert in alerts})
    return [
        work(alert, subscription.subscription_id)
        for alert in alerts
        for subscription in subscriptions
        if route(alert, subscription) is Routing.DELIVER
    ]


def _refusal(record: AlertRecord, error: ValidationError, now_ms: int) -> Action:
    place = f"{record.topic}-{record.partition}-{record.offset}"
    first = error.errors(include_input=False, include_url=False)[0]
    return Action(
        action_id=f"act_refused-{place}",
        at=moment(now_ms),
        actor="notifier",
        kind="record.refused",
        object_kind="record",
        object_id=place,
        details={"reason": first["type"], "field": ".".join(str(part) for part in first["loc"])},
    )
