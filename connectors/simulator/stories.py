"""What is planted in the city, and the truth about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from types import MappingProxyType

from connectors.models import Level
from connectors.simulator.enterprises import DISTRICTS, Resident
from connectors.simulator.plots import DECOYS, STORIES, Casting, DecoyName, Part, StoryName
from connectors.simulator.seasons import spring_festival


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
    """Something that looks like a crisis and is none: nobody named here should get a warning for it.

    Parameters
    ----------
    name
        Which decoy.
    begins, ends
        First and last day.
    region
        Where; empty for the whole city, or for a single enterprise.
    enterprise_ids
        Whom it touches; those of planted stories are left out.
    """

    name: DecoyName
    begins: date
    ends: date
    region: str
    enterprise_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Script:
    """All that is planted: who plays what, and the truth to judge by.

    Parameters
    ----------
    parts
        By index of the enterprise.
    stories, decoys
        By their beginning.
    chain
        Index of a debtor and of its guarantor, where that story is told.
    """

    parts: Mapping[int, Part]
    stories: Sequence[Story]
    decoys: Sequence[Decoy]
    chain: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Window:
    """The time to plant in: first day, days, days before the first story, days of history, and days to spread over."""

    start: date
    days: int
    warm_up: int
    history: int
    spread: int

    @property
    def end(self) -> date:
        """The day after the last one."""
        return self.start + timedelta(days=self.days)


def _factory(resident: Resident) -> bool:
    return resident.trade.industry in ("C33", "C34") and resident.size in ("medium", "small") and resident.noise < 0.12


def _employer(resident: Resident) -> bool:
    return resident.size == "medium" and resident.staff >= 80


def _firm(resident: Resident) -> bool:
    return resident.size in ("medium", "small")


_SUITS: Mapping[str, Callable[[Resident], bool]] = MappingProxyType(
    {
        "factory": _factory,
        "plant": lambda one: one.trade.industry in ("C26", "C17", "C29") and one.size in ("large", "medium"),
        "food": lambda one: one.trade.industry == "C13" and one.size in ("medium", "small"),
        "shop": lambda one: one.trade.industry == "F52" and one.size in ("small", "micro"),
        "trader": lambda one: one.trade.industry in ("F51", "I65") and one.size in ("medium", "small"),
        "employer": _employer,
        "firm": _firm,
        "big": lambda one: one.size in ("large", "medium") and one.trade.industry in ("F52", "G54", "H61"),
    }
)
_BETWEEN_REPEATS = 13
#: Of a story's time, what must lie within the window for it to be told.
_LEAST_SHARE = 0.7
#: Days before the festival that must lie within the window: its stories need a usual use to fall from.
_BEFORE_FESTIVAL = 45
_LEAST_HISTORY = 50
_OUTAGE_AFTER, _RATIONING_AFTER = 22, 34
OUTAGE_USE = (0.30, 0.01, 0.35)
"""What is left of a dark district's use, day by day."""
RATIONING_DAYS = 14
RATIONED_USE = 0.3
"""What is left of a rationed factory's use on four days out of seven."""


def script(residents: Sequence[Resident], window: Window, repeats: int, seed: int) -> Script:
    """Return all that is planted.

    Parameters
    ----------
    residents
        The city; each plays one part at most. A city too small to have the right enterprise goes without.
    window
        What begins after it, or would mostly lie after it, is left out.
    repeats
        How often each story is told, to a different enterprise each time.
    seed
        Of the choice.
    """
    order = list(residents)
    Random(f"{seed}:stories").shuffle(order)
    parts: dict[int, Part] = {}
    stories: list[Story] = []
    by_name: dict[tuple[str, int], int] = {}
    for repeat in range(repeats):
        for casting in STORIES:
            rng = Random(f"{seed}:{casting.plot.name}:{repeat}")
            shift = repeat * _BETWEEN_REPEATS + rng.randint(0, window.spread)
            hero, begins = _cast(order, parts, casting, window, shift)
            if hero is None or begins is None:
                continue
            part = Part(casting.plot, begins, rng.uniform(0.85, 1.15), rng.uniform(0.92, 1.12), distress=True)
            ends = begins + timedelta(days=round(casting.lasts * part.tempo))
            if begins + (ends - begins) * _LEAST_SHARE > window.end:
                continue
            parts[hero.index] = part
            by_name[casting.plot.name, repeat] = hero.index
            name: StoryName = casting.plot.name  # type: ignore[assignment]  # STORIES holds no decoys
            stories.append(Story(name, hero.enterprise_id, hero.names[0], begins, ends, casting.level))
    heroes = frozenset(parts)
    decoys = [*_single(order, parts, window, seed), *_of_many(residents, heroes, window, seed)]
    chain = tuple(
        (debtor, by_name["guarantee-chain", repeat])
        for (name_, repeat), debtor in by_name.items()
        if name_ == "dishonest-debtor" and ("guarantee-chain", repeat) in by_name
    )
    return Script(
        MappingProxyType(parts),
        sorted(stories, key=lambda story: (story.begins, story.name, story.enterprise_id)),
        sorted(decoys, key=lambda decoy: (decoy.begins, decoy.name)),
        chain,
    )


def _cast(
    order: Iterable[Resident], taken: Mapping[int, Part], casting: Casting, window: Window, shift: int
) -> tuple[Resident | None, date | None]:
    """Return who plays a part and from when on; None where nobody can, or it does not fit."""
    suits = _SUITS[casting.who]
    free = (one for one in order if one.index not in taken and not one.fine_meter and suits(one))
    hero = next((one for one in free if all(getattr(one, feed) for feed in casting.needs)), None)
    if hero is None:
        return None, None
    if casting.learned:
        return hero, window.start
    if casting.festival:
        return hero, _reopening(hero, window)
    begins = _beginning(casting, window.start + timedelta(days=window.warm_up + shift))
    return hero, begins if window.start <= begins < window.end else None


def _reopening(hero: Resident, window: Window) -> date | None:
    """Return when an enterprise would open again after the first Spring Festival that it has a past to."""
    for year in range(window.start.year, window.end.year + 1):
        festival = spring_festival(year)
        if window.start + timedelta(days=_BEFORE_FESTIVAL) <= festival < window.end:
            return festival + timedelta(days=hero.reopens + 1)
    return None


def _beginning(casting: Casting, ready: date) -> date:
    day = ready + timedelta(days=casting.after)
    if not casting.monthly:
        return day
    following = day.replace(day=1) + timedelta(days=32)
    return day if day.day == 1 else following.replace(day=1)


def _single(order: Sequence[Resident], parts: dict[int, Part], window: Window, seed: int) -> list[Decoy]:
    """Return the decoys of one enterprise each, and cast them."""
    found = []
    for casting in DECOYS:
        if casting.learned and window.history < _LEAST_HISTORY:
            continue
        rng = Random(f"{seed}:{casting.plot.name}")
        hero, begins = _cast(order, parts, casting, window, rng.randint(0, window.spread))
        if hero is None or begins is None:
            continue
        judged = begins + timedelta(days=casting.learned)
        ends = begins + timedelta(days=casting.lasts)
        if ends >= window.end or judged < window.start:
            continue
        parts[hero.index] = Part(casting.plot, begins)
        name: DecoyName = casting.plot.name  # type: ignore[assignment]  # DECOYS holds no stories
        found.append(Decoy(name, judged, ends, "", frozenset({hero.enterprise_id})))
    return found


def _of_many(residents: Sequence[Resident], heroes: frozenset[int], window: Window, seed: int) -> list[Decoy]:
    """Return the decoys that touch a district or the whole city."""
    found = []
    last = window.end - timedelta(days=1)
    rng = Random(f"{seed}:outage")
    dark = rng.choice(tuple(DISTRICTS))
    outage = window.start + timedelta(days=window.warm_up + _OUTAGE_AFTER + rng.randint(0, window.spread))
    found.append(_district("grid-outage", dark, outage, len(OUTAGE_USE), residents, heroes, factories=False))
    rationed = rng.choice([region for region in DISTRICTS if region != dark])
    short = window.start + timedelta(days=window.warm_up + _RATIONING_AFTER + rng.randint(0, window.spread))
    found.append(_district("power-rationing", rationed, short, RATIONING_DAYS, residents, heroes, factories=True))
    everyone = frozenset(one.enterprise_id for one in residents if one.index not in heroes)
    for year in range(window.start.year, last.year + 1):
        festival = spring_festival(year)
        if window.start <= festival <= last:
            first, over = festival - timedelta(days=16), festival + timedelta(days=21)
            found.append(Decoy("spring-festival", first, over, "", everyone))
    return [decoy for decoy in found if decoy.name == "spring-festival" or decoy.ends <= last]


def _district(
    name: DecoyName,
    region: str,
    begins: date,
    days: int,
    residents: Sequence[Resident],
    heroes: frozenset[int],
    *,
    factories: bool,
) -> Decoy:
    touched = frozenset(
        one.enterprise_id
        for one in residents
        if one.region == region and one.index not in heroes and (not factories or one.trade.industry[0] == "C")
    )
    return Decoy(name, begins, begins + timedelta(days=days - 1), region, touched)
