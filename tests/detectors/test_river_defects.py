"""Defects of River's anomaly estimators: what they are, and that none of them is behind an opinion.

Should a release of River mend one, its test fails here: then it may be used, and the test goes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from river import anomaly, linear_model, stats, time_series

from detectors.config import WATCHABLE, DetectionConfig
from detectors.contract import Opinion
from detectors.novelty import ValueNovelty
from detectors.registry import default_detectors

SOURCES = sorted((Path(__file__).parents[2] / "detectors").rglob("*.py"))
#: Without types of their own.
ANOMALY: Any = anomaly
FORECASTERS: Any = time_series
#: What the detectors take from River. Each is compared with our arithmetic on import (detectors/estimators.py).
USED = {"stats.EWMean", "stats.EWVar", "drift.PageHinkley"}


def taken_from_river(source: str) -> Iterator[str]:
    """Yield what a module names of River, as ``module.Name``."""
    tree = ast.parse(source)
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "river")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "river":
            if node.module == "river":
                modules |= {alias.asname or alias.name: alias.name for alias in node.names}
            else:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield f"{modules[node.value.id]}.{node.attr}"


def test_detectors_take_nothing_from_river_but_what_is_checked() -> None:
    taken = {name for path in SOURCES for name in taken_from_river(path.read_text(encoding="utf-8"))}
    assert taken == USED


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from river import anomaly as a\na.GaussianScorer()", {"anomaly.GaussianScorer"}),
        ("from river.anomaly import GaussianScorer", {"river.anomaly.GaussianScorer"}),
        ("import river.anomaly", {"river.anomaly"}),
        ("from rivers import drift\ndrift.X", set()),
    ],
)
def test_other_ways_to_import_are_found(source: str, names: set[str]) -> None:
    assert set(taken_from_river(source)) == names


def test_gaussian_scorer_calls_a_constant_stream_as_anomalous_as_can_be() -> None:
    scorer = ANOMALY.GaussianScorer(grace_period=10)
    for _ in range(50):
        scorer.learn_one(None, 5.0)
    assert scorer.score_one(None, 5.0) == 1.0


def test_gaussian_scorer_fails_with_a_rolling_window() -> None:
    random = Random(2)
    scorer = ANOMALY.GaussianScorer(window_size=2, grace_period=2)
    with pytest.raises(TypeError):  # the square root of a variance that came out below 0
        for _ in range(500):
            value = random.choice((0.1, 0.3, 1e6 + 0.1, 1e-3))
            scorer.score_one(None, value)
            scorer.learn_one(None, value)


def test_predictive_detection_calls_a_perfect_prediction_as_anomalous_as_can_be() -> None:
    detection = ANOMALY.PredictiveAnomalyDetection(linear_model.LinearRegression(), warmup_period=3)
    for _ in range(30):
        detection.learn_one({"x": 0.0}, 0.0)
    assert detection.score_one({"x": 0.0}, 0.0) == 1.0


def test_predictive_detection_fails_on_its_first_score_with_holt_winters() -> None:
    forecaster = FORECASTERS.HoltWinters(alpha=0.3, beta=0.1, gamma=0.5, seasonality=12)
    detection = ANOMALY.PredictiveAnomalyDetection(forecaster, warmup_period=3)
    with pytest.raises(IndexError):
        detection.score_one({}, 1.0)


def test_standard_absolute_deviation_fails_with_a_quantile() -> None:
    deviation = ANOMALY.StandardAbsoluteDeviation(sub_stat=stats.Quantile(0.5))
    with pytest.raises(TypeError):
        deviation.score_one(None, 1.0)


@pytest.mark.parametrize("value", [0.0, 5.0, 1e6 + 0.1, 1e-9])
def test_a_constant_stream_is_never_new(value: float) -> None:
    stream = ValueNovelty()
    assert {stream.update(value) for _ in range(500)} == {0.0}


def test_a_stream_that_rounding_troubles_is_scored() -> None:
    random = Random(2)
    stream = ValueNovelty()
    scores = [stream.update(random.choice((0.1, 0.3, 1e6 + 0.1, 1e-3))) for _ in range(500)]
    assert set(scores[100:]) == {0.0}


def test_the_first_value_has_a_score() -> None:
    assert ValueNovelty().score([1.0]) == ValueNovelty().update(1.0) == 0.0


@pytest.mark.parametrize("value", [0.0, 40.0, 1e6 + 0.1])
def test_a_constant_enterprise_raises_no_opinion_of_degree(story: Any, value: float) -> None:
    config = DetectionConfig.from_mapping({"novelty": {"series": list(WATCHABLE)}})
    told: set[str] = set()
    for detector in default_detectors(config):
        if hasattr(detector, "series"):
            days = story(detector, {name: [value] * 90 for name in detector.series}, 20_000)
            opinions: list[Opinion] = [opinion for day in days for opinion in day]
            told |= {opinion.reason for opinion in opinions}
    # A meter that repeats itself, and contributions owed, are told for what they are.
    assert told <= {"electricity.stuck-meter", "social_security.arrears"}
