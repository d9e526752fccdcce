"""The suite of the simulated city: what it says of a small one, and that it judges by what was planted."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.simulator import CitySource
from streams.evaluation.city import judge
from streams.evaluation.suite import Task


def small(days: int = 150) -> CitySource:
    return CitySource(enterprises=120, days=days, seed=9, start=date(2025, 3, 1), warm_up=60, fine_share=0.0)


def judged(tmp_path: Path, city: CitySource, backfill: int = 0) -> dict[str, Any]:
    task = Task(tmp_path, out=tmp_path / "alerts.csv")
    return cast("dict[str, Any]", judge(city, backfill, 1, task, lambda _done, _all: None))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return judged(tmp_path_factory.mktemp("city"), small())


def test_every_planted_thing_is_judged(result: dict[str, Any]) -> None:
    city = small()
    assert set(result["stories"]) == {story.name for story in city.stories()}
    assert set(result["decoys"]) == {decoy.name for decoy in city.decoys()}
    for story in result["stories"].values():
        assert story["caught"] == (story["lead_days"] is not None)
        assert not story["caught"] or story["lead_days"] > 0
    for decoy in result["decoys"].values():
        assert decoy["silent"] == (decoy["alarmed"] == 0)


def test_the_stop_and_the_debtor_are_caught(result: dict[str, Any]) -> None:
    assert result["stories"]["factory-stops"]["lead_days"] > 30
    assert result["stories"]["dishonest-debtor"]["level"] in ("orange", "red")


def test_the_burden_adds_up(result: dict[str, Any]) -> None:
    assert result["false_alarms"] == sum(result["false_alarms_by_level"].values())
    assert result["false_alarms_per_enterprise_year"] == pytest.approx(
        result["false_alarms"] / result["enterprise_years"], abs=0.002
    )
    assert sum(result["false_alarms_by_family"].values()) <= result["false_alarms"]
    assert result["us_per_daily_reading"] > 0
    assert sum(result["us_by_family"].values()) == pytest.approx(sum(result["us_by_detector"].values()), abs=0.5)
    assert "electricity-collapse" in result["us_by_detector"]
    assert result["dead_letters"] == 0


def test_the_alerts_are_written_with_what_they_are_about(tmp_path: Path) -> None:
    result = judged(tmp_path, small(110))
    with (tmp_path / "alerts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = {story.enterprise_id: story.name for story in small(110).stories()}
    assert {row["about"] for row in rows} <= {"story", "decoy", "other"}
    assert all(names[row["enterprise_id"]] == row["name"] for row in rows if row["about"] == "story")
    rises = [row for row in rows if row["transition"] in ("opened", "escalated") and row["notify"] == "True"]
    assert len(rises) == sum(result["alerts_by_level"].values())


def test_history_alarms_nobody(tmp_path: Path) -> None:
    city = CitySource(
        enterprises=60, days=110, seed=9, start=date(2025, 3, 1), warm_up=40, fine_share=0.0, backfill_days=110
    )
    result = judged(tmp_path, city, 109)
    assert result["false_alarms"] == 0
    assert not any(story["caught"] for story in result["stories"].values())
