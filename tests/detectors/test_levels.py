from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.config import default
from detectors.contract import Level
from detectors.fusion import Fused
from detectors.levels import decide, level_of

HOUR = 3_600_000
NONE, BLUE, YELLOW, ORANGE, RED = Level


def fused(score: float, floor: Level = NONE, reach: Level = RED) -> Fused:
    return Fused(score, score, score, {}, floor, reach, 1.0, ())


@pytest.mark.parametrize(
    ("current", "evidence", "hours", "may_fall", "retracted", "level", "rule"),
    [
        (NONE, fused(0.0), 0, False, False, NONE, "steady"),
        (NONE, fused(0.25), 0, False, False, BLUE, "score"),
        (NONE, fused(0.449), 0, False, False, BLUE, "score"),
        (BLUE, fused(0.7), 0, False, False, ORANGE, "score"),
        (BLUE, fused(0.9), 0, True, False, RED, "score"),
        (NONE, fused(0.9, reach=YELLOW), 0, False, False, YELLOW, "single-family-cap"),
        (NONE, fused(0.3, floor=RED), 0, False, False, RED, "legal-floor"),
        (YELLOW, fused(0.5, floor=ORANGE, reach=YELLOW), 0, False, False, ORANGE, "legal-floor"),
        (NONE, fused(0.7, floor=ORANGE), 0, False, False, ORANGE, "score"),
        (RED, fused(0.1, floor=RED), 1000, True, False, RED, "steady"),
        (YELLOW, fused(0.38), 1000, True, False, YELLOW, "hysteresis"),
        (YELLOW, fused(0.36), 1000, False, False, YELLOW, "awaits-tick"),
        (YELLOW, fused(0.36), 71, True, False, YELLOW, "dwell"),
        (YELLOW, fused(0.36), 72, True, False, BLUE, "subsided"),
        (ORANGE, fused(0.40), 72, True, False, YELLOW, "subsided"),
        (ORANGE, fused(0.40), 0, True, True, BLUE, "retracted"),
        (ORANGE, fused(0.40), 0, False, True, ORANGE, "awaits-tick"),
        (ORANGE, fused(0.9, reach=YELLOW), 72, True, False, YELLOW, "subsided"),
        (RED, fused(0.0, floor=ORANGE), 72, True, False, ORANGE, "subsided"),
        (BLUE, fused(0.0), 72, True, False, NONE, "subsided"),
    ],
)
def test_decisions(
    current: Level, evidence: Fused, hours: int, may_fall: bool, retracted: bool, level: Level, rule: str
) -> None:
    decision = decide(current, 0, evidence, hours * HOUR, default(), may_fall=may_fall, retracted=retracted)
    assert decision == (level, rule)


@given(
    current=st.sampled_from(Level),
    score=st.floats(0, 1),
    floor=st.sampled_from(Level),
    reach=st.sampled_from(Level),
    hours=st.integers(-100, 1000),
    may_fall=st.booleans(),
    retracted=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_rules_hold_for_every_state(
    current: Level, score: float, floor: Level, reach: Level, hours: int, may_fall: bool, retracted: bool
) -> None:
    evidence = fused(score, floor, reach)
    decision = decide(current, 0, evidence, hours * HOUR, default(), may_fall=may_fall, retracted=retracted)
    assert decision.level >= floor
    if decision.level > current:
        assert decision.level <= max(reach, floor)
    if decision.level < current:
        assert may_fall
        assert level_of(score, default().levels) < current or reach < current
    again = decide(decision.level, 0, evidence, hours * HOUR, default(), may_fall=may_fall, retracted=retracted)
    assert again.level == decision.level


def test_a_score_on_the_edge_does_not_flap() -> None:
    level, changes = NONE, 0
    for day in range(60):
        decision = decide(level, 0, fused(0.44 + 0.02 * (day % 2)), day * 24 * HOUR, default(), may_fall=True)
        changes += decision.level != level
        level = decision.level
    assert (level, changes) == (YELLOW, 2)  # blue, then yellow
