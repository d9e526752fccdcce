from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import detectors
from detectors.contract import Clearance, Level, Opinion
from detectors.reasons import TEXTS, amount, codes, counterfactual, text

SOURCES = [path.read_text(encoding="utf-8") for path in sorted(Path(detectors.__file__).parent.rglob("*.py"))]
FAMILIES = ("electricity", "tax", "social_security", "litigation", "sentiment")
CODE = re.compile(rf'"((?:{"|".join(FAMILIES)})\.[a-z-]+)"')


def opinion(reason: str, **changes: Any) -> Opinion:
    return Opinion(reason, 0.5, since=1_771_257_600_000, **changes)


def test_every_code_in_the_detectors_has_texts_and_the_reverse() -> None:
    written = {code for source in SOURCES if "TEXTS: Final" not in source for code in CODE.findall(source)}
    assert written == codes()


@pytest.mark.parametrize("reason", sorted(TEXTS))
def test_texts_render_with_and_without_numbers(reason: str) -> None:
    bare = text(reason, opinion(reason))
    facts: dict[str, str | float] = {
        name: 3.0 for template in TEXTS[reason] for name in re.findall(r"\{(\w+)", template) if name != "since"
    }
    full = text(reason, opinion(reason, observed=1234.5, expected=8200.0, unit="kWh", facts=facts))
    for sentence in (*bare, *full):
        assert not re.search(r"[\[\]{}]", sentence)
    assert "—" not in "".join(full)
    assert re.search(r"[\u4e00-\u9fff]", full[0])
    assert not re.search(r"[\u4e00-\u9fff]", full[1])
    # What one language tells, the other tells too.
    names = [set(re.findall(r"\{(\w+)", template)) for template in TEXTS[reason]]
    assert names[0] == names[1]


def test_a_collapse_reads_well_in_both_languages() -> None:
    held = opinion("electricity.collapse", observed=212.0, expected=11_400.0, unit="kWh", facts={"days": 8.0})
    assert text("electricity.collapse", held) == (
        "用电骤降：自2026-02-17起已有8天日用电仅212千瓦时，平日约11,400千瓦时（下降98%）",
        "Electricity use collapsed: 212 kWh a day since 2026-02-17 (8 days), usually about 11,400 kWh (98% less)",
    )


def test_a_closed_matter_says_so() -> None:
    zh, en = text("litigation.dishonest", opinion("litigation.dishonest", closed=True))
    assert zh.endswith("（已解除）")
    assert en.endswith("(over)")


def test_a_code_of_a_newer_program_reads_as_itself() -> None:
    assert text("orders.gone", opinion("orders.gone")) == ("orders.gone", "orders.gone")


@given(title=st.text(max_size=300), value=st.floats())
@settings(max_examples=60, deadline=None)
def test_facts_of_any_content_render(title: str, value: float) -> None:
    held = opinion("sentiment.serious-news", observed=value, facts={"title": title, "term": "{x} [y]", "source": value})
    assert all(text("sentiment.serious-news", held))


@pytest.mark.parametrize(
    ("value", "unit", "zh", "en"),
    [
        (8200.0, "kWh", "8,200千瓦时", "8,200 kWh"),
        (950.0, "CNY", "950元", "CNY 950"),
        (12_345_678.0, "CNY", "1,235万元", "CNY 12,345,678"),
        (320_000_000.0, "CNY", "3.20亿元", "CNY 320,000,000"),
        (37.0, "persons", "37人", "37 persons"),
        (1.0, "days", "1天", "1 day"),
        (0.034, "%", "3.4%", "3.4%"),
        (2.5, "stones", "2.50stones", "2.50 stones"),
        (float("nan"), "kWh", "—", "—"),
    ],
)
def test_amounts(value: float, unit: str, zh: str, en: str) -> None:
    assert amount(value, unit) == (zh, en)


def clears(_: object) -> Level:
    return Level.NONE


def test_the_counterfactual_is_of_the_strongest_that_numbers_can_clear() -> None:
    legal = opinion("litigation.dishonest")
    people = opinion("x", clearance=Clearance("insured_headcount", 90.0, "persons", periods=1))
    arrears = opinion("x", clearance=Clearance("contribution_owed", 1.0, "CNY", periods=1, above=False))
    assert counterfactual([legal, people, arrears], Level.YELLOW, clears) == (
        "参保人数连续1个月回到90人以上即可解除",
        "Would clear with the insured headcount above 90 persons for 1 month",
    )
    assert counterfactual([arrears], Level.YELLOW, clears) == (
        "社保欠费连续1个月降到1元以下即可解除",
        "Would clear with contributions owed below CNY 1 for 1 month",
    )
    assert counterfactual([legal], Level.YELLOW, clears) is None
    assert counterfactual([], Level.YELLOW, clears) is None


def test_the_counterfactual_promises_no_more_than_the_other_evidence_allows() -> None:
    legal = opinion("litigation.dishonest")
    people = opinion("x", clearance=Clearance("insured_headcount", 90.0, "persons", periods=1))
    assert counterfactual([legal, people], Level.RED, lambda _: Level.ORANGE) == (
        "参保人数连续1个月回到90人以上可降至橙色预警",
        "Would ease to orange with the insured headcount above 90 persons for 1 month",
    )
    assert counterfactual([legal, people], Level.RED, lambda _: Level.RED) == (
        "参保人数连续1个月回到90人以上则该项理由消除，其余理由仍维持当前等级",
        "This reason would end with the insured headcount above 90 persons for 1 month; others keep the level",
    )
