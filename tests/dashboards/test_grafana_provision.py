from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from dashboards.grafana import client, shipped
from dashboards.grafana.provision import (
    ATTEMPTS,
    ClickHouse,
    Json,
    Outcome,
    RefusedError,
    Step,
    TryAgainError,
    data_source,
    provision,
)
from streams.cli.grafana import grafana_app

SECRET = "s3cret-of-the-reader"
CLICKHOUSE = ClickHouse("http://clickhouse:8123", "forewarn", "grafana", SECRET)
ADDED_BY_GRAFANA = {"id": 7, "version": 3, "updated": "2026-03-01T00:00:00Z"}


class MemoryGrafana:
    """Keeps what it is given, adds ids of its own, and fails on command: before a call, or after having done it."""

    def __init__(self, *, version: str = "12.2.0") -> None:
        self._version = version
        self.kept: dict[tuple[str, ...], Json] = {}
        self.writes: list[tuple[str, ...]] = []
        self.fail_before: list[Exception] = []
        self.fail_after: list[Exception] = []

    def _look(self, *key: str) -> Json | None:
        self._fail(self.fail_before)
        return copy.deepcopy(self.kept.get(key))

    def _write(self, body: Json, *key: str) -> None:
        self._fail(self.fail_before)
        self.kept[key] = copy.deepcopy(body) | ADDED_BY_GRAFANA
        self.writes.append(key)
        self._fail(self.fail_after)

    @staticmethod
    def _fail(failures: list[Exception]) -> None:
        if failures:
            raise failures.pop(0)

    def version(self) -> str:
        self._fail(self.fail_before)
        return self._version

    def data_source(self, uid: str) -> Json | None:
        found = self._look("data source", uid)
        return found and {key: value for key, value in found.items() if key != "secureJsonData"}

    def create_data_source(self, body: Json) -> None:
        assert ("data source", body["uid"]) not in self.kept
        self._write(body, "data source", body["uid"])

    def update_data_source(self, uid: str, body: Json) -> None:
        self._write(body, "data source", uid)

    def data_source_problem(self, uid: str) -> str:
        return "" if ("data source", uid) in self.kept else "there is none"

    def folder(self, uid: str) -> Json | None:
        return self._look("folder", uid)

    def create_folder(self, uid: str, title: str) -> None:
        assert ("folder", uid) not in self.kept
        self._write({"uid": uid, "title": title}, "folder", uid)

    def dashboard(self, uid: str) -> Json | None:
        return self._look("dashboard", uid)

    def save_dashboard(self, folder_uid: str, dashboard: Json) -> None:
        assert ("folder", folder_uid) in self.kept
        self._write(dashboard, "dashboard", dashboard["uid"])

    def rule_group(self, folder_uid: str, name: str) -> Json | None:
        return self._look("rules", folder_uid, name)

    def save_rule_group(self, folder_uid: str, name: str, body: Json) -> None:
        assert ("folder", folder_uid) in self.kept
        self._write(body, "rules", folder_uid, name)


def run(grafana: MemoryGrafana, clickhouse: ClickHouse = CLICKHOUSE, waits: list[float] | None = None) -> list[Step]:
    return list(provision(grafana, clickhouse, sleep=(waits if waits is not None else []).append))


def outcomes(steps: list[Step]) -> set[tuple[str, Outcome]]:
    return {(step.kind, step.outcome) for step in steps}


def test_everything_is_created_in_an_empty_grafana() -> None:
    grafana = MemoryGrafana()
    steps = run(grafana)
    assert {step.outcome for step in steps} == {Outcome.CREATED}
    assert [step.kind for step in steps].count("dashboard") == len(shipped.dashboards())
    source = grafana.kept["data source", shipped.DATA_SOURCE_UID]
    assert source["secureJsonData"] == {"password": SECRET}
    assert SECRET not in str(source["jsonData"])


def test_a_second_run_writes_nothing_but_the_password_that_cannot_be_compared() -> None:
    grafana = MemoryGrafana()
    run(grafana)
    grafana.writes.clear()
    run(grafana)
    assert grafana.writes == [("data source", shipped.DATA_SOURCE_UID)]
    grafana.writes.clear()
    without = ClickHouse(CLICKHOUSE.url, CLICKHOUSE.database, CLICKHOUSE.user)
    assert {step.outcome for step in run(grafana, without)} == {Outcome.UNCHANGED}
    assert grafana.writes == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda kept: kept["dashboard", "forewarn-wall"]["panels"].pop(), "dashboard"),
        (lambda kept: kept["dashboard", "forewarn-wall"].update(title="mine"), "dashboard"),
        (lambda kept: kept["rules", "forewarn", "watch the watchers"].update(interval=600), "alert rules"),
        (lambda kept: kept["rules", "forewarn", "watch the watchers"]["rules"].pop(), "alert rules"),
        (lambda kept: kept["data source", "forewarn-clickhouse"]["jsonData"].update(host="other"), "data source"),
    ],
)
def test_what_somebody_changed_is_put_right_and_nothing_else_is_touched(
    change: Callable[[dict[tuple[str, ...], Any]], object], kind: str
) -> None:
    grafana = MemoryGrafana()
    without = ClickHouse(CLICKHOUSE.url, CLICKHOUSE.database, CLICKHOUSE.user)
    run(grafana, without)
    change(grafana.kept)
    steps = run(grafana, without)
    assert [step.kind for step in steps if step.outcome is not Outcome.UNCHANGED] == [kind]
    assert (kind, Outcome.UPDATED) in outcomes(steps)


def test_a_short_outage_is_waited_out_longer_each_time() -> None:
    grafana = MemoryGrafana()
    grafana.fail_before = [TryAgainError("busy")] * (ATTEMPTS - 1)
    waits: list[float] = []
    assert {step.outcome for step in run(grafana, waits=waits)} == {Outcome.CREATED}
    assert len(waits) == ATTEMPTS - 1
    assert waits == sorted(waits)


def test_a_long_outage_ends_it() -> None:
    grafana = MemoryGrafana()
    grafana.fail_before = [TryAgainError("busy")] * ATTEMPTS
    with pytest.raises(TryAgainError):
        run(grafana)


def test_a_write_whose_answer_was_lost_is_not_made_twice() -> None:
    grafana = MemoryGrafana()
    grafana.fail_after = [TryAgainError("time-out")] * 2
    run(grafana, ClickHouse(CLICKHOUSE.url, CLICKHOUSE.database, CLICKHOUSE.user))
    assert len(grafana.writes) == len(set(grafana.writes))


def test_a_refusal_is_not_repeated() -> None:
    grafana = MemoryGrafana()
    grafana.fail_before = [RefusedError("no")]
    waits: list[float] = []
    with pytest.raises(RefusedError):
        run(grafana, waits=waits)
    assert waits == []


def test_an_old_grafana_is_refused_before_anything_is_written() -> None:
    grafana = MemoryGrafana(version="9.5.1")
    with pytest.raises(RefusedError, match="upgrade"):
        run(grafana)
    assert grafana.writes == []


@pytest.mark.parametrize(
    "url", ["clickhouse:8123", "tcp://clickhouse:9000", f"http://bob:{SECRET}@clickhouse:8123", ""]
)
def test_a_wrong_clickhouse_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(RefusedError) as refused:
        data_source(ClickHouse(url, "forewarn", "grafana"))
    assert SECRET not in str(refused.value)


def test_the_password_is_in_no_representation() -> None:
    assert SECRET not in repr(CLICKHOUSE)


@pytest.mark.parametrize("url", ["grafana", f"http://admin:{SECRET}@grafana:3000", "ftp://grafana"])
def test_a_wrong_grafana_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(RefusedError) as refused:
        client.connect(url, "token")
    assert SECRET not in str(refused.value)


def test_a_missing_client_says_how_to_install_it_and_why_apart() -> None:
    with pytest.raises(client.MissingClientError, match=r"environment of its own: .*forewarn\[grafana\]"):
        client.connect("http://localhost:3000", "token")


def test_the_command_asks_for_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOREWARN_GRAFANA_TOKEN", raising=False)
    result = CliRunner().invoke(grafana_app, ["provision", "--url", "http://localhost:3000"])
    assert result.exit_code == 2
    assert "FOREWARN_GRAFANA_TOKEN" in result.output


def test_the_command_says_how_to_get_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREWARN_GRAFANA_TOKEN", SECRET)
    result = CliRunner().invoke(grafana_app, ["provision", "--url", "http://localhost:3000"])
    assert result.exit_code == 1
    assert "forewarn[grafana]" in result.output
    assert SECRET not in result.output
