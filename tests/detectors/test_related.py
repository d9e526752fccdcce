"""Exits of related parties, and that they can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from detectors.config import default
from detectors.contract import Level, Opinion
from detectors.related import RelatedExits

Telling = Callable[..., list[Sequence[Opinion]]]


def told(telling: Telling, *payloads: dict[str, Any]) -> list[Sequence[Opinion]]:
    events = [(f"2026-01-{day:02d}", payload) for day, payload in enumerate(payloads, 1)]
    return telling(RelatedExits(default().litigation), "related_party", events)


def test_an_exit_is_told_by_party_and_fades(telling: Telling) -> None:
    (one,), (other,) = told(
        telling,
        {"relation": "investor", "status": "left", "party": "甲投资有限公司"},
        {"relation": "investee", "status": "left", "party": "乙有限公司"},
    )
    assert one.subject != other.subject
    assert (one.reason, one.lasting, one.reach, one.floor) == (
        "litigation.related-exit",
        False,
        Level.YELLOW,
        Level.NONE,
    )
    assert one.facts == {"relation": "investor", "party": "甲投资有限公司"}


def test_an_exit_that_was_none_is_taken_back(telling: Telling) -> None:
    left = {"relation": "investor", "status": "left", "party": "甲"}
    _, (back,), again = told(telling, left, {**left, "status": "active"}, {**left, "status": "active"})
    assert back.closed
    assert again == ()


def test_who_never_left_and_other_relations_are_no_news(telling: Telling) -> None:
    assert not any(
        told(
            telling,
            {"relation": "investor", "status": "active", "party": "甲"},
            {"relation": "supplier", "status": "left", "party": "甲"},
            {"relation": "investor", "status": "moved", "party": "甲"},
        )
    )
