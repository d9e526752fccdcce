"""Migrations: their form, and that each runs on the real engine, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

import connectors.clickhouse.migrations as package
from connectors.clickhouse import TABLES, VIEWS, EditedMigrationError, client, migrate
from connectors.clickhouse.columns import TEXT, Column
from connectors.clickhouse.migrate import MIGRATIONS, operations
from connectors.clickhouse.operations import AddColumns
from connectors.clickhouse.schema import RISK, Kept
from streams.runtime import Endpoints

AGES: dict[Kept, int] = {"signals": 3650, "derived": 3650, "dead_letters": 365}


def test_all_files_are_listed_in_order_and_numbered_without_a_gap() -> None:
    files = sorted(path.stem for path in Path(package.__path__[0]).glob("[0-9]*.py"))
    assert list(MIGRATIONS) == files
    assert [int(name[:4]) for name in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


@pytest.mark.parametrize("name", MIGRATIONS)
def test_a_migration_says_why_and_can_be_repeated(name: str) -> None:
    why = import_module(f"{package.__name__}.{name}").__doc__ or ""
    assert len(why.strip().splitlines()) >= 3
    assert operations(name)
    for operation in operations(name):
        statement = operation.format_sql()
        assert "IF NOT EXISTS" in statement or " MODIFY SETTING " in statement
        assert operation == operation


def test_a_column_that_comes_later_is_added_where_the_schema_has_it() -> None:
    late = Column("mood", TEXT, "How it feels.", "message.mood", since=2)
    table = type(RISK)(**{f: getattr(RISK, f) for f in RISK.__slots__} | {"columns": (RISK.columns[0], late)})
    assert "mood" not in table.format_sql(since=1)
    assert AddColumns(table, 2).format_sql() == (
        "ALTER TABLE `risk` ADD COLUMN IF NOT EXISTS `mood` String COMMENT 'How it feels.' AFTER `enterprise_id`"
    )
    with pytest.raises(ValueError, match="no columns since migration 3"):
        AddColumns(table, 3).format_sql()


@pytest.mark.stack
def test_names_of_databases_are_not_taken_from_anywhere(warehouse_client: Client) -> None:
    with pytest.raises(ValueError, match="not a name"):
        migrate(warehouse_client, "x`; DROP DATABASE y", {})


@pytest.fixture
def fresh(warehouse_at: Callable[[str], Endpoints]) -> Iterator[tuple[Client, str]]:
    connection = client(warehouse_at("fresh"), database="")
    yield connection, "fresh"
    connection.command("DROP DATABASE IF EXISTS fresh")
    connection.close()


@pytest.mark.stack
def test_migrating_makes_the_schema_once(fresh: tuple[Client, str]) -> None:
    connection, database = fresh
    planned = migrate(connection, database, AGES, dry_run=True)
    assert connection.query("SELECT count() FROM system.databases WHERE name = 'fresh'").result_rows == [(0,)]
    assert migrate(connection, database, AGES) == planned
    assert migrate(connection, database, AGES) == []
    for table in TABLES:
        rows = connection.query(
            "SELECT name, type, comment FROM system.columns WHERE database = 'fresh' AND table = {table:String} "
            "ORDER BY position",
            parameters={"table": table.name},
        ).result_rows
        assert list(rows) == [(c.name, c.type.sql, c.comment) for c in table.columns]
    views = connection.query("SELECT name, comment FROM system.tables WHERE database = 'fresh'")
    described = {str(name): str(comment) for name, comment in views.result_rows}
    assert described.items() >= {table.name: table.comment for table in TABLES}.items()
    assert described.items() >= {view.name: view.comment for view in VIEWS}.items()


@pytest.mark.stack
def test_an_interrupted_migration_is_run_again(fresh: tuple[Client, str]) -> None:
    connection, database = fresh
    connection.command("CREATE DATABASE fresh")
    connection.database = "fresh"
    for operation in operations(MIGRATIONS[0])[:3]:
        connection.command(operation.format_sql())
    assert MIGRATIONS[0] in [step.name for step in migrate(connection, database, {})]
    assert migrate(connection, database, {}) == []


@pytest.mark.stack
def test_ages_follow_the_settings(fresh: tuple[Client, str]) -> None:
    connection, database = fresh

    def age() -> str:
        return str(
            connection.command("SELECT engine_full FROM system.tables WHERE name = 'signals' AND database = 'fresh'")
        )

    migrate(connection, database, AGES)
    assert "TTL toDateTime(event_time) + toIntervalDay(3650)" in age()
    assert [step.name for step in migrate(connection, database, {**AGES, "signals": 30})] == ["ttl signals"]
    assert "toIntervalDay(30)" in age()
    assert [step.name for step in migrate(connection, database, {**AGES, "signals": 0})] == ["ttl signals"]
    assert "TTL" not in age()


@pytest.mark.stack
def test_an_edited_migration_is_refused(fresh: tuple[Client, str]) -> None:
    connection, database = fresh
    migrate(connection, database, {})
    connection.insert("migrations", [[MIGRATIONS[0], "other"]], column_names=["name", "checksum"])
    with pytest.raises(EditedMigrationError, match="add a new one"):
        migrate(connection, database, {})


@pytest.mark.stack
def test_a_changed_view_is_replaced(fresh: tuple[Client, str]) -> None:
    connection, database = fresh
    migrate(connection, database, {})
    connection.insert("migrations", [["view risk_latest", "other"]], column_names=["name", "checksum"])
    assert [step.name for step in migrate(connection, database, {})] == ["view risk_latest"]
