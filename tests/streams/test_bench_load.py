"""What the measurements send must be what they say: valid, of the size of real signals, closing days evenly."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.catalogue import DAY_MS
from connectors.decoding import Decoder, Received
from connectors.models import Signal
from connectors.topics import INPUTS
from detectors.calendar import Calendar
from detectors.config import DetectionConfig
from streams.bench import producer
from streams.bench.load import (
    CASE_EVERY,
    COURT,
    DECIDES_EVERY,
    FLOOD,
    Chunk,
    Fleet,
    Form,
    Timetable,
    history,
    open_days,
    other_families,
    quarters,
)
from streams.bench.score import BEGIN_MS, Course, Task
from streams.bench.state import months_before
from streams.ordering import sort_key
from streams.rules import Rules
from streams.shard import Record, Shard

PARTITIONS = 16
TABLE = Timetable(PARTITIONS, BEGIN_MS)
FORMS: tuple[Form, ...] = ("json", "compact")
ZONE = "Asia/Shanghai"


def received(chunks: Iterable[Chunk], now_ms: int = 0) -> list[Received]:
    """Decode everything; whatever is refused or odd fails the test."""
    decoder = Decoder(PARTITIONS)
    found = []
    for chunk in chunks:
        count = 0
        for key, value in chunk.records:
            for answer in decoder.decode(chunk.topic, chunk.partition, 0, key, value, chunk.time or now_ms):
                assert isinstance(answer, Received), answer
                assert not answer.flags
                assert key is None or key.decode() == answer.message.enterprise_id
                found.append(answer)
                count += 1
        assert count == chunk.signals
    return found


@pytest.mark.parametrize("form", FORMS)
def test_everything_that_is_sent_is_valid_and_each_signal_is_sent_once(form: Form) -> None:
    fleet = Fleet.of(400, PARTITIONS)
    month_ms, published_ms = months_before(BEGIN_MS, 0)[0]
    signals = received(history(fleet, TABLE, range(-2, 0), form))
    signals += received(open_days(fleet, TABLE, 36, form))
    signals += received(quarters(fleet, TABLE, range(8), form))
    signals += received(other_families(fleet, published_ms, month_ms))
    counts = Counter((s.message.source, s.message.source_id) for s in signals)
    assert max(counts.values()) == 1
    families = Counter(s.message.family for s in signals if isinstance(s.message, Signal))
    assert families["tax"] == families["social_security"] == families["sentiment"] == 400
    assert families["electricity"] > 400 * 10


def test_a_json_reading_has_the_fields_and_about_the_size_of_a_real_one() -> None:
    fleet = Fleet.of(200, PARTITIONS)
    values = [value for chunk in quarters(fleet, TABLE, range(1), "json") for _, value in chunk.records]
    for value in values:
        assert Signal.model_validate_json(value).wire() == value
        assert 270 <= len(value) <= 300


def test_one_signal_in_a_thousand_is_a_court_record() -> None:
    fleet = Fleet.of(1_000, PARTITIONS)
    topics: Counter[str] = Counter()
    for chunk in quarters(fleet, TABLE, range(1, 97), "compact"):
        topics[chunk.topic] += chunk.signals
    assert topics[FLOOD] == 96_000
    assert topics[COURT] == pytest.approx(topics[FLOOD] / CASE_EVERY, abs=PARTITIONS)


@pytest.mark.parametrize("enterprises", [160, 16_000])
def test_each_partition_group_gets_its_records_in_the_order_of_a_simulated_stack(enterprises: int) -> None:
    course = Course(Task(enterprises, enterprises * 6), lambda _: None)
    fleet, table = course.fleet, course.table
    last: dict[tuple[str, int], tuple[int, int]] = {}
    for part in (
        history(fleet, table, range(-2, 0), "compact"),
        open_days(fleet, table, 36, "compact"),
        quarters(fleet, table, range(30), "compact"),
    ):
        for chunk in part:
            assert chunk.time is not None
            key, place = sort_key(chunk.topic, chunk.time), (chunk.topic, chunk.partition)
            assert key >= last.get(place, key)
            last[place] = key


@pytest.mark.parametrize("uploads", [1, 6])
def test_one_signal_in_96_closes_a_whole_day(uploads: int) -> None:
    fleet = Fleet.of(160, PARTITIONS)
    table = Timetable(PARTITIONS, BEGIN_MS, uploads)
    stretch = range(1, 97)
    rules = Rules(PARTITIONS, Calendar(ZONE), DetectionConfig.default())
    shards = [Shard(partition, rules) for partition in range(PARTITIONS)]
    positions: defaultdict[tuple[str, int], int] = defaultdict(int)
    for chunks in (
        history(fleet, table, range(-2, 0), "json"),
        open_days(fleet, table, 96, "json"),
        quarters(fleet, table, range(1), "json"),
    ):
        feed(shards, chunks, positions)
    for shard in shards:
        shard.take()
    sent = feed(shards, quarters(fleet, table, stretch, "json"), positions)
    closed = [row for shard in shards for row in closed_days(shard)]
    assert len(closed) / sent[FLOOD] == pytest.approx(1 / 96, rel=0.01)
    assert {row["count"] for row in closed} == {1, 96}  # a daily figure, or all quarters of the day: never half a day


def feed(shards: list[Shard], chunks: Iterable[Chunk], positions: dict[tuple[str, int], int]) -> Counter[str]:
    """Apply everything in the order of a simulated stack, ticking before each minute; return signals by topic."""
    sent: Counter[str] = Counter()
    for chunk in sorted(chunks, key=lambda chunk: (chunk.partition, sort_key(chunk.topic, chunk.time or 0))):
        shard, place = shards[chunk.partition], (chunk.topic, chunk.partition)
        begin = positions[place]
        time = chunk.time or 0
        records = [Record(begin + i, time, key, value) for i, (key, value) in enumerate(chunk.records)]
        shard.tick(time - time % 60_000)
        shard.apply(chunk.topic, begin, begin + len(records), records)
        positions[place] = begin + len(records)
        sent[chunk.topic] += chunk.signals
    return sent


def closed_days(shard: Shard) -> list[dict[str, Any]]:
    rows = [json.loads(value) for _, value in shard.take().outputs.get("metrics", [])]
    return [row for row in rows if row["window"] == "1d" and row["metric"] == "daily_kwh"]


@pytest.mark.parametrize("form", FORMS)
def test_the_producer_sends_open_slots_once_and_dooms_each_enterprise_at_most_once(form: Form) -> None:
    now_ms = BEGIN_MS + DAY_MS
    job = producer.Job("", PARTITIONS, 500, 100, 20_000, form, BEGIN_MS)
    chunks = list(producer.course(job, Fleet.of(500, PARTITIONS)))
    signals = received(chunks, now_ms)
    readings = [s.message for s in signals if s.topic == FLOOD]
    cases = [s.message for s in signals if s.topic == COURT]
    assert len(readings) == 20_000
    assert len({m.source_id for m in readings}) == 20_000
    assert len(cases) == 20_000 // CASE_EVERY
    doomed = [m.enterprise_id for m in cases if isinstance(m, Signal) and (m.payload or {})["kind"] == "bankruptcy"]
    assert len(doomed) == len(set(doomed)) == len(cases) // DECIDES_EVERY


def test_topics_are_those_of_a_stack() -> None:
    assert {FLOOD, COURT} <= set(INPUTS)
    fleet = Fleet.of(16, PARTITIONS)
    assert {chunk.topic for chunk in islice(other_families(fleet, BEGIN_MS, BEGIN_MS - DAY_MS), 100)} <= set(INPUTS)


def test_months_are_calendar_ones_and_known_in_the_next() -> None:
    zone = ZoneInfo(ZONE)
    months = months_before(BEGIN_MS, 12)
    assert len(months) == 13
    calendar = Calendar(str(zone))
    for start, known in months:
        assert calendar.month_of(known) == calendar.month_of(start) + 1
        assert known <= BEGIN_MS
