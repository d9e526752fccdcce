"""The label of stops, its score, and the engine's way over a small city of meters."""

from __future__ import annotations

import csv
import gzip
import json
import os
import runpy
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from streams.evaluation.electricity import Rise, Truth, evaluate, read, score, stops
from streams.evaluation.suite import MissingDataError, Task

FIRST = date(2015, 3, 1)
DATA = Path(os.environ.get("FOREWARN_DATA", "../shared/data"))
TOOL = DATA.parent / "tools" / "electricity_score.py"


def days(count: int) -> list[date]:
    return [FIRST + timedelta(days=n) for n in range(count)]


def write(directory: Path, series: dict[str, list[float]]) -> Path:
    path = directory / "electricity" / "daily_kwh_wide.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["record_date", *series])
        for day, values in zip(days(len(next(iter(series.values())))), zip(*series.values(), strict=True), strict=True):
            rows.writerow([day.isoformat(), *values])
    return directory


def steady(seed: int, count: int = 200) -> list[float]:
    random = Random(seed)
    return [round(1000 * random.uniform(0.9, 1.1), 1) for _ in range(count)]


def test_a_stop_is_measured_by_the_eight_weeks_before_it() -> None:
    use = steady(1)
    use[80:110] = [2.0] * 30
    use[150:170] = [2.0] * 20
    assert stops(use) == Truth(events=[(80, 110)], censored=[])


def test_stops_that_cannot_be_judged_are_neither_events_nor_false() -> None:
    use = steady(1)
    use[50:70] = [2.0] * 20
    use[190:] = [2.0] * 10
    assert stops(use).censored == [(56, 70), (190, 200)]


def test_recall_delay_and_false_alarms() -> None:
    calm, stopped = Truth([], []), Truth([(100, 140)], [(190, 200)])
    rises = [
        Rise("stopped", "blue", days(200)[101]),
        Rise("stopped", "yellow", days(200)[102]),
        Rise("stopped", "orange", days(200)[106]),
        Rise("stopped", "orange", days(200)[195]),  # cannot be judged
        Rise("calm", "yellow", days(200)[20]),  # too early to be judged
        Rise("calm", "yellow", days(200)[90]),
        Rise("calm", "yellow", days(200)[110]),  # the same trouble
        Rise("calm", "yellow", days(200)[150]),
        Rise("unknown", "red", days(200)[150]),
    ]
    result: Any = score(days(200), {"calm": calm, "stopped": stopped}, rises)
    early, sustained = result["operating_points"]["early"], result["operating_points"]["sustained"]
    years = 2 * 144 / 365.25
    assert (result["events"], result["enterprise_years"], result["alerts_outside_population"]) == (
        1,
        round(years, 1),
        1,
    )
    assert (early["caught"], early["recall"], early["median_delay_days"]) == (1, 1.0, 2)
    assert early["false_alarms_per_enterprise_year"] == round(2 / years, 4)
    assert (sustained["median_delay_days"], sustained["false_alarms_per_enterprise_year"]) == (6, 0.0)


def test_the_engine_tells_a_stop_and_stays_quiet_on_the_others(tmp_path: Path) -> None:
    series = {f"E{n}": steady(n) for n in range(1, 13)}
    series["E1"][120:160] = [2.0] * 40
    series["SMALL"] = [1.0] * 200
    task = Task(write(tmp_path, series), out=tmp_path / "alerts.csv", plots=tmp_path / "plots")
    told: list[tuple[int, int]] = []
    result: Any = evaluate(task, lambda done, total: told.append((done, total)))
    assert (result["enterprises"], result["events"]) == (12, 1)
    for point in ("early", "sustained"):
        assert result["operating_points"][point]["recall"] == 1.0
        assert result["operating_points"][point]["false_alarms_per_enterprise_year"] == 0.0
    assert told[-1] == (13 * 200, 13 * 200)
    assert result["us_per_reading"] > 0
    assert result["us_by_detector"]["electricity-collapse"] > 0
    rows = (tmp_path / "alerts.csv").read_text().splitlines()
    assert rows[0] == "enterprise_id,level,decided_on"
    assert {row.split(",")[0] for row in rows[1:]} == {"E1"}
    assert "E1" not in (tmp_path / "plots" / "electricity-collapse.svg").read_text()


def test_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="daily_kwh_wide"):
        evaluate(Task(tmp_path), lambda _done, _all: None)


def test_a_wrong_cell_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"E1": [1.0, 2.0], "E2": ["x", 2.0]})  # type: ignore[list-item]  # that is what is wrong
    with pytest.raises(ValueError, match=r"row 2: .*'x'"):
        read(tmp_path / "electricity" / "daily_kwh_wide.csv.gz")


@pytest.mark.data
@pytest.mark.skipif(not TOOL.exists(), reason=f"{TOOL} is absent; FOREWARN_DATA names the folder of the data sets")
def test_the_score_is_that_of_the_independent_tool(tmp_path: Path) -> None:
    tool = runpy.run_path(str(TOOL))
    use = read(DATA / "electricity" / "daily_kwh_wide.csv.gz")
    random = Random(1)
    draw = [
        Rise(name, random.choice(["blue", "yellow", "orange", "red"]), random.choice(use.days))
        for name in use.series
        for _ in range(3)
    ]
    _, population = tool["read"](DATA)
    truth = {name: stops(use.series[name]) for name in population}
    draw += [Rise(name, "orange", use.days[one.events[0][0] + 4]) for name, one in truth.items() if one.events]
    rows = [{"enterprise_id": r.enterprise_id, "level": r.level, "decided_on": r.decided_on.isoformat()} for r in draw]
    assert json.loads(json.dumps(score(use.days, truth, draw))) == json.loads(json.dumps(tool["score"](DATA, rows)))
