from __future__ import annotations

import re
from pathlib import Path

import pytest

from streams import settings_table
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "settings.md"


def test_the_page_is_that_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert settings_table.main([str(PAGE), "--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_row_that_says_what_it_means(name: str) -> None:
    (row,) = [line for line in settings_table.page().splitlines() if line.startswith(f"| `FOREWARN_{name.upper()}` |")]
    meaning = row.rsplit(" | ", 1)[1].removesuffix(" |")
    assert meaning.endswith(".")


def test_every_variable_that_the_code_names_is_documented() -> None:
    known = {settings_table.variable(name) for name in Settings.model_fields} | set(settings_table.OTHER_VARIABLES)
    for package in ("connectors", "dashboards", "detectors", "streams"):
        for path in (ROOT / package).rglob("*.py"):
            named = set(re.findall(r"\bFOREWARN_[A-Z_]+\b", path.read_text(encoding="utf-8")))
            assert named <= known, path.relative_to(ROOT)


def test_check_notices_a_page_that_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "settings.md"
    assert settings_table.main([str(page), "--check"]) == 1
    assert "make settings" in capsys.readouterr().err
    assert settings_table.main([str(page)]) == 0
    assert settings_table.main([str(page), "--check"]) == 0
