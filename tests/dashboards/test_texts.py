"""Both languages are complete."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from connectors.catalogue import FAMILIES, metrics
from connectors.models import Coverage, FindingState, Level, Transition
from dashboards.board import codes
from dashboards.board.texts import TEXTS

BOARD = Path(codes.__file__).parent


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_exists_in_both_languages_with_the_same_places(key: str) -> None:
    zh, en = TEXTS[key]
    assert zh and en
    assert _places(zh) == _places(en)
    assert not re.search(r"[\u4e00-\u9fff]", en) or key == "language"


@pytest.mark.parametrize(
    "key",
    [
        *(f"level.{level.value}" for level in Level),
        *(f"level.short.{level.value}" for level in Level),
        *(f"coverage.{one.value}" for one in Coverage),
        *(f"transition.{one.value}" for one in Transition),
        *(f"finding.{one.value}" for one in FindingState),
    ],
)
def test_everything_that_a_message_may_say_has_a_text(key: str) -> None:
    assert key in TEXTS


def test_every_text_is_used() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in BOARD.glob("*.py") if path.name != "texts.py")
    source += (BOARD / "texts.py").read_text(encoding="utf-8").split("class Texts")[1]
    used = set(re.findall(r"""["']([a-z]+(?:\.[a-z]+)*)["']""", source))
    computed = ("level.", "coverage.", "transition.", "finding.", "column.", "fact.", "span.")
    assert {key for key in TEXTS if key not in used and not key.startswith(computed)} == set()


def test_names_of_codes_are_complete() -> None:
    assert len(codes.PROVINCES) == 34 and len(codes.INDUSTRIES) == 20
    assert set(codes.METRICS) == {metric.name for _, metric in metrics()}
    for _, metric in metrics():
        said = {word for key, words in metric.values.items() if key != "grade" for word in words}
        assert set(codes.WORDS.get(metric.name, {})) == said
        assert set(metric.values) | set(metric.required) <= set(codes.FACTS)
    assert all(family.title_zh and family.title_en for family in FAMILIES.values())
