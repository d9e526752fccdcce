from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from streams.cli.config import config_app
from streams.settings import Settings


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory without any setting."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FOREWARN_")]:
        monkeypatch.delenv(name)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(config_app, list(arguments))


def shown(*arguments: str) -> dict[str, dict[str, Any]]:
    result = run("show", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    values: dict[str, dict[str, Any]] = json.loads(result.stdout)
    return values


def test_show_has_every_setting_and_says_that_all_are_defaults(place: Path) -> None:
    values = shown()
    assert values.keys() == Settings.model_fields.keys()
    assert {value["from"] for value in values.values()} == {"default"}
    assert values["data_dir"]["value"] == str(place / ".forewarn")


def test_show_tells_where_each_value_came_from(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "forewarn.toml").write_text('partitions = 32\nlog_level = "debug"\nhttp_port = 1\n', encoding="utf-8")
    (place / "stack").mkdir()
    (place / "stack" / "stack.toml").write_text("kafka_port = 7777\nhttp_port = 2\n", encoding="utf-8")
    monkeypatch.setenv("FOREWARN_PARTITIONS", "8")
    monkeypatch.setenv("FOREWARN_DATA_DIR", str(place / "elsewhere"))
    assert shown()["data_dir"]["from"] == "environment"
    values = shown("--data-dir", str(place / "stack"))
    assert values["data_dir"] == {"value": str(place / "stack"), "from": "command line"}
    assert values["partitions"] == {"value": 8, "from": "environment"}
    assert values["log_level"] == {"value": "debug", "from": "forewarn.toml"}
    assert values["http_port"] == {"value": 1, "from": "forewarn.toml"}
    assert values["kafka_port"] == {"value": 7777, "from": str(place / "stack" / "stack.toml")}
    assert values["kafka_heap"]["from"] == "default"


def test_show_masks_secrets_in_both_forms(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREWARN_CLICKHOUSE_PASSWORD", "hunter2")
    monkeypatch.setenv("FOREWARN_CONTROL_URL", "postgresql://bob:hunter2@db/forewarn")
    monkeypatch.setenv("FOREWARN_CLICKHOUSE_URL", "http://bob:hunter2@db:8123")
    table, machine = run("show"), run("show", "--json")
    assert table.exit_code == machine.exit_code == 0
    assert "hunter2" not in table.output + machine.output
    assert json.loads(machine.stdout)["clickhouse_password"] == {"value": "***", "from": "environment"}
    assert json.loads(machine.stdout)["control_url"]["value"] == "***"


def test_check_finds_nothing_where_nothing_is_wrong(place: Path) -> None:
    (place / "forewarn.toml").write_text("partitions = 32\n", encoding="utf-8")
    assert run("check").exit_code == 0
    assert json.loads(run("check", "--json").stdout) == {"ok": True, "problems": []}


def test_check_names_every_setting_that_is_wrong_and_where(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = place / "other.toml"
    file.write_text('partitions = 0\nlog_levle = "debug"\n', encoding="utf-8")
    monkeypatch.setenv("FOREWARN_PARTITIONS", "8")  # valid, and would hide the file's mistake
    monkeypatch.setenv("FOREWARN_HTTP_PORT", "eighty")
    monkeypatch.setenv("FOREWARN_ZOEN", "Asia/Shanghai")
    result = run("check", str(file))
    assert result.exit_code == 2
    told = " ".join(result.stderr.split())
    assert f"partitions ({file})" in told
    assert f"log_levle ({file}): no such setting; did you mean log_level?" in told
    assert "FOREWARN_HTTP_PORT (environment)" in told
    assert "FOREWARN_ZOEN (environment): no such setting; did you mean FOREWARN_ZONE?" in told


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"partitions = \n", "line 1"), (b"\xff\xfe", "not a readable TOML"), (None, "no such file")],
)
def test_check_says_why_a_file_cannot_be_read(place: Path, content: bytes | None, expected: str) -> None:
    file = place / "broken.toml"
    if content is not None:
        file.write_bytes(content)
    result = run("check", "--json", str(file))
    assert result.exit_code == 2
    (problem,) = json.loads(result.stdout)["problems"]
    assert expected in problem["message"]


def test_check_looks_into_the_configuration_of_the_detection(place: Path) -> None:
    (place / "forewarn.toml").write_text('detection_config = "detection.toml"\n', encoding="utf-8")
    assert "detection_config (forewarn.toml): detection.toml" in " ".join(run("check").stderr.split())
    (place / "detection.toml").write_text("no_such_constant = 1\n", encoding="utf-8")
    result = run("check")
    assert result.exit_code == 2
    assert "no_such_constant" in result.stderr
    (place / "detection.toml").write_text("", encoding="utf-8")
    assert run("check").exit_code == 0


def test_check_does_not_repeat_a_secret(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "forewarn.toml").write_text("clickhouse_password = 12345678\n", encoding="utf-8")
    monkeypatch.setenv("FOREWARN_CLICKHOUSE_DATABASE", "whsec_c2VjcmV0")
    result = run("check")
    assert result.exit_code == 2
    assert "12345678" not in result.output
    assert "c2VjcmV0" not in result.output


def test_a_broken_file_ends_a_command_with_a_clear_message(place: Path) -> None:
    (place / "forewarn.toml").write_text("partitions = \n", encoding="utf-8")
    result = run("show")
    assert result.exit_code == 2
    assert "forewarn.toml is not TOML" in " ".join(result.stderr.split())


def test_check_notices_what_contradicts_itself_over_two_places(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "forewarn.toml").write_text('kafka_security = "sasl_ssl"\nkafka_bootstrap = "k:1"\n', encoding="utf-8")
    monkeypatch.setenv("FOREWARN_KAFKA_USERNAME", "bob")
    told = " ".join(run("check").stderr.split())
    assert (
        "together: FOREWARN_KAFKA_SECURITY=sasl_ssl needs FOREWARN_KAFKA_USERNAME and FOREWARN_KAFKA_PASSWORD" in told
    )
    monkeypatch.setenv("FOREWARN_KAFKA_PASSWORD", "hunter2")
    assert run("check").exit_code == 0


def test_a_command_tells_which_settings_contradict_each_other(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREWARN_KAFKA_PASSWORD", "hunter2")
    result = run("show")
    assert result.exit_code == 2
    assert "settings: FOREWARN_KAFKA_USERNAME and FOREWARN_KAFKA_PASSWORD are not used" in " ".join(
        result.stderr.split()
    )
    assert "hunter2" not in result.output
