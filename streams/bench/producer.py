"""Sends readings and court records at a steady rate, in a process of its own.

::

    python -m streams.bench.producer JOB

JOB is a :class:`Job` as JSON. Sends a reading of each enterprise as fast as it can, prints a line of JSON when that is
done, waits for a line on its standard input, then sends at the rate and prints how far it is, every second and when all
is sent: ``sent`` signals at ``at_s`` of the machine's monotonic clock. It ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # ships no types

from connectors.catalogue import DAY_MS
from connectors.kafka.connection import Connection
from streams.bench.backlog import Batches
from streams.bench.load import CASE_EVERY, COURT, DECIDES_EVERY, FLOOD, SLOT_MS, Chunk, Fleet, Form, case, readings
from streams.clock import Clock, SystemClock

_BATCH_BYTES = 256 * 1024
_TELL_S = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to send.

    Parameters
    ----------
    bootstrap
        Addresses of the brokers.
    partitions
        Of the input topics.
    enterprises
        How many the signals are spread over.
    rate, signals
        Signals a second, and how many in all; court records come on top, one for ``CASE_EVERY`` of them.
    form
        Of the readings.
    begin_ms
        Event time of the slot that introduces the enterprises; the others follow. Milliseconds.
    """

    bootstrap: str
    partitions: int
    enterprises: int
    rate: int
    signals: int
    form: Form
    begin_ms: int


def introduction(job: Job, fleet: Fleet) -> Iterator[Chunk]:
    """Yield a reading of each enterprise: those of a province are not all new in the same second."""
    for partition, piece in fleet.pieces():
        yield Chunk(FLOOD, partition, None, readings(piece, 0, job.begin_ms, job.form), len(piece))


def course(job: Job, fleet: Fleet) -> Iterator[Chunk]:
    """Yield everything that is sent at the rate: each slot for all enterprises in turn, court records in between.

    Every ``DECIDES_EVERY``th court record is the bankruptcy of an enterprise that nothing was decided about before.
    """
    doomed = _in_turn(fleet)
    others = _in_turn(fleet)
    sent = cases = 0
    for slot in count(1):
        event_ms = job.begin_ms + slot * SLOT_MS
        for partition, piece in fleet.pieces():
            piece = piece[: job.signals - sent]
            yield Chunk(FLOOD, partition, None, readings(piece, slot, event_ms, job.form), len(piece))
            sent += len(piece)
            while cases < sent // CASE_EVERY:
                cases += 1
                decides = cases % DECIDES_EVERY == 0
                at, enterprise = next(doomed if decides else others)
                record = case(enterprise, cases, job.begin_ms - DAY_MS, decides=decides)
                yield Chunk(COURT, at, None, [record], 1)
            if sent >= job.signals:
                return


def _in_turn(fleet: Fleet) -> Iterator[tuple[int, str]]:
    """Yield enterprises again and again, each time from another partition."""
    for turn in count():
        for partition, group in enumerate(fleet.groups):
            if group:
                yield partition, group[turn % len(group)]


async def send(job: Job, clock: Clock) -> None:
    """Send everything, each chunk when it is due."""
    producer = AIOKafkaProducer(
        **Connection(job.bootstrap).aiokafka(), enable_idempotence=True, max_batch_size=_BATCH_BYTES
    )
    fleet = Fleet.of(job.enterprises, job.partitions)
    await producer.start()
    try:
        batches = Batches(producer)
        for chunk in introduction(job, fleet):
            await batches.send(chunk)
        await batches.flush()
        _tell(ready=True)
        await asyncio.to_thread(sys.stdin.readline)
        await _pace(job, course(job, fleet), batches, clock)
        await asyncio.to_thread(sys.stdin.read)  # whoever started it still asks what it used
    finally:
        await producer.stop()


async def _pace(job: Job, chunks: Iterator[Chunk], batches: Batches, clock: Clock) -> None:
    introduced = _flood_records(batches)
    began = told = clock.monotonic()
    sent = 0
    for chunk in chunks:
        await batches.send(chunk)
        sent += chunk.signals
        now = clock.monotonic()
        if now - told >= _TELL_S:
            told = now
            _tell(sent=sent, at_s=now)
        await asyncio.sleep(max(0.0, began + sent / job.rate - now))
    await batches.flush()
    flood = _flood_records(batches) - introduced
    _tell(sent=sent, at_s=clock.monotonic(), began_s=began, flood_records=flood)


def _flood_records(batches: Batches) -> int:
    return sum(end for (topic, _), end in batches.ends.items() if topic == FLOOD)


def _tell(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(send(Job(**json.loads(sys.argv[1])), SystemClock()))
