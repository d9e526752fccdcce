from __future__ import annotations

from typing import Any

import pytest

from detectors.config import DetectionConfig, default


def test_round_trip_through_plain_data() -> None:
    config = DetectionConfig.from_mapping(default().to_mapping())
    assert config == default()
    assert config.version == default().version


@pytest.mark.parametrize(
    "change",
    [
        {"electricity": {"stop_share": 0.07}},
        {"fusion": {"weights": {"orders": 0.5}}},
        {"fusion": {"legal_families": ["litigation", "orders"]}},
        {"label": "calm"},
    ],
)
def test_every_change_is_another_version(change: dict[str, Any]) -> None:
    assert DetectionConfig.from_mapping(change).version != default().version


def test_tables_are_merged() -> None:
    weights = DetectionConfig.from_mapping({"fusion": {"weights": {"tax": 0.5}}}).fusion.weights
    assert (weights["tax"], weights["electricity"]) == (0.5, default().fusion.weights["electricity"])


def test_whole_numbers_are_accepted_for_fractions_and_not_the_reverse() -> None:
    assert DetectionConfig.from_mapping({"levels": {"red": 1}}).levels.red == 1.0
    with pytest.raises(ValueError, match=r"electricity\.early_days must be a whole number"):
        DetectionConfig.from_mapping({"electricity": {"early_days": 2.5}})


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"electricty": {}}, "electricty"),
        ({"electricity": {"erly_days": 3}}, r"electricity\.erly_days"),
        ({"electricity": 5}, "electricity"),
        ({"electricity": {"early_days": "three"}}, r"electricity\.early_days"),
        ({"electricity": {"early_days": True}}, r"electricity\.early_days"),
        ({"electricity": {"early_days": 9}}, "early_days"),
        ({"electricity": {"stop_share": 1.5}}, "stop_share"),
        ({"levels": {"blue": 0.9}}, "blue < yellow"),
        ({"fusion": {"weights": {"tax": 0}}}, "tax"),
        ({"fusion": {"weights": 1}}, r"fusion\.weights"),
        ({"fusion": {"weights": {"tax": float("nan")}}}, r"fusion\.weights\.tax"),
        ({"fusion": {"legal_families": "litigation"}}, "legal_families"),
        ({"litigation": {"severities": {"filing": 2}}}, "filing"),
        ({"litigation": {"half_lives_days": {"filing": 0}}}, "filing"),
        ({"label": "no blanks"}, "label"),
        ({"label": 3}, "label"),
        ([], "configuration"),
    ],
)
def test_mistakes_are_named(wrong: Any, names: str) -> None:
    with pytest.raises(ValueError, match=names):
        DetectionConfig.from_mapping(wrong)
