"""Noticing that a process does nothing although there is work: consumers are known to stop without a word.

Two steps, so that nobody is ended for an innocent reason. First, a place that should move and has not for long. Then,
whether there really is a record: a consumer of its own reads from there. That also tells a silent consumer from a
Kafka that is away, which everybody simply waits for.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # ships no types
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # ships no types

from connectors.kafka.connection import Connection
from streams.clock import Clock
from streams.logs import logger

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
#: So long a consumer of our own may take to find a record.
LOOK_S = 10.0

_log = logger(__name__)


#: A process that ends for a standstill is ended hard after so long: what hangs may also keep it from ending.
_END_S = 15.0


class StandstillError(Exception):
    """Records wait and this process does not take them: end it, a new one will."""


class Stillness(Generic[K]):
    """Remembers since when places have not moved.

    Parameters
    ----------
    clock
        Measures.
    patience_s
        Standing still for longer than this is too long.

    Examples
    --------
    >>> from streams.clock import ManualClock
    >>> clock = ManualClock()
    >>> still = Stillness(clock, 60)
    >>> still.overdue({"a": 7, "b": 1})
    {}
    >>> clock.move(61_000)
    >>> still.overdue({"a": 7, "b": 2})
    {'a': 7}
    """

    def __init__(self, clock: Clock, patience_s: float) -> None:
        self._clock = clock
        self._patience_s = patience_s
        self._still: dict[K, tuple[int, float]] = {}  # position, and since when

    def overdue(self, positions: Mapping[K, int]) -> dict[K, int]:
        """Return which of the places that should move have stood still for too long, and where.

        Parameters
        ----------
        positions
            Where each place is that should move now; one that is not named may stand still, and starts anew after.
        """
        now = self._clock.monotonic()
        still: dict[K, tuple[int, float]] = {}
        for place, position in positions.items():
            before, since = self._still.get(place, (position, now))
            still[place] = (position, since if before == position else now)
        self._still = still
        return {place: position for place, (position, since) in still.items() if now - since > self._patience_s}

    def forget(self) -> None:
        """Start anew: standing still was all right."""
        self._still = {}


async def record_waits(kafka: Connection, places: Mapping[tuple[str, int], int]) -> tuple[str, int] | None:
    """Return a partition with a committed record at or after the offset given for it; None if none is found.

    None also while Kafka is away.

    Parameters
    ----------
    places
        (topic, partition) → offset.
    """

    async def read(consumer: Any) -> tuple[str, int] | None:
        consumer.assign([TopicPartition(*place) for place in places])
        for place, offset in places.items():
            consumer.seek(TopicPartition(*place), offset)
        found = await consumer.getmany(timeout_ms=int(LOOK_S * 500), max_records=1)
        return next(((place.topic, place.partition) for place, records in found.items() if records), None)

    return await _ask(kafka, read)


async def kafka_serves(kafka: Connection, topic: str) -> bool:
    """Return whether Kafka serves a topic's first partition to a consumer of its own."""

    async def look(consumer: Any) -> bool:
        await consumer.end_offsets([TopicPartition(topic, 0)])
        return True

    return await _ask(kafka, look) or False


async def _ask(kafka: Connection, question: Callable[[Any], Awaitable[T]]) -> T | None:
    """Put a question to a consumer that belongs to no group; None if Kafka does not answer it in time."""
    consumer: Any = AIOKafkaConsumer(
        **kafka.aiokafka(), isolation_level="read_committed", enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        async with asyncio.timeout(LOOK_S):
            await consumer.start()
            return await question(consumer)
    except (KafkaError, TimeoutError, OSError) as error:
        _log.info("Kafka does not answer a second consumer either", reason=repr(error))
        return None
    finally:
        with suppress(KafkaError, TimeoutError, OSError):
            async with asyncio.timeout(LOOK_S):
                await consumer.stop()


def told(places: Mapping[tuple[str, int], int]) -> str:
    """Return the first of the places, for a message.

    Examples
    --------
    >>> told({("signals.tax", 3): 41})
    'signals.tax-3 at offset 41'
    """
    return ", ".join(f"{topic}-{number} at offset {at}" for (topic, number), at in list(places.items())[:10])


@contextmanager
def ending_hard() -> Iterator[None]:
    """Make sure that the process ends soon, with code 1, once a StandstillError came through here."""
    try:
        yield
    except StandstillError as error:
        _log.error("standstill", reason=str(error))
        end_after(_END_S, 1)
        raise


def end_after(seconds: float, code: int) -> None:
    """End the process hard if it has not ended by then: an absent broker can make a clean stop wait for ever."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.start()
