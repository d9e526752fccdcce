"""What the recorder makes of records, without Kafka and ClickHouse."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.clickhouse import TABLE_OF
from connectors.compact import block_of, encode
from connectors.decoding import Decoder, Received, encode_envelope
from connectors.examples import EXAMPLES
from connectors.kafka import partition_of
from connectors.models import MESSAGES, DeadLetter, Message, Signal
from connectors.topics import INPUTS, SIGNALS
from streams.recording import FLAGS, LOST, SKIPPED, TOPICS, UNREADABLE, Batch, Haul, NewerMessageError, Place, Reader

PARTITIONS = 4
CASES = "signals.litigation"
NOW = 1_800_000_000_000
NAME_OF = {model: name for name, model in MESSAGES.items()}


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    value: bytes | None
    timestamp: int = NOW
    key: bytes | None = b"k"


def example(model: type[Message], number: int = 0) -> Message:
    return model.model_validate_json(json.dumps(EXAMPLES[NAME_OF[model]][number]))


def haul_of(*records: Record) -> Haul:
    haul = Haul()
    for (topic, partition), frame in itertools.groupby(records, key=lambda r: (r.topic, r.partition)):
        haul.add(topic, partition, list(frame), NOW)
    return haul


def read(*records: Record, skip: tuple[Place, ...] = ()) -> Batch:
    """Return what the records hold as one batch."""
    return next(Reader(PARTITIONS, skip).batches(haul_of(*records), 1_000_000), Batch())


def messages(batch: Batch) -> list[Any]:
    """Return all rows of a batch as messages."""
    readings = [
        part.received(place, FLAGS[int(part.rows[place])]) for part in batch.readings for place in range(len(part))
    ]
    return [*readings, *(row for rows in batch.rows.values() for row in rows)]


def signal() -> Signal:
    return cast(Signal, example(Signal))


HOME = partition_of(signal().enterprise_id, PARTITIONS)


@pytest.mark.parametrize("topic", [t for t in TOPICS if t not in SIGNALS or t in ("signals.electricity", CASES)])
def test_a_message_of_every_topic_becomes_a_row_of_its_table(topic: str) -> None:
    table = TABLE_OF[topic]
    number = 1 if topic == CASES else 0
    message = example(table.model, number)
    batch = read(Record(topic, HOME, 9, message.wire()))
    (row,) = messages(batch)
    assert row.message == message
    assert (row.topic, row.partition, row.offset, row.index, row.time) == (topic, HOME, 9, 0, NOW)
    assert [block[0] for block in batch.blocks()] == [table]
    assert batch.count == 1


def test_an_envelope_is_as_many_rows_and_what_the_scorer_refuses_is_none() -> None:
    bad = signal().model_copy(update={"metric": "daily_horses"})
    envelope = encode_envelope([signal(), bad, signal()])
    batch = read(Record("signals.electricity", HOME, 4, envelope))
    assert [row.index for row in messages(batch)] == [0, 2]
    assert batch.count == 2


def test_a_haul_knows_how_far_it_brings_the_reading_and_how_old_it_is() -> None:
    haul = haul_of(Record("risk", 1, 4, None), Record("risk", 1, 9, b"12"), Record("alerts", 1, 7, b"1"))
    haul.add("alerts", 2, [Record("alerts", 2, 0, None)], NOW - 5)
    assert haul.ends == {("risk", 1): 10, ("alerts", 1): 8, ("alerts", 2): 1}
    assert (haul.size, haul.oldest) == (3, NOW - 5)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60) | st.sampled_from([signal().wire()]), st.sampled_from(INPUTS), st.integers(0, 3))
def test_exactly_what_the_scorer_accepts_is_stored(value: bytes, topic: str, partition: int) -> None:
    accepted = Decoder(PARTITIONS).decode(topic, partition, 1, b"k", value, NOW)
    batch = read(Record(topic, partition, 1, value))
    assert messages(batch) == [entry for entry in accepted if isinstance(entry, Received)]


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60) | st.dictionaries(st.text(max_size=5), st.integers()).map(json.dumps).map(str.encode))
def test_what_is_no_message_neither_vanishes_nor_blocks(value: bytes) -> None:
    try:
        batch = read(Record("sources", 0, 7, value))
    except NewerMessageError:
        assert b'"v"' in value
        return
    (row,) = batch.rows["dead_letters"]
    letter = cast(DeadLetter, row.message)
    assert base64.b64decode(letter.value) == value
    assert (letter.topic, letter.partition, letter.offset, letter.reason) == ("sources", 0, 7, UNREADABLE)
    assert (batch.unreadable, batch.count) == (1, 1)


def test_a_newer_version_stops_rather_than_fills_the_dead_letters() -> None:
    newer: dict[str, Any] = {**EXAMPLES["heartbeat"][0], "v": 2}
    with pytest.raises(NewerMessageError, match=r"sources:0:7 .* upgrade"):
        read(Record("sources", 0, 7, json.dumps(newer).encode()))


def test_deletions_of_a_compacted_topic_are_read_past() -> None:
    assert read(Record("risk", 0, 7, None)).count == 0


def test_a_record_that_was_given_up_becomes_a_dead_letter() -> None:
    value = signal().wire()
    batch = read(Record("signals.electricity", HOME, 4, value), skip=(Place("signals.electricity", HOME, 4),))
    assert not batch.readings
    letter = cast(DeadLetter, batch.rows["dead_letters"][0].message)
    assert (letter.reason, base64.b64decode(letter.value)) == (SKIPPED, value)


@pytest.mark.parametrize("text", ["", "alerts", "alerts:1", "alerts:one:2"])
def test_a_place_says_what_it_expects(text: str) -> None:
    with pytest.raises(ValueError, match="topic:partition:offset"):
        Place.parse(text)


def test_records_that_kafka_dropped_leave_a_dead_letter() -> None:
    haul = Haul()
    haul.lose(Place("signals.tax", 1, 30), 47, NOW)
    (batch,) = Reader(PARTITIONS).batches(haul, 10)
    letter = cast(DeadLetter, batch.rows["dead_letters"][0].message)
    assert (letter.topic, letter.partition, letter.offset, letter.reason) == ("signals.tax", 1, 30, LOST)
    assert haul.ends == {("signals.tax", 1): 47}


def test_a_large_haul_comes_in_batches_in_the_order_of_each_partition() -> None:
    haul = Haul()
    for n in range(8):
        three = [signal().model_copy(update={"source_id": f"{n}/{i}"}) for i in range(3)]
        haul.add("signals.electricity", HOME, [Record("signals.electricity", HOME, n, encode_envelope(three))], NOW)
    batches = list(Reader(PARTITIONS).batches(haul, 6))
    assert [batch.count for batch in batches] == [6, 6, 6, 6]
    assert [row.offset for batch in batches for row in messages(batch)] == [n for n in range(8) for _ in range(3)]


HOMES = [f"E{n}" for n in range(200) if partition_of(f"E{n}", PARTITIONS) == HOME] + [
    code for n in range(400) if partition_of(code := f"91350100M{n:08d}Y", PARTITIONS) == HOME
]
MOMENTS = st.datetimes(datetime(1990, 1, 2), datetime(2026, 12, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)


@st.composite
def readings(draw: st.DrawFn) -> Signal:
    return signal().model_copy(
        update={
            "enterprise_id": draw(st.sampled_from(HOMES)),
            "metric": draw(st.sampled_from(["daily_kwh", "kwh_15min"])),
            "value": draw(st.floats(-1e15, 1e15)),
            "event_time": draw(MOMENTS),
            "published_at": draw(st.none() | MOMENTS),
            "source": draw(st.sampled_from(["grid", "grid-2"])),
            "source_id": draw(st.text("ab/国", min_size=1, max_size=9)),
            "revision": draw(st.integers(0, 3)),
            "backfill": draw(st.booleans()),
            "attributes": draw(st.just({}) | st.just({"note": "复核"})),
        }
    )


def records_of(parts: list[list[Signal]]) -> Iterator[Record]:
    """Yield the signals as records of every form: single, envelope, compact."""
    for offset, part in enumerate(parts):
        try:
            compact = encode(block_of(part))
        except ValueError:
            compact = encode_envelope(part)
        value = (part[0].wire(), encode_envelope(part), compact)[offset % 3]
        yield Record("signals.electricity", HOME, offset, value, NOW + offset)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(readings(), min_size=1, max_size=4), min_size=1, max_size=8))
def test_columns_are_the_rows_that_messages_would_make(parts: list[list[Signal]]) -> None:
    records = list(records_of(parts))
    decoder = Decoder(PARTITIONS)
    decoded = [decoder.decode(r.topic, r.partition, r.offset, r.key, r.value, r.timestamp) for r in records]
    accepted = [entry for entries in decoded for entry in entries if isinstance(entry, Received)]
    table = TABLE_OF["signals.electricity"]
    expected = table.block(accepted)
    blocks = [block if isinstance(block, pa.Table) else table.block(block) for _, block in read(*records).blocks()]
    found = pa.concat_tables(blocks).unify_dictionaries().sort_by([("offset", "ascending"), ("idx", "ascending")])
    assert found.schema == expected.schema
    assert found.to_pylist() == expected.to_pylist()


def test_readings_are_not_made_into_messages() -> None:
    plain = signal().model_copy(update={"metric": "kwh_15min", "attributes": {}})
    part = [plain.model_copy(update={"source_id": str(n)}) for n in range(10)]
    batch = read(*records_of([part, part, part]))
    assert messages(batch)
    assert not any(batch.rows.values())
    assert (batch.count, sum(map(len, batch.readings))) == (21, 21)
