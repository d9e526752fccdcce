"""What the recorder makes of records, without Kafka and ClickHouse."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.clickhouse import TABLE_OF
from connectors.decoding import Decoder, Received, encode_envelope
from connectors.examples import EXAMPLES
from connectors.kafka import partition_of
from connectors.models import MESSAGES, DeadLetter, Message, Signal
from connectors.topics import INPUTS, SIGNALS
from streams.recording import SKIPPED, TOPICS, UNREADABLE, Batch, NewerMessageError, Place, Reader

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


def read(*records: Record, skip: tuple[Place, ...] = ()) -> Batch:
    batch, reader = Batch(), Reader(PARTITIONS, skip)
    for record in records:
        reader.read(record, batch)
    return batch


def signal() -> Signal:
    return cast(Signal, example(Signal))


HOME = partition_of(signal().enterprise_id, PARTITIONS)


@pytest.mark.parametrize("topic", [t for t in TOPICS if t not in SIGNALS or t in ("signals.electricity", CASES)])
def test_a_message_of_every_topic_becomes_a_row_of_its_table(topic: str) -> None:
    table = TABLE_OF[topic]
    number = 1 if topic == CASES else 0
    message = example(table.model, number)
    batch = read(Record(topic, HOME, 9, message.wire()))
    (row,) = batch.rows[table.name]
    assert row.message == message
    assert (row.topic, row.partition, row.offset, row.index, row.time) == (topic, HOME, 9, 0, NOW)
    assert (batch.count, batch.ends) == (1, {(topic, HOME): 10})


def test_an_envelope_is_as_many_rows_and_what_the_scorer_refuses_is_none() -> None:
    bad = signal().model_copy(update={"metric": "daily_horses"})
    envelope = encode_envelope([signal(), bad, signal()])
    batch = read(Record("signals.electricity", HOME, 4, envelope))
    assert [row.index for row in batch.rows["signals"]] == [0, 2]
    assert (batch.count, batch.ends) == (2, {("signals.electricity", HOME): 5})


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60) | st.sampled_from([signal().wire()]), st.sampled_from(INPUTS), st.integers(0, 3))
def test_exactly_what_the_scorer_accepts_is_stored(value: bytes, topic: str, partition: int) -> None:
    accepted = Decoder(PARTITIONS).decode(topic, partition, 1, b"k", value, NOW)
    batch = read(Record(topic, partition, 1, value))
    assert [row for rows in batch.rows.values() for row in rows] == [
        entry for entry in accepted if isinstance(entry, Received)
    ]


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
    assert (batch.unreadable, batch.ends) == (1, {("sources", 0): 8})


def test_a_newer_version_stops_rather_than_fills_the_dead_letters() -> None:
    newer: dict[str, Any] = {**EXAMPLES["heartbeat"][0], "v": 2}
    with pytest.raises(NewerMessageError, match=r"sources:0:7 .* upgrade"):
        read(Record("sources", 0, 7, json.dumps(newer).encode()))


def test_deletions_of_a_compacted_topic_are_read_past() -> None:
    batch = read(Record("risk", 0, 7, None))
    assert (batch.count, batch.ends) == (0, {("risk", 0): 8})


def test_a_record_that_was_given_up_becomes_a_dead_letter() -> None:
    value = signal().wire()
    batch = read(Record("signals.electricity", HOME, 4, value), skip=(Place("signals.electricity", HOME, 4),))
    assert "signals" not in batch.rows
    letter = cast(DeadLetter, batch.rows["dead_letters"][0].message)
    assert (letter.reason, base64.b64decode(letter.value)) == (SKIPPED, value)


@pytest.mark.parametrize("text", ["", "alerts", "alerts:1", "alerts:one:2"])
def test_a_place_says_what_it_expects(text: str) -> None:
    with pytest.raises(ValueError, match="topic:partition:offset"):
        Place.parse(text)
