from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from connectors.clickhouse import client as connect
from connectors.clickhouse.migrate import migrate
from connectors.clickhouse.schema import TABLES
from connectors.clickhouse.views import VIEWS
from connectors.embedded import ClickHouseServer
from connectors.examples import EXAMPLES
from connectors.models import MESSAGES
from connectors.tls import SYSTEM
from dashboards.grafana import shipped
from streams.recording import Row

pytestmark = pytest.mark.stack
DATABASE = "grafana_sql"
START, END, STEP = 1_772_400_000, 1_773_200_000, 3600  # 2026-03-01 … 2026-03-11, UTC; seconds
ENTERPRISE = "91350100M000100Y43"
#: What the plug-in's Go client turns into text, numbers and times.
PLAIN = re.compile(r"^(Nullable\()?(LowCardinality\()?(String|U?Int\d+|Float64|DateTime(64)?(\(.*\))?)\)*$")


def expand(sql: str, variables: Mapping[str, str]) -> str:
    """Do what the plug-in does to a query before it is sent; refuse macros and variables that it does not know."""
    sql = re.sub(r"\$__timeFilter\(([^()]+)\)", rf"\1 >= toDateTime({START}) AND \1 <= toDateTime({END})", sql)
    sql = re.sub(r"\$__timeInterval\(([^()]+)\)", rf"toStartOfInterval(toDateTime(\1), INTERVAL {STEP} second)", sql)
    for macro, value in (
        ("fromTime", f"toDateTime({START})"), ("toTime", f"toDateTime({END})"), ("interval_s", str(STEP))
    ):  # fmt: skip
        sql = re.sub(rf"\$__{macro}\b(?!_)", value, sql)
    for name, value in variables.items():
        sql = sql.replace(f"${{{name}:singlequote}}", "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'")
    left = re.search(r"\$__\w+|\$\{[^}]*\}", sql)
    if left:
        message = f"unknown macro or unquoted variable: {left.group()}"
        raise ValueError(message)
    return sql


def now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


def alert(number: int, sequence: int, transition: str, level: str, before: str, at: str) -> dict[str, Any]:
    example = dict(EXAMPLES["alert"][0])
    identity = ENTERPRISE if number == 0 else f"91350100M00010{number:04}"
    return example | {
        "alert_id": f"{identity}:1", "enterprise_id": identity, "enterprise_name": f"企业'{number}",
        "sequence": sequence,
        "transition": transition, "level": level, "previous_level": before, "at": at, "opened_at": at,
    }  # fmt: skip


def stories() -> Iterator[tuple[str, dict[str, Any]]]:
    """One red, one orange acknowledged, one that was opened and resolved; twice everything of the first."""
    yield "alert", alert(0, 1, "opened", "yellow", "none", "2026-02-20T01:00:00Z")
    yield "alert", alert(0, 2, "escalated", "red", "yellow", "2026-03-05T01:30:00Z")
    yield "alert", alert(1, 1, "opened", "orange", "none", "2026-03-06T01:00:00Z")
    yield "alert", alert(2, 1, "opened", "blue", "none", "2026-03-06T01:00:00Z")
    yield "alert", alert(2, 2, "resolved", "none", "blue", "2026-03-07T01:00:00Z")
    who = {"kind": "alert.acknowledged", "object_kind": "alert", "object_id": "91350100M000100001:1"}
    yield "action", EXAMPLES["action"][0] | who
    yield "delivery", EXAMPLES["delivery"][0] | {"sequence": 2}
    for name, examples in EXAMPLES.items():
        if name not in ("alert", "action", "delivery"):
            yield from ((name, example) for example in examples)


@pytest.fixture(scope="module")
def database(clickhouse: ClickHouseServer) -> Iterator[Client]:
    """The real tables and views on the real engine, with a few rows of each kind, inserted twice."""
    place = SimpleNamespace(
        clickhouse_url=clickhouse.url, clickhouse_user=clickhouse.user, clickhouse_password=clickhouse.password,
        clickhouse_database=DATABASE, clickhouse_certificates=SYSTEM,
    )  # fmt: skip
    client = connect(place, database="")
    migrate(client, DATABASE, {})
    for offset, (name, example) in enumerate(stories()):
        model = MESSAGES[name]
        (table,) = [table for table in TABLES if table.model is model]
        message = model.model_validate_json(json.dumps(example))
        row = Row(message, table.topics[0], 0, 2 * offset, 0, START * 1000 + 60_000)
        later = replace(row, offset=2 * offset + 1, time=now_ms() - 5000)
        # Of heartbeats there are two, one in the range and one just now; of everything else one, inserted twice.
        for stored in (row, later) if name == "heartbeat" else (later, later):
            client.insert_arrow(table.name, table.block([stored]), database=DATABASE)
    yield client
    client.command(f"DROP DATABASE {DATABASE}")
    client.close()


def _english(title: str) -> str:
    return title.encode("ascii", "ignore").decode().strip()


def _targets() -> Iterator[Any]:
    for board in shipped.dashboards():
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield pytest.param(target, id=f"{board['uid']}: {_english(panel['title'])}")


def _other_queries() -> Iterator[Any]:
    for board in shipped.dashboards():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                yield pytest.param(variable["query"]["rawSql"], id=f"{board['uid']}: variable {variable['name']}")
        for annotation in board["annotations"].get("list") or ():
            yield pytest.param(annotation["target"]["rawSql"], id=f"{board['uid']}: {_english(annotation['name'])}")
    for group in shipped.rule_groups():
        for rule in group["rules"]:
            yield pytest.param(rule["data"][0]["model"]["rawSql"], id=rule["uid"])


TARGETS, OTHERS = tuple(_targets()), tuple(_other_queries())


def ask(database: Client, sql: str, enterprise: str = ENTERPRISE) -> Any:
    return database.query(expand(sql, {"enterprise": enterprise, "metric": "daily_kwh"}))


def board_query(title: str) -> str:
    (sql,) = [target.values[0]["rawSql"] for target in TARGETS if title in str(target.id)]
    return str(sql)


@pytest.mark.parametrize("target", TARGETS)
def test_a_panels_query_runs_and_gives_what_grafana_can_draw(database: Client, target: dict[str, Any]) -> None:
    result = ask(database, target["rawSql"])
    kinds = dict(zip(result.column_names, [kind.name for kind in result.column_types], strict=True))
    assert result.result_rows, "no rows, though every kind of row is there"
    for name, kind in kinds.items():
        assert PLAIN.match(kind), f"{name}: the plug-in makes no sense of {kind}"
    if target["format"] == 0:
        times = [row[result.column_names.index("time")] for row in result.result_rows]
        assert times == sorted(times)
        labels = [name for name, kind in kinds.items() if "String" in kind]
        assert len(labels) <= 1
        assert set(kinds) - set(labels) - {"time"}


@pytest.mark.parametrize("sql", OTHERS)
def test_queries_of_variables_annotations_and_rules_run(database: Client, sql: str) -> None:
    assert ask(database, sql).result_rows


@pytest.mark.parametrize("target", TARGETS)
def test_an_enterprise_id_cannot_break_out_of_its_quotes(database: Client, target: dict[str, Any]) -> None:
    if "${enterprise" in target["rawSql"]:
        result = ask(database, target["rawSql"], enterprise="x' OR 1=1 OR '\\")
        assert not result.result_rows


@pytest.mark.parametrize(
    "sql", [*(pytest.param(target.values[0]["rawSql"], id=target.id) for target in TARGETS), *OTHERS]
)
def test_dashboards_read_declared_tables_and_views_only(database: Client, sql: str) -> None:
    declared = {table.name for table in TABLES} | {view.name for view in VIEWS}
    plan = database.query("EXPLAIN QUERY TREE " + expand(sql, {"enterprise": "x", "metric": "y"})).result_rows
    read = set(re.findall(r"table_name: (\S+?)(?:,|$)", "\n".join(row[0] for row in plan), re.MULTILINE))
    names = {name.removeprefix(f"{DATABASE}.") for name in read}
    assert names
    assert names <= declared | {"system.one", "system.parts"}


def test_the_wall_counts_what_is_open_and_nothing_twice(database: Client) -> None:
    for level, expected in (("red", 1), ("orange", 1), ("yellow", 0), ("blue", 0)):
        rows = ask(database, board_query(f"wall: {level}")).result_rows
        assert rows[-1][-1] == expected, level
        assert len(rows) == 25
    assert ask(database, board_query("wall: Unacknowledged")).result_rows == [(1,)]
    assert ask(database, board_query("wall: Overdue")).result_rows == [(1,)]


def test_data_age_is_that_of_the_newest_record(database: Client) -> None:
    ((age,),) = ask(database, board_query("wall: Data age")).result_rows
    assert 0 <= age < 300


def test_open_alerts_come_gravest_first_with_their_reasons(database: Client) -> None:
    result = ask(database, board_query("wall: Open alerts"))
    rows = [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]
    assert [row["warning"] for row in rows] == ["red", "orange"]
    assert rows[0]["reason"].startswith("用电量")
    assert [bool(row["acknowledged_by"]) for row in rows] == [False, True]


def test_the_timeline_starts_with_the_state_at_the_beginning_of_the_range(database: Client) -> None:
    rows = ask(database, board_query("wall: 20 Level of the top")).result_rows
    of_first = [(when, level) for when, name, level in rows if name.endswith("0Y43")]
    assert [level for _, level in of_first] == [2, 4, 4]
    assert of_first[0][0] < of_first[1][0] < of_first[2][0]
