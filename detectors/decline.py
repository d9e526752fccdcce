"""Slow decline: a mean that has sunk, found by River's PageHinkley before any single value is striking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final

from detectors.config import ElectricityConfig, SocialSecurityConfig
from detectors.contract import Clearance, Context, Opinion, Plain, Series
from detectors.estimators import PageHinkley
from detectors.payroll import as_every_year
from detectors.usual import from_log

#: Working days that show where use stands now.
_RECENT_DAYS: Final = 10
#: Days around Spring Festival that say nothing about the level.
_FESTIVAL: Final = 25
#: Below this share of the mean a day is standstill, which is the collapse detector's.
_STANDSTILL: Final = 0.15
_LOG_STANDSTILL: Final = log(_STANDSTILL)
#: Months of headcounts before a drift is told, and for how long it is news.
_LEAST_MONTHS: Final = 6
_DRIFT_MONTHS: Final = 12


@dataclass(slots=True)
class DeclineMemory:
    """The detector, the level before the decline that it found last, and the period in which it did; 0 for none."""

    fall: PageHinkley
    before: float = 0.0
    found: int = 0

    def learn(self, value: float, period: int) -> None:
        """Take in the logarithm of a value; remember the level that a change leaves."""
        mean = self.fall.mean
        self.fall.update(value)
        if self.fall.drifted:
            # A second drift before recovery is one story: it is told against the level at its start.
            self.before = max(from_log(mean), self.before) if self.found else from_log(mean)
            self.found = period

    def dump(self) -> list[Plain]:
        """Return plain values."""
        return [self.fall.dump(), self.before, self.found]

    @classmethod
    def load(cls, fall: PageHinkley, state: list[Plain]) -> DeclineMemory:
        """Return the memory that :meth:`dump` described, with ``fall`` restored."""
        inner, before, found = state
        fall.restore(inner)  # type: ignore[arg-type]  # as dump wrote them
        return cls(fall, before, found)  # type: ignore[arg-type]  # as dump wrote them


class PowerDecline:
    """Electricity use that sinks over weeks.

    Parameters
    ----------
    config
        Tolerance, threshold and severity.
    """

    name = "electricity-decline"
    version = 1
    family = "electricity"
    series = ("daily_kwh",)

    def __init__(self, config: ElectricityConfig) -> None:
        self._config = config

    def memory(self) -> DeclineMemory:
        """Return the memory of an enterprise that was never seen."""
        config = self._config
        return DeclineMemory(PageHinkley(config.min_history_days, config.decline_delta, config.decline_threshold))

    def dump(self, memory: DeclineMemory) -> list[Plain]:
        """Return the memory as plain values."""
        return memory.dump()

    def load(self, state: list[Plain]) -> DeclineMemory:
        """Return the memory that ``dump`` described."""
        return DeclineMemory.load(self.memory().fall, state)

    def learn_one(self, memory: DeclineMemory, context: Context, series: str, index: int) -> None:
        """Learn a settled working day outside the festival."""
        known = context.series[series]
        value = known.values[index]
        if not value > 0:
            return
        day = known.last - (len(known.values) - 1 - index % len(known.values))
        calendar = context.calendar
        if not calendar.is_workday(day) or abs(calendar.days_from_spring_festival(day)) <= _FESTIVAL:
            return
        level = log(value)
        if not memory.fall.count or level >= memory.fall.mean + _LOG_STANDSTILL:
            memory.learn(level, day)

    def judge_one(self, memory: DeclineMemory, context: Context) -> Sequence[Opinion]:
        """Return the decline that stands, if one does."""
        config = self._config
        known = context.series.get("daily_kwh")
        if not memory.found or known is None or known.last - memory.found > config.decline_days:
            return ()
        if memory.before < config.min_usual_kwh:
            return ()
        recent = self._recent(context, known)
        if recent is None:
            return ()
        if not _STANDSTILL * memory.before <= recent < config.decline_share * memory.before:
            return ()
        return (
            Opinion(
                "electricity.decline",
                config.decline_severity,
                observed=recent,
                expected=memory.before,
                unit=known.unit,
                since=context.calendar.day_start(memory.found),
                half_life_days=config.half_life_days,
                clearance=Clearance("daily_kwh", config.decline_share * memory.before, known.unit, _RECENT_DAYS),
            ),
        )

    def _recent(self, context: Context, known: Series) -> float | None:
        """Return the mean of the newest working days, or None when too few are known."""
        is_workday = context.calendar.is_workday
        day, left, mean = known.last, _RECENT_DAYS, 0.0
        for value in reversed(known.values):
            if value == value and is_workday(day):
                mean += value / _RECENT_DAYS
                left -= 1
                if not left:
                    return mean
            day -= 1
        return None


class HeadcountDrift:
    """An insured headcount that sinks over months without a single striking fall, and not as every year.

    Parameters
    ----------
    config
        Tolerance, threshold and severity.
    """

    name = "social-security-drift"
    version = 2
    family = "social_security"
    series = ("insured_headcount",)

    def __init__(self, config: SocialSecurityConfig) -> None:
        self._config = config

    def memory(self) -> DeclineMemory:
        """Return the memory of an enterprise that was never seen."""
        config = self._config
        return DeclineMemory(PageHinkley(_LEAST_MONTHS, config.drift_delta, config.drift_threshold))

    def dump(self, memory: DeclineMemory) -> list[Plain]:
        """Return the memory as plain values."""
        return memory.dump()

    def load(self, state: list[Plain]) -> DeclineMemory:
        """Return the memory that ``dump`` described."""
        return DeclineMemory.load(self.memory().fall, state)

    def learn_one(self, memory: DeclineMemory, context: Context, series: str, index: int) -> None:
        """Learn a settled month."""
        known = context.series[series]
        value = known.values[index]
        if value >= 1:
            memory.learn(log(value), known.last - (len(known.values) - 1 - index % len(known.values)))

    def judge_one(self, memory: DeclineMemory, context: Context) -> Sequence[Opinion]:
        """Return the drift that stands, if one does."""
        config = self._config
        known = context.series.get("insured_headcount")
        if not memory.found or known is None or known.last - memory.found > _DRIFT_MONTHS:
            return ()
        newest = next((value for value in reversed(known.values) if value == value), None)
        if newest is None or memory.before < config.min_headcount or newest >= config.drift_share * memory.before:
            return ()
        if as_every_year(known.values, 1 - config.drift_share):
            return ()
        return (
            Opinion(
                "social_security.headcount-drift",
                config.drift_severity,
                observed=newest,
                expected=memory.before,
                unit=known.unit,
                since=context.calendar.month_start(memory.found),
                half_life_days=config.half_life_days,
                clearance=Clearance("insured_headcount", config.drift_share * memory.before, known.unit, periods=1),
            ),
        )
