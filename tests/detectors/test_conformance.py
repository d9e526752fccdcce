"""Every registered detector passes every check, and the checks reject detectors that break a promise."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from detectors import checks
from detectors.checks import Check, NonconformityError, yield_checks
from detectors.cohort import Cohort, Each, OneByOne
from detectors.config import default
from detectors.contract import AnyDetector, Context, Event, Opinion, Plain
from detectors.registry import default_detectors

DETECTORS = default_detectors(default())


@pytest.mark.parametrize(
    ("detector", "check"),
    [pytest.param(d, c, id=f"{d.name}:{c.__name__}") for d in DETECTORS for c in yield_checks(d)],
)
def test_detector(detector: AnyDetector, check: Check) -> None:
    check(detector)


def test_names_are_unique() -> None:
    names = [detector.name for detector in DETECTORS]
    assert len(set(names)) == len(names)


class Sound(OneByOne):
    """A period detector that keeps every promise; the broken ones differ in one thing."""

    name = "sound"
    version = 1
    family = "electricity"
    series = ("daily_kwh",)

    def memory(self) -> list[float]:
        return [0.0]

    def dump(self, memory: list[float]) -> list[Plain]:
        return [*memory]

    def load(self, state: list[Plain]) -> list[float]:
        return list(state)  # type: ignore[arg-type]  # as dump wrote them

    def learn_one(self, memory: list[float], context: Context, series: str, index: int) -> None:
        memory[0] = max(memory[0], context.series[series].values[index])

    def judge_one(self, memory: list[float], context: Context) -> Sequence[Opinion]:
        known = context.series.get("daily_kwh")
        if known is None or not known.values[-1] < 0.5 * memory[0] or len(known.values) < 20:
            return ()
        return (Opinion("electricity.collapse", 0.5, since=0, observed=known.values[-1]),)


class Grows(Sound):
    def learn_one(self, memory: list[float], context: Context, series: str, index: int) -> None:
        memory.append(context.series[series].values[index])


class Forgets(Sound):
    def load(self, state: list[Plain]) -> list[float]:
        return [0.0]


class LearnsWhileJudging(Sound):
    def judge_one(self, memory: list[float], context: Context) -> Sequence[Opinion]:
        memory[0] += 1.0
        return super().judge_one(memory, context)


class Mutates(Sound):
    def judge_one(self, memory: list[float], context: Context) -> Sequence[Opinion]:
        known = context.series.get("daily_kwh")
        if known is not None and isinstance(known.values, list) and known.values:
            known.values[0] = 0.0
        return ()


class Throws(Sound):
    def __init__(self) -> None:
        self._dice = random.Random(1)

    def judge_one(self, memory: list[float], context: Context) -> Sequence[Opinion]:
        return (Opinion("electricity.collapse", self._dice.random(), since=0),)


class Exaggerates(Sound):
    def judge_one(self, memory: list[float], context: Context) -> Sequence[Opinion]:
        return (Opinion("electricity.collapse", 1.5, since=0),)


class Invents(Sound):
    def judge_one(self, memory: list[float], context: Context) -> Sequence[Opinion]:
        return (Opinion("electricity.invented", 0.5, since=0),)


class Strays(Sound):
    def judge_one(self, memory: list[float], context: Context) -> Sequence[Opinion]:
        return (Opinion("tax.arrears", 0.5, since=0),)


class Impatient(Sound):
    def judge_one(self, memory: list[float], context: Context) -> Sequence[Opinion]:
        return (Opinion("electricity.collapse", 0.5, since=0),)


class Assumes(Sound):
    def judge_one(self, memory: list[float], context: Context) -> Sequence[Opinion]:
        context.series["daily_kwh"].values[-20]
        return ()


class LearnsLessTogether(Sound):
    def learn_many(self, each: Each, cohort: Cohort) -> None:
        for _, memory, value in [*each][:-1]:
            memory[0] = max(memory[0], value)


class Overlooks(Sound):
    def suspects(self, memories: Sequence[list[float]], cohort: Cohort) -> Sequence[int]:
        return ()


class Nameless(Sound):
    name = ""


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (Grows, checks.check_memory_is_bounded),
        (Forgets, checks.check_memory_survives_saving),
        (LearnsWhileJudging, checks.check_judging_changes_nothing),
        (Mutates, checks.check_inputs_stay_as_they_are),
        (Throws, checks.check_is_deterministic),
        (Exaggerates, checks.check_opinions_are_well_formed),
        (Invents, checks.check_opinions_are_well_formed),
        (Strays, checks.check_opinions_are_well_formed),
        (Impatient, checks.check_silent_while_all_is_well),
        (Impatient, checks.check_tolerates_gaps),
        (LearnsLessTogether, checks.check_many_learn_as_one),
        (Overlooks, checks.check_only_suspects_speak),
        (Nameless, checks.check_declares_itself),
    ],
)
def test_a_broken_detector_is_rejected(broken: type[Sound], check: Check) -> None:
    with pytest.raises(NonconformityError, match=broken.name or ":"):
        check(broken())


def test_a_crash_is_not_hidden() -> None:
    with pytest.raises((IndexError, KeyError)):
        checks.check_tolerates_gaps(Assumes())


@pytest.mark.parametrize("check", [pytest.param(c, id=c.__name__) for c in yield_checks(Sound())])
def test_a_sound_detector_passes(check: Check) -> None:
    check(Sound())


class Talkative:
    """An event detector that has an opinion on everything and trusts its payloads."""

    name = "talkative"
    version = 1
    family = "tax"
    events = ("tax_notice",)

    def memory(self) -> list[Any]:
        return []

    def dump(self, memory: list[Any]) -> list[Plain]:
        return []

    def load(self, state: list[Plain]) -> list[Any]:
        return []

    def learn_one(self, memory: list[Any], event: Event, context: Context) -> None:
        return

    def judge_one(self, memory: list[Any], event: Event, context: Context) -> Sequence[Opinion]:
        return (Opinion("tax.arrears", 0.5, since=0),)


class Trusting(Talkative):
    def judge_one(self, memory: list[Any], event: Event, context: Context) -> Sequence[Opinion]:
        event.payload["kind"].lower()
        return ()


def test_an_empty_payload_is_no_news() -> None:
    with pytest.raises(NonconformityError, match="empty payload"):
        checks.check_tolerates_any_payload(Talkative())


def test_payload_types_are_not_trusted() -> None:
    with pytest.raises((AttributeError, KeyError)):
        checks.check_tolerates_any_payload(Trusting())
