"""How the measurements make figures of what they see."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decoding import FUTURE_TOLERANCE_MS
from detectors.calendar import Calendar
from streams.bench.backlog import Backlog
from streams.bench.bare import BareWork
from streams.bench.live import LogGrowth, open_zone
from streams.bench.load import SLOT_MS, Fleet, Form, Timetable, quarters
from streams.bench.measure import Pace
from streams.bench.peers import Job, pace_with
from streams.bench.plot import growth_svg
from streams.bench.score import BEGIN_MS, NOT_RUN, Task, not_run
from streams.bench.scoring import left
from streams.bench.state import checkpoint_ms
from streams.metrics import CHECKPOINT_SECONDS
from streams.private import StackError

TABLE = Timetable(16, BEGIN_MS)


def test_a_pace_says_what_a_signal_costs() -> None:
    pace = Pace(signals=1_000_000, seconds=4.0, cpu_s=6.0)
    assert pace.as_json() == {
        "signals_per_s": 250_000.0,
        "us_per_signal": 6.0,
        "signals": 1_000_000,
        "seconds": 4.0,
        "cores": 1.5,
    }


def test_a_backlog_is_done_when_every_partition_has_passed_its_end() -> None:
    backlog = Backlog(30, 30, {("a", 0): 10, ("a", 1): 20}, 0.0)
    assert left(backlog, {"a": {0: 10, 1: 15}}) == {("a", 1): 5}
    assert left(backlog, {"a": {0: 12}}) == {("a", 1): 20}
    assert not left(backlog, {"a": {0: 10, 1: 21}, "b": {0: 1}})


@settings(deadline=None, max_examples=50)
@given(st.integers(min_value=1_500_000_000_000, max_value=2_500_000_000_000))
def test_there_is_always_a_zone_in_which_yesterday_is_open_for_an_hour_and_more(now_ms: int) -> None:
    zone, begin_ms, slots = open_zone(now_ms)
    calendar = Calendar(zone)
    closes_ms = calendar.day_end(calendar.day_of(begin_ms)) + 6 * 3_600_000
    assert closes_ms - now_ms >= 3_600_000
    assert slots >= 112
    assert begin_ms + (slots - 1) * SLOT_MS <= now_ms + FUTURE_TOLERANCE_MS


def test_the_growth_of_a_log_is_what_was_appended_whatever_compaction_does(tmp_path: Path) -> None:
    log = tmp_path / "state-0"
    log.mkdir()
    (tmp_path / "state-store-0").mkdir()
    first, second = log / "00000000000000000000.log", log / "00000000000000000100.log"
    first.write_bytes(b"x" * 100)
    growth = LogGrowth(tmp_path, "state")
    assert growth.look() == 100
    first.write_bytes(b"x" * 150)
    assert growth.look() == 150
    first.write_bytes(b"x" * 180)
    second.write_bytes(b"x" * 20)
    assert growth.look() == 200
    first.write_bytes(b"x" * 10)  # compacted
    second.write_bytes(b"x" * 25)
    assert growth.look() == 205


def test_checkpoint_times_are_those_between_two_pages() -> None:
    def page(*counts: int) -> str:
        bounds = ("0.01", "0.1", "+Inf")
        name = CHECKPOINT_SECONDS.name
        lines = [f'{name}_bucket{{le="{bound}"}} {count}' for bound, count in zip(bounds, counts, strict=True)]
        return "\n".join([f"# TYPE {name} histogram", *lines, f"{name}_sum 1", f"{name}_count {counts[-1]}", ""])

    found = checkpoint_ms(page(1_000, 1_000, 1_000), page(1_000, 1_100, 1_100))
    assert found == {"p50": 55.0, "p99": 99.1, "count": 100.0}


def test_the_plot_is_an_svg_with_a_line_for_each_number_of_scorers() -> None:
    points = [
        {"enterprises": size, "scorers": scorers, "ratio": 1.5} for size in (1_000, 1_000_000) for scorers in (1, 2, 4)
    ]
    root = ElementTree.fromstring(growth_svg(points))
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 3


@pytest.mark.parametrize("form", ["json", "compact"])
def test_the_bare_loop_learns_what_was_sent(form: Form) -> None:
    fleet = Fleet.of(160, 16)
    enterprises = [enterprise for group in fleet.groups for enterprise in group]
    work = BareWork(enterprises, form)
    for chunk in quarters(fleet, TABLE, range(20), form):
        for _, value in chunk.records:
            work.take(value)
    assert all(2.0 < work.mean(enterprise) < 4.0 for enterprise in enterprises)


def test_a_peer_that_is_not_installed_is_reported_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.bench.peers.find_spec", lambda name: None)
    assert not_run("bytewax", wanted=True) == {"not_run": "pip install 'forewarn[bench]'"}
    assert not_run("bytewax", wanted=False) == {"not_run": NOT_RUN}


def test_a_peer_that_fails_says_why() -> None:
    job = Job("127.0.0.1:1", ("signals.electricity",), 1, 1, 1, 1, "json")
    with pytest.raises(StackError, match="aiokafka did not end"):
        pace_with("aiokafka", job, 20.0)


def test_a_stretch_is_whole_turns_in_which_days_close_evenly() -> None:
    task = Task(enterprises=1_000_000, signals=1_000_000)
    assert TABLE.whole(-(-task.signals // task.enterprises)) == 6
    assert Calendar("Asia/Shanghai").day_start(Calendar("Asia/Shanghai").day_of(BEGIN_MS)) == BEGIN_MS
