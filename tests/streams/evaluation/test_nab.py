"""NAB's scoring on a small corpus made by hand and against an independent scorer, and scores that never change."""

from __future__ import annotations

import csv
import json
import os
import runpy
from datetime import datetime, timedelta
from math import exp, isnan
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.novelty import ValueNovelty
from streams.evaluation.nab import PROFILES, Stream, collect, evaluate, judge, read, score
from streams.evaluation.suite import MissingDataError, Task

DATA = Path(os.environ.get("FOREWARN_DATA", "../shared/data"))
TOOL = DATA.parent / "tools" / "nab_score.py"
BEGIN = datetime(2024, 3, 1)  # noqa: DTZ001  # as in the files, which name no zone


def sigmoid(position: float) -> float:
    return 2 / (1 + exp(5 * position)) - 1


def corpus(directory: Path, values: dict[str, list[float]], windows: dict[str, list[tuple[int, int]]]) -> Path:
    for name, column in values.items():
        path = directory / "nab" / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["timestamp", "value"])
            rows.writerows((BEGIN + timedelta(minutes=5 * n), value) for n, value in enumerate(column))
    labels = {
        name: [[f"{BEGIN + timedelta(minutes=5 * edge)}.000000" for edge in window] for window in windows.get(name, [])]
        for name in values
    }
    (directory / "nab" / "windows.json").write_text(json.dumps(labels), encoding="utf-8")
    return directory


def spiky(seed: int, spikes: tuple[int, ...] = (600,)) -> list[float]:
    random = Random(seed)
    values = [10 + (n % 24) / 4 + random.uniform(0, 1) for n in range(1000)]
    for spike in spikes:
        values[spike] = 60.0
    return values


def stream(windows: list[tuple[int, int]], rows: int = 1000) -> Stream:
    return Stream("group/one.csv", [""] * rows, [0.0] * rows, windows)


def told(*rows: int, of: int = 1000) -> list[float]:
    return [1.0 if row in rows else 0.0 for row in range(of)]


def judged(one: Stream, scores: list[float], threshold: float = 0.5, profile: str = "standard") -> Any:
    return judge(collect([one], {one.name: scores}), PROFILES[profile], threshold)


def test_a_window_counts_once_by_its_earliest_row() -> None:
    one = stream([(500, 599)])
    assert judged(one, told(500)).score == pytest.approx(100.0)
    middle = judged(one, told(550, 560, 599))
    assert middle.score == pytest.approx(100 * (1 + sigmoid(-0.5) / sigmoid(-1)) / 2)
    assert (middle.windows_hit, middle.fp_rows) == (1, 0)


def test_silence_is_zero_and_false_rows_cost_less_behind_a_window() -> None:
    one = stream([(500, 599)])
    assert judged(one, told()).score == 0.0
    assert judged(one, told(499)).score == pytest.approx(-100 * 0.11 / 2)
    assert judged(one, told(600)).score == pytest.approx(100 * 0.11 * sigmoid(1 / 99) / 2)
    assert judged(one, told(999)).score == pytest.approx(-100 * 0.11 / 2)
    assert judged(one, told(499), profile="low_fp").score == pytest.approx(-100 * 0.22 / 2)
    assert judged(one, told(499), profile="low_fn").score == pytest.approx(-100 * 0.11 / 3)


def test_the_first_rows_are_not_judged() -> None:
    assert stream([]).judged_from == 150
    assert stream([], rows=100_000).judged_from == 750
    assert judged(stream([(500, 599)]), told(3, 149)).score == 0.0


def test_the_best_threshold_is_chosen_and_can_be_carried() -> None:
    one = stream([(500, 599)])
    scores = [0.1] * 1000
    scores[300], scores[500], scores[700] = 0.4, 0.9, 0.6
    chosen = judged(one, scores, None)  # type: ignore[arg-type]  # None: choose
    assert (chosen.threshold, chosen.score) == (0.9, pytest.approx(100.0))
    carried = judged(one, scores, 0.5)
    assert (carried.fp_rows, carried.windows_hit) == (1, 1)


def test_silence_may_be_the_best_threshold() -> None:
    scores = told(300, 310, 320)
    chosen = judged(stream([(500, 599)]), scores, None)  # type: ignore[arg-type]  # None: choose
    assert (chosen.score, chosen.fp_rows) == (0.0, 0)
    assert chosen.threshold > 1.0


def test_evaluating_writes_scores_in_the_layout_of_nab(tmp_path: Path) -> None:
    data = corpus(
        tmp_path / "data",
        {"real/one.csv": spiky(1), "quiet/two.csv": spiky(2, ())},
        {"real/one.csv": [(570, 630)]},
    )
    progress: list[tuple[int, int]] = []
    result: Any = evaluate(Task(data, out=tmp_path / "out"), lambda done, total: progress.append((done, total)))
    assert set(result) >= {"standard", "low_fp", "low_fn", "thresholds", "windows_hit", "fp_rows", "us_per_obs"}
    assert (result["windows_hit"], result["fp_rows"]) == (1, 0)
    assert result["standard"] > 80
    assert progress[-1] == (2, 2)
    with (tmp_path / "out" / "real" / "one.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["timestamp"] for row in rows[:2]] == ["2024-03-01 00:00:00", "2024-03-01 00:05:00"]
    assert [float(row["anomaly_score"]) for row in rows] == score(spiky(1))
    assert (tmp_path / "out" / "quiet" / "two.csv").exists()

    (tmp_path / "thresholds.json").write_text(json.dumps({**result["thresholds"], "standard": 1e9}), encoding="utf-8")
    again: Any = evaluate(Task(data, thresholds=tmp_path / "thresholds.json"), lambda _done, _total: None)
    assert (again["standard"], again["low_fp"], again["thresholds"]["standard"]) == (0.0, result["low_fp"], 1e9)


def test_what_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"windows\.json"):
        read(Task(tmp_path))
    data = corpus(tmp_path, {"real/one.csv": spiky(1)}, {"real/one.csv": [(570, 63_000)]})
    with pytest.raises(ValueError, match=r"one\.csv: windows\.json has an edge"):
        read(Task(data))
    (tmp_path / "nab" / "data" / "real" / "one.csv").write_text("timestamp,value\n2024-03-01,many\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"one\.csv, line 2: a timestamp and a value are needed"):
        read(Task(data))
    (tmp_path / "carried.json").write_text('{"standard": 0.5}', encoding="utf-8")
    corpus(tmp_path, {"real/one.csv": spiky(1)}, {"real/one.csv": [(570, 630)]})
    with pytest.raises(ValueError, match=r"carried\.json must hold a number for each of standard, low_fp, low_fn"):
        evaluate(Task(data, thresholds=tmp_path / "carried.json"), lambda _done, _total: None)
    corpus(tmp_path, {"real/one.csv": spiky(1)}, {})
    with pytest.raises(ValueError, match=r"windows\.json labels no window"):
        read(Task(data))


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.integers(0, 5).map(float), max_size=120),
    st.integers(0, 120),
)
def test_a_later_value_changes_no_earlier_score(values: list[float], cut: int) -> None:
    assert score(values)[:cut] == score(values[:cut])


@pytest.mark.parametrize("seed", range(3))
def test_a_cut_stream_scores_as_the_whole(seed: int) -> None:
    values = spiky(seed)
    cut = Random(seed).randrange(1000)
    assert score(values)[:cut] == score(values[:cut])


def test_without_a_window_there_is_no_score() -> None:
    found = judged(stream([]), told(300))
    assert isnan(found.score)
    assert found.fp_rows == 1


@pytest.mark.data
@pytest.mark.skipif(not (DATA / "nab").exists() or not TOOL.exists(), reason="the data of NAB is not at FOREWARN_DATA")
def test_agrees_with_an_independent_scorer() -> None:
    pytest.importorskip("pandas")
    tool = runpy.run_path(str(TOOL))
    streams = read(Task(DATA))
    corpus = tool["Corpus"](str(DATA / "nab"), windows_file=str(DATA / "nab" / "windows.json"))
    random = Random(7)
    scores = {
        one.name: [round(random.random() ** 8 * (1 + (row % 97 == 0)), 3) for row in range(len(one.values))]
        for one in streams
    }
    names = {"standard": "standard", "low_fp": "reward_low_FP_rate", "low_fn": "reward_low_FN_rate"}
    rows = collect(streams, scores)
    for thresholds in (None, 0.9, 1.4, 99.0):
        expected = tool["score"](corpus, scores, thresholds=thresholds)
        for mine, theirs in names.items():
            found = judge(rows, PROFILES[mine], thresholds)
            assert found.score == pytest.approx(expected[theirs]["score"], abs=1e-9)
            assert (found.windows_hit, found.fp_rows) == (
                expected[theirs]["windows_hit"],
                expected[theirs]["fp_rows"],
            )


def test_a_saved_stream_goes_on_as_one_that_was_not() -> None:
    values = spiky(4, (300, 310, 800))
    kept, saved = ValueNovelty(landmarks=16), ValueNovelty(landmarks=16)
    for value in values:
        resumed = ValueNovelty(landmarks=16)
        resumed.load(json.loads(json.dumps(saved.dump())))
        assert resumed.dump() == saved.dump()
        saved = resumed
        assert saved.update(value) == kept.update(value)
