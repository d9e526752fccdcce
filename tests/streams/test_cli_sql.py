"""``forewarn sql`` and ``forewarn migrate`` against the embedded server."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from connectors.clickhouse import TABLES, VIEWS
from connectors.embedded import ClickHouseServer, free_port
from streams.cli.migrate import migrate
from streams.cli.sql import sql
from streams.runtime import replace_file

app = typer.Typer()
app.command()(sql)
app.command()(migrate)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clickhouse: ClickHouseServer) -> Path:
    replace_file(tmp_path / "secrets" / "clickhouse-password", clickhouse.password.encode())
    replace_file(tmp_path / "secrets" / "clickhouse-reader-password", clickhouse.reader_password.encode())
    monkeypatch.setenv("FOREWARN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FOREWARN_CLICKHOUSE_PORT", str(clickhouse.port))
    monkeypatch.setenv("FOREWARN_CLICKHOUSE_DATABASE", "shared")
    return tmp_path


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


@pytest.mark.stack
@pytest.mark.usefixtures("stack", "warehouse")
class TestOnAServer:
    def test_a_pipe_gets_csv(self) -> None:
        result = run("sql", "SELECT number, '红' AS level FROM numbers(3)")
        assert list(csv.reader(io.StringIO(result.stdout))) == [
            ["number", "level"],
            *([str(n), "红"] for n in range(3)),
        ]

    def test_json_is_one_object_per_line(self) -> None:
        result = run("sql", "-", "--format", "json", stdin="SELECT number AS n FROM numbers(2)")
        assert [json.loads(line)["n"] for line in result.stdout.splitlines()] == [0, 1]

    def test_a_person_gets_a_table_with_a_limit(self) -> None:
        result = run("sql", "SELECT number AS n FROM numbers(1000)", "--format", "table", "--limit", "5")
        assert result.exit_code == 0
        assert "│ 4" in result.stdout
        assert "│ 5" not in result.stdout
        assert "--limit shows more" in result.output

    def test_tables_lists_all_with_their_comments(self) -> None:
        result = run("sql", "--tables")
        for described in (*TABLES, *VIEWS):
            assert described.name in result.stdout
        assert TABLES[0].comment in result.stdout

    @pytest.mark.parametrize(
        "statement", ["DROP TABLE signals", "INSERT INTO signals (v) VALUES (1)", "SELECT * FROM file('/etc/passwd')"]
    )
    def test_nothing_can_be_changed_and_no_file_read(self, statement: str) -> None:
        result = run("sql", statement)
        assert result.exit_code == 1
        assert "error:" in result.output
        assert "root:" not in result.output

    def test_a_mistake_is_told_in_one_sentence(self) -> None:
        result = run("sql", "SELECT nope FROM signals")
        assert result.exit_code == 1
        assert "nope" in result.output
        assert "Traceback" not in result.output
        assert "http" not in result.output

    @pytest.mark.parametrize("form", ["table", "csv"])
    @pytest.mark.parametrize(
        "statement",
        ["SELEC 1", "SELEC * FROM signals", "SELECT a b c FROM signals", "SELECT 1 FROM", "SELECT 1; SELECT 2"],
    )
    def test_a_slip_is_called_a_syntax_error_and_nothing_of_ours_is_quoted(self, statement: str, form: str) -> None:
        result = run("sql", statement, "--format", form)
        assert result.exit_code == 1
        assert "Syntax error" in result.output
        for ours in ("readonly", "formatQuery", "Native", "CSVWithNames"):
            assert ours not in result.output

    def test_migrating_again_does_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FOREWARN_STACK_TIME", "simulated")
        assert json.loads(run("migrate", "--json").stdout) == {"database": "shared", "steps": []}
        monkeypatch.setenv("FOREWARN_CLICKHOUSE_DATABASE", "other")
        planned = run("migrate", "--dry-run").stdout
        assert "CREATE TABLE IF NOT EXISTS `signals`" in planned
        assert "TTL" not in planned  # a simulated stack keeps everything


def test_a_server_that_is_away_is_told_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREWARN_CLICKHOUSE_PORT", str(free_port()))
    result = run("sql", "SELECT 1", "--data-dir", str(tmp_path))
    assert result.exit_code == 1
    assert "is it running?" in result.output


def test_asking_nothing_says_what_could_be_asked(tmp_path: Path) -> None:
    assert "--tables" in run("sql", "--data-dir", str(tmp_path)).output
