"""From Kafka records to rows: which table each goes to, and what becomes of those that cannot be read. No I/O."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from pydantic import ValidationError

from connectors.clickhouse import TABLE_OF
from connectors.decoding import Decoder, Received
from connectors.models import DeadLetter, Message
from connectors.topics import DEAD_LETTERS, INPUTS
from streams.clock import moment

#: What the recorder reads: everything that has a table.
TOPICS = tuple(TABLE_OF)

#: Reasons of the dead letters that the recorder itself writes to ClickHouse.
UNREADABLE, SKIPPED, LOST = "unreadable", "skipped", "input-lost"


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


@dataclass(slots=True)
class Batch:
    """Rows by the name of their table, how far the reading of each partition has come, and bytes read."""

    rows: dict[str, list[Row | Received]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    count: int = 0
    size: int = 0
    unreadable: int = 0


class Reader:
    """Reads records into batches.

    Signals and registry entries go through the scorer's own decoder, so that exactly what it accepts is stored; what
    it refuses it dead-letters, and that arrives here as a record of ``dead-letters``. A record of another topic that
    is no message at all becomes a row of ``dead_letters`` here: it neither vanishes nor blocks.

    Parameters
    ----------
    partitions
        Partition count of the stack.
    skip
        Records that an operator has given up: they become dead letters.
    """

    def __init__(self, partitions: int, skip: Collection[Place] = ()) -> None:
        self._decoder = Decoder(partitions)
        self._skip = frozenset(skip)

    def read(self, record: KafkaRecord, batch: Batch) -> None:
        """Add what a record holds to a batch.

        Raises
        ------
        NewerMessageError
            If one of our own programs writes a newer version of a message than this one knows.
        """
        topic, partition, offset = record.topic, record.partition, record.offset
        batch.ends[topic, partition] = offset + 1
        batch.size += len(record.value or b"")
        if self._skip and (topic, partition, offset) in self._skip:
            self._bury(record, batch, SKIPPED, "given up by an operator with --skip")
        elif topic in INPUTS:
            decoded = self._decoder.decode(topic, partition, offset, record.key, record.value, record.timestamp)
            accepted = [entry for entry in decoded if isinstance(entry, Received)]
            batch.rows[TABLE_OF[topic].name] += accepted
            batch.count += len(accepted)
        elif record.value is not None:  # a compacted topic's deletion has no value, and nothing to store
            self._own(record, record.value, batch)

    def lose(self, first: Place, end: int, now_ms: int, batch: Batch) -> None:
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
        batch.rows[TABLE_OF[DEAD_LETTERS].name].append(Row(letter, *first, 0, now_ms))
        batch.count += 1

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
