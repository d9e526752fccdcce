"""What a stack that has come to rest holds, compared with what it was given: lost, doubled, different."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # ships no types

from connectors.kafka.admin import connected
from connectors.topics import ALERTS, INPUTS
from connectors.webhook import Receiver
from streams.private import PrivateStack


@dataclass(frozen=True, slots=True)
class Account:
    """What a stack holds, since it was made.

    Parameters
    ----------
    written, scored
        Records in the input topics; records that the journal says were applied or put aside.
    lost
        Records that the journal passes over, alerts missing in ClickHouse, and alerts that no webhook told.
    duplicate_alert_ids
        Transitions that stand more than once in the topic, or in ClickHouse, or came with two webhook ids.
    state_mismatches
        Differences that a replay of the journal finds, and gaps in the numbering of an enterprise's transitions.
    differences
        The first of them, in words.
    """

    written: int
    scored: int
    lost: int
    duplicate_alert_ids: int
    state_mismatches: int
    differences: list[str]


def audit(stack: PrivateStack, receiver: Receiver) -> Account:
    """Audit a stack at rest; every enterprise is subscribed to by the receiver, from the lowest level up."""
    with connected(stack.endpoints.kafka) as admin:
        written = sum(sum(ends.values()) for ends in admin.end_offsets(INPUTS).values())
    found = stack.wait_for(
        "a stack at rest", lambda: stack.run("replay", "--journal", "--json", check=False), timeout_s=300.0
    )
    told = Counter(_transitions(stack))
    stored = Counter(_stored(stack))
    heard = _heard(receiver)
    missing = [
        *(f"alert {place} is not in ClickHouse" for place in told.keys() - stored.keys()),
        *(f"alert {place} reached no receiver" for place in told.keys() - heard.keys()),
        *(f"alert {place} is in ClickHouse, not in Kafka" for place in stored.keys() - told.keys()),
    ]
    doubled = [
        *(f"alert {place} stands {n} times in Kafka" for place, n in told.items() if n > 1),
        *(f"alert {place} stands {n} times in ClickHouse" for place, n in stored.items() if n > 1),
        *(f"alert {place} came with {len(ids)} webhook ids" for place, ids in heard.items() if len(ids) > 1),
    ]
    gaps = _gaps(told)
    return Account(
        written=written,
        scored=found["records"],
        lost=max(0, written - found["records"]) + len(missing),
        duplicate_alert_ids=len(doubled),
        state_mismatches=sum(found["mismatches"].values()) + len(gaps) + len(found["unreplayable"]),
        differences=[*found["differences"], *missing, *doubled, *gaps][:20],
    )


def _transitions(stack: PrivateStack) -> list[tuple[str, int]]:
    consumer = KafkaConsumer(
        **stack.endpoints.kafka.aiokafka(), isolation_level="read_committed", enable_auto_commit=False
    )
    try:
        places = [TopicPartition(ALERTS, partition) for partition in range(stack.settings.partitions)]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found = []
        while any(consumer.position(place) < ends[place] for place in places):
            for records in consumer.poll(timeout_ms=500).values():
                found += [_place(json.loads(record.value)) for record in records]
        return found
    finally:
        consumer.close()


def _stored(stack: PrivateStack) -> list[tuple[str, int]]:
    with stack.client() as client:
        rows: Any = client.query("SELECT enterprise_id, sequence FROM alert_history").result_rows
    return [(enterprise, sequence) for enterprise, sequence in rows]


def _heard(receiver: Receiver) -> dict[tuple[str, int], set[str]]:
    heard: dict[tuple[str, int], set[str]] = {}
    for request in receiver.requests:
        data = json.loads(request.body)["data"]
        heard.setdefault(_place(data), set()).add(request.headers["webhook-id"])
    return heard


def _place(alert: dict[str, Any]) -> tuple[str, int]:
    return str(alert["enterprise_id"]), int(alert["sequence"])


def _gaps(told: Counter[tuple[str, int]]) -> list[str]:
    sequences: dict[str, set[int]] = {}
    for enterprise, sequence in told:
        sequences.setdefault(enterprise, set()).add(sequence)
    return [
        f"the transitions of {enterprise} are not numbered from 1 without a gap"
        for enterprise, seen in sequences.items()
        if seen != set(range(1, len(seen) + 1))
    ]
