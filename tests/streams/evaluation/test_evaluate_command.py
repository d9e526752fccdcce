from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli import app


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["evaluate", *arguments], env={"COLUMNS": "1000"})
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("suite", "file", "content"),
    [
        ("electricity", "electricity/daily_kwh_wide.csv.gz", b"no archive"),
        ("electricity", "electricity/daily_kwh_wide.csv.gz", gzip.compress(b"record_date,E1\n" * 99)[:-20]),
        ("invoices", "invoices/invoices.zip", b"PK no archive"),
        ("nab", "nab/windows.json", b"{"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, suite: str, file: str, content: bytes) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    (path.parent / "enterprises.csv").write_text("企业代号,是否违约\nE1,是\n", encoding="utf-8")
    code, out, told = run(suite, "--data", str(tmp_path), "--json")
    assert code == 1
    assert out == ""
    assert str(path) in told


def test_a_result_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "floors.csv").write_text("subject,text,floor\n甲公司,甲公司被申请破产,1\n", encoding="utf-8")
    code, _, told = run("floors", "--data", str(tmp_path), "--out", str(tmp_path))
    assert code == 1
    assert str(tmp_path) in told


@pytest.mark.parametrize(("suite", "option"), [("nab", "--model"), ("city", "--plots"), ("floors", "--thresholds")])
def test_an_option_of_another_suite_is_refused(tmp_path: Path, suite: str, option: str) -> None:
    code, _, told = run(suite, option, str(tmp_path))
    assert code == 2
    assert f"{option} is for " in told


def test_without_json_the_result_goes_to_stdout(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "floors.csv").write_text("subject,text,floor\n甲公司,甲公司被申请破产,1\n", encoding="utf-8")
    code, out, _ = run("floors", "--data", str(tmp_path))
    assert code == 0
    assert "'recall': 1.0" in out
