"""What the page on detectors says exists, and what exists is on the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from detectors.config import default
from detectors.levels import Rule
from detectors.registry import default_detectors

PAGE = (Path(__file__).parents[2] / "docs" / "detectors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [detector.name for detector in default_detectors(default())])
def test_every_detector_is_described(name: str) -> None:
    assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize("rule", get_args(Rule))
def test_every_rule_is_described(rule: str) -> None:
    assert f"| `{rule}` |" in PAGE


def test_every_setting_on_the_page_exists() -> None:
    settings = {key for section in default().to_mapping().values() if isinstance(section, dict) for key in section}
    words = set(re.findall(r"`(?:\[[a-z_]+\] )?([a-z]+(?:_[a-z]+)+)`", PAGE)) - {"original_case_no"}
    assert words
    assert words <= settings


def test_the_levels_on_the_page_are_the_defaults() -> None:
    levels = default().levels
    entered = f"| entered at | {levels.red} | {levels.orange} | {levels.yellow} | {levels.blue} |"
    assert entered in PAGE


def test_the_weights_on_the_page_are_the_defaults() -> None:
    weights = [*default().fusion.weights.values(), default().fusion.default_weight]
    assert f"| weight | {' | '.join(map(str, weights))} |" in PAGE
