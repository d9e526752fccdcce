"""The suites of headlines and floors, and the training, on a small directory of their own and on the real one."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detectors.sentiment.model import HeadlineModel
from streams.cli import app
from streams.evaluation import floors, news
from streams.evaluation.suite import MissingDataError, Task
from streams.evaluation.training import train
from streams.rules import rules_for
from streams.runtime import load_settings

DATA = Path(os.environ.get("FOREWARN_DATA", "../shared/data"))
GOOD = ["中标大单", "利润同比增长", "签订合作协议", "获得\n“专利”", "新厂投产"]
BAD = ["利润同比下滑", "被罚款, 并\n停产", "遭股东减持", "终止重组", "预亏三千万"]


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


def write(directory: Path, rows: list[list[str]], name: str = "headlines.csv") -> Path:
    path = directory / "news" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)
    return directory


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [["日期", "公司", "代码", "正/负面", "标题"]]
    for n in range(40):
        day = f"2020年{1 + n // 20:02}月{1 + n % 20}日"
        rows.append([day, "甲电气", "1", str(n % 2), f"甲电气:{(BAD, GOOD)[n % 2][n // 2 % 5]}{n}家"])
    write(tmp_path, rows)
    texts = [
        ["subject", "text", "floor", "kind"],
        ["甲电气", "甲电气破产", "1", "b"],
        ["甲电气", "甲电气未破产", "0", "n"],
    ]
    return write(tmp_path, texts, "floors.csv")


def test_headlines_are_scored_and_written_by_row(data: Path, tmp_path: Path) -> None:
    result = news.evaluate(Task(data, out=tmp_path / "scores.csv"), quiet)
    assert result["headlines"] == 40
    assert result["negative"] == 20
    assert result["auc"] == 1.0
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [str(n) for n in range(1, 41)]
    assert float(rows[0]["score"]) > float(rows[1]["score"])


def test_scores_of_earlier_headlines_do_not_depend_on_later_ones(data: Path, tmp_path: Path) -> None:
    news.evaluate(Task(data, out=tmp_path / "all.csv"), quiet)
    lines = (data / "news" / "headlines.csv").read_text("utf-8-sig").split("\r\n")
    (data / "news" / "headlines.csv").write_text("\r\n".join(lines[:18]), "utf-8")
    news.evaluate(Task(data, out=tmp_path / "cut.csv"), quiet)
    cut = (tmp_path / "cut.csv").read_text().splitlines()
    assert (tmp_path / "all.csv").read_text().splitlines()[: len(cut)] == cut


def test_floors_name_what_was_missed(data: Path) -> None:
    assert floors.evaluate(Task(data), quiet)["recall"] == 1.0
    rows = [
        ["subject", "text", "floor", "kind"],
        ["甲", "今天天气好", "1", "odd"],
        ["甲电气", "甲电气破产", "0", "odd"],
    ]
    result = floors.evaluate(Task(write(data, rows, "floors.csv")), quiet)
    assert (result["recall"], result["false_floors"]) == (0.0, 1)
    assert result["missed"] == [{"subject": "甲", "text": "今天天气好", "kind": "odd"}]


def test_data_that_is_not_there_or_not_readable_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="news"):
        news.evaluate(Task(tmp_path), quiet)
    write(tmp_path, [["日期", "标题"]])
    with pytest.raises(ValueError, match="lacks the columns 公司"):
        news.evaluate(Task(tmp_path), quiet)
    write(tmp_path, [["日期", "公司", "正/负面", "标题"], ["2020年13月1日", "甲", "1", "x"]])
    with pytest.raises(ValueError, match="row 1"):
        news.evaluate(Task(tmp_path), quiet)


def test_a_trained_model_changes_the_version_of_the_configuration(data: Path, tmp_path: Path) -> None:
    result = train(data, tmp_path / "model.npz", quiet)
    assert result["held_out"]["auc"] == 1.0
    assert result["bytes"] == (tmp_path / "model.npz").stat().st_size
    without = rules_for(load_settings()).config
    config = rules_for(load_settings(sentiment_model=tmp_path / "model.npz")).config
    assert config.sentiment.model == result["model"]
    assert config.version != without.version
    (tmp_path / "pinned.toml").write_text(f'[sentiment]\nmodel = "{result["model"]}"\n')
    pinned = load_settings(detection_config=tmp_path / "pinned.toml")
    with pytest.raises(ValueError, match="FOREWARN_SENTIMENT_MODEL"):
        rules_for(pinned)


def test_the_commands_print_one_object(data: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.npz"
    run = CliRunner().invoke(app, ["train", "sentiment", "--data", str(data), "--out", str(model), "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["model"] == HeadlineModel.load(model).digest
    for suite in ("news", "floors"):
        run = CliRunner().invoke(app, ["evaluate", suite, "--data", str(data), "--model", str(model), "--json"])
        assert json.loads(run.stdout)["model"] == str(model)


def test_a_damaged_model_ends_the_command_with_its_name(data: Path, tmp_path: Path) -> None:
    (tmp_path / "model.npz").write_bytes(b"no")
    run = CliRunner().invoke(
        app, ["evaluate", "news", "--data", str(data), "--model", str(tmp_path / "model.npz"), "--json"]
    )
    assert run.exit_code == 1
    assert "model.npz" in run.stderr.replace("\n", "")


@pytest.mark.data
@pytest.mark.skipif(not (DATA / "news").exists(), reason=f"{DATA}/news is absent; FOREWARN_DATA names the data sets")
def test_real_headlines_and_sentences() -> None:
    found = news.evaluate(Task(DATA), quiet)
    assert float(str(found["auc"])) >= 0.96
    told = floors.evaluate(Task(DATA), quiet)
    assert (told["recall"], told["false_floors"]) == (1.0, 0)
