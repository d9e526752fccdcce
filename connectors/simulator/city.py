"""The city as a whole: its enterprises, its time window, and what is planted in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from random import Random
from zoneinfo import ZoneInfo

from connectors.models import Relation
from connectors.simulator.enterprises import Resident, relations, settle
from connectors.simulator.plots import Part
from connectors.simulator.stories import Decoy, Script, Story, Window, script

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class City:
    """Everything about the city that does not change from day to day; a pure function of its parameters.

    Parameters
    ----------
    enterprises
        How many.
    start, days
        The window: its first day, and how many.
    seed
        Of everything that is random.
    warm_up
        Days before the first story begins.
    repeats
        How often each story is told.
    history_months
        Months of tax and social-security filings before the window.
    fine_share
        Share of enterprises whose meter reports quarter-hours. 0 to 1.
    name
        The ``source`` of every signal.
    history_days
        Days at the beginning that are marked as backfill.
    spread
        Each story and decoy begins up to so many days later than the warm-up asks for.
    """

    enterprises: int
    start: date
    days: int
    seed: int
    warm_up: int
    repeats: int
    history_months: int
    fine_share: float
    name: str
    history_days: int = 0
    spread: int = 0

    @cached_property
    def residents(self) -> list[Resident]:
        """The enterprises, by index."""
        return settle(self.enterprises, self.seed, self.fine_share)

    @cached_property
    def relations(self) -> Mapping[int, list[Relation]]:
        """Who holds shares in whom and who guarantees for whom, by index."""
        return relations(self.residents, self.seed, self.script.chain)

    @cached_property
    def script(self) -> Script:
        """All that is planted."""
        window = Window(self.start, self.days, self.warm_up, self.history_days, self.spread)
        return script(self.residents, window, self.repeats, self.seed)

    @property
    def stories(self) -> Sequence[Story]:
        """The planted stories."""
        return self.script.stories

    @property
    def decoys(self) -> Sequence[Decoy]:
        """The planted decoys."""
        return self.script.decoys

    @property
    def parts(self) -> Mapping[int, Part]:
        """Who plays what, by index of the enterprise."""
        return self.script.parts

    @property
    def first_day(self) -> date:
        """The day on which the registry and the oldest filings are published."""
        month = self.start.year * 12 + self.start.month - 1 - self.history_months
        return date(month // 12, month % 12 + 1, 1) if self.history_months else self.start

    @property
    def end(self) -> date:
        """The day after the last one."""
        return self.start + timedelta(days=self.days)

    def chance(self, purpose: str, day: date) -> Random:
        """Return the random numbers of one purpose on one day: any day can be made without the days before it."""
        return Random(f"{self.seed}:{purpose}:{day.isoformat()}")


def at(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """Return an hour of a day in the city, in UTC.

    Examples
    --------
    >>> at(date(2025, 9, 1), 8).isoformat()
    '2025-09-01T00:00:00+00:00'
    """
    return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC)


def count_of(rng: Random, mean: float) -> int:
    """Return how many of a day's rare things happen: Poisson, for small means.

    Examples
    --------
    >>> count_of(Random(1), 0.0)
    0
    """
    limit, product, count = math.exp(-min(mean, 500.0)), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
