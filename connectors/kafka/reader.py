"""Reads a whole topic, as it is now: for audits and tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # ships no types

from connectors.kafka.admin import connected
from connectors.kafka.connection import Connection


class Row(NamedTuple):
    """One committed record. ``time`` is the record's, milliseconds."""

    partition: int
    offset: int
    time: int
    key: bytes | None
    value: bytes | None


def read_topic(kafka: Connection, topic: str, since: Mapping[int, int] | None = None) -> Iterator[Row]:
    """Yield the committed records of a topic up to the end that it has now, in the order of each partition.

    Parameters
    ----------
    kafka
        Where it is, and who we are there.
    topic
        Its name. One that does not exist has no records.
    since
        By partition, the first offset that is wanted; the beginning where it is not named.
    """
    with connected(kafka) as admin:
        ends = admin.end_offsets([topic]).get(topic, {})
        firsts = admin.earliest_offsets([topic]).get(topic, {})
    consumer = KafkaConsumer(**kafka.kafka_python(), isolation_level="read_committed", enable_auto_commit=False)
    try:
        left = {TopicPartition(topic, partition): end for partition, end in ends.items()}
        consumer.assign(list(left))
        for place in left:
            consumer.seek(place, max(firsts[place.partition], (since or {}).get(place.partition, 0)))
        while any(consumer.position(place) < end for place, end in left.items()):
            for place, records in consumer.poll(timeout_ms=200).items():
                for record in records:
                    if record.offset < left[place]:
                        yield Row(place.partition, record.offset, record.timestamp, record.key, record.value)
    finally:
        consumer.close()
