"""From Kafka records to blocks of rows: which table each goes to, and what becomes of what cannot be read. No I/O."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from pydantic import ValidationError

from connectors.catalogue import FAMILIES, Family, Kind, Period
from connectors.clickhouse import TABLE_OF, TABLES, Rows, Table, readings_block
from connectors.clickhouse.schema import SIGNALS
from connectors.decoding import BAD_CHECK_CHARACTER, INPUT_LOST, Decoder, Received
from connectors.models import DeadLetter, Message
from connectors.readings import Apart, FrameDecoder, Readings
from connectors.topics import DEAD_LETTERS, INPUTS, METRICS
from streams.clock import moment


def brings_days(family: Family) -> bool:
    """Return whether a family has readings for each day, or even more often."""
    return any(metric.kind is Kind.READING and metric.period is Period.DAY for metric in family.metrics.values())


#: What the recorder reads: everything that has a table.
TOPICS = tuple(TABLE_OF)
#: Those that bring rows by the thousands: readings of days, and the figures made of them.
FLOOD = frozenset({METRICS, *(f"signals.{family.name}" for family in FAMILIES.values() if brings_days(family))})

#: Reasons of the dead letters that the recorder itself writes to ClickHouse.
UNREADABLE, SKIPPED, LOST = "unreadable", "skipped", INPUT_LOST

#: What may be odd about an enterprise; a reader remembers by place which is true of one.
FLAGS: tuple[tuple[str, ...], ...] = ((), (BAD_CHECK_CHARACTER,))
#: So many enterprises are remembered, at some 120 bytes each; then all are forgotten.
_MOST_KNOWN = 2_000_000


class NewerMessageError(Exception):
    """A message is of a version that this program does not know: upgrade the recorder before the scorer."""


class KafkaRecord(Protocol):
    """A record as aiokafka gives it; ``timestamp`` is its time in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read ``topic:partition:offset``.

        Examples
        --------
        >>> str(Place.parse("signals.tax:3:141"))
        'signals.tax:3:141'
        """
        try:
            topic, partition, offset = text.rsplit(":", 2)
            return cls(topic, int(partition), int(offset))
        except ValueError:
            message = f"expected topic:partition:offset, not {text!r}"
            raise ValueError(message) from None


@dataclass(frozen=True, slots=True)
class Row:
    """A message of one of our own programs and the place of its record."""

    message: Message
    topic: str
    partition: int
    offset: int
    index: int
    time: int
    flags: tuple[str, ...] = ()


Frame: TypeAlias = tuple[str, int, Sequence[KafkaRecord]]


@dataclass(slots=True)
class Haul:
    """Records as they came: frames of consecutive ones, and how far that brings the reading of each partition.

    ``oldest`` is the earliest moment, milliseconds, at which one of them was there to be stored.
    """

    frames: list[Frame] = field(default_factory=list)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    letters: list[Row] = field(default_factory=list)
    size: int = 0
    oldest: int | None = None

    def add(self, topic: str, partition: int, records: Sequence[KafkaRecord], since: int) -> None:
        """Take consecutive records, at least one, that follow those already here and were there since then."""
        self.frames.append((topic, partition, records))
        self.ends[topic, partition] = records[-1].offset + 1
        self.size += sum(len(record.value or b"") for record in records)
        self.oldest = since if self.oldest is None else min(self.oldest, since)

    def lose(self, first: Place, end: int, now_ms: int) -> None:
        """Make a dead letter of records that Kafka deleted before they were stored: somebody must see it.

        Parameters
        ----------
        first, end
            The first record that is lost, and the offset of the first that is not.
        now_ms
            When that was found out.
        """
        at = moment(now_ms)
        letter = DeadLetter(
            topic=first.topic,
            partition=first.partition,
            offset=first.offset,
            reason=LOST,
            detail=f"Kafka deleted the records up to offset {end} by age before they were stored in ClickHouse",
            record_time=at,
            at=at,
            value="",
        )
        self.letters.append(Row(letter, *first, 0, now_ms))
        self.ends.setdefault((first.topic, first.partition), end)


@dataclass(slots=True)
class Batch:
    """What some frames hold: readings as columns, and everything else as messages by the name of their table."""

    readings: list[Readings] = field(default_factory=list)
    rows: dict[str, list[Row | Received]] = field(default_factory=lambda: defaultdict(list))
    count: int = 0
    unreadable: int = 0

    def blocks(self) -> Iterator[tuple[Table, Rows]]:
        """Yield what is to be inserted, by table."""
        if self.readings:
            yield SIGNALS, readings_block(self.readings, FLAGS)
        for table in TABLES:
            if rows := self.rows.get(table.name):
                yield table, rows


class _Taken(NamedTuple):
    """A record as the decoders see it."""

    offset: int
    time: int
    key: bytes | None
    value: bytes | None


class Reader:
    """Reads records into batches.

    Signals and registry entries go through the scorer's own decoder, so that exactly what it accepts is stored; what
    it refuses it dead-letters, and that arrives here as a record of ``dead-letters``. A record of another topic that
    is no message at all becomes a row of ``dead_letters`` here: it neither vanishes nor blocks.

    Several threads may use it at once.

    Parameters
    ----------
    partitions
        Partition count of the stack.
    skip
        Records that an operator has given up: they become dead letters.
    """

    def __init__(self, partitions: int, skip: Collection[Place] = ()) -> None:
        self._decoder = Decoder(partitions)
        self._frames = FrameDecoder(self._decoder)
        self._known: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)  # enterprise → place in FLAGS
        self._skip = frozenset(skip)

    def batches(self, haul: Haul, rows: int) -> Iterator[Batch]:
        """Yield what a haul holds, about ``rows`` rows at a time.

        Raises
        ------
        NewerMessageError
            If one of our own programs writes a newer version of a message than this one knows.
        """
        batch = Batch(
            rows=defaultdict(list, {TABLE_OF[DEAD_LETTERS].name: list(haul.letters)}), count=len(haul.letters)
        )
        for topic, partition, records in haul.frames:
            self._read(topic, partition, records, batch)
            if batch.count >= rows:
                yield batch
                batch = Batch()
        if batch.count:
            yield batch

    def _read(self, topic: str, partition: int, records: Sequence[KafkaRecord], batch: Batch) -> None:
        kept = records
        if self._skip:
            kept = [r for r in records if (topic, partition, r.offset) not in self._skip]
            for record in records:
                if (topic, partition, record.offset) in self._skip:
                    self._bury(record, batch, SKIPPED, "given up by an operator with --skip")
        if topic in INPUTS:
            self._signals(topic, partition, kept, batch)
            return
        for record in kept:
            if record.value is not None:  # a compacted topic's deletion has no value, and nothing to store
                self._own(record, record.value, batch)

    def _signals(self, topic: str, partition: int, records: Sequence[KafkaRecord], batch: Batch) -> None:
        taken = [_Taken(r.offset, r.timestamp, r.key, r.value) for r in records]
        known = self._known[topic, partition]
        for found in self._frames.decode(topic, partition, taken, known):
            if isinstance(found, Apart):
                accepted = [entry for entry in found.entries if isinstance(entry, Received)]
                batch.rows[TABLE_OF[topic].name] += accepted
                batch.count += len(accepted)
            else:
                self._learn(found, known)
                batch.readings.append(found)
                batch.count += len(found)

    def _learn(self, readings: Readings, known: dict[str, int]) -> None:
        """Look at new enterprises once, so that all ``rows`` are places in FLAGS."""
        new = np.flatnonzero(readings.rows < 0).tolist()
        if new and sum(map(len, self._known.values())) > _MOST_KNOWN:
            self._known.clear()
        for place in new:
            enterprise = readings.enterprises[place]
            readings.rows[place] = known[enterprise] = FLAGS.index(self._decoder.flags(enterprise))

    def _own(self, record: KafkaRecord, value: bytes, batch: Batch) -> None:
        table = TABLE_OF[record.topic]
        try:
            message = table.model.model_validate_json(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            if first["loc"] == ("v",):
                text = f"{record.topic}:{record.partition}:{record.offset} has another version: upgrade the recorder"
                raise NewerMessageError(text) from None
            batch.unreadable += 1
            detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            self._bury(record, batch, UNREADABLE, detail)
            return
        batch.rows[table.name].append(Row(message, record.topic, record.partition, record.offset, 0, record.timestamp))
        batch.count += 1

    def _bury(self, record: KafkaRecord, batch: Batch, reason: str, detail: str) -> None:
        time = moment(record.timestamp)
        letter = DeadLetter(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
            detail=detail,
            record_time=time,
            at=time,
            key=None if record.key is None else base64.b64encode(record.key).decode(),
            value=base64.b64encode(record.value or b"").decode(),
        )
        row = Row(letter, record.topic, record.partition, record.offset, 0, record.timestamp)
        batch.rows[TABLE_OF[DEAD_LETTERS].name].append(row)
        batch.count += 1
