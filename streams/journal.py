"""Replay of the journal: whether a stack holds what its inputs, applied in the journalled order, lead to.

Every checkpoint left one journal record. Applying its entries to a fresh shard and taking a checkpoint there must give
the same bytes: journal, findings, alerts, metrics and dead letters row by row, ``risk`` and ``state`` key by key.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # ships no types

from connectors.kafka.connection import Connection
from connectors.topics import ALERTS, DEAD_LETTERS, FINDINGS, INPUTS, JOURNAL, METRICS, RISK, STATE
from streams.rules import Rules, rules_for
from streams.runtime import Endpoints
from streams.settings import Settings
from streams.shard import EngineFaultError, Record, Shard

#: Compared row by row; the others are compacted and compared key by key.
ROWS = (JOURNAL, FINDINGS, ALERTS, METRICS, DEAD_LETTERS)
KEYED = (RISK, STATE)
_QUIET_TRIES = 20
_SHOWN = 50


class NotQuietError(Exception):
    """The stack is still writing checkpoints: compare it when its sources or its scorers have stopped."""


class InputLostError(Exception):
    """Kafka no longer has what the journal refers to."""


@dataclass(slots=True)
class Comparison:
    """What a replay of the journal found.

    Parameters
    ----------
    partitions
        Partition groups compared.
    checkpoints, records
        Journal records, and input records, replayed.
    rows
        By output topic: rows, or keys, compared.
    mismatches
        By output topic: rows, or keys, that differ, are missing or too many; under ``"gaps"`` journal entries that do
        not begin where their topic's previous one ended; under ``"faults"`` groups that could not be replayed to the
        end.
    differences
        The first of them, in words.
    unreplayable
        Partition groups whose inputs Kafka no longer has.
    """

    partitions: list[int] = field(default_factory=list)
    checkpoints: int = 0
    records: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    mismatches: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    unreplayable: list[int] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether all groups were replayed and nothing differs."""
        return not self.unreplayable and not self.mismatches.total()

    def note(self, kind: str, text: str) -> None:
        """Count a difference."""
        self.mismatches[kind] += 1
        if len(self.differences) < _SHOWN:
            self.differences.append(text)

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a program."""
        kinds = ("gaps", "faults", *ROWS, *KEYED)
        return {
            "equal": self.equal,
            "partitions": self.partitions,
            "checkpoints": self.checkpoints,
            "records": self.records,
            "rows": {topic: self.rows[topic] for topic in (*ROWS, *KEYED)},
            "mismatches": {kind: self.mismatches[kind] for kind in kinds},
            "differences": self.differences,
            "unreplayable": self.unreplayable,
        }


def replay_journal(endpoints: Endpoints, settings: Settings, partitions: Collection[int] | None = None) -> Comparison:
    """Replay the journal of some partition groups, by default all, and compare with what the scorers wrote.

    Raises
    ------
    NotQuietError
        If the scorers are still writing.
    """
    chosen = range(settings.partitions) if partitions is None else sorted(partitions)
    return asyncio.run(_compare_all(endpoints.kafka, rules_for(settings), chosen))


async def _compare_all(kafka: Connection, rules: Rules, partitions: Sequence[int]) -> Comparison:
    result = Comparison()
    async with AIOKafkaConsumer(
        **kafka.aiokafka(),
        isolation_level="read_committed",
        auto_offset_reset="none",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4_000_000,
        fetch_max_wait_ms=20,
    ) as consumer:
        for partition in partitions:
            await _compare(consumer, rules, partition, result)
    return result


async def _compare(consumer: Any, rules: Rules, partition: int, result: Comparison) -> None:
    logs = await _open(consumer, partition)
    condemned, begins = await _look_ahead(logs[JOURNAL])
    logs[JOURNAL].rewind()
    replayed = _Replayed(Shard(partition, rules, condemned))
    # A scorer begins topics of which it has no state at their first record, also those that stay silent.
    replayed.shard.next = {topic: begins.get(topic, logs[topic].begin) for topic in INPUTS}
    result.partitions.append(partition)
    try:
        while (record := await logs[JOURNAL].next()) is not None:
            await replayed.checkpoint(json.loads(record.value or b"{}")["entries"], logs, result)
    except InputLostError as error:
        result.unreplayable.append(partition)
        result.differences.append(str(error))
        return
    except EngineFaultError as error:
        result.note("faults", f"group {partition}: the engine failed where it did not fail live: {error}")
        return
    logs[JOURNAL].rewind()
    for topic in ROWS:
        await _compare_rows(topic, replayed, logs[topic], result)
    for topic in KEYED:
        await _compare_keys(topic, replayed, logs[topic], result)


class _Log:
    """One partition, read in order up to the end that it had when it was opened."""

    def __init__(self, consumer: Any, tp: Any, begin: int, end: int) -> None:
        self.begin, self.end = begin, end
        self._consumer, self._tp = consumer, tp
        self._buffer: list[Any] = []
        self._at = 0

    def rewind(self) -> None:
        """Go back to the beginning."""
        self._consumer.seek(self._tp, self.begin)
        self._buffer, self._at = [], 0

    async def next(self) -> Any:
        """Return the next record, None at the end."""
        while self._at == len(self._buffer):
            if await self._consumer.position(self._tp) >= self.end:
                return None
            got = await self._consumer.getmany(self._tp, timeout_ms=200)
            self._buffer = [record for record in got.get(self._tp, ()) if record.offset < self.end]
            self._at = 0
        self._at += 1
        return self._buffer[self._at - 1]

    async def upto(self, end: int) -> list[Record]:
        """Return the records from here to an offset."""
        records = []
        while (one := await self.next()) is not None:
            if one.offset >= end:
                self._at -= 1
                break
            records.append(Record(one.offset, one.timestamp, one.key, one.value))
        return records


class _Replayed:
    """A shard that follows the journal, and a fingerprint of all it wrote."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.rows: dict[str, list[tuple[bytes, bytes]]] = {topic: [] for topic in ROWS}
        self.keys: dict[str, dict[bytes, bytes]] = {topic: {} for topic in KEYED}

    async def checkpoint(self, entries: Sequence[Sequence[Any]], logs: dict[str, _Log], result: Comparison) -> None:
        """Apply the entries of one journal record, and take what a checkpoint would write."""
        for entry in entries:
            await self._apply(entry, logs, result)
        taken = self.shard.take()
        result.checkpoints += 1
        for topic, rows in taken.outputs.items():
            if topic in self.rows:
                self.rows[topic].extend((key, _fingerprint(value)) for key, value in rows)
            else:
                self.keys[topic].update((key, _fingerprint(value)) for key, value in rows)
        for key, value in taken.states:
            if value is None:
                self.keys[STATE].pop(key, None)
            else:
                self.keys[STATE][key] = _fingerprint(value)

    async def _apply(self, entry: Sequence[Any], logs: dict[str, _Log], result: Comparison) -> None:
        kind, *rest = entry
        if kind == "tick":
            self.shard.tick(rest[0])
            return
        topic, begin, end = rest[:3]
        expected = self.shard.next.get(topic, begin)
        if begin != expected:
            partition = self.shard.partition
            result.note(
                "gaps", f"{topic}-{partition}: a journal entry begins at {begin}, the one before ended at {expected}"
            )
            self.shard.skip(topic, begin)
        if kind == "skip":
            self.shard.skip(topic, end)
            return
        if begin < logs[topic].begin:
            message = f"{topic}-{self.shard.partition}: offsets {begin}..{end} are no longer in Kafka"
            raise InputLostError(message)
        records = await logs[topic].upto(end)
        self.shard.apply(topic, begin, end, [record for record in records if record.offset >= begin])
        result.records += len(records)


async def _open(consumer: Any, partition: int) -> dict[str, _Log]:
    topics = (*INPUTS, *ROWS, *KEYED)
    tps = {topic: TopicPartition(topic, partition) for topic in topics}
    begins = await consumer.beginning_offsets(list(tps.values()))
    ends = await _quiet_ends(consumer, list(tps.values()))
    consumer.assign(list(tps.values()))
    logs = {topic: _Log(consumer, tp, begins[tp], ends[tp]) for topic, tp in tps.items()}
    for log in logs.values():
        log.rewind()
    return logs


async def _quiet_ends(consumer: Any, tps: list[Any]) -> dict[Any, int]:
    """Return ends between which no checkpoint lies half."""
    outputs = [tp for tp in tps if tp.topic not in INPUTS]
    for _ in range(_QUIET_TRIES):
        before = await consumer.end_offsets(outputs)
        ends: dict[Any, int] = await consumer.end_offsets(tps)
        if before == {tp: ends[tp] for tp in outputs}:
            return ends
        await asyncio.sleep(0.2)
    message = "the scorers are still writing checkpoints: stop them, or what feeds them, and try again"
    raise NotQuietError(message)


async def _look_ahead(journal: _Log) -> tuple[set[tuple[str, int]], dict[str, int]]:
    """Return the records that were put aside, and the offset at which each topic was begun."""
    condemned: set[tuple[str, int]] = set()
    begins: dict[str, int] = {}
    while (record := await journal.next()) is not None:
        for kind, *rest in json.loads(record.value or b"{}")["entries"]:
            if kind != "tick":
                begins.setdefault(rest[0], rest[1])
            if kind == "condemned":
                condemned.add((rest[0], rest[1]))
    return condemned, begins


async def _compare_rows(topic: str, replayed: _Replayed, log: _Log, result: Comparison) -> None:
    live = []
    while (record := await log.next()) is not None:
        live.append((record.offset, record.key, _fingerprint(record.value)))
    mine = replayed.rows[topic]
    if log.begin > 0:  # retention has taken the oldest rows
        mine = mine[max(len(mine) - len(live), 0) :]
    result.rows[topic] += len(live)
    place = f"{topic}-{replayed.shard.partition}"
    for (offset, *written), decided in zip(live, mine, strict=False):
        if tuple(written) != decided:
            result.note(topic, f"{place} offset {offset}: live {_told(*written)}, replayed {_told(*decided)}")
    for offset, *written in live[len(mine) :]:
        result.note(topic, f"{place} offset {offset}: {_told(*written)} was written and not decided in the replay")
    for decided in mine[len(live) :]:
        result.note(topic, f"{place}: {_told(*decided)} was decided in the replay and not written")


async def _compare_keys(topic: str, replayed: _Replayed, log: _Log, result: Comparison) -> None:
    live: dict[bytes, bytes] = {}
    while (record := await log.next()) is not None:
        if record.value is None:
            live.pop(record.key, None)
        else:
            live[record.key] = _fingerprint(record.value)
    mine = replayed.keys[topic]
    result.rows[topic] += len(live)
    for key in sorted(live.keys() | mine.keys()):
        if live.get(key) != mine.get(key):
            place = f"{topic}-{replayed.shard.partition} key {key!r}"
            what = "only in the replay" if key not in live else "not in the replay" if key not in mine else "differs"
            result.note(topic, f"{place}: {what}")


def _fingerprint(value: bytes) -> bytes:
    return blake2b(value, digest_size=16).digest()


def _told(key: bytes, fingerprint: bytes) -> str:
    return f"{key!r} ({fingerprint.hex()[:8]})"
