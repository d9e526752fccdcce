"""The metrics are a closed list, and the page tells it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams import metrics, metrics_page
from streams.metrics import DECLARED, Metric, Metrics, Role

ROOT = Path(__file__).parents[2]
EVERY = {metric.name: metric for declared in DECLARED.values() for metric in declared}


def test_the_page_is_that_of_the_metrics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert metrics_page.main([str(ROOT / "docs" / "metrics.md"), "--check"]) == 0, capsys.readouterr().err
    other = tmp_path / "metrics.md"
    assert metrics_page.main([str(other), "--check"]) == 1
    assert "make metrics" in capsys.readouterr().err
    assert metrics_page.main([str(other)]) == 0
    assert metrics_page.main([str(other), "--check"]) == 0


@pytest.mark.parametrize("metric", EVERY.values(), ids=EVERY)
def test_names_follow_the_rules_of_prometheus(metric: Metric) -> None:
    assert re.fullmatch(r"forewarn_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert bool(metric.label) == bool(metric.values)
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert metric.meaning.endswith(".")
    assert not {"enterprise", "enterprise_id", "source", "subscription"} & {metric.label}


def test_a_name_means_one_thing() -> None:
    declared = {metric for declared in DECLARED.values() for metric in declared}
    assert len(declared) == len(EVERY)


@pytest.mark.parametrize("role", DECLARED)
def test_what_a_process_tells_is_what_is_declared(role: Role) -> None:
    page = Metrics(role).page().decode()
    told = {family.name: family for family in text_string_to_metric_families(page)}
    for metric in DECLARED[role]:
        family = told.pop(metric.name.removesuffix("_total"))
        assert family.type == metric.kind
        values = {sample.labels[metric.label] for sample in family.samples} if metric.label else set()
        assert values == (set() if metric.sparse else set(metric.values)), "every series is there from the start"
    assert all(name == metrics.BUILD_INFO or name.startswith("process_") for name in told)


def test_a_value_that_is_not_declared_makes_no_series_of_its_own() -> None:
    counts = Metrics("scorer")
    counts.count(metrics.DEAD_LETTERED, 2, "91350100M000100Y43")
    assert counts.value(metrics.DEAD_LETTERED, metrics.OTHER) == 2
    assert b"91350100M000100Y43" not in counts.page()


def test_counting_for_another_role_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Metrics("recorder").count(metrics.REBALANCES)


def test_gauges_are_set_when_somebody_looks() -> None:
    counts = Metrics("notifier")
    counts.refresh_with(lambda: counts.set(metrics.QUEUE, 7))
    assert counts.value(metrics.QUEUE) == 0
    assert b"forewarn_notifier_queue_depth 7.0" in counts.page()
