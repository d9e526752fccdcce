"""Collapse of a daily series: an enterprise that was expected to run, whose peers run, and that does not."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, nan
from typing import Final, NamedTuple

from detectors.calendar import Calendar
from detectors.cohort import Cohort, Each
from detectors.config import ElectricityConfig, StopConfig
from detectors.contract import Clearance, Context, Level, Opinion, PeerBaseline, Plain, Series
from detectors.estimators import EWVar
from detectors.habits import Habit
from detectors.hazard import Stop, chance
from detectors.usual import from_log

#: Half of the usual use on off days makes an enterprise one that runs on them.
_RUNS_ON_OFF_DAYS: Final = 0.5
#: Around Spring Festival a partial drop says nothing.
_FESTIVAL_DROP: Final = 30
_REASON: Final = "electricity.collapse"
#: Parts of a saved memory since version 2.
_PARTS: Final = 3


class CollapseMemory:
    """An enterprise's usual day, and its habit of stopping.

    ``usual`` is the use of a usual working day, NaN until it is known.
    """

    __slots__ = ("habit", "offday", "usual", "workday")

    def __init__(self, fade: float) -> None:
        self.workday = EWVar(fade)
        self.offday = EWVar(fade)
        self.habit = Habit()
        self.usual = nan


class _Standstill(NamedTuple):
    """A stop that is under way.

    ``first`` and ``last`` are its days, ``counted`` how many count, ``missed`` how many of these are working days,
    ``back`` on how many the peers were back from the festival, ``mean`` its use.
    """

    first: int
    last: int
    counted: int
    holidays: int
    missed: int
    back: int
    mean: float

    @property
    def span(self) -> int:
        return self.last - self.first + 1


class _Drop(NamedTuple):
    """The newest days of low use: the first that counts, the last, and mean use."""

    first: int
    last: int
    mean: float

    @property
    def span(self) -> int:
        return self.last - self.first + 1


class Collapse:
    """Sudden and sustained falls of daily electricity use (用电骤降).

    A stop is told once it is likely to last (:mod:`detectors.hazard`): sooner of a plant that has always run than of
    one that often pauses. One that begins around Spring Festival is told when the peers have come back without it. A
    day on which the peers were low as well does not count: so a grid outage and a festival stay silent.

    The usual working day comes from River's EWVar over the logarithms of use, apart from days off, and does not learn
    standstill. A fall to a part of it is a faint sign.

    Parameters
    ----------
    config
        Limits, waits and severities.
    stops
        How likely a stop is to last.
    """

    name = "electricity-collapse"
    version = 4
    family = "electricity"
    series = ("daily_kwh",)

    def __init__(self, config: ElectricityConfig, stops: StopConfig) -> None:
        self._config = config
        self._stops = stops
        self._shortest = min(
            config.early_days,
            config.sustained_days,
            stops.certain_days,
            config.festival_days,
            config.festival_long_days,
            config.festival_back_days,
            config.drop_days,
        )

    def memory(self) -> CollapseMemory:
        """Return the memory of an enterprise that was never seen."""
        return CollapseMemory(self._config.fade)

    def dump(self, memory: CollapseMemory) -> list[Plain]:
        """Return the memory as plain values."""
        return [memory.workday.dump(), memory.offday.dump(), memory.habit.dump()]

    def load(self, state: list[Plain]) -> CollapseMemory:
        """Return the memory that ``dump`` described; of version 1, whose habits were others, only the usual day."""
        memory = self.memory()
        memory.workday = EWVar.load(self._config.fade, state[0])  # type: ignore[arg-type]  # as dump wrote them
        memory.offday = EWVar.load(self._config.fade, state[1])  # type: ignore[arg-type]  # as dump wrote them
        if len(state) == _PARTS:
            memory.habit = Habit.load(state[2])  # type: ignore[arg-type]  # as dump wrote them
        else:
            memory.habit.days = memory.workday.count + memory.offday.count
        memory.usual = self._usual(memory)
        return memory

    def _usual(self, memory: CollapseMemory) -> float:
        known = memory.workday.count + memory.offday.count >= self._stops.first_days and memory.workday.count
        return from_log(memory.workday.mean) if known else nan

    # ---- learning ----------------------------------------------------------------------------------------------

    def learn_one(self, memory: CollapseMemory, context: Context, series: str, index: int) -> None:
        """Learn a settled day: into the usual day if it ran, into the habit of stopping if it came back."""
        known = context.series[series]
        day = known.period(index)
        self._learn(memory, known.values, index % len(known.values), day, workday=context.calendar.is_workday(day))

    def learn_many(self, each: Each, cohort: Cohort) -> None:
        """Learn a settled day of each."""
        day, histories = cohort.period, cohort.histories
        workday, behind = cohort.calendar.is_workday(day), 1 + cohort.back
        for place, memory, _ in each:
            values = histories[place]
            self._learn(memory, values, len(values) - behind, day, workday=workday)

    def _learn(self, memory: CollapseMemory, values: Sequence[float], index: int, day: int, *, workday: bool) -> None:
        value = values[index]
        if not value >= 0:  # NaN, or a meter that ran backwards
            return
        config, usual, habit = self._config, memory.usual, memory.habit
        worked = habit.worked
        if value >= config.drop_share * usual:  # nearly every day: plain use
            ended = habit.run(day)
        else:
            ended = habit.take(values, index, day, config.stop_share, workday=workday)
        if ended and (worked or not self._rests(memory)):
            habit.keep(day - ended, ended, config.habit_memory_days)
        if workday and value < config.stop_share * usual:
            if habit.begun and day - habit.begun > config.forget_days:
                memory.workday, memory.offday = EWVar(config.fade), EWVar(config.fade)
                memory.usual = nan
                habit.begun = 0
        elif workday:
            memory.workday.update(log(max(value, 1e-3)))
            memory.usual = from_log(memory.workday.mean) if usual == usual else self._usual(memory)
        elif not (habit.begun and habit.worked):
            memory.offday.update(log(max(value, 1e-3)))
            if usual != usual:
                memory.usual = self._usual(memory)

    def _rests(self, memory: CollapseMemory) -> bool:
        """Tell whether the enterprise rests on days off, so that a standstill over a weekend is no stop."""
        offday = memory.offday
        return bool(offday.count) and from_log(offday.mean) < _RUNS_ON_OFF_DAYS * memory.usual

    # ---- judging -----------------------------------------------------------------------------------------------

    def suspects(self, memories: Sequence[CollapseMemory], cohort: Cohort) -> Sequence[int]:
        """Return those whose newest use is low, and that of the days before it."""
        least, share, histories = self._config.min_usual_kwh, self._config.drop_share, cohort.histories
        return [
            place
            for place, (memory, newest) in enumerate(zip(memories, cohort.values, strict=True))
            if memory.usual >= least and not newest >= share * memory.usual and self._is_low(memory, histories[place])
        ]

    def _is_low(self, memory: CollapseMemory, values: Sequence[float]) -> bool:
        """Tell whether none of the newest days shows use, of as many as the shortest fall that is told has.

        A median, which decides what standing still is, is at most the highest value.
        """
        if memory.habit.begun:
            return True
        highest = max([value for value in values if value == value], default=0.0)
        plain = max(self._config.drop_share * memory.usual, self._config.stop_share * highest)
        return not any(value >= plain for value in values[-self._shortest :])

    def judge_one(self, memory: CollapseMemory, context: Context) -> Sequence[Opinion]:
        """Return the collapse that stands, if one does."""
        usual = memory.usual
        known = context.series.get("daily_kwh")
        if known is None or not usual >= self._config.min_usual_kwh:
            return ()
        if known.values[-1] >= self._config.drop_share * usual:
            return ()
        # A median is at most the highest value.
        if memory.habit.begun or not known.values[-1] >= self._config.stop_share * max(known.values):
            habit = memory.habit.at_end_of(known, self._config.stop_share, context.calendar)
            if habit.begun and habit.is_of_season(habit.begun, known.last):
                return ()  # it rested at this time of an earlier year, and came back
            told = self._stop(memory, habit, context, known) if habit.begun else None
            if told is not None:
                return (told,)
        if abs(context.calendar.days_from_spring_festival(known.last)) <= _FESTIVAL_DROP:
            return ()
        drop = self._drop(memory, context, known)
        if drop is None or memory.habit.is_of_season(drop.first, known.last):
            return ()
        return (self._opinion(context, drop, self._config.drop_severity, 1.0, known.unit, usual, Level.YELLOW),)

    # ---- a stop ------------------------------------------------------------------------------------------------

    def _stop(self, memory: CollapseMemory, habit: Habit, context: Context, known: Series) -> Opinion | None:
        stop = self._standstill(context, known, habit.begun)
        if not stop.counted or habit.usual < self._config.min_usual_kwh or (not stop.missed and self._rests(memory)):
            return None
        return self._judge_stop(stop, habit, context, known.unit)

    def _standstill(self, context: Context, known: Series, begun: int) -> _Standstill:
        """Return what is known of the stop that began on a day."""
        values, calendar = known.values, context.calendar
        first = known.last - len(values) + 1
        use = [value for value in values[max(begun - first, 0) :] if value >= 0]
        mean = sum(use) / len(use) if use else 0.0
        if begun < first:  # longer than anything that is asked
            return _Standstill(begun, known.last, known.last - begun + 1, 0, 1, 0, mean)
        peers = context.peers.get("daily_kwh", ())
        shift = len(peers) - len(values)
        festive = self._festive(calendar, begun)
        counted = holidays = missed = back = 0
        for index in range(begun - first, len(values)):
            if not values[index] >= 0:
                continue
            baseline = peers[index + shift] if index + shift >= 0 else None
            if baseline is not None and baseline.median < self._config.peers_low:
                continue
            counted += 1
            holidays += calendar.is_public_holiday(first + index)
            missed += calendar.is_workday(first + index)
            back += festive and self._are_back(calendar, first + index, baseline)
        return _Standstill(begun, known.last, counted, holidays, missed, back, mean)

    def _are_back(self, calendar: Calendar, day: int, peers: PeerBaseline | None) -> bool:
        """Tell whether the peers have come back from the festival: all but the slowest quarter of them.

        Before the festival nobody has come back: those who have not closed yet say nothing about those who have.
        """
        return (
            peers is not None
            and peers.low >= self._config.peers_back
            and calendar.days_from_spring_festival(day) > self._config.festival_rest_days
            and calendar.is_workday(day)
        )

    def _judge_stop(self, stop: _Standstill, habit: Habit, context: Context, unit: str) -> Opinion | None:
        config, stops = self._config, self._stops
        facts: dict[str, str | float] = {"days": float(stop.span)}
        if self._festive(context.calendar, stop.first):
            severity = self._festival_severity(stop, context.calendar)
        else:
            residual = stop.mean / (config.stop_share * habit.usual)
            likely = chance(Stop(stop.counted, stop.holidays, residual), habit, stops)
            facts["chance"] = round(likely, 2)
            severity = self._severity(stop.counted, likely)
        if not severity:
            return None
        confidence = min(habit.days / stops.sure_days, 1.0)
        reach = Level.ORANGE if severity >= config.sustained_severity else Level.YELLOW
        return self._opinion(context, stop, severity, confidence, unit, habit.usual, reach, facts)

    def _severity(self, days: int, likely: float) -> float:
        """Return the severity of a stop by its length and how likely it is to last; 0 while that is too uncertain."""
        config, stops = self._config, self._stops
        if days >= stops.certain_days or (days >= config.sustained_days and likely >= stops.sustained_chance):
            return config.sustained_severity
        return config.early_severity if days >= config.early_days and likely >= stops.early_chance else 0.0

    def _festive(self, calendar: Calendar, day: int) -> bool:
        return -self._config.festival_before <= calendar.days_from_spring_festival(day) <= self._config.festival_after

    def _festival_severity(self, stop: _Standstill, calendar: Calendar) -> float:
        """Return the severity of a stop that began around Spring Festival; 0 while it passes for the holiday."""
        config = self._config
        over = calendar.days_from_spring_festival(stop.last) >= config.festival_over_days
        long = stop.span >= (config.festival_days if over else config.festival_long_days)
        if long:
            return config.sustained_severity
        return config.early_severity if stop.back >= config.festival_back_days else 0.0

    # ---- a drop to a part --------------------------------------------------------------------------------------

    def _drop(self, memory: CollapseMemory, context: Context, known: Series) -> _Drop | None:
        """Return the run of days below a share of the usual use that the newest reading belongs to.

        None if too few of its days count, or such use is not unusual. Days without a reading neither count nor
        interrupt.
        """
        values, limit = known.values, self._config.drop_share * memory.usual
        low: list[int] = []
        total = 0.0
        for i in range(len(values) - 1, -1, -1):
            value = values[i]
            if value < limit:
                low.append(i)
                total += value
            elif value == value:
                break
        if len(low) < self._config.drop_days or not self._unusual(memory, total / len(low)):
            return None
        offset = known.last - (len(values) - 1)
        peers = context.peers.get("daily_kwh", ())
        shift = len(peers) - len(values)
        counted, first = 0, 0
        for i in reversed(low):
            baseline = peers[i + shift] if i + shift >= 0 else None
            if self._counts(memory, context.calendar, i + offset, baseline):
                counted += 1
                first = first or i + offset
                if counted == self._config.drop_days:
                    return _Drop(first, low[0] + offset, total / len(low))
        return None

    def _counts(self, memory: CollapseMemory, calendar: Calendar, day: int, peers: PeerBaseline | None) -> bool:
        """Tell whether a low day speaks against the enterprise."""
        if peers is not None and peers.median < self._config.peers_low:
            return False
        if calendar.is_workday(day):
            return True
        return not calendar.is_public_holiday(day) and bool(memory.offday.count) and not self._rests(memory)

    def _unusual(self, memory: CollapseMemory, mean: float) -> bool:
        """Tell whether a mean use is low by the enterprise's own variation."""
        known = memory.workday.count + memory.offday.count >= self._config.min_history_days
        level = memory.workday.mean - self._config.drop_sigmas * memory.workday.deviation
        return known and log(max(mean, 1e-3)) < level

    def _opinion(
        self,
        context: Context,
        run: _Standstill | _Drop,
        severity: float,
        confidence: float,
        unit: str,
        usual: float,
        reach: Level,
        facts: dict[str, str | float] | None = None,
    ) -> Opinion:
        config = self._config
        return Opinion(
            _REASON,
            severity,
            confidence=confidence,
            observed=run.mean,
            expected=usual,
            unit=unit,
            since=context.calendar.day_start(run.first),
            half_life_days=config.half_life_days,
            reach=reach,
            clearance=Clearance("daily_kwh", config.drop_share * usual, unit, periods=1),
            facts=facts or {"days": float(run.span)},
        )
