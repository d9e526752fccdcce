"""The chance that a stop lasts: River's logistic regression with fixed weights, and what moves it."""

from __future__ import annotations

from math import log, log1p
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.linear_model import LogisticRegression

from detectors.config import StopConfig
from detectors.habits import Habit
from detectors.hazard import Stop, chance

CONFIG = StopConfig()


def habit(stops: int = 0, longest: tuple[int, ...] = (), usual: float = 1000.0, idle: float = 0.0) -> Habit:
    made = Habit()
    made.days, made.stops, made.longest, made.usual, made.idle = 400, stops, list(longest), usual, idle
    return made


@given(
    st.integers(1, 400),
    st.integers(0, 40),
    st.floats(0.02, 1.0),
    st.integers(0, 200),
    st.lists(st.integers(5, 90), max_size=8),
    st.floats(60.0, 15_000.0),
    st.floats(0.0, 0.5),
)
def test_it_is_rivers_logistic_regression(
    days: int, holidays: int, residual: float, stops: int, longest: list[int], usual: float, idle: float
) -> None:
    known = habit(stops, tuple(sorted(longest, reverse=True)), usual, idle)
    features = {
        "log_days": log(days),
        "log_stops_a_year": log1p(stops * 365 / 400),
        "log_longer_stops": log1p(sum(length >= min(days + 3, 30) for length in longest)),
        "idle_share": idle,
        "log_residual": log(residual),
        "log_size": log(usual / 1000.0),
        "holiday": min(holidays, 5),
    }
    model: Any = LogisticRegression(intercept_init=CONFIG.intercept)
    model._weights.update({name: getattr(CONFIG, name) for name in features})
    expected = model.predict_proba_one(features)[True]
    assert chance(Stop(days, holidays, residual), known, CONFIG) == pytest.approx(expected, abs=1e-9)


def test_what_makes_a_stop_more_likely_to_last() -> None:
    plain = chance(Stop(5, 0, 0.2), habit(), CONFIG)
    assert chance(Stop(9, 0, 0.2), habit(), CONFIG) > plain
    assert chance(Stop(5, 0, 0.02), habit(), CONFIG) > plain
    assert chance(Stop(5, 0, 0.2), habit(usual=100.0), CONFIG) > plain
    assert chance(Stop(5, 3, 0.2), habit(), CONFIG) < plain
    assert chance(Stop(5, 0, 0.2), habit(stops=10), CONFIG) < plain
    assert chance(Stop(5, 0, 0.2), habit(idle=0.3), CONFIG) < plain
    assert chance(Stop(5, 0, 0.2), habit(stops=10, longest=(40, 35)), CONFIG) > chance(
        Stop(5, 0, 0.2), habit(stops=10), CONFIG
    )


@given(st.floats(0.0, 1e308), st.floats(0.0, 1e308), st.integers(1, 10_000))
def test_it_is_a_chance_whatever_comes(residual: float, usual: float, days: int) -> None:
    assert 0.0 <= chance(Stop(days, 0, residual), habit(usual=usual), CONFIG) <= 1.0
