from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import (  # type: ignore[import-untyped]
    READ_COMMITTED,
    READ_UNCOMMITTED,
    FetchResult,
    PartitionRecords,
)
from aiokafka.errors import CorruptRecordException  # type: ignore[import-untyped]
from aiokafka.record.default_records import DefaultRecordBatchBuilder  # type: ignore[import-untyped]
from aiokafka.record.memory_records import MemoryRecords  # type: ignore[import-untyped]
from aiokafka.structs import TopicPartition  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.batches import Batches, _lighten
from streams.shard import Record

TP = TopicPartition("signals.electricity", 0)


def batch(base: int, deltas: Sequence[int], producer: int = -1, *, transactional: bool = False) -> bytes:
    """Return a batch whose records stand at ``base`` plus each delta."""
    builder = DefaultRecordBatchBuilder(2, 0, 1 if transactional else 0, producer, 0, 0, 1 << 20)
    for delta in deltas:
        builder.append(delta, 1_700_000_000_000 + base + delta, b"E%d" % (base + delta), b"v%d" % (base + delta), [])
    raw = bytearray(builder.build())
    raw[:8] = base.to_bytes(8, "big")  # the base offset is no part of what the checksum covers
    return bytes(raw)


def as_before(raw: bytes, begin: int, aborted: list[tuple[int, int]], level: int) -> tuple[list[Record], int]:
    """Return what aiokafka itself makes of it, and where it goes on."""
    records = PartitionRecords(TP, MemoryRecords(raw), list(aborted), begin, None, None, True, level)
    return [Record(r.offset, r.timestamp, r.key, r.value) for r in records], records.next_fetch_offset


def now(raw: bytes, begin: int, aborted: list[tuple[int, int]], level: int, most: int) -> tuple[list[Record], int]:
    """Return what is handed out, so many at a time, and where it goes on."""
    position = SimpleNamespace(position=begin, paused=False)
    position.consumed_to = lambda offset: setattr(position, "position", offset)
    assignment = SimpleNamespace(active=True, state_value=lambda _tp: position)
    plain = PartitionRecords(TP, MemoryRecords(raw), list(aborted), begin, None, None, True, level)
    result: Any = FetchResult(TP, assignment=assignment, partition_records=plain, backoff=0)
    _lighten(result)
    _lighten(result)
    found: list[Record] = []
    while result.has_more():
        piece = result.getall(most)
        assert len(piece) <= most
        found += piece
    return found, position.position


@st.composite
def fetches(draw: st.DrawFn) -> tuple[bytes, int, list[tuple[int, int]]]:
    """Draw batches with holes, some of them transactional, a first offset among them, and aborted transactions."""
    raw, base, aborted = b"", 0, []
    for _ in range(draw(st.integers(1, 5))):
        deltas = sorted(draw(st.sets(st.integers(0, 9), min_size=1, max_size=6)))
        producer = draw(st.sampled_from([-1, 7, 8]))
        transactional = producer >= 0 and draw(st.booleans())
        if transactional and draw(st.booleans()):
            aborted.append((producer, base))
        raw += batch(base, deltas, producer, transactional=transactional)
        base += 10
    return raw, draw(st.integers(0, base - 1)), aborted


@given(fetch=fetches(), level=st.sampled_from([READ_COMMITTED, READ_UNCOMMITTED]), most=st.integers(1, 20))
@settings(max_examples=200, deadline=None)
def test_the_same_records_come_as_from_the_library_however_many_are_asked_for(
    fetch: tuple[bytes, int, list[tuple[int, int]]], level: int, most: int
) -> None:
    assert now(*fetch, level, most) == as_before(*fetch, level)


def test_a_broken_batch_is_told() -> None:
    raw = bytearray(batch(0, [0, 1]))
    raw[-1] ^= 1
    broken = Batches(TP, MemoryRecords(bytes(raw)), None, 0, None, None, True, READ_COMMITTED)
    with pytest.raises(CorruptRecordException, match=r"signals\.electricity"):
        broken.take(None)
