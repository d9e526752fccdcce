from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.config import DetectionConfig, default
from detectors.contract import Level
from detectors.fusion import Held, fuse, worth

DAY = 86_400_000
FRESH = dict.fromkeys(("electricity", "tax", "social_security", "litigation", "sentiment"), "fresh")


def held(family: str = "electricity", severity: float = 0.5, **changes: Any) -> Held:
    values: dict[str, Any] = {
        "detector": f"{family}-detector", "family": family, "reason": f"{family}.something", "subject": "",
        "severity": severity, "confidence": 1.0, "observed": None, "expected": None, "unit": "", "since": 0, "at": 0,
        "lasting": True, "half_life_days": 14.0, "closed": False, "floor": Level.NONE, "reach": Level.YELLOW,
    }  # fmt: skip
    return Held(**(values | changes))


HELDS = st.builds(
    held,
    family=st.sampled_from([*FRESH, "orders"]),
    severity=st.floats(0, 1),
    confidence=st.floats(0, 1),
    weight=st.floats(0, 1),
    reason=st.sampled_from(["a.one", "a.two"]),
    subject=st.text(max_size=2),
    since=st.integers(-(10**13), 10**13),
    ended=st.sampled_from([0, DAY, 10**13]),
    lasting=st.booleans(),
    closed=st.booleans(),
    half_life_days=st.one_of(st.none(), st.floats(0.1, 1000)),
    floor=st.sampled_from(Level),
    reach=st.sampled_from(Level),
)


@given(evidence=st.lists(HELDS, max_size=12), now=st.integers(0, 10**13), seed=st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_fusion_is_bounded_ordered_and_blind_to_order(evidence: list[Held], now: int, seed: int) -> None:
    coverage = FRESH | {"tax": "stale", "sentiment": "never"}
    fused = fuse(evidence, coverage, now, default())
    assert 0.0 <= fused.low <= fused.score <= fused.high <= 1.0
    assert all(0.0 <= value <= 1.0 for value in fused.families.values())
    values = [worth(evidence[i], now, default()) for i in fused.ranked]
    assert values == sorted(values, reverse=True)
    shuffled = evidence[:]
    random.Random(seed).shuffle(shuffled)
    again = fuse(shuffled, coverage, now, default())
    assert math.isclose(again.score, fused.score, abs_tol=1e-12)
    assert (again.floor, again.reach) == (fused.floor, fused.reach)


@given(evidence=st.lists(HELDS, max_size=8), more=HELDS)
@settings(max_examples=100, deadline=None)
def test_more_evidence_never_lowers_the_score(evidence: list[Held], more: Held) -> None:
    before, after = (fuse(e, FRESH, 0, default()) for e in (evidence, [*evidence, more]))
    assert after.score >= before.score - 1e-12
    assert after.floor >= before.floor


@given(one=HELDS, earlier=st.integers(0, 10**12), later=st.integers(0, 10**12))
@settings(max_examples=100, deadline=None)
def test_evidence_only_fades(one: Held, earlier: int, later: int) -> None:
    first, second = sorted((earlier, later))
    assert worth(one, second, default()) <= worth(one, first, default()) <= 1.0


def test_a_lasting_condition_fades_from_its_end_and_any_other_from_its_beginning() -> None:
    stands, ended = held(), held(ended=DAY)
    assert worth(stands, 100 * DAY, default()) == 0.5
    assert worth(ended, 15 * DAY, default()) == 0.25
    assert worth(held(lasting=False), 28 * DAY, default()) == 0.125


def test_evidence_from_the_future_counts_as_now() -> None:
    assert worth(held(lasting=False, since=10 * DAY), 0, default()) == 0.5
    assert worth(held(ended=10 * DAY), 0, default()) == 0.5


def test_a_removed_record_counts_less() -> None:
    assert worth(held(closed=True), 0, default()) == pytest.approx(0.15)


def test_families_that_agree_raise_the_score_beyond_their_sum() -> None:
    alone = fuse([held("electricity")], FRESH, 0, default()).score
    both = fuse([held("electricity"), held("tax")], FRESH, 0, default()).score
    assert both > 1 - (1 - alone) ** 2 + 0.05


def test_what_paused_and_came_again_counts_once() -> None:
    stands, before = held(severity=0.25), held(severity=0.25, ended=DAY)
    assert fuse([stands, before], FRESH, 2 * DAY, default()).score == fuse([stands], FRESH, 2 * DAY, default()).score
    other = held(severity=0.25, ended=DAY, subject="another")
    assert fuse([stands, other], FRESH, 2 * DAY, default()).score > fuse([stands], FRESH, 2 * DAY, default()).score


def test_twenty_lawsuits_are_not_twenty_times_one() -> None:
    suits = [held("litigation", 0.16, subject=str(n)) for n in range(20)]
    assert fuse(suits, FRESH, 0, default()).score < 0.32


def test_only_legal_families_set_a_floor_and_only_while_the_record_stands() -> None:
    def floor(family: str, **changes: Any) -> Level:
        return fuse([held(family, floor=Level.RED, **changes)], FRESH, 0, default()).floor

    assert floor("litigation") is Level.RED
    assert floor("sentiment") is Level.NONE
    assert floor("litigation", closed=True) is Level.NONE
    assert floor("litigation", ended=DAY) is Level.NONE


def test_one_family_is_capped_until_another_agrees() -> None:
    assert fuse([held("sentiment", 0.95)], FRESH, 0, default()).reach is Level.YELLOW
    assert fuse([held("electricity", reach=Level.ORANGE)], FRESH, 0, default()).reach is Level.ORANGE
    assert fuse([held("sentiment", 0.95), held("tax", 0.1)], FRESH, 0, default()).reach is Level.YELLOW
    assert fuse([held("sentiment", 0.95), held("tax", 0.3)], FRESH, 0, default()).reach is Level.RED


def test_what_is_not_known_widens_the_interval_and_is_not_zero_risk() -> None:
    evidence = [held("electricity"), held("tax", 0.3)]
    known = fuse(evidence, FRESH, 0, default())
    partly = fuse(evidence, FRESH | {"tax": "stale", "sentiment": "never"}, 0, default())
    assert known.low == known.score == known.high
    assert partly.score == known.score
    assert partly.low < partly.score < partly.high
    assert partly.coverage < known.coverage == 1.0


def test_weights_are_settings() -> None:
    light = DetectionConfig.from_mapping({"fusion": {"weights": {"electricity": 0.1}}})
    assert fuse([held()], FRESH, 0, light).score == pytest.approx(0.05)
    assert fuse([held("orders")], FRESH, 0, light).score == pytest.approx(0.4)
