from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift, stats

from detectors.estimators import DisagreementError, EWVar, PageHinkley, check_agreement

NUMBERS = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), max_size=60)


@given(values=NUMBERS, fading=st.floats(0.01, 0.99), cut=st.integers(0, 60))
@settings(max_examples=80, deadline=None)
def test_saved_mean_and_variance_go_on_bit_for_bit_like_river(values: list[float], fading: float, cut: int) -> None:
    mine, mean, variance = EWVar(fading), stats.EWMean(fading), stats.EWVar(fading)
    for i, value in enumerate(values):
        if i == cut:
            mine = EWVar.load(fading, json.loads(json.dumps(mine.dump())))
        mine.update(value)
        mean.update(value)
        variance.update(value)
        assert mine.mean == mean.get()
        assert mine.variance == max(variance.get(), 0.0)
    assert mine.count == len(values)


@given(values=st.lists(st.floats(-3, 3, allow_subnormal=False), max_size=120), cut=st.integers(0, 120))
@settings(max_examples=60, deadline=None)
def test_saved_drift_goes_on_bit_for_bit_like_river(values: list[float], cut: int) -> None:
    mine = PageHinkley(5, 0.05, 1.0)
    river: Any = drift.PageHinkley(5, 0.05, 1.0, 0.999, mode="down")
    for i, value in enumerate(values):
        if i == cut:
            state = mine.dump()
            mine = PageHinkley(5, 0.05, 1.0)
            mine.restore(json.loads(json.dumps(state)))
            assert mine.dump() == state
        mine.update(value)
        river.update(value)
        assert mine.dump() == [
            river._x_mean.n, river._x_mean.get(), river._sum_increase, river._sum_decrease, river._min_increase,
            river._max_decrease, river.drift_detected,
        ]  # fmt: skip


def test_a_river_that_computes_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rounded(stats.EWVar):
        def get(self) -> float:
            return round(super().get(), 12)

    monkeypatch.setattr("river.stats.EWVar", Rounded)
    with pytest.raises(DisagreementError, match="other results after"):
        check_agreement()


def test_a_river_whose_drift_detection_is_deaf_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(drift.PageHinkley):
        @property
        def drift_detected(self) -> bool:
            return False

    monkeypatch.setattr("river.drift.PageHinkley", Deaf)
    with pytest.raises(DisagreementError, match="other results after"):
        check_agreement()
