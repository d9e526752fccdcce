"""Two configurations over one history: what is gained, lost, earlier and later, and nothing from the future."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from connectors.files.writer import NdjsonWriter
from connectors.models import Alert, Level, Signal, Transition
from connectors.simulator import CitySource
from detectors.calendar import Calendar
from detectors.config import DetectionConfig, default
from streams.backtesting import (
    CHANGES,
    LEVELS,
    Run,
    WrongConfigError,
    config_of,
    differences,
    run_sources,
    spells,
    summary,
)
from streams.cli.backtest import backtest
from streams.rules import Rules

START = datetime(2026, 1, 1, tzinfo=UTC)


def alert(day: float, level: Level, enterprise: str = "one", **changes: Any) -> Alert:
    given = {
        "alert_id": f"{enterprise}-1", "enterprise_id": enterprise, "sequence": 1 + int(day * 10),
        "transition": Transition.OPENED, "level": level, "previous_level": Level.NONE, "score": 0.5,
        "at": START + timedelta(days=day), "opened_at": START, "decided_on": "2026-01-01", "rule": "score",
        "reasons": [], "config_version": "x",
    }  # fmt: skip
    return Alert.model_validate(given | changes)


def run(*alerts: Alert) -> Run:
    return Run("v", alerts, 200, START, START + timedelta(days=50), 1)


def of_level(level: Level, before: Run, after: Run) -> list[tuple[str, float | None]]:
    return [(one.change, one.days) for one in differences(before, after) if one.level is level]


def test_a_spell_lasts_from_the_level_to_below_it() -> None:
    history = [alert(1, Level.YELLOW), alert(2, Level.RED), alert(5, Level.BLUE), alert(7, Level.YELLOW)]
    yellow = spells(history, Level.YELLOW)
    assert [(one.began.at - START).days for one in yellow] == [1, 7]
    assert yellow[0].ended == START + timedelta(days=5)
    assert yellow[1].ended is None
    assert len(spells(history, Level.BLUE)) == 1


def test_what_nobody_was_told_is_no_alert() -> None:
    assert not spells([alert(1, Level.RED, notify=False)], Level.BLUE)
    [spell] = spells([alert(1, Level.YELLOW, notify=False), alert(3, Level.RED)], Level.YELLOW)
    assert spell.began.at == START + timedelta(days=3)


def test_gained_lost_earlier_later_and_same() -> None:
    told = [alert(10, Level.YELLOW), alert(20, Level.NONE)]
    assert of_level(Level.YELLOW, run(*told), run(*told)) == [("same", 0.0)]
    assert of_level(Level.YELLOW, run(), run(*told)) == [("gained", None)]
    assert of_level(Level.YELLOW, run(*told), run()) == [("lost", None)]
    sooner = [alert(7, Level.YELLOW), alert(20, Level.NONE)]
    assert of_level(Level.YELLOW, run(*told), run(*sooner)) == [("earlier", -3.0)]
    assert of_level(Level.YELLOW, run(*sooner), run(*told)) == [("later", 3.0)]
    elsewhere = [alert(25, Level.YELLOW), alert(30, Level.NONE)]
    assert of_level(Level.YELLOW, run(*told), run(*elsewhere)) == [("lost", None), ("gained", None)]


def test_a_matter_that_is_told_twice_is_not_gained() -> None:
    once = [alert(10, Level.YELLOW), alert(40, Level.NONE)]
    twice = [alert(12, Level.YELLOW), alert(20, Level.NONE), alert(25, Level.YELLOW), alert(30, Level.NONE)]
    assert of_level(Level.YELLOW, run(*once), run(*twice)) == [("later", 2.0), ("again", None)]
    assert of_level(Level.YELLOW, run(*twice), run(*once)) == [("earlier", -2.0), ("merged", None)]


def test_the_numbers_add_up_and_are_per_officer_and_day() -> None:
    before = run(alert(1, Level.ORANGE), alert(4, Level.NONE), alert(9, Level.BLUE, "two"))
    after = run(alert(2, Level.YELLOW), alert(4, Level.NONE))
    found = list(differences(before, after))
    levels = summary(before, after, found)["levels"]
    for each in levels.values():
        both = each["earlier"] + each["later"] + each["same"]
        assert each["before"] == each["lost"] + each["merged"] + both
        assert each["after"] == each["gained"] + each["again"] + both
    assert (levels["orange"]["lost"], levels["yellow"]["later"], levels["blue"]["lost"]) == (1, 1, 1)
    assert levels["blue"]["per_officer_day_before"] == pytest.approx(2 / (2 * 50))


@pytest.fixture(scope="module")
def city() -> CitySource:
    return CitySource(enterprises=50, days=130, seed=6, start=date(2025, 3, 1), warm_up=60, fine_share=0.0)


def lived(city: CitySource, config: DetectionConfig) -> Run:
    return run_sources([city], Rules(1, Calendar("Asia/Shanghai"), config), "Asia/Shanghai")


@pytest.fixture(scope="module")
def before(city: CitySource) -> Run:
    return lived(city, default())


def test_a_calmer_configuration_loses_alerts_and_gains_none(city: CitySource, before: Run) -> None:
    calm = DetectionConfig.from_mapping({"label": "calm", "levels": {"yellow": 0.6, "blue": 0.5}})
    after = lived(city, calm)
    found = list(differences(before, after))
    assert {one.change for one in found if one.level is Level.BLUE} <= {"lost", "later", "same"}
    assert any(one.change == "lost" for one in found)


def test_an_equal_configuration_changes_nothing(city: CitySource, before: Run) -> None:
    after = lived(city, default())
    assert {one.change for one in differences(before, after)} == {"same"}
    assert before.enterprises == 50
    assert before.first.date() >= date(2025, 3, 1)


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    with pytest.raises(WrongConfigError, match=r"new\.toml"):
        config_of(path)
    path.write_text("[electricity]\nerly_days = 3\n", encoding="utf-8")
    with pytest.raises(WrongConfigError, match=r"electricity\.erly_days"):
        config_of(path)


app = typer.Typer()
app.command()(backtest)


class TestCommand:
    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("FOREWARN_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("FOREWARN_PARTITIONS", "1")
        (tmp_path / "calm.toml").write_text('label = "calm"\n[levels]\nblue = 0.5\nyellow = 0.6\n', encoding="utf-8")
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        yield
        root.handlers[:] = handlers
        root.setLevel(level)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    def test_files_are_compared_and_pictured(self, city: CitySource, tmp_path: Path) -> None:
        history, out, plots = tmp_path / "city.ndjson.gz", tmp_path / "changes.csv", tmp_path / "plots"
        with NdjsonWriter(history) as writer:
            for batch in city.read():
                for item in batch.items:
                    writer.send(item)  # type: ignore[arg-type]  # a city rejects nothing
        told = self.run(
            str(history), "--config", str(tmp_path / "calm.toml"), "--json", "--out", str(out), "--plots", str(plots)
        )
        assert told.exit_code == 0, told.output
        result = json.loads(told.stdout)
        assert result["config"].startswith("calm-")
        assert set(result["levels"]) == {level.value for level in LEVELS}
        with out.open(encoding="utf-8", newline="") as file:
            changed = list(csv.DictReader(file))
        counted = sum(each[change] for each in result["levels"].values() for change in CHANGES if change != "same")
        assert len(changed) == counted > 0
        for picture in result["plots"]:
            assert Path(picture).read_text(encoding="utf-8").startswith("<svg")

    def test_a_city_is_compared_for_people(self, tmp_path: Path) -> None:
        told = self.run("--city", "--enterprises", "30", "--days", "120", "--config", str(tmp_path / "calm.toml"))
        assert told.exit_code == 0, told.output
        assert "yellow or above, per officer and day" in told.stdout
        assert "calm-" in told.stdout

    def test_what_is_missing_is_asked_for(self, tmp_path: Path) -> None:
        assert "--config" in self.run("--city").stderr
        both = self.run("--city", "--journal", "--config", str(tmp_path / "calm.toml"))
        assert both.exit_code == 2
        assert "one history" in both.stderr
        missing = self.run("--city", "--config", str(tmp_path / "none.toml"))
        assert missing.exit_code == 2
        assert "none.toml: No such file" in missing.stderr

    def test_a_file_that_cannot_be_written_is_told_before_anything_is_scored(self, tmp_path: Path) -> None:
        calm = str(tmp_path / "calm.toml")
        for option, path in (("--out", str(tmp_path)), ("--plots", calm)):
            told = self.run("--city", "--config", calm, option, path)
            assert (told.exit_code, told.stdout) == (1, "")
            assert path in told.stderr.replace("\n", "")

    def test_rows_that_are_no_messages_are_counted(self, city: CitySource, tmp_path: Path) -> None:
        calm, broken = str(tmp_path / "calm.toml"), tmp_path / "broken.ndjson"
        broken.write_text('{"x": 1}\n', encoding="utf-8")
        told = self.run(str(broken), "--config", calm)
        assert told.exit_code == 1
        assert "rows that are no messages: 1" in told.stderr.replace("\n", " ")
        with NdjsonWriter(broken) as writer:
            for item in next(iter(city.read())).items:
                writer.send(item)  # type: ignore[arg-type]  # a city rejects nothing
            signal = next(item for batch in city.read() for item in batch.items if isinstance(item, Signal))
            writer.send(signal.model_copy(update={"backfill": False}))
        with broken.open("a", encoding="utf-8") as file:
            file.write('{"x": 1}\n')
        told = self.run(str(broken), "--format", "ndjson", "--config", calm, "--json")
        assert told.exit_code == 0, told.output
        assert json.loads(told.stdout)["rejected"] == 1
        assert "were refused" in told.stderr
