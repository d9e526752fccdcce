"""Books of invoices from files as they come: marks, blanks and dates of every kind, and nothing of the future."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pytest

from streams.evaluation.invoices import evaluate
from streams.evaluation.suite import MissingDataError, Task

DATA = Path(os.environ.get("FOREWARN_DATA", "../shared/data"))
HEADER = ["", "企业代号", "发票号码", "开票日期", "购方单位代号", "金额", "税额", "价税合计", "发票状态"]

Row = tuple[str, str, float, str]


def rows(seed: int, months: int, monthly: int, status: str = "有效发票") -> list[Row]:
    random = Random(seed)
    return [
        (f"{2018 + month // 12}/{month % 12 + 1}/{random.randrange(1, 28)}", f"B{random.randrange(40)}", 1000.0, status)
        for month in range(months)
        for _ in range(monthly)
    ]


def write(directory: Path, firms: dict[str, tuple[str, str, list[Row]]]) -> Path:
    folder = directory / "invoices"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "enterprises.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["企业代号", "企业名称", "信誉评级", "是否违约"])
        table.writerows((firm, "***公司", grade, label) for firm, (grade, label, _) in firms.items())
    with zipfile.ZipFile(folder / "invoices.zip", "w") as archive:
        for firm, (_, _, invoices) in firms.items():
            text = io.StringIO(newline="")
            out = csv.writer(text)
            out.writerow(HEADER)
            out.writerows((n, firm, n, d, b, a, 0, a, s) for n, (d, b, a, s) in enumerate(invoices))
            archive.writestr(f"output/{firm}.csv", "\ufeff" + text.getvalue())
            archive.writestr(f"input/{firm}.csv", "\ufeffnothing that is read")
    return directory


def firms() -> dict[str, tuple[str, str, list[Row]]]:
    return {
        "E1": ("A", "否", rows(1, 24, 30)),
        "E2": ("B", "否", rows(2, 24, 20)),
        "E3": ("D", "是", rows(3, 6, 2)),
        "E4": ("D", "是", rows(4, 24, 3, " 作废发票")),
        "E5": ("C", "", rows(5, 12, 10)),
    }


def scores(directory: Path, out: Path) -> dict[str, float]:
    evaluate(Task(directory, out=out), lambda _done, _total: None)
    with out.open(encoding="utf-8") as file:
        return {row["id"]: float(row["score"]) for row in csv.DictReader(file)}


def test_weak_sellers_rank_first(tmp_path: Path) -> None:
    result: Any = evaluate(Task(write(tmp_path, firms())), lambda _done, _total: None)
    assert (result["auc"], result["recall_at_10pct"], result["defaults"]) == (1.0, pytest.approx(0.2), 2)
    assert result["ci95"][0] <= result["auc"] <= result["ci95"][1]


def test_every_enterprise_is_scored_and_the_grade_is_never_read(tmp_path: Path) -> None:
    found = scores(write(tmp_path / "one", firms()), tmp_path / "one.csv")
    assert set(found) == {"E1", "E2", "E3", "E4", "E5"}
    regraded = {firm: ("DCBA"[n % 4], label, rows_) for n, (firm, (_, label, rows_)) in enumerate(firms().items())}
    assert scores(write(tmp_path / "two", regraded), tmp_path / "two.csv") == found


def test_the_order_in_the_file_does_not_matter(tmp_path: Path) -> None:
    turned = {firm: (grade, label, rows_[::-1]) for firm, (grade, label, rows_) in firms().items()}
    found = scores(write(tmp_path / "one", firms()), tmp_path / "one.csv")
    assert scores(write(tmp_path / "two", turned), tmp_path / "two.csv") == pytest.approx(found)


def test_a_label_changes_no_score(tmp_path: Path) -> None:
    other = {firm: (grade, {"是": "否", "否": "是"}.get(label, ""), r) for firm, (grade, label, r) in firms().items()}
    found = scores(write(tmp_path / "one", firms()), tmp_path / "one.csv")
    assert scores(write(tmp_path / "two", other), tmp_path / "two.csv") == found


def test_what_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"enterprises\.csv"):
        evaluate(Task(tmp_path), lambda _done, _total: None)
    broken = {**firms(), "E1": ("A", "否", [("yesterday", "B1", 1.0, "有效发票")])}
    with pytest.raises(ValueError, match=r"output/E1\.csv, line 2"):
        evaluate(Task(write(tmp_path, broken)), lambda _done, _total: None)


@pytest.mark.data
@pytest.mark.skipif(not (DATA / "invoices").exists(), reason="the invoices are not at FOREWARN_DATA")
def test_ranks_real_enterprises() -> None:
    result: Any = evaluate(Task(DATA), lambda _done, _total: None)
    assert result["auc"] > 0.75
