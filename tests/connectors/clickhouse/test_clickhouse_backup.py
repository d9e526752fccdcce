"""ClickHouse's own backups, by the embedded engine, which takes the same statements as a server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from connectors.clickhouse import client, migrate
from connectors.clickhouse.backup import BackupFailedError, Progress, back_up, bring_back, place
from connectors.embedded import ClickHouseServer
from streams.runtime import Endpoints

DATABASE = "backed_up"


@pytest.fixture
def connection(warehouse_at: Callable[[str], Endpoints]) -> Iterator[Client]:
    """A connection, and our tables with a row of which the checksum must stay."""
    making = client(warehouse_at(DATABASE), database="")
    migrate(making, DATABASE, {})
    making.close()
    opened = client(warehouse_at(DATABASE), database="")
    filling = "SELECT toString(number) AS action_id, now() AS at, 'ann' AS actor FROM numbers(1000)"
    opened.command(f"INSERT INTO {DATABASE}.actions (action_id, at, actor) {filling}")
    yield opened
    opened.command(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")
    opened.close()


def pause() -> None:
    threading.Event().wait(0.05)


def rows(connection: Client) -> object:
    return connection.query(f"SELECT count(), sum(cityHash64(*)) FROM {DATABASE}.actions").result_rows


@pytest.mark.stack
def test_a_database_comes_back_with_tables_and_views(connection: Client, clickhouse: ClickHouseServer) -> None:
    before, seen = rows(connection), list[Progress]()
    views = connection.query(f"SELECT name FROM system.tables WHERE database = '{DATABASE}' ORDER BY name").result_rows
    back_up(connection, DATABASE, "File('first.tar.zst')", pause, seen.append)
    assert (clickhouse.data_dir / "backups" / "first.tar.zst").stat().st_size > 0
    connection.command(f"DROP DATABASE {DATABASE} SYNC")
    bring_back(connection, DATABASE, "File('first.tar.zst')", pause, seen.append)
    assert rows(connection) == before
    asked = f"SELECT name FROM system.tables WHERE database = '{DATABASE}' ORDER BY name"
    assert connection.query(asked).result_rows == views
    assert seen[0].files >= seen[0].done


@pytest.mark.stack
def test_what_clickhouse_refuses_is_told(connection: Client, tmp_path: Path) -> None:
    with pytest.raises((BackupFailedError, DatabaseError), match="not allowed for backups"):
        back_up(connection, DATABASE, f"File('{tmp_path}/outside')", pause, lambda _: None)
    with pytest.raises((BackupFailedError, DatabaseError), match=r"(?i)not found|doesn't exist|no such"):
        bring_back(connection, DATABASE, "File('never-made')", pause, lambda _: None)


@pytest.mark.stack
def test_a_reader_may_not_back_up(connection: Client, clickhouse: ClickHouseServer) -> None:
    import httpx

    asked = f"BACKUP DATABASE {DATABASE} TO File('readers')"
    answer = httpx.post(clickhouse.url, content=asked, auth=("reader", clickhouse.reader_password), trust_env=False)
    assert answer.status_code >= 400
    assert not (clickhouse.data_dir / "backups" / "readers").exists()


@pytest.mark.parametrize(
    "text",
    ["Disk('backups', 'a.zip')", "Disk('backups','2026/11/a.zip')", "File('a.tar.zst')", "File('/backups/a')",
     "S3(archive, 'forewarn/a')", "S3(archive)"],
)  # fmt: skip
def test_the_forms_that_clickhouse_knows_are_let_through(text: str) -> None:
    assert place(f" {text} ") == text


@pytest.mark.parametrize(
    "text",
    ["", "Null", "Memory('x')", "File('../a')", "File('a/../b')", "File('.hidden')", "File('a') SETTINGS x = 1",
     "File('a');DROP DATABASE x", "File('a\\'')", "Disk('b', 'a' 'c')", "S3('https://x', 'key', 'secret')", "file('a')",
     "File('a\n')", "Disk(`b`, 'a')", "File('ａ')"],
)  # fmt: skip
def test_nothing_else_becomes_part_of_a_statement(text: str) -> None:
    with pytest.raises(ValueError, match="not a place for a backup"):
        place(text)
