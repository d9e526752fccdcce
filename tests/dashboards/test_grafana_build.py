from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana import build, shipped

ROOT = Path(__file__).parents[2]
BOARDS = {board["uid"]: board for board in shipped.dashboards()}


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for uid, board in BOARDS.items():
        for panel in board["panels"]:
            yield f"{uid}: {panel['id']}", panel


PANELS = dict(panels())


def test_the_committed_files_are_those_of_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["--check"]) == 0, capsys.readouterr().err
    committed = {*shipped.DASHBOARDS.glob("*.json"), *shipped.RULES.glob("*.json")}
    assert committed == build.files().keys()


def test_check_names_the_file_that_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shipped, "DASHBOARDS", tmp_path / "json")
    monkeypatch.setattr(shipped, "RULES", tmp_path / "rules")
    assert build.main([]) == 0
    assert build.main(["--check"]) == 0
    (tmp_path / "json" / "wall.json").write_text("{}", encoding="utf-8")
    assert build.main(["--check"]) == 1
    told = capsys.readouterr().err
    assert "wall.json" in told
    assert "make dashboards" in told


@pytest.mark.parametrize("path", sorted(shipped.DASHBOARDS.glob("*.json")), ids=lambda path: path.name)
def test_a_dashboard_makes_the_round_trip_through_the_sdk(path: Path) -> None:
    written = path.read_text(encoding="utf-8")
    assert build.text(build.read(written)) == written


@pytest.mark.parametrize("uid", sorted(BOARDS))
def test_panels_lie_on_the_grid_and_do_not_overlap(uid: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARDS[uid]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", sorted(PANELS))
def test_a_panel_speaks_chinese_and_english_and_asks_the_chosen_data_source(name: str) -> None:
    panel = PANELS[name]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in panel["title"])
    assert panel["description"].isascii()
    assert panel["targets"]
    for target in panel["targets"]:
        assert target["datasource"] == {"type": shipped.DATA_SOURCE_TYPE, "uid": "${datasource}"}
        assert target["queryType"] == ("timeseries" if target["format"] == 0 else "table")


def test_the_wall_has_what_officers_look_for() -> None:
    titles = [panel["title"] for panel in BOARDS["forewarn-wall"]["panels"]]
    for words in ("红", "橙", "黄", "蓝", "未确认", "数据龄", "未解除预警", "前20企业", "每小时", "行业", "地区"):
        assert any(words in title for title in titles), words


def test_data_age_turns_red_with_age_and_is_never_calm_where_there_is_no_data() -> None:
    (panel,) = [panel for panel in BOARDS["forewarn-wall"]["panels"] if "数据龄" in panel["title"]]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert steps[0]["value"] is None
    assert [step["value"] for step in steps[1:]] == sorted(step["value"] for step in steps[1:])
    assert steps[-1]["color"] != steps[0]["color"]
    assert "noValue" not in panel["fieldConfig"]["defaults"]


def test_the_table_of_open_alerts_leads_to_the_enterprise() -> None:
    (panel,) = [panel for panel in BOARDS["forewarn-wall"]["panels"] if "Open alerts" in panel["title"]]
    links = [
        link["url"]
        for override in panel["fieldConfig"]["overrides"]
        for option in override["properties"]
        if option["id"] == "links"
        for link in option["value"]
    ]
    (link,) = links
    assert link.startswith("/d/forewarn-enterprise/")
    assert 'var-enterprise=${__data.fields["enterprise_id"]:percentencode}' in link


@pytest.mark.parametrize("name", sorted(PANELS))
def test_headings_are_given_to_columns_that_the_query_has(name: str) -> None:
    panel = PANELS[name]
    sql = " ".join(target["rawSql"] for target in panel["targets"])
    for override in panel["fieldConfig"].get("overrides") or ():
        assert override["matcher"]["id"] == "byName"
        assert override["matcher"]["options"] in sql


def test_alert_rules_use_no_macro_and_fire_when_a_heartbeat_is_missing() -> None:
    (group,) = shipped.rule_groups()
    for rule in group["rules"]:
        question, *expressions = rule["data"]
        assert "$__" not in question["model"]["rawSql"]
        assert question["datasourceUid"] == shipped.DATA_SOURCE_UID
        assert {expression["datasourceUid"] for expression in expressions} == {"__expr__"}
        assert rule["execErrState"] == "Error"
    silent = {rule["uid"]: rule["noDataState"] for rule in group["rules"]}
    assert silent["forewarn-source-silent"] == silent["forewarn-nothing-recorded"] == "Alerting"


def test_only_the_build_needs_the_sdk() -> None:
    script = """
import importlib, pkgutil, sys
sys.modules["grafana_foundation_sdk"] = None
import dashboards.grafana
for module in pkgutil.walk_packages(dashboards.grafana.__path__, "dashboards.grafana."):
    if not module.name.startswith(("dashboards.grafana.code", "dashboards.grafana.build")):
        importlib.import_module(module.name)
from dashboards.grafana import shipped
print(len(shipped.dashboards()))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) == len(BOARDS)


@pytest.mark.parametrize(("library", "home"), [("grafana_foundation_sdk", "code"), ("grafana_client", "client.py")])
def test_each_library_of_grafana_is_named_in_one_place(library: str, home: str) -> None:
    for package in ("connectors", "dashboards", "detectors", "streams"):
        for path in (ROOT / package).rglob("*.py"):
            if not path.is_relative_to(ROOT / "dashboards" / "grafana" / home):
                assert library not in path.read_text(encoding="utf-8"), path.relative_to(ROOT)


def test_files_hold_nothing_but_json_that_git_can_compare() -> None:
    for path, content in build.files().items():
        assert json.dumps(json.loads(content), ensure_ascii=False, indent=2, sort_keys=True) + "\n" == content, path
