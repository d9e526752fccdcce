"""Replay of the journal: whether a stack holds what its inputs, applied in the journalled order, lead to.

Every checkpoint left one journal record. Applying its entries to a fresh shard and taking a checkpoint there must give
the same bytes: journal, findings, alerts, metrics and dead letters row by row, ``risk`` key by key. Of ``state`` not
the records count but what they lead to: a shard restored from them must hold what the replayed one holds.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # ships no types

from connectors import compact
from connectors.decoding import Decoder, Received
from connectors.kafka.connection import Connection
from connectors.models import Signal
from connectors.topics import ALERTS, DEAD_LETTERS, FINDINGS, INPUTS, JOURNAL, METRICS, RISK, STATE
from streams.rules import MINUTE_MS, Rules, rules_for
from streams.runtime import Endpoints
from streams.settings import Settings
from streams.shard import EngineFaultError, Record, Shard

#: Compared row by row.
ROWS = (JOURNAL, FINDINGS, ALERTS, METRICS, DEAD_LETTERS)
#: What is compared in all.
COMPARED = (*ROWS, RISK, STATE)
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
    checkpoints, records, messages
        Journal records, input records, and the signals and registry entries in those, replayed. A record that cannot be
        read counts as one message.
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
    messages: int = 0
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
        kinds = ("gaps", "faults", *COMPARED)
        return {
            "equal": self.equal,
            "partitions": self.partitions,
            "checkpoints": self.checkpoints,
            "records": self.records,
            "messages": self.messages,
            "rows": {topic: self.rows[topic] for topic in COMPARED},
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


class Brought(NamedTuple):
    """A partition group as it was at a moment, and the last that it wrote of one enterprise by then."""

    shard: Shard
    risk: bytes | None
    alert: bytes | None


def bring(endpoints: Endpoints, settings: Settings, partition: int, until: int, enterprise: str) -> Brought:
    """Replay a partition group's journal up to a moment, also while the stack runs.

    Parameters
    ----------
    endpoints, settings
        Of the stack.
    partition
        Which group.
    until
        Records that became known later, and later ticks, are left out. Milliseconds.
    enterprise
        Whose risk and alert are wanted.

    Raises
    ------
    InputLostError
        If Kafka no longer has what the journal refers to.
    """
    return asyncio.run(_bring(endpoints.kafka, rules_for(settings), partition, until, enterprise.encode()))


async def _bring(kafka: Connection, rules: Rules, partition: int, until: int, enterprise: bytes) -> Brought:
    async with _consuming(kafka) as consumer:
        logs = await _open(consumer, partition, quiet=False)
        replayed = await _begin(logs, rules, partition, until)
        found: dict[str, bytes] = {}
        while not replayed.passed and (record := await logs[JOURNAL].next()) is not None:
            for entry in json.loads(record.value or b"{}")["entries"]:
                if not replayed.passed:
                    await replayed.apply(entry, logs, Comparison())
            found |= _newest_of(enterprise, replayed.shard)
        if replayed.passed:  # what came next has also closed the days that were due before
            replayed.shard.tick(until - until % MINUTE_MS)
            found |= _newest_of(enterprise, replayed.shard)
    return Brought(replayed.shard, found.get(RISK), found.get(ALERTS))


def _newest_of(enterprise: bytes, shard: Shard) -> dict[str, bytes]:
    """Return by topic the last that a shard has written of an enterprise."""
    outputs = shard.take().outputs
    return {topic: value for topic, rows in outputs.items() for key, value in rows if key == enterprise}


@dataclass(slots=True)
class History:
    """What other rules make of a stack's journal.

    Parameters
    ----------
    alerts
        Transitions.
    messages, enterprises
        How many.
    first, last
        When the first signal came that is no backfilled history, and when the journal ends. Milliseconds; 0: never.
    """

    alerts: list[bytes] = field(default_factory=list)
    messages: int = 0
    enterprises: int = 0
    first: int = 0
    last: int = 0


def rewrite(
    endpoints: Endpoints,
    rules: Rules,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> History:
    """Replay the whole journal of a stack with other rules than it was written with, also while the stack runs.

    Parameters
    ----------
    endpoints
        Of the stack.
    rules
        Of its partition count.
    tell
        Told how many partition groups of how many are replayed.

    Raises
    ------
    InputLostError
        If Kafka no longer has what the journal refers to.
    EngineFaultError
        If the engine fails with these rules.
    """
    return asyncio.run(_rewrite(endpoints.kafka, rules, tell))


async def _rewrite(kafka: Connection, rules: Rules, tell: Callable[[int, int], None]) -> History:
    history, counted = History(), Comparison()
    async with _consuming(kafka) as consumer:
        for partition in range(rules.partitions):
            logs = await _open(consumer, partition, quiet=False)
            replayed = await _begin(logs, rules, partition)
            shard = replayed.shard
            while (record := await logs[JOURNAL].next()) is not None:
                for entry in json.loads(record.value or b"{}")["entries"]:
                    await replayed.apply(entry, logs, counted)
                history.alerts += [value for _, value in shard.take().outputs.get(ALERTS, [])]
                history.last = max(history.last, shard.engine.now)
            history.first = min(filter(None, (history.first, replayed.live)), default=0)
            history.enterprises += len(shard.engine.enterprises)
            tell(partition + 1, rules.partitions)
    history.messages = counted.messages
    return history


@asynccontextmanager
async def _consuming(kafka: Connection) -> AsyncIterator[Any]:
    """Yield a consumer, and close it, also one that could not start."""
    consumer = AIOKafkaConsumer(
        **kafka.aiokafka(),
        isolation_level="read_committed",
        auto_offset_reset="none",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4_000_000,
        fetch_max_wait_ms=20,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _compare_all(kafka: Connection, rules: Rules, partitions: Sequence[int]) -> Comparison:
    result = Comparison()
    async with _consuming(kafka) as consumer:
        for partition in partitions:
            await _compare(consumer, rules, partition, result)
    return result


async def _compare(consumer: Any, rules: Rules, partition: int, result: Comparison) -> None:
    logs = await _open(consumer, partition)
    replayed = await _begin(logs, rules, partition)
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
    await _compare_risk(replayed, logs[RISK], result)
    await _compare_states(replayed.shard, Shard(partition, rules), logs[STATE], result)


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
    """A shard that follows the journal, up to a moment if one is given, and a fingerprint of all it wrote."""

    def __init__(self, shard: Shard, until: float = math.inf) -> None:
        self.shard = shard
        #: Whether the moment has been passed.
        self.passed = False
        #: When the first signal came that is no backfilled history; 0: none has. Milliseconds.
        self.live = 0
        self._decoder = Decoder(shard.engine.rules.partitions)
        self._until = until
        self.rows: dict[str, list[tuple[bytes, bytes]]] = {topic: [] for topic in ROWS}
        self.risk: dict[bytes, bytes] = {}

    async def checkpoint(self, entries: Sequence[Sequence[Any]], logs: dict[str, _Log], result: Comparison) -> None:
        """Apply the entries of one journal record, and take what a checkpoint would write."""
        for entry in entries:
            await self.apply(entry, logs, result)
        taken = self.shard.take()
        result.checkpoints += 1
        for topic, rows in taken.outputs.items():
            written = [(key, _fingerprint(value)) for key, value in rows]
            if topic == RISK:
                self.risk.update(written)
            else:
                self.rows[topic].extend(written)

    async def apply(self, entry: Sequence[Any], logs: dict[str, _Log], result: Comparison) -> None:
        """Apply one journal entry, or what of it lies before the moment."""
        kind, *rest = entry
        if kind == "tick":
            if rest[0] <= self._until:
                self.shard.tick(*rest)
            else:
                self.passed = True
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
        known = next((place for place, record in enumerate(records) if record.time > self._until), len(records))
        if known < len(records):
            self.passed, records, end = True, records[:known], records[known].offset
        self.live = self.live or self._first_live(topic, records)
        self.shard.apply(topic, begin, end, [record for record in records if record.offset >= begin])
        result.records += len(records)
        result.messages += sum(_messages(record.value) for record in records)

    def _first_live(self, topic: str, records: Sequence[Record]) -> int:
        for record in records:
            decoded = self._decoder.decode(
                topic, self.shard.partition, record.offset, record.key, record.value, record.time
            )
            for one in decoded:
                if isinstance(one, Received) and isinstance(one.message, Signal) and not one.message.backfill:
                    return record.time
        return 0


async def _begin(logs: dict[str, _Log], rules: Rules, partition: int, until: float = math.inf) -> _Replayed:
    """Return a shard that is about to follow the journal from its first entry."""
    condemned, begins = await _look_ahead(logs[JOURNAL])
    logs[JOURNAL].rewind()
    replayed = _Replayed(Shard(partition, rules, condemned), until)
    # A scorer begins topics of which it has no state at their first record, also those that stay silent.
    replayed.shard.next = {topic: begins.get(topic, logs[topic].begin) for topic in INPUTS}
    return replayed


async def _open(consumer: Any, partition: int, *, quiet: bool = True) -> dict[str, _Log]:
    """Return the logs of a partition group, those of inputs and outputs at one moment if they must be ``quiet``."""
    topics = (*INPUTS, *COMPARED)
    tps = {topic: TopicPartition(topic, partition) for topic in topics}
    begins = await consumer.beginning_offsets(list(tps.values()))
    if quiet:
        ends = await _quiet_ends(consumer, list(tps.values()))
    else:  # the journal first: what it refers to is there by then
        journal = await consumer.end_offsets([tps[JOURNAL]])
        ends = {**await consumer.end_offsets(list(tps.values())), **journal}
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


async def _compare_risk(replayed: _Replayed, log: _Log, result: Comparison) -> None:
    live: dict[bytes, bytes] = {}
    while (record := await log.next()) is not None:
        if record.value is None:
            live.pop(record.key, None)
        else:
            live[record.key] = _fingerprint(record.value)
    _compare_keys(RISK, replayed.shard.partition, live, replayed.risk, result)


async def _compare_states(replayed: Shard, restored: Shard, log: _Log, result: Comparison) -> None:
    """Restore a shard as a scorer would, and compare what it holds with what the replay holds."""
    empty = True
    while (record := await log.next()) is not None:
        restored.restore(record.key, record.value)
        empty = False
    restored.restored()
    if not empty:  # else the scorers have not written yet, and there is nothing to compare
        _compare_keys(STATE, replayed.partition, restored.states(), replayed.states(), result)


def _compare_keys(
    topic: str, partition: int, live: Mapping[bytes, bytes], decided: Mapping[bytes, bytes], result: Comparison
) -> None:
    result.rows[topic] += len(live)
    for key in sorted(live.keys() | decided.keys()):
        if live.get(key) != decided.get(key):
            what = "only in the replay" if key not in live else "not in the replay" if key not in decided else "differs"
            result.note(topic, f"{topic}-{partition} key {key!r}: {what}")


def _messages(value: bytes | None) -> int:
    """Return how many messages a record means to carry, without judging them."""
    try:
        if value and compact.is_compact(value):
            return len(compact.decode(value))
        if value and value[:1] == b"[":
            return len(msgspec.json.decode(value, type=list[msgspec.Raw]))
    except (msgspec.MsgspecError, compact.CompactError):
        return 1
    return 1


def _fingerprint(value: bytes) -> bytes:
    return blake2b(value, digest_size=16).digest()


def _told(key: bytes, fingerprint: bytes) -> str:
    return f"{key!r} ({fingerprint.hex()[:8]})"
