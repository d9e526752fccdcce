"""Feeding a stack: nothing lost, nothing repeated beyond the bookmark, every bad row told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.contract import OversizedError, Rejected, SourceError, WriteError
from connectors.models import Enterprise, Signal
from connectors.testing import BROKEN, PAUSE, ListSource, RecordingSink, Scripted
from streams.clock import ManualClock
from streams.ingest import Bookmark, Ingestion, Progress
from streams.quarantine import Quarantine

ZONE = ZoneInfo("Asia/Shanghai")


def signal(number: int) -> Signal:
    return Signal(
        enterprise_id="E1",
        family="electricity",
        metric="daily_kwh",
        value=float(number),
        unit="kWh",
        event_time=datetime(2025, 9, number, tzinfo=UTC),
        source="list",
        source_id=str(number),
    )


def bad(row: int) -> Rejected:
    return Rejected("a.csv", row, "value", "bad-value", "not a number", "一二")


def ingestion(
    tmp_path: Path,
    source: ListSource,
    sink: RecordingSink,
    clock: ManualClock | None = None,
    *,
    simulated: bool = False,
) -> Ingestion:
    quarantine = Quarantine(Quarantine.path_for(tmp_path, source.name))
    bookmark = Bookmark(tmp_path, "test")
    return Ingestion(source, sink, bookmark, quarantine, clock or ManualClock(), ZONE, simulated=simulated)


def quarantined(tmp_path: Path) -> list[dict[str, object]]:
    path = tmp_path / "quarantine" / "list.ndjson"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_everything_arrives_and_a_second_run_sends_nothing(tmp_path: Path) -> None:
    script: list[Scripted] = [signal(1), bad(2), signal(2), PAUSE, signal(3)]
    sink = RecordingSink()
    done = ingestion(tmp_path, ListSource(script), sink).run()
    assert sink.messages == [signal(1), signal(2), signal(3)]
    assert (done.done, done.sent, done.rejected) == (True, {"signals.electricity": 3}, {"bad-value": 1})
    assert quarantined(tmp_path) == [
        {"file": "a.csv", "row": 2, "column": "value", "reason": "bad-value", "detail": "not a number", "text": "一二"}
    ]
    again = RecordingSink()
    repeated = ingestion(tmp_path, ListSource(script), again).run()
    assert (done.earlier.total(), repeated.sent - repeated.earlier, repeated.earlier.total()) == (0, {}, 3)
    assert again.messages == []


@pytest.mark.parametrize("fails_after", range(6))
def test_after_a_broken_stack_it_goes_on_without_loss(tmp_path: Path, fails_after: int) -> None:
    script: list[Scripted] = [signal(1), bad(2), signal(2), signal(3), bad(5), signal(4), signal(5), signal(6)]
    first, second = RecordingSink(fails_after=fails_after), RecordingSink()
    with pytest.raises(WriteError):
        ingestion(tmp_path, ListSource(script), first).run()
    done = ingestion(tmp_path, ListSource(script), second).run()
    assert first.messages + second.messages == [signal(number) for number in range(1, 7)]
    assert (done.sent.total(), done.rejected.total()) == (6, 2)
    assert len(quarantined(tmp_path)) == 2


def test_a_broken_source_is_told_in_a_heartbeat_and_goes_on(tmp_path: Path) -> None:
    source = ListSource([signal(1), signal(2), BROKEN, signal(3)])
    sink = RecordingSink()
    with pytest.raises(SourceError):
        ingestion(tmp_path, source, sink).run()
    assert sink.heartbeats[-1].status == "error"
    assert "broken on command" in sink.heartbeats[-1].message
    ingestion(tmp_path, source, sink).run()
    assert sink.messages == [signal(1), signal(2), signal(3)]


def test_heartbeats_say_where_it_stands(tmp_path: Path) -> None:
    clock = ManualClock(1_760_000_000_000)
    sink = RecordingSink()
    run = ingestion(tmp_path, ListSource([signal(1), bad(2), PAUSE, signal(3), signal(4)]), sink, clock)
    run.run(lambda _progress, _batch: clock.move(11_000))
    beats = [(beat.status, beat.sent, beat.rejected) for beat in sink.heartbeats]
    assert beats == [("alive", 1, 1), ("idle", 1, 1), ("alive", 3, 1), ("done", 3, 1)]
    last = sink.heartbeats[-1]
    assert last.newest_event_time == datetime(2025, 9, 4, tzinfo=UTC)
    assert last.families and last.position


def test_in_a_simulated_stack_heartbeats_live_in_its_time(tmp_path: Path) -> None:
    sink = RecordingSink()
    ingestion(tmp_path, ListSource([signal(1), signal(2)]), sink, ManualClock(99), simulated=True).run()
    assert {beat.at.year for beat in sink.heartbeats} == {2025}


def test_an_oversized_message_is_rejected_and_the_rest_goes_through(tmp_path: Path) -> None:
    class Narrow(RecordingSink):
        def send(self, message: Signal | Enterprise) -> None:
            if message.source_id == "2":
                problem = "2: too large"
                raise OversizedError(problem)
            super().send(message)

    sink = Narrow()
    done = ingestion(tmp_path, ListSource([signal(1), signal(2), signal(3)]), sink).run()
    assert sink.messages == [signal(1), signal(3)]
    assert done.rejected == {"oversized": 1}


def test_a_damaged_bookmark_says_what_to_do(tmp_path: Path) -> None:
    bookmark = Bookmark(tmp_path, "x")
    bookmark.keep(Progress("p"))
    assert bookmark.load().position == "p"
    bookmark.path.write_text("{")
    with pytest.raises(ValueError, match="remove it"):
        bookmark.load()
    bookmark.forget()
    assert bookmark.load() == Progress()


def test_half_a_row_that_a_crash_left_in_the_quarantine_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "q.ndjson"
    with Quarantine(path) as quarantine:
        assert quarantine.add(bad(1))
    with path.open("ab") as file:
        file.write(b'{"file": "a.c')
    with Quarantine(path) as quarantine:
        assert not quarantine.add(bad(1))
        assert quarantine.add(bad(2))
    assert [json.loads(line)["row"] for line in path.read_text().splitlines()] == [1, 2]
