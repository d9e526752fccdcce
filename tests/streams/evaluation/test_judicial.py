"""The protocol of the judicial suite: who is looked at when, and that nothing later is known."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from streams.evaluation.judicial import Dishonest, Holding, Records, Suit, counts, draw, evaluate, holdings
from streams.evaluation.suite import MissingDataError, Task

DATA = Path(os.environ.get("FOREWARN_DATA", "../shared/data"))
HEADERS = {
    "train": ("EID", "TARGET", "ENDDATE"),
    "lawsuit": ("EID", "TYPECODE", "LAWDATE", "LAWAMOUNT"),
    "breakfaith": ("EID", "TYPECODE", "FBDATE", "SXENDDATE"),
    "invest": ("EID", "BTEID", "IFHOME", "BTBL", "BTYEAR", "BTENDYEAR"),
}
#: Looked at in 2016-05.
DATE = 2016 * 12 + 4

Tables = dict[str, list[tuple[object, ...]]]


def tables() -> Tables:
    return {
        "train": [("p1", 1, 201608), ("p2", 1, 201608), *((f"q{n}", 0, "") for n in range(6))],
        "lawsuit": [
            ("p1", 1, "2016年04月", 500000),
            ("p1", 2, "2016年05月", 800000),
            ("q1", 3, "2013年01月", 0),
            ("q2", 4, "2014年08月", 100),
        ],
        "breakfaith": [("p2", 11, "2016年01月", ""), ("q3", 12, "2015年01月", "2015-07")],
        "invest": [("q4", "p9", 1, 1.0, 2012, ""), ("q4", "p8", 1, 0.5, 2013, ""), ("q5", "p7", 0, 0.5, 2010, 2012)],
    }


def write(directory: Path, content: Tables) -> Path:
    folder = directory / "judicial"
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in content.items():
        with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(HEADERS[name])
            table.writerows(rows)
    return directory


def scores(directory: Path, out: Path) -> dict[str, float]:
    evaluate(Task(directory, out=out), lambda _done, _total: None)
    with out.open(encoding="utf-8") as file:
        return {row["id"]: float(row["score"]) for row in csv.DictReader(file)}


def test_recent_suits_and_open_records_rank_first(tmp_path: Path) -> None:
    result: Any = evaluate(Task(write(tmp_path, tables())), lambda _done, _total: None)
    assert result["enterprises"] == 8 - 1  # of q0 nothing is known
    assert (result["auc"], result["auc_simple_sum"], result["exit_rate"]) == (1.0, 1.0, round(2 / 7, 4))
    assert (result["open"], result["closed"], result["lift_open_over_closed"]) == (1, 1, None)
    assert set(result) >= {"ci95", "auc_difference_ci95", "auc_without_holdings"}


def test_a_removed_record_and_a_holding_lower_the_risk(tmp_path: Path) -> None:
    found = scores(write(tmp_path, tables()), tmp_path / "out.csv")
    assert set(found) == {"p1", "p2", "q1", "q2", "q3", "q4", "q5"}
    assert found["p2"] > found["q3"] > found["q5"] > found["q4"]


def test_what_comes_later_changes_nothing(tmp_path: Path) -> None:
    found = scores(write(tmp_path / "one", tables()), tmp_path / "one.csv")
    later = tables()
    later["lawsuit"] += [("q1", 9, "2016年06月", 10**9), ("q5", 10, "2017年01月", 10**9)]
    later["breakfaith"] += [("q2", 13, "2016年07月", ""), ("p2", 14, "2016年06月", "")]
    later["invest"] += [("q1", "p5", 1, 1.0, 2017, "")]
    assert scores(write(tmp_path / "two", later), tmp_path / "two.csv") == found


def test_the_exit_of_an_investee_counts_from_its_month_on(tmp_path: Path) -> None:
    known, unknown = tables(), tables()
    known["train"] += [("p9", 1, 201605), ("p10", 1, 201608)]
    unknown["train"] += [("p9", 1, 201606), ("p10", 1, 201608)]
    # The others' dates are drawn from those of the exits: both sets have the same, but for p9's own.
    before = scores(write(tmp_path / "one", tables()), tmp_path / "one.csv")
    with_exit = scores(write(tmp_path / "two", known), tmp_path / "two.csv")
    without = scores(write(tmp_path / "three", unknown), tmp_path / "three.csv")
    assert with_exit["q4"] >= before["q4"]
    assert without["q4"] == before["q4"]


def test_dates_are_drawn_from_those_of_the_exits() -> None:
    exits = {"p1": DATE + 3, "p2": DATE + 9, **{f"q{n}": None for n in range(50)}}
    drawn = draw(exits, 1)
    assert (drawn["p1"], drawn["p2"]) == (DATE, DATE + 6)
    assert {drawn[f"q{n}"] for n in range(50)} == {DATE, DATE + 6}
    assert draw(exits, 1) == drawn != draw(exits, 2)


def test_the_population_and_the_holdings_are_those_of_the_date() -> None:
    assert not counts(Records(), DATE)
    assert counts(Records(suits=[Suit(DATE, "1", 0.0)]), DATE)
    assert not counts(Records(suits=[Suit(DATE + 1, "1", 0.0)]), DATE)
    assert counts(Records(dishonest=[Dishonest(DATE, "1", None)]), DATE)
    assert not counts(Records(investors=[Holding("p1", 2010, None)]), DATE)
    shares = Records(investees=[Holding("a", 2016, None), Holding("b", 2015, None), Holding("c", 2010, 2012)])
    assert counts(shares, DATE)
    assert holdings(shares, DATE) == 1


def test_what_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"train\.csv\.gz"):
        evaluate(Task(tmp_path), lambda _done, _total: None)
    broken: Tables = {**tables(), "lawsuit": [("p1", 1, "2016年13月", 5)]}
    with pytest.raises(ValueError, match=r"lawsuit\.csv\.gz, line 2.*is no month"):
        evaluate(Task(write(tmp_path, broken)), lambda _done, _total: None)


@pytest.mark.data
@pytest.mark.skipif(not (DATA / "judicial").exists(), reason="the court records are not at FOREWARN_DATA")
def test_ranks_real_enterprises_at_least_as_well_as_the_simple_sum() -> None:
    result: Any = evaluate(Task(DATA), lambda _done, _total: None)
    assert result["auc_difference_ci95"][0] > 0
    assert 0.55 < result["auc_without_holdings"] < result["auc"] < 0.7
