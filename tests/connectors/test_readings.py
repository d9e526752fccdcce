"""Decoding whole frames: columns and single records must mean the same, whatever comes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.compact import Block, CompactError, as_items, block_of, decode, encode, is_compact
from connectors.decoding import Decoder, Received, Refused
from connectors.kafka.partitioner import partition_of
from connectors.models import Signal
from connectors.readings import Apart, FrameDecoder, Readings

TOPIC = "signals.electricity"
NOW = 1_767_225_600_000  # 2026-01-01T00:00Z
PARTITIONS = 2


class Record(NamedTuple):
    offset: int
    time: int
    key: bytes | None
    value: bytes | None


def home(number: int, partition: int = 0) -> str:
    """Return the number-th enterprise of a partition."""
    candidates = (f"E{i}" for i in range(10_000))
    return [e for e in candidates if partition_of(e, PARTITIONS) == partition][number]


HERE = [home(i) for i in range(5)]
THERE = home(0, 1)


def reading(**changed: Any) -> dict[str, Any]:
    """Return a plain quarter-hour reading."""
    plain = {
        "v": 1, "enterprise_id": HERE[0], "family": "electricity", "metric": "kwh_15min", "value": 1.5, "unit": "kWh",
        "payload": None, "event_time": "2025-12-31T10:15:00Z", "published_at": None, "source": "grid",
        "source_id": "1", "revision": 0, "backfill": False, "attributes": {},
    }  # fmt: skip
    return {**plain, **changed}


ODD: dict[str, st.SearchStrategy[Any]] = {
    "v": st.sampled_from([1, 2, 1.0, True, "1", None]),
    "enterprise_id": st.sampled_from([*HERE, THERE, "", "a b", "中", "x" * 65, 7, None]),
    "family": st.sampled_from(["electricity", "tax", "", None]),
    "metric": st.sampled_from(["kwh_15min", "daily_kwh", "meter_status", "vat_sales", "?", None]),
    "value": st.one_of(
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from([0, -0.0, 1e15, 1.0000001e15, 10**30, "1", True, None]),
    ),
    "unit": st.sampled_from(["kWh", "kwh", "", None]),
    "payload": st.sampled_from([None, {}, {"status": "offline"}]),
    "event_time": st.sampled_from(
        ["2025-12-31T10:15:00Z", "2025-12-31T18:15:00+08:00", "2025-12-31T10:15:00.000500Z", "2025-12-31T10:15:00",
         "2025-12-31T10:15:00.123Z", "2026-01-01T00:05:00Z", "2026-01-01T00:15:00Z", "1989-01-01T00:00:00Z", "x", 1,
         "20251231T101500Z", "2025-12-31", "0001-01-01T00:00:00+08:00", None]
    ),
    "published_at": st.sampled_from([None, "2025-12-31T10:16:00Z", "2026-01-02T00:00:00Z", "1970-01-01T00:00:00Z", 5]),
    "source": st.sampled_from(["grid", "g/2", "", " ", "中", "x" * 129, None]),
    "source_id": st.text(max_size=8) | st.sampled_from(["x" * 256, "x" * 257, "a\u0001", "\u3000", "a\u007f"]),
    "revision": st.sampled_from([0, 1, 2**31 - 1, 2**31, -1, 1.0, True, None]),
    "backfill": st.sampled_from([True, False, 1, None]),
    "attributes": st.sampled_from([{}, {"a": "b"}, {"a": 1}, None]),
}  # fmt: skip


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a reading with at most two odd fields, or without some, or with one too many."""
    made = reading(enterprise_id=draw(st.sampled_from(HERE)), value=draw(st.floats(-10, 10)))
    for name in draw(st.lists(st.sampled_from(sorted(ODD)), max_size=2)):
        made[name] = draw(ODD[name])
    for name in draw(st.lists(st.sampled_from([*sorted(ODD), "none"]), max_size=1)):
        made.pop(name, None)
    if draw(st.integers(0, 30)) == 0:
        made["more"] = 1
    return made


def as_json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


@st.composite
def blocks(draw: st.DrawFn) -> bytes:
    """Draw a compact record, nearly always a valid one."""
    n = draw(st.integers(0, 4))
    times = st.sampled_from([NOW - 1000, NOW - 86_400_000, NOW + 5000, NOW + 10**7, 0, -(2**63)])
    floats = st.floats(allow_nan=draw(st.booleans()), width=64)

    def ints(strategy: st.SearchStrategy[int]) -> Any:
        return np.array(draw(st.lists(strategy, min_size=n, max_size=n)), dtype=np.int64)

    raw = encode(
        Block(
            draw(st.sampled_from(["electricity", "electricity", "tax"])),
            draw(st.sampled_from(["kwh_15min", "daily_kwh", "meter_status"])),
            draw(st.sampled_from(["kWh", "kWh", "CNY"])),
            draw(st.sampled_from(["grid", "grid", "中"])),
            draw(st.lists(st.sampled_from([*HERE, *HERE, THERE, "a b"]), min_size=n, max_size=n)),
            np.array(draw(st.lists(floats, min_size=n, max_size=n)), dtype=np.float64),
            draw(st.sampled_from([NOW - 1000, NOW - 86_400_000])) if draw(st.booleans()) else ints(times),
            draw(st.sampled_from([None, NOW - 500])) if draw(st.booleans()) else ints(times),
            draw(st.none() | st.lists(st.text(min_size=1, max_size=3), min_size=n, max_size=n)),
            draw(st.none() | st.just(ints(st.integers(-1, 3)).astype(np.int32))),
            draw(st.booleans()),
        )
    )
    return raw if draw(st.integers(0, 9)) else raw[:-1]


VALUES = st.one_of(
    items().map(as_json),
    items().map(as_json),
    st.lists(items(), max_size=4).map(as_json),
    blocks(),
    st.none(),
    st.binary(max_size=6),
    st.sampled_from([b"[]", b"{}", b"null", b"[1]", b"\xff", b'{"v":1', b"[" * 3000, as_json(reading()) + b" x"]),
)


def by_columns(decoder: Decoder, records: Sequence[Record], known: dict[str, int]) -> list[Received | Refused]:
    found: list[Received | Refused] = []
    for part in FrameDecoder(decoder).decode(TOPIC, 0, records, known):
        if isinstance(part, Apart):
            found += part.entries
        else:
            for i in range(len(part)):
                found.append(part.received(i, decoder.flags(part.enterprises[i])))
                assert part.rows[i] == known.get(part.enterprises[i], -1)
    return found


@settings(deadline=None, max_examples=600)
@given(st.lists(VALUES, max_size=8), st.sets(st.sampled_from(HERE)))
def test_columns_mean_what_single_records_mean(values: list[bytes | None], seen: set[str]) -> None:
    decoder = Decoder(PARTITIONS)
    records = [Record(7 + i, NOW, None, value) for i, value in enumerate(values)]
    one_by_one = [entry for r in records for entry in decoder.decode(TOPIC, 0, r.offset, r.key, r.value, r.time)]
    assert by_columns(decoder, records, {e: i for i, e in enumerate(sorted(seen))}) == one_by_one


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="0123456789.eE+-", min_size=1, max_size=30))
def test_a_number_is_read_alike_by_both(number: str) -> None:
    value = as_json(reading()).replace(b"1.5", number.encode())
    records = [Record(0, NOW, None, value)]
    decoder = Decoder(PARTITIONS)
    assert by_columns(decoder, records, {HERE[0]: 0}) == decoder.decode(TOPIC, 0, 0, None, value, NOW)


def test_a_flood_is_one_piece_and_an_event_among_it_stands_apart() -> None:
    event = reading(metric="meter_status", value=None, unit=None, payload={"status": "offline"})
    values = [reading(source_id=str(i)) for i in range(10)] + [event] + [reading(), reading()]
    records = [Record(i, NOW, None, as_json(value)) for i, value in enumerate(values)]
    parts = list(FrameDecoder(Decoder(PARTITIONS)).decode(TOPIC, 0, records, {HERE[0]: 0}))
    assert [len(p) if isinstance(p, Readings) else "apart" for p in parts] == [10, "apart", 2]


def test_envelopes_and_blocks_keep_their_places() -> None:
    envelope = as_json([reading(), reading(enterprise_id=HERE[1])])
    block = encode(Block("electricity", "kwh_15min", "kWh", "grid", HERE[:3], np.array([1.0, 2.0, 3.0]), NOW - 1000))
    records = [Record(4, NOW, None, envelope), Record(9, NOW, None, block)]
    (part,) = FrameDecoder(Decoder(PARTITIONS)).decode(TOPIC, 0, records, {e: i for i, e in enumerate(HERE)})
    assert isinstance(part, Readings)
    assert part.offsets.tolist() == [4, 4, 9, 9, 9]
    assert part.indexes.tolist() == [0, 1, 0, 1, 2]
    assert part.rows.tolist() == [0, 1, 0, 1, 2]
    assert part.ids()[-1] == f"{HERE[2]}/kwh_15min/{NOW - 1000}"


def signal(**changed: Any) -> Signal:
    return Signal.model_validate({**reading(), **changed})


def test_a_list_that_comes_again_has_the_numbers_of_its_reader_as_of_now() -> None:
    frames, block = FrameDecoder(Decoder(PARTITIONS)), Block("electricity", "kwh_15min", "kWh", "grid", HERE[:2],
                                                             np.array([1.0, 2.0]), NOW - 900_000)  # fmt: skip
    record = Record(0, NOW, None, encode(block))

    def rows(known: dict[str, int]) -> list[int]:
        (part,) = frames.decode(TOPIC, 0, [record], known)
        assert isinstance(part, Readings)
        assert list(part.enterprises) == HERE[:2]
        numbers: list[int] = part.rows.tolist()
        return numbers

    known = {HERE[0]: 4}
    assert rows(known) == [4, -1]
    known[HERE[1]] = 7
    assert rows(known) == rows(known) == [4, 7]
    assert rows({HERE[0]: 1, HERE[1]: 0}) == [1, 0]  # another reader
    assert rows(known) == [4, 7]


def test_signals_survive_the_compact_form() -> None:
    signals = [signal(enterprise_id=e, source_id=f"id {i}", revision=i) for i, e in enumerate(HERE)]
    raw = encode(block_of(signals))
    assert is_compact(raw)
    decoded = Decoder(PARTITIONS).decode(TOPIC, 0, 3, None, raw, NOW)
    assert [entry.message for entry in decoded if isinstance(entry, Received)] == signals
    assert len(raw) < 100 + 60 * len(signals)


@pytest.mark.parametrize(
    "odd",
    [
        signal(source="other"),
        signal(attributes={"a": "b"}),
        signal(event_time="2025-12-31T10:15:00.0005Z"),
        signal(published_at="2025-12-31T10:16:00Z"),
    ],
)
def test_what_a_block_cannot_say_is_refused(odd: Signal) -> None:
    with pytest.raises(ValueError, match=r"block|compact"):
        block_of([signal(), odd])


def test_a_refused_reading_of_a_block_keeps_its_place_and_its_json() -> None:
    raw = encode(Block("electricity", "kwh_15min", "kWh", "grid", [HERE[0], THERE], np.array([1.0, 2.0]), NOW - 1000))
    good, bad = Decoder(PARTITIONS).decode(TOPIC, 0, 3, None, raw, NOW)
    assert isinstance(good, Received)
    assert isinstance(bad, Refused)
    assert (bad.reason, bad.index) == ("wrong-partition", 1)
    assert json.loads(bad.original or b"")["enterprise_id"] == THERE


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60).map(lambda raw: b"\x8b" + raw) | blocks())
def test_any_bytes_are_a_block_or_a_clear_error(raw: bytes) -> None:
    try:
        block = decode(raw)
    except CompactError as error:
        assert str(error)
    else:
        assert len(list(as_items(block))) == len(block) == len(block.ids())


def test_times_of_a_block_are_utc() -> None:
    block = Block("electricity", "kwh_15min", "kWh", "grid", [HERE[0]], np.array([1.0]), NOW - 1)
    (item,) = as_items(block)
    assert datetime.fromisoformat(item["event_time"]) == datetime(2025, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
