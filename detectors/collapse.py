"""Collapse of a daily series: an enterprise that was expected to run, whose peers run, and that does not."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, nan
from typing import Final, NamedTuple

from detectors.calendar import Calendar
from detectors.config import ElectricityConfig
from detectors.contract import Clearance, Context, Level, Opinion, PeerBaseline, Plain, Series
from detectors.estimators import EWVar
from detectors.usual import from_log

#: Half of the usual use on off days makes an enterprise one that runs on them.
_RUNS_ON_OFF_DAYS: Final = 0.5
#: Working days in a calendar week: so many must count before a week of standstill is a sustained one.
_WORKING_WEEK: Final = 5 / 7
#: Around Spring Festival a partial drop says nothing.
_FESTIVAL_DROP: Final = 30
_REASON: Final = "electricity.collapse"


class CollapseMemory:
    """An enterprise's usual day, and its habit of stopping.

    ``usual`` is the use of a usual working day, NaN until it is known; ``stopped`` the day on which a settled stop
    began, 0 while it runs; ``longest`` the length of the longest stop that it came back from, on day ``returned``.
    """

    __slots__ = ("longest", "low_days", "offday", "returned", "stopped", "usual", "workday")

    def __init__(self, fade: float) -> None:
        self.workday = EWVar(fade)
        self.offday = EWVar(fade)
        self.usual = nan
        self.stopped = 0
        self.low_days = 0
        self.longest = 0
        self.returned = 0


class _Run(NamedTuple):
    """The newest days below a limit: first and last, how many count, on how many the peers were back, mean use."""

    first: int
    last: int
    counted: int
    back: int
    mean: float

    @property
    def span(self) -> int:
        return self.last - self.first + 1


class Collapse:
    """Sudden and sustained falls of daily electricity use (用电骤降).

    The enterprise's usual day comes from River's EWVar over the logarithms of its use, apart for working days and days
    off, and does not learn standstill. A day counts against the enterprise if it was expected to run on that day, it
    is no public holiday, and its peers were not low too: so a grid outage and a festival stay silent.

    Parameters
    ----------
    config
        Limits, waits and severities.
    """

    name = "electricity-collapse"
    version = 1
    family = "electricity"
    series = ("daily_kwh",)

    def __init__(self, config: ElectricityConfig) -> None:
        self._config = config

    def memory(self) -> CollapseMemory:
        """Return the memory of an enterprise that was never seen."""
        return CollapseMemory(self._config.fade)

    def dump(self, memory: CollapseMemory) -> list[Plain]:
        """Return the memory as plain values."""
        return [
            memory.workday.dump(), memory.offday.dump(), memory.stopped, memory.low_days, memory.longest,
            memory.returned,
        ]  # fmt: skip

    def load(self, state: list[Plain]) -> CollapseMemory:
        """Return the memory that ``dump`` described."""
        memory = self.memory()
        workday, offday, memory.stopped, memory.low_days, memory.longest, memory.returned = state  # type: ignore[assignment]  # as dump wrote them
        memory.workday = EWVar.load(self._config.fade, workday)  # type: ignore[arg-type]  # as dump wrote them
        memory.offday = EWVar.load(self._config.fade, offday)  # type: ignore[arg-type]  # as dump wrote them
        memory.usual = self._usual(memory)
        return memory

    def _usual(self, memory: CollapseMemory) -> float:
        known = memory.workday.count + memory.offday.count >= self._config.min_history_days and memory.workday.count
        return from_log(memory.workday.mean) if known else nan

    # ---- learning ----------------------------------------------------------------------------------------------

    def learn_one(self, memory: CollapseMemory, context: Context, series: str, index: int) -> None:
        """Learn a settled day: into the usual day if it ran, into the habit of stopping if it came back."""
        known = context.series[series]
        value = known.values[index]
        if not value >= 0:  # NaN, or a meter that ran backwards
            return
        day = known.last - (len(known.values) - 1 - index % len(known.values))
        workday = context.calendar.is_workday(day)
        if workday and memory.usual == memory.usual and value < self._config.stop_share * memory.usual:
            self._learn_stop(memory, day)
            return
        if workday:
            self._learn_return(memory, day, context.calendar)
        elif memory.stopped:
            return
        (memory.workday if workday else memory.offday).update(log(max(value, 1e-3)))
        memory.usual = self._usual(memory)

    def _learn_stop(self, memory: CollapseMemory, day: int) -> None:
        memory.stopped = memory.stopped or day
        memory.low_days += 1
        if day - memory.stopped > self._config.forget_days:
            memory.workday, memory.offday = EWVar(self._config.fade), EWVar(self._config.fade)
            memory.usual, memory.stopped, memory.low_days = nan, 0, 0

    def _learn_return(self, memory: CollapseMemory, day: int, calendar: Calendar) -> None:
        if not memory.stopped:
            return
        length = day - memory.stopped
        if length >= self._config.early_days and not self._festive(calendar, memory.stopped):
            if day - memory.returned > self._config.habit_memory_days:
                memory.longest = 0
            memory.longest, memory.returned = max(memory.longest, length), day
        memory.stopped = memory.low_days = 0

    # ---- judging -----------------------------------------------------------------------------------------------

    def judge_one(self, memory: CollapseMemory, context: Context) -> Sequence[Opinion]:
        """Return the collapse that stands, if one does."""
        usual = memory.usual
        known = context.series.get("daily_kwh")
        if known is None or not usual >= self._config.min_usual_kwh:
            return ()
        if known.values[-1] >= self._config.drop_share * usual:
            return ()
        stop = self._run(memory, context, known, self._config.stop_share, self._config.early_days)
        if stop is not None:
            severity = self._stop_severity(stop, context.calendar)
            if severity:
                return (self._stop_opinion(memory, context, stop, severity, known.unit),)
        if abs(context.calendar.days_from_spring_festival(known.last)) <= _FESTIVAL_DROP:
            return ()
        drop = self._run(memory, context, known, self._config.drop_share, self._config.drop_days)
        if drop is None or drop.counted < self._config.drop_days or not self._unusual(memory, drop):
            return ()
        return (self._opinion(context, drop, self._config.drop_severity, 1.0, known.unit, usual, Level.YELLOW),)

    def _run(self, memory: CollapseMemory, context: Context, known: Series, share: float, least: int) -> _Run | None:
        """Return the run of days below a share of the usual use that the newest reading belongs to.

        None if it is shorter than ``least`` days. Days without a reading neither count nor interrupt.
        """
        values, limit = known.values, share * memory.usual
        low: list[int] = []
        total = 0.0
        for i in range(len(values) - 1, -1, -1):
            value = values[i]
            if value < limit:
                low.append(i)
                total += value
            elif value == value:
                break
        if len(low) < least:
            return None
        offset = known.last - (len(values) - 1)
        peers = context.peers.get("daily_kwh", ())
        shift = len(peers) - len(values)
        counted, back, first = 0, 0, 0
        for i in reversed(low):
            baseline = peers[i + shift] if i + shift >= 0 else None
            if self._counts(memory, context.calendar, i + offset, baseline):
                counted += 1
                first = first or i + offset
                back += self._are_back(context.calendar, i + offset, baseline)
        if not counted:
            return None
        if low[-1] == 0 and 0 < memory.stopped < first:
            first = memory.stopped  # it began before the first value that is kept
        return _Run(first, low[0] + offset, counted, back, total / len(low))

    def _counts(self, memory: CollapseMemory, calendar: Calendar, day: int, peers: PeerBaseline | None) -> bool:
        """Tell whether a low day speaks against the enterprise."""
        if peers is not None and peers.median < self._config.peers_low:
            return False
        if calendar.is_workday(day):
            return True
        if calendar.is_public_holiday(day) or not memory.offday.count:
            return False
        return from_log(memory.offday.mean) >= _RUNS_ON_OFF_DAYS * memory.usual

    def _are_back(self, calendar: Calendar, day: int, peers: PeerBaseline | None) -> bool:
        """Tell whether the peers have come back from the festival: all but the slowest quarter of them.

        Before the festival nobody has come back: those who have not closed yet say nothing about those who have.
        """
        return (
            peers is not None
            and peers.low >= self._config.peers_back
            and calendar.days_from_spring_festival(day) > self._config.festival_rest_days
        )

    def _festive(self, calendar: Calendar, day: int) -> bool:
        return -self._config.festival_before <= calendar.days_from_spring_festival(day) <= self._config.festival_after

    def _stop_severity(self, stop: _Run, calendar: Calendar) -> float:
        """Return the severity of a stop by its length; 0 while it is too short to tell."""
        config = self._config
        if self._festive(calendar, stop.first):
            over = calendar.days_from_spring_festival(stop.last) >= config.festival_over_days
            waited = over and stop.span >= config.festival_days and stop.counted >= config.early_days
            if not waited and stop.back < config.festival_back_days:
                return 0.0
        elif stop.counted < config.early_days:
            return 0.0
        sustained = stop.span >= config.sustained_days and stop.counted >= config.sustained_days * _WORKING_WEEK
        return config.sustained_severity if sustained else config.early_severity

    def _stop_opinion(
        self, memory: CollapseMemory, context: Context, stop: _Run, severity: float, unit: str
    ) -> Opinion:
        habit = stop.span <= memory.longest and stop.first - memory.returned <= self._config.habit_memory_days
        confidence = self._config.habit_confidence if habit else 1.0
        return self._opinion(context, stop, severity, confidence, unit, memory.usual, Level.ORANGE)

    def _unusual(self, memory: CollapseMemory, drop: _Run) -> bool:
        """Tell whether the mean use of a run is low by the enterprise's own variation."""
        return log(max(drop.mean, 1e-3)) < memory.workday.mean - self._config.drop_sigmas * memory.workday.deviation

    def _opinion(
        self, context: Context, run: _Run, severity: float, confidence: float, unit: str, usual: float, reach: Level
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
            facts={"days": float(run.span)},
        )
