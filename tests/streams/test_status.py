"""What ``forewarn status`` makes of what it found, for people."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from connectors.embedded import free_port
from streams import checkup
from streams.checkup import Checkup, PartHealth, ServerHealth
from streams.cli.sql import sql
from streams.cli.status import status
from streams.clock import ManualClock, millis
from streams.runtime import endpoints, load_settings

AT = datetime(2025, 9, 3, 16, tzinfo=UTC)
SERVERS = (ServerHealth("kafka", "127.0.0.1:19092"), ServerHealth("clickhouse", "http://127.0.0.1:18123"))


def row(source: str, at: datetime) -> dict[str, Any]:
    return {
        "source": source,
        "family": "electricity",
        "heartbeat_at": at,
        "status": "alive",
        "position": "p" * 200,
        "lag_seconds": 3_600.5,
        "sent": 12_345,
        "rejected": 6,
        "message": "",
        "newest_event_time": at,
        "newest_record_time": at,
        "age_seconds": 38_000_000,
    }


def run(command: Any, *arguments: str, **environment: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, list(arguments), env=environment)
    return result.exit_code, result.output


def test_without_a_stack_one_line_says_how_to_start_one(tmp_path: Path) -> None:
    ports = {"FOREWARN_KAFKA_PORT": str(free_port()), "FOREWARN_CLICKHOUSE_PORT": str(free_port())}
    code, said = run(status, "--data-dir", str(tmp_path), **ports)
    assert code == 2
    assert said.strip() == f"error: no stack runs in {tmp_path}: start it with 'forewarn up' or 'make demo'"


@pytest.mark.parametrize("command", [(sql, "SELECT 1"), (status, "--json")])
def test_a_server_that_is_away_is_told_in_a_short_sentence(tmp_path: Path, command: tuple[Any, str]) -> None:
    ports = {"FOREWARN_KAFKA_PORT": str(free_port()), "FOREWARN_CLICKHOUSE_PORT": str(free_port())}
    _, said = run(*command, "--data-dir", str(tmp_path), **ports)
    assert "does not answer: is it running? (Connection refused)" in said
    assert "HTTPConnection" not in said


def test_tables_fit_and_speak_of_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detail = {"ticked": millis(AT), "paused": False, "records": 12_345}
    parts = [PartHealth("scorer-0", 7, "running", 200.0, detail)]
    sources = checkup._aged([row("files", AT), row("old", AT.replace(day=1))], None)
    found = Checkup(parts, SERVERS, [], sources)
    monkeypatch.setattr(checkup, "look", lambda *_: found)
    code, said = run(status, "--data-dir", str(tmp_path), COLUMNS="100")
    assert code == 0
    assert "ticked 2025-09-03 16:00 UTC, paused no, records 12,345" in " ".join(said.split())
    assert "3 min" in said
    (old,) = [line for line in said.splitlines() if line.startswith("old")]
    assert [cell.strip() for cell in old.split("│")][:7] == [
        "old", "electricity", "alive", "2025-09-01 16:00", "2 d", "12,345", "6",
    ]  # fmt: skip
    assert max(map(len, said.splitlines())) <= 100


def test_a_simulated_stack_has_no_age_by_the_wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "_kafka", lambda *_: (SERVERS[0], []))
    monkeypatch.setattr(checkup, "_clickhouse", lambda *_: (SERVERS[1], [row("files", AT)]))
    ages = {}
    for kind in ("simulated", "live"):
        settings = load_settings(data_dir=tmp_path, stack_time=kind)
        clock = ManualClock(millis(AT) + 90_000)
        (source,) = checkup.look(settings, endpoints(settings), clock).sources
        ages[kind] = (source["age_seconds"], source["data_age_seconds"])
    assert ages == {"simulated": (0, 0), "live": (90, 90)}
