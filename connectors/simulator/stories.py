"""What is planted in the city, and the truth about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Literal, TypeAlias

from connectors.models import Level
from connectors.simulator.enterprises import DISTRICTS, Resident
from connectors.simulator.seasons import spring_festival

StoryName: TypeAlias = Literal["factory-stops", "dishonest-debtor", "bad-news", "tax-to-zero", "sheds-staff"]
DecoyName: TypeAlias = Literal["grid-outage", "spring-festival"]


@dataclass(frozen=True, slots=True)
class Story:
    """One enterprise that fails, and when.

    Parameters
    ----------
    name
        Which story.
    enterprise_id, enterprise_name
        To whom it happens.
    begins
        The first day whose signals differ.
    default_date
        When it would default: a warning after that is too late.
    level
        The least level that the system should have reached by then.
    """

    name: StoryName
    enterprise_id: str
    enterprise_name: str
    begins: date
    default_date: date
    level: Level


@dataclass(frozen=True, slots=True)
class Decoy:
    """Something that looks like a crisis of many and is none: nobody named here should get a warning for it.

    Parameters
    ----------
    name
        Which decoy.
    begins, ends
        First and last day.
    region
        Where; empty for the whole city.
    enterprise_ids
        Whom it touches; those of planted stories are left out.
    """

    name: DecoyName
    begins: date
    ends: date
    region: str
    enterprise_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Plot:
    name: StoryName
    after: int
    """Days from the end of the warm-up to the beginning; monthly plots begin with the next month."""
    monthly: bool
    lasts: int
    """Days from the beginning to the default."""
    level: Level
    suits: Callable[[Resident], bool]


def _factory(resident: Resident) -> bool:
    return resident.trade.industry in ("C33", "C34") and resident.size in ("medium", "small") and resident.noise < 0.12


def _shop(resident: Resident) -> bool:
    return resident.trade.industry == "F52" and resident.size in ("small", "micro")


def _employer(resident: Resident) -> bool:
    return resident.size == "medium" and resident.staff >= 80


def _firm(resident: Resident) -> bool:
    return resident.size in ("medium", "small")


_PLOTS = (
    _Plot("factory-stops", 2, False, 75, Level.YELLOW, _factory),
    _Plot("dishonest-debtor", 7, False, 60, Level.ORANGE, _firm),
    _Plot("bad-news", 15, False, 90, Level.YELLOW, _firm),
    _Plot("tax-to-zero", 0, True, 140, Level.YELLOW, _shop),
    _Plot("sheds-staff", 0, True, 130, Level.BLUE, _employer),
)
_BETWEEN_REPEATS = 13
_OUTAGE_AFTER = 22
OUTAGE_USE = (0.30, 0.01, 0.35)
"""What is left of a dark district's use, day by day."""


def plant(residents: Sequence[Resident], start: date, days: int, warm_up: int, repeats: int, seed: int) -> list[Story]:
    """Return the stories that fit into the window, by their beginning.

    Parameters
    ----------
    residents
        The city; each gets one story at most. A city too small to have the right enterprise goes without the story.
    start, days
        The window.
    warm_up
        Days before the first story begins.
    repeats
        How often each story is told, to a different enterprise each time.
    seed
        Of the choice.
    """
    order = list(residents)
    Random(f"{seed}:stories").shuffle(order)
    taken: set[int] = set()
    stories: list[Story] = []
    for repeat in range(repeats):
        for plot in _PLOTS:
            begins = _beginning(plot, start + timedelta(days=warm_up + repeat * _BETWEEN_REPEATS))
            hero = next((r for r in order if r.index not in taken and _complete(r) and plot.suits(r)), None)
            if hero is None or begins >= start + timedelta(days=days):
                continue
            taken.add(hero.index)
            ends = begins + timedelta(days=plot.lasts)
            stories.append(Story(plot.name, hero.enterprise_id, hero.names[0], begins, ends, plot.level))
    return sorted(stories, key=lambda story: (story.begins, story.name, story.enterprise_id))


def _complete(resident: Resident) -> bool:
    return resident.metered and resident.taxed and not resident.fine_meter


def _beginning(plot: _Plot, ready: date) -> date:
    if not plot.monthly:
        return ready + timedelta(days=plot.after)
    following = ready.replace(day=1) + timedelta(days=32)
    return ready if ready.day == 1 else following.replace(day=1)


def decoys(
    residents: Sequence[Resident], stories: Sequence[Story], start: date, days: int, warm_up: int, seed: int
) -> list[Decoy]:
    """Return the decoys that fit into the window, by their beginning."""
    heroes = {story.enterprise_id for story in stories}
    end = start + timedelta(days=days - 1)
    found: list[Decoy] = []
    outage = start + timedelta(days=warm_up + _OUTAGE_AFTER)
    over = outage + timedelta(days=len(OUTAGE_USE) - 1)
    if over <= end:
        region = Random(f"{seed}:outage").choice(tuple(DISTRICTS))
        dark = frozenset(r.enterprise_id for r in residents if r.region == region and r.enterprise_id not in heroes)
        found.append(Decoy("grid-outage", outage, over, region, dark))
    everyone = frozenset(r.enterprise_id for r in residents if r.enterprise_id not in heroes)
    for year in range(start.year, end.year + 1):
        festival = spring_festival(year)
        if start <= festival <= end:
            first, last = festival - timedelta(days=13), festival + timedelta(days=18)
            found.append(Decoy("spring-festival", first, last, "", everyone))
    return sorted(found, key=lambda decoy: decoy.begins)


def use_factor(story: StoryName, day: int) -> float:
    """Return what a story makes of the electricity use, ``day`` days after its beginning.

    Examples
    --------
    >>> use_factor("factory-stops", -1), use_factor("factory-stops", 5)
    (1.0, 0.015)
    """
    if day < 0:
        return 1.0
    match story:
        case "factory-stops":
            return (0.5, 0.2)[day] if day < 2 else 0.015
        case "tax-to-zero":
            return max(0.4, 1.0 - day / 100)
        case _:
            return 1.0


def sales_factor(story: StoryName, month: int) -> float:
    """Return what a story makes of the declared sales, ``month`` months after its beginning."""
    if month < 0:
        return 1.0
    match story:
        case "factory-stops":
            return 0.5 if month == 0 else 0.05
        case "tax-to-zero":
            return 0.0
        case "sheds-staff":
            return 1.12 + 0.08 * min(month, 4)
        case _:
            return 1.0


def staff_factor(story: StoryName, month: int) -> float:
    """Return what a story makes of the insured headcount, ``month`` months after its beginning."""
    if month < 0:
        return 1.0
    match story:
        case "factory-stops":
            return max(0.2, 0.9 - 0.2 * month)
        case "sheds-staff":
            return max(0.25, 0.78 - 0.12 * month)
        case _:
            return 1.0


def owed_factor(story: StoryName, month: int) -> float:
    """Return which share of its contribution base an enterprise owes, ``month`` months after its story's beginning."""
    return 0.1 * month if story == "factory-stops" and month > 0 else 0.0
