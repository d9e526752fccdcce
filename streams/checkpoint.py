"""Checkpoints: what a partition group decided, what it remembers and how far it has read, in one Kafka transaction.

Kafka alone decides who may write for a group. The transactional id is made from the partition, so starting a writer
fences whoever wrote for the group before: nothing relies on clocks, on locks, or on the old owner having noticed that
it lost the group. The order on taking over is therefore: start the writer, read ``state`` to its end, go to the offsets
that it holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]  # no types

from connectors.kafka.connection import Connection
from connectors.topics import STATE
from streams import logs
from streams.shard import Checkpoint

#: A checkpoint that takes longer is given up. The broker aborts its transaction a little later.
WRITE_TIMEOUT_S = 45.0
_TRANSACTION_TIMEOUT_MS = 60_000
#: A dead letter of the largest record, in base64, must fit a batch.
_BATCH_BYTES, _REQUEST_BYTES = 2_000_000, 8_000_000
#: Brokers often say "retry" right after a commit; aiokafka's default of 100 would make the slowest percent of them.
_RETRY_MS = 10

_log = logs.logger(__name__)


class CheckpointError(Exception):
    """A checkpoint may or may not have been written: drop the shard and its writer, and read the state anew."""


class CheckpointWriter:
    """Writes the checkpoints of one partition group; whoever starts one fences the writers before it.

    Parameters
    ----------
    kafka
        Where it is, and who we are there.
    app
        Prefix of the transactional id.
    partition
        The partition group.
    """

    def __init__(self, kafka: Connection, app: str, partition: int) -> None:
        self._partition = partition
        self._producer: Any = AIOKafkaProducer(
            **kafka.aiokafka(),
            transactional_id=f"{app}-{partition}",
            transaction_timeout_ms=_TRANSACTION_TIMEOUT_MS,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_REQUEST_BYTES,
            request_timeout_ms=10_000,
            retry_backoff_ms=_RETRY_MS,
        )

    async def start(self) -> None:
        """Fence the writers before this one; when it returns, their open transaction is settled for good."""
        await self._producer.start()

    async def write(self, checkpoint: Checkpoint) -> None:
        """Write all of a checkpoint or nothing.

        Raises
        ------
        CheckpointError
            If it is not known to be written: fenced, timed out, broker gone. Nothing may be written after that.
        """
        sent: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self._producer.begin_transaction()
                for topic, records in checkpoint.outputs.items():
                    await self._send(topic, records, sent)
                await self._send(STATE, checkpoint.states, sent)
                # aiokafka commits even when a send has failed: look at every one first.
                await asyncio.gather(*sent)
                await self._producer.commit_transaction()
        except Exception as error:
            message = f"checkpoint of partition group {self._partition}: {type(error).__name__}: {error}"
            raise CheckpointError(message) from error
        finally:
            _forget(sent)

    def drop(self) -> asyncio.Task[None]:
        """Stop without aborting or flushing: the next owner settles an open transaction when it fences this one."""
        return asyncio.create_task(self._stop())

    async def _stop(self) -> None:
        sender = self._producer._sender
        if sender is not None and sender.sender_task is not None:
            sender.sender_task.cancel()  # else stop() would try for ever to deliver the rest to an absent broker
        try:
            await self._producer.stop()
        except (Exception, asyncio.CancelledError) as error:  # the sender's own cancellation comes out here
            _log.debug("writer stopped", partition=self._partition, error=repr(error))

    async def _send(
        self, topic: str, records: Sequence[tuple[bytes, bytes | None]], sent: list[asyncio.Future[Any]]
    ) -> None:
        """Fill whole batches: several times cheaper than one send per record."""
        batch = self._producer.create_batch()
        for key, value in records:
            while batch.append(key=key, value=value, timestamp=None) is None:  # full
                if not batch.record_count():
                    message = f"a record of {len(value or b'')} bytes for {topic} does not fit a batch"
                    raise ValueError(message)
                sent.append(await self._producer.send_batch(batch, topic, partition=self._partition))
                batch = self._producer.create_batch()
        if batch.record_count():
            sent.append(await self._producer.send_batch(batch, topic, partition=self._partition))


def _forget(sent: Iterable[asyncio.Future[Any]]) -> None:
    """Wait for none of these any more; a failure has been told already."""
    for future in sent:
        if not future.cancel() and not future.cancelled():
            future.exception()


async def read_state(
    kafka: Connection, partitions: Iterable[int], restore: Callable[[int, bytes, bytes | None], None]
) -> int:
    """Read the topic ``state`` of some groups to its end, committed records only.

    Start the groups' writers first: else a former owner could still append behind the end.

    Parameters
    ----------
    restore
        Called with partition, key and value of each record, in the order of the log.

    Returns
    -------
    int
        How many records were read.
    """
    tps = [TopicPartition(STATE, partition) for partition in partitions]
    count = 0
    async with AIOKafkaConsumer(
        **kafka.aiokafka(),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4_000_000,
        fetch_max_wait_ms=20,
    ) as reader:
        ends = await _ends_before_assigning(reader, tps)
        while await _behind(reader, ends):
            for tp, records in (await reader.getmany(timeout_ms=200)).items():
                for record in records:
                    restore(tp.partition, record.key, record.value)
                count += len(records)
    return count


async def _ends_before_assigning(reader: Any, tps: list[Any]) -> dict[Any, int]:
    """Ask for the ends before anything is fetched: otherwise each request queues behind a long poll."""
    ends: dict[Any, int] = await reader.end_offsets(tps)
    reader.assign(tps)
    return ends


async def _behind(reader: Any, ends: dict[Any, int]) -> bool:
    for tp, end in ends.items():
        if await reader.position(tp) < end:
            return True
    return False
