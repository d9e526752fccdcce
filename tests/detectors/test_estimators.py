from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift, stats

from detectors import estimators
from detectors.estimators import EWVar, LayoutError, PageHinkley, check_layout

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
        assert mine.drifted == river.drift_detected
        assert mine.mean == river._x_mean.get()


def test_another_layout_of_river_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Renamed(stats.EWVar):
        @property
        def _ewvar(self) -> Any:
            message = "_ewvar"
            raise AttributeError(message)

        @_ewvar.setter
        def _ewvar(self, value: Any) -> None: ...

    monkeypatch.setattr("river.stats.EWVar", Renamed)
    with pytest.raises(LayoutError, match="changed"):
        check_layout()


def test_a_layout_that_reads_other_fields_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unmoved(PageHinkley):
        def update(self, value: float) -> None:
            """Lose the state that River gave back."""

    monkeypatch.setattr(estimators, "PageHinkley", Unmoved)
    with pytest.raises(LayoutError, match="another layout"):
        check_layout()
