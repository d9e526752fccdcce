"""Measures how long a decision takes, as any reader of the topic ``alerts`` sees it, in a process of its own.

::

    python -m streams.bench.watcher BOOTSTRAP PARTITIONS

Prints a line of JSON when it reads, and for each bankruptcy once its first alert can be read: ``[milliseconds]`` from
the moment at which the broker appended the court record. Ends when its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # ships no types

from connectors.kafka.connection import Connection
from connectors.topics import ALERTS
from streams.bench.load import COURT
from streams.clock import Clock, SystemClock

_DECIDES = b'"bankruptcy"'


class Delays:
    """Matches court records that decide with the first alert of the same enterprise, in whichever order they are read.

    Examples
    --------
    >>> delays = Delays()
    >>> delays.appended(b"a", 1_000), delays.alerted(b"a", 1_250), delays.alerted(b"a", 9_000)
    (None, 250, None)
    """

    def __init__(self) -> None:
        self._appended: dict[bytes, int] = {}
        self._alerted: dict[bytes, int] = {}

    def appended(self, enterprise: bytes, at_ms: int) -> int | None:
        """Take note of a court record; return the delay if its alert is known already."""
        if enterprise in self._appended:
            return None
        self._appended[enterprise] = at_ms
        return self._alerted[enterprise] - at_ms if enterprise in self._alerted else None

    def alerted(self, enterprise: bytes, at_ms: int) -> int | None:
        """Take note of an alert; return the delay if its court record is known and it is the first."""
        if enterprise in self._alerted:
            return None
        self._alerted[enterprise] = at_ms
        return at_ms - self._appended[enterprise] if enterprise in self._appended else None


async def watch(kafka: Connection, partitions: int, clock: Clock) -> None:
    """Read both topics from their ends on, and print each delay, until standard input ends."""
    async with AIOKafkaConsumer(
        **kafka.aiokafka(), isolation_level="read_committed", enable_auto_commit=False, auto_offset_reset="latest"
    ) as consumer:
        places = [TopicPartition(topic, p) for topic in (ALERTS, COURT) for p in range(partitions)]
        consumer.assign(places)
        for place in places:
            await consumer.position(place)
        _tell({"ready": True})
        reading = asyncio.create_task(_read(consumer, clock))
        await asyncio.to_thread(sys.stdin.read)
        reading.cancel()


async def _read(consumer: Any, clock: Clock) -> None:
    delays = Delays()
    while True:
        found = await consumer.getmany(timeout_ms=1_000)
        now = clock.now_ms()
        for place, records in found.items():
            for record in records:
                if place.topic == ALERTS:
                    delay = delays.alerted(record.key, now)
                else:
                    delay = delays.appended(record.key, record.timestamp) if _DECIDES in record.value else None
                if delay is not None:
                    _tell([delay])


def _tell(said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(watch(Connection(sys.argv[1]), int(sys.argv[2]), SystemClock()))
