"""Value novelty: what it says of a stream, what it keeps, and that it is off unless asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import inf, nan
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.checks import Check, yield_checks
from detectors.config import WATCHABLE, DetectionConfig, NoveltyConfig, default
from detectors.contract import Opinion
from detectors.novelty import Novelty, ValueNovelty, detectors
from detectors.registry import default_detectors

Story = Callable[..., list[Sequence[Opinion]]]

WATCHING = DetectionConfig.from_mapping({"novelty": {"series": list(WATCHABLE)}})


@pytest.mark.parametrize(
    ("detector", "check"),
    [
        pytest.param(d, c, id=f"{d.name}:{c.__name__}")
        for d in detectors(WATCHING.novelty)
        for c in yield_checks(d)
    ],
)  # fmt: skip
def test_conforms(detector: Novelty, check: Check) -> None:
    check(detector)


def test_is_off_by_default_and_registered_when_asked_for() -> None:
    assert not [d for d in default_detectors(default()) if isinstance(d, Novelty)]
    assert [d.series[0] for d in default_detectors(WATCHING) if isinstance(d, Novelty)] == list(WATCHABLE)


@pytest.mark.parametrize("wrong", [{"series": ["daily_kw"]}, {"series": ["vat_sales", "vat_sales"]}, {"landmarks": 4}])
def test_mistakes_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="NoveltyConfig"):
        DetectionConfig.from_mapping({"novelty": wrong})


def noisy(seed: int, count: int = 600) -> list[float]:
    random = Random(seed)
    return [100 + 20 * (step % 12 > 5) + random.uniform(-3, 3) for step in range(count)]


def scores(values: Sequence[float], **parameters: Any) -> list[float]:
    stream = ValueNovelty(**parameters)
    return [stream.update(value) for value in values]


def test_a_value_never_seen_is_told_once() -> None:
    values = noisy(1)
    values[400:410] = [190.0] * 10
    found = scores(values)
    assert found[400] > 3 * max(found[200:400])
    assert found[401:410] == [0.0] * 9


def test_what_is_still_newer_is_told_again() -> None:
    values = noisy(1)
    values[400], values[404] = 190.0, 600.0
    found = scores(values)
    assert found[404] > found[400] > 0


def test_a_usual_value_at_an_unusual_moment_is_new() -> None:
    values = [float(step % 12) for step in range(600)]
    values[500] = values[506]
    found = scores(values)
    assert found[500] > 0
    assert found[480:500] == [0.0] * 20


def test_a_dip_that_no_longer_comes_is_new() -> None:
    random = Random(6)
    values = [random.uniform(40, 50) if step % 6 == 0 else random.uniform(100, 110) for step in range(700)]
    values[600:612] = [random.uniform(100, 110) for _ in range(12)]
    found = scores(values)
    assert max(found[600:612]) > 2 * max(found[300:600])


def test_a_constant_stream_that_moves_is_new() -> None:
    found = scores([5.0] * 300 + [5.5] + [5.0] * 10)
    assert found[300] > 1
    assert sum(found) == found[300]


def test_a_stream_that_is_always_new_must_be_newer_to_be_heard() -> None:
    random = Random(5)
    calm, wild = noisy(2), [random.paretovariate(1.5) for _ in range(600)]
    spread = sorted(wild)[594] - sorted(wild)[6]
    calm[500] += 30.0
    wild[500] = max(wild[:500]) + spread * 30.0 / 26.0
    assert scores(calm)[500] > scores(wild)[500]


@pytest.mark.parametrize("factor", [1e-6, 1e9])
def test_the_unit_does_not_matter(factor: float) -> None:
    values = noisy(3)
    values[300] = 500.0
    scaled = scores([value * factor for value in values])
    assert scaled == pytest.approx(scores(values), rel=1e-6)


def test_the_next_whole_number_is_nothing_new() -> None:
    random = Random(8)
    counts = [float(random.randrange(20)) for _ in range(500)]
    assert scores([*counts, 20.0])[500] < 0.5 < scores([*counts, 30.0])[500]


def test_no_value_is_passed_over() -> None:
    values = noisy(4)
    with_gaps = [*values[:300], nan, inf, -inf, 1e200, *values[300:]]
    found = scores(with_gaps)
    assert found[300:304] == [0.0] * 4
    assert found[:300] + found[304:] == scores(values)


def test_asking_learns_nothing() -> None:
    stream = ValueNovelty()
    for value in noisy(1):
        stream.update(value)
    before = json.dumps(stream.dump())
    asked = stream.score([500.0])
    assert asked > 1
    assert stream.score([110.0, 500.0, 500.0]) == 0.0
    assert json.dumps(stream.dump()) == before
    assert stream.update(500.0) == pytest.approx(asked)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats() | st.integers(-3, 3).map(float) | st.floats(-1, 1), max_size=150),
    st.integers(8, 20),
)
def test_any_stream_scores_finite_numbers_in_bounded_space(values: list[float], landmarks: int) -> None:
    stream = ValueNovelty(landmarks=landmarks)
    for value in values:
        score = stream.update(value)
        assert 0.0 <= score < inf
    state = stream.dump()
    resumed = ValueNovelty(landmarks=landmarks)
    resumed.load(json.loads(json.dumps(state)))
    assert resumed.dump() == state
    numbers = str(state).count(",")
    assert numbers <= 8 * landmarks + 48 + 40


def test_a_new_value_of_a_series_becomes_an_opinion(story: Story) -> None:
    values = [100.0 + step % 5 for step in range(120)]
    values[100] = 400.0
    (detector,) = detectors(NoveltyConfig(series=("daily_kwh",)))
    told = story(detector, {"daily_kwh": values}, 20_000)
    assert [day for day, opinions in enumerate(told) if opinions] == [100]
    (opinion,) = told[100]
    assert (opinion.reason, opinion.observed, opinion.severity) == ("electricity.novel-value", 400.0, 0.2)


def test_a_short_history_says_nothing(story: Story) -> None:
    values = [100.0 + step % 5 for step in range(60)]
    values[40] = 400.0
    (detector,) = detectors(NoveltyConfig(series=("daily_kwh",)))
    assert not any(story(detector, {"daily_kwh": values}, 20_000))
