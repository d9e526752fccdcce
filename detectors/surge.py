"""Surge of a daily series: far above the usual use for days, by the enterprise's own variation."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Final

from detectors.calendar import Calendar
from detectors.cohort import Cohort, Each
from detectors.config import ElectricityConfig
from detectors.contract import Clearance, Context, Opinion, Plain, Series
from detectors.estimators import EWVar
from detectors.usual import from_log

#: Days around Spring Festival that are no guide to usual use.
_FESTIVAL: Final = 25
#: Use below this share of the usual one is a pause and not learned.
_PAUSE: Final = log(0.3)
#: A day moves the usual level by no more than if it were this many standard deviations above it, or this log share.
_STEP: Final = 2.0
_LEAST_STEP: Final = 0.1


class Surge:
    """Use that jumps far above the usual one and stays there, until it is the new usual; a festival does not end it.

    River's EWVar over log use gives the usual level and its variation. A surge may be a good order as well as an idle
    plant that mines coins, so it is a faint sign by itself.

    Parameters
    ----------
    config
        Limits, waits and severity.
    """

    name = "electricity-surge"
    version = 2
    family = "electricity"
    series = ("daily_kwh",)

    def __init__(self, config: ElectricityConfig) -> None:
        self._config = config

    def memory(self) -> EWVar:
        """Return the memory of an enterprise that was never seen."""
        return EWVar(self._config.fade)

    def dump(self, memory: EWVar) -> list[Plain]:
        """Return the memory as plain values."""
        return memory.dump()

    def load(self, state: list[Plain]) -> EWVar:
        """Return the memory that ``dump`` described."""
        return EWVar.load(self._config.fade, state)

    def learn_one(self, memory: EWVar, context: Context, series: str, index: int) -> None:
        """Learn a settled day that is neither a pause nor near the festival."""
        known = context.series[series]
        day = known.period(index)
        if abs(context.calendar.days_from_spring_festival(day)) > _FESTIVAL:
            self._learn(memory, known.values[index])

    def learn_many(self, each: Each, cohort: Cohort) -> None:
        """Learn a settled day of each."""
        if abs(cohort.calendar.days_from_spring_festival(cohort.period)) > _FESTIVAL:
            for _, memory, value in each:
                self._learn(memory, value)

    def _learn(self, memory: EWVar, value: float) -> None:
        if value > 0:
            level = log(value)
            if not memory.count or level >= memory.mean + _PAUSE:
                memory.update(self._clipped(memory, level))

    def _clipped(self, memory: EWVar, level: float) -> float:
        """Return a level that does not run away from what is known, so that a surge is not excused by itself."""
        if level <= memory.mean + _LEAST_STEP or memory.count < self._config.min_history_days:
            return level
        return min(level, memory.mean + max(_STEP * memory.deviation, _LEAST_STEP))

    def suspects(self, memories: Sequence[EWVar], cohort: Cohort) -> Sequence[int]:
        """Return those whose newest use is far above the usual one, and that of the days before it."""
        share, least, days = self._config.surge_share, self._config.min_history_days, self._config.surge_days
        if abs(cohort.calendar.days_from_spring_festival(cohort.period)) < _FESTIVAL + days:
            days = 1  # those of the festival may be low
        return [
            place
            for place, (memory, values) in enumerate(zip(memories, cohort.histories, strict=True))
            if memory.count >= least
            and values[-1] >= (limit := share * from_log(memory.mean))
            and all(value >= limit for value in values[-days:])
        ]

    def judge_one(self, memory: EWVar, context: Context) -> Sequence[Opinion]:
        """Return the surge that stands, if one does."""
        config = self._config
        known = context.series.get("daily_kwh")
        if known is None or memory.count < config.min_history_days:
            return ()
        usual = from_log(memory.mean)
        if not known.values[-1] >= config.surge_share * usual:
            return ()
        limit = max(config.surge_share * usual, from_log(memory.mean + config.surge_sigmas * memory.deviation))
        high = self._high(context.calendar, known, limit)
        if high[:1] != [-1] or len(high) < config.surge_days or usual < config.min_usual_kwh:
            return ()
        peers = context.peers.get("daily_kwh", ())
        if peers and peers[-1] is not None and peers[-1].median >= config.surge_share:
            return ()
        values = [known.values[back] for back in high]
        since = context.calendar.day_start(known.last + 1 + high[-1])
        return (
            Opinion(
                "electricity.surge",
                config.surge_severity,
                observed=sum(value / len(values) for value in values),
                expected=usual,
                unit=known.unit,
                since=since,
                half_life_days=config.half_life_days,
                clearance=Clearance("daily_kwh", limit, known.unit, periods=1, above=False),
                facts={"days": float(-high[-1])},
            ),
        )

    def _high(self, calendar: Calendar, known: Series, limit: float) -> list[int]:
        """Return which of the newest values are high (-1: the newest); low ones near the festival interrupt nothing."""
        high = []
        for back in range(-1, -1 - len(known.values), -1):
            if known.values[back] >= limit:
                high.append(back)
            elif abs(calendar.days_from_spring_festival(known.last + 1 + back)) > _FESTIVAL:
                break
        return high
