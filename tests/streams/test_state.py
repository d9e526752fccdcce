"""State records: what an older program wrote is read, numbered and written anew."""

from __future__ import annotations

import msgspec
import pytest

from detectors.contract import Profile
from streams.series import Open
from streams.shard import Shard
from streams.state import (
    COLD,
    HOT,
    SUMMARY,
    EnterpriseState,
    Entry,
    UnknownSchemaError,
    dump_cold,
    load_cold,
    summary_of,
    summary_record,
)
from tests.streams.city import rules


def of_schema_1(state: EnterpriseState) -> bytes:
    """Return a cold record as version 1 wrote it: one msgpack array, no summary before it."""
    raw = dump_cold(state, summary_of(state, {}), rules().detectors)
    size = len(raw) - len(msgspec.msgpack.encode(_body(raw)))
    return msgspec.msgpack.encode([1, *msgspec.msgpack.decode(raw[size:])])


def _body(raw: bytes) -> list[object]:
    for begin in range(1, len(raw)):
        try:
            content = msgspec.msgpack.decode(raw[begin:])
        except msgspec.DecodeError:
            continue
        if isinstance(content, list) and len(content) == 16:
            return content
    pytest.fail("a cold record has no body")


def test_records_of_schema_1_are_read_and_written_anew_with_the_first_checkpoint() -> None:
    shard = Shard(0, rules())
    old = EnterpriseState(
        0, Entry(Profile(("某厂",), "C34", "3501", "small"), 3), newest={"electricity": 5}, told="FNNNN"
    )
    opened = Open(20_000)
    opened.add(7, 2.5)
    for number in range(3):
        shard.restore(f"E{number}".encode() + COLD, of_schema_1(old))
    hot = msgspec.msgpack.encode([1, {"daily_kwh": [opened.dump()]}, {"kwh_15min": [1, 2, 3.0, 1.0, 2.0, 1.0]}])
    shard.restore(b"E1" + HOT, hot)
    shard.restored()
    assert sorted(shard.engine.enterprises.rows) == ["E0", "E1", "E2"]
    assert shard.engine.enterprises["E2"].entry == old.entry
    assert shard.engine.enterprises.opened == {1: {"daily_kwh": {20_000: opened}}}
    written = dict(shard.take().states)
    assert {summary_record(written[f"E{n}".encode() + COLD] or b"")[0] for n in range(3)} == {0, 1, 2}


def test_a_record_of_a_newer_program_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnknownSchemaError, match="upgrade"):
        summary_record(b"\x07" + bytes(60))


def test_a_memory_comes_back_from_its_record() -> None:
    detectors = rules().detectors
    state = EnterpriseState(4, seen={1: 2}, score=0.25, told="FSNNN", sequence=9)
    summary = summary_of(state, {})
    raw = dump_cold(state, summary, detectors)
    assert load_cold(4, raw, detectors) == state
    assert summary_record(raw) == (4, summary)
    assert SUMMARY.unpack(summary)[:2] == (True, 2 * 81 + 27)
