"""Replay of sources without a broker: the same shards, fed in the order in which a simulated stack would feed them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from zoneinfo import ZoneInfo

from connectors.contract import Rejected, Source
from connectors.kafka.partitioner import partition_of
from connectors.models import Alert, Signal
from connectors.recordtime import record_time_ms, topic_of
from connectors.topics import ALERTS, DEAD_LETTERS, FINDINGS, INPUTS
from streams.clock import SystemClock, moment
from streams.rules import MINUTE_MS, Rules
from streams.shard import Record, Shard

_RANK = {topic: rank for rank, topic in enumerate(INPUTS)}
#: Messages between two reports of progress, and between two takings of a shard's output.
_STRIDE = 5_000

#: minute, rank of the topic, number in the files, partition, record time (ms), value
_Row = tuple[int, int, int, int, int, bytes]


@dataclass(slots=True)
class Replayed:
    """What a replay brought about.

    Parameters
    ----------
    messages
        Messages applied.
    rejected
        Rows that were no messages.
    outputs
        By topic: how many records a scorer would have written.
    alerts, findings
        (key, value) of every transition and finding, by partition in order: the bytes that a scorer would have written.
    enterprises
        How many were scored.
    span
        Record times of the first signal that is no backfilled history, and of the last message; None: there is none.
    seconds
        Processor time of the shards: decoding, engine and writing of the state.
    """

    messages: int = 0
    rejected: int = 0
    outputs: Counter[str] = field(default_factory=Counter)
    alerts: list[tuple[bytes, bytes]] = field(default_factory=list)
    findings: list[tuple[bytes, bytes]] = field(default_factory=list)
    enterprises: int = 0
    span: tuple[datetime, datetime] | None = None
    seconds: float = 0.0

    @property
    def dead_letters(self) -> int:
        """Messages that were refused."""
        return self.outputs[DEAD_LETTERS]

    def transitions(self) -> Iterator[Alert]:
        """Yield the transitions, decoded."""
        for _, value in self.alerts:
            yield Alert.model_validate_json(value)


def replay(
    sources: Iterable[Source], rules: Rules, zone: str, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Replayed:
    """Score what the sources yield, as a simulated stack would that is fed with it, one message a record.

    Messages are sorted by (minute of their record time, rank of their topic); those that tie keep their order. All of
    them are held in memory, about 600 bytes each.

    Parameters
    ----------
    sources
        Read from their beginning to their end.
    rules
        The stack's rules; the partition count decides who is whose peer.
    zone
        For messages that do not say when they were published.
    progress
        Called now and then with messages applied and in all.
    """
    result = Replayed()
    rows = _rows(sources, rules.partitions, ZoneInfo(zone), result)
    rows.sort(key=itemgetter(0, 1))  # stable
    shards = {partition: Shard(partition, rules) for partition in range(rules.partitions)}
    offsets: Counter[tuple[int, int]] = Counter()
    clock = SystemClock()
    done = reported = 0
    for (minute, rank), together in groupby(rows, key=itemgetter(0, 1)):
        arrived: dict[int, list[Record]] = {}
        for _, _, _, partition, time, value in together:
            records = arrived.setdefault(partition, [])
            records.append(Record(offsets[rank, partition], time, None, value))
            offsets[rank, partition] += 1
            done += 1
        began = clock.busy()
        for partition, records in arrived.items():
            shard = shards[partition]
            shard.tick(minute * MINUTE_MS)
            shard.apply(INPUTS[rank], records[0].offset, records[-1].offset + 1, records)
        if done - reported >= _STRIDE:
            reported = done
            progress(done, len(rows))
            for shard in shards.values():
                _take(shard, result)
        result.seconds += clock.busy() - began
    for shard in shards.values():
        _take(shard, result)
    progress(len(rows), len(rows))
    result.messages = len(rows)
    result.enterprises = sum(len(shard.engine.enterprises) for shard in shards.values())
    return result


def _rows(sources: Iterable[Source], partitions: int, zone: ZoneInfo, result: Replayed) -> list[_Row]:
    rows: list[_Row] = []
    last = 0
    span: tuple[int, int] | None = None
    for source in sources:
        for batch in source.read():
            for item in batch.items:
                if isinstance(item, Rejected):
                    result.rejected += 1
                    continue
                last = record_time_ms(item, zone, last)
                partition = partition_of(item.enterprise_id, partitions)
                if span is not None or (isinstance(item, Signal) and not item.backfill):
                    span = (last, last) if span is None else (min(span[0], last), max(span[1], last))
                rank = _RANK[topic_of(item)]
                rows.append((last // MINUTE_MS, rank, len(rows), partition, last, item.wire()))
    if span is not None:
        result.span = moment(span[0]), moment(span[1])
    return rows


def _take(shard: Shard, result: Replayed) -> None:
    if not shard.changed:
        return
    outputs = shard.take().outputs
    for topic, written in outputs.items():
        result.outputs[topic] += len(written)
    result.alerts += outputs.get(ALERTS, [])
    result.findings += outputs.get(FINDINGS, [])
