"""The alert rules ask for metrics that exist, and the operator's page says what to do at each alert."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.metrics import DECLARED, names

ROOT = Path(__file__).parents[2]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "docker" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
METRICS = {metric.name: metric for metrics in DECLARED.values() for metric in metrics}


def ids(rule: dict[str, Any]) -> str:
    return str(rule["alert"])


@pytest.mark.parametrize("rule", RULES, ids=ids)
def test_every_metric_of_a_rule_exists(rule: dict[str, Any]) -> None:
    known = names(list(METRICS.values()))
    assert set(re.findall(r"\bforewarn_\w+", rule["expr"])) <= known
    for name, label, value in re.findall(r'(forewarn_\w+)\{(\w+)="(\w+)"\}', rule["expr"]):
        assert METRICS[name].label == label and value in METRICS[name].values


@pytest.mark.parametrize("rule", RULES, ids=ids)
def test_every_rule_speaks_both_languages_and_is_explained(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["summary"] and rule["annotations"]["summary_zh"]
    assert f"`{rule['alert']}`" in (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")


def test_something_always_fires_so_that_silence_can_be_noticed() -> None:
    assert any(rule["expr"] == "vector(1)" for rule in RULES)
