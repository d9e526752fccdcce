"""Input that becomes visible all at once: written in one Kafka transaction, released by its commit.

Scorers read committed records only. So they can run, warm and idle, while their backlog is being written, and the
moment of its release is known: no start-up is measured, and nothing has to be guessed from a first progress.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # ships no types

from connectors.kafka.connection import Connection
from streams.bench.load import Chunk
from streams.clock import Clock

Place: TypeAlias = tuple[str, int]

_BATCH_BYTES = 128 * 1024
_PENDING = 32
#: The longest that brokers allow by default.
_TRANSACTION_MS = 900_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """What was released.

    Parameters
    ----------
    signals, records
        How many signals, and how many records they are in.
    ends
        By topic and partition: the offset behind the last record.
    released_s
        When, by the monotonic clock.
    """

    signals: int
    records: int
    ends: Mapping[Place, int]
    released_s: float


class Batches:
    """Sends records in full batches, in order within a partition.

    Parameters
    ----------
    producer
        Started. Its batches limit the size.
    """

    def __init__(self, producer: Any) -> None:
        self.ends: dict[Place, int] = {}
        self.records = 0
        self._producer = producer
        self._pending: deque[tuple[Place, int, Any]] = deque()

    async def send(self, chunk: Chunk) -> None:
        """Send a chunk; waits while too much is in flight."""
        batch = self._producer.create_batch()
        for key, value in chunk.records:
            if batch.append(timestamp=chunk.time, key=key, value=value) is None:  # full
                await self._submit((chunk.topic, chunk.partition), batch)
                batch = self._producer.create_batch()
                batch.append(timestamp=chunk.time, key=key, value=value)
        await self._submit((chunk.topic, chunk.partition), batch)

    async def flush(self) -> None:
        """Wait until everything is stored."""
        while self._pending:
            await self._await_oldest()

    async def _submit(self, place: Place, batch: Any) -> None:
        topic, partition = place
        count = batch.record_count()
        self._pending.append((place, count, await self._producer.send_batch(batch, topic, partition=partition)))
        self.records += count
        while len(self._pending) > _PENDING:
            await self._await_oldest()

    async def _await_oldest(self) -> None:
        place, count, stored = self._pending.popleft()
        metadata = await stored
        self.ends[place] = max(self.ends.get(place, 0), metadata.offset + count)


def release(
    kafka: Connection, chunks: Iterable[Chunk], clock: Clock, before: Callable[[], None] = lambda: None
) -> Backlog:
    """Write a backlog and make it visible.

    Parameters
    ----------
    kafka
        Where to.
    chunks
        What, in order within each partition.
    clock
        To tell the moment of the release.
    before
        Called when everything is stored and nothing visible yet.
    """
    return asyncio.run(_release(kafka, chunks, clock, before))


async def _release(kafka: Connection, chunks: Iterable[Chunk], clock: Clock, before: Callable[[], None]) -> Backlog:
    producer = AIOKafkaProducer(
        **kafka.aiokafka(),
        transactional_id="forewarn-bench",
        transaction_timeout_ms=_TRANSACTION_MS,
        max_batch_size=_BATCH_BYTES,
    )
    await producer.start()
    try:
        batches = Batches(producer)
        signals = 0
        async with producer.transaction():
            for chunk in chunks:
                await batches.send(chunk)
                signals += chunk.signals
            await batches.flush()
            before()
            released = clock.monotonic()
    finally:
        await producer.stop()
    return Backlog(signals, batches.records, batches.ends, released)
