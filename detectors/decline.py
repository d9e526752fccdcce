"""Slow decline: a mean that has sunk, found by River's PageHinkley before any single value is striking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from math import inf, log, nan
from typing import Final

from detectors.calendar import Calendar
from detectors.cohort import Cohort, Each, OneByOne
from detectors.config import ElectricityConfig, SocialSecurityConfig
from detectors.contract import Clearance, Context, Opinion, PeerBaseline, Plain, Series
from detectors.estimators import PageHinkley
from detectors.payroll import as_every_year
from detectors.usual import from_log

#: Working days that show where use stands now; the newest of them, and how far above the others they show a rise.
_RECENT_DAYS, _NEWEST_DAYS, _RISING = 10, 3, 1.25
#: A sum may differ so much by the order in which it was added up.
_ROUNDING: Final = 1e-9
#: Days around Spring Festival that say nothing about the level.
_FESTIVAL: Final = 25
#: Below this share of the mean a day is standstill, which is the collapse detector's.
_STANDSTILL: Final = 0.15
_LOG_STANDSTILL: Final = log(_STANDSTILL)
#: Fortnights that are remembered, how many make a year, and how many days of one must be known.
_FORTNIGHT, _KEPT, _YEAR, _LEAST_DAYS = 14, 40, 26, 3
#: A season may come so many fortnights later or earlier than a year ago, and must have begun so many before at most.
_LATER, _EARLIER, _FALL = 4, 1, 9
#: A level takes one byte: this times its logarithm.
_STEPS: Final = 10.0
#: As low as a year ago: so much lower at most, 20 %.
_AS_LOW: Final = 2
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


class Seasons:
    """The usual use of each fortnight of the last year and a half, one byte each.

    Attributes
    ----------
    running
        Number of the fortnight that is not over yet; 0 before the first day.
    levels
        Of the fortnights before it, newest last: ten times the logarithm of the median of their working days, 1 to
        255. 0: too few were known.
    """

    __slots__ = ("levels", "running")

    def __init__(self, running: int = 0, levels: bytes = b"") -> None:
        self.running, self.levels = running, levels

    def take(self, context: Context, known: Series, day: int) -> None:
        """Take in the fortnights that are over on a settled day."""
        running = day // _FORTNIGHT
        over = range(max(self.running, running - _KEPT), running) if self.running else ()
        self.levels = (self.levels + bytes(_level(context, known, one) for one in over))[-_KEPT:]
        self.running = running

    def knows(self, recent: float, share: float, day: int) -> bool:
        """Tell whether use that is low on a day was as low at this season a year ago, and came back.

        Parameters
        ----------
        recent
            Use of late, kWh.
        share
            Below this share of the former use it is low.
        day
            The newest day.
        """
        levels, fall = self.levels, -_STEPS * log(share)
        same = len(levels) - (self.running - day // _FORTNIGHT) - _YEAR
        for place in range(max(same - _LATER, 0), min(same + _EARLIER + 1, len(levels))):
            low = levels[place]
            # Where history begins so late that it may lack the fall, coming back is enough.
            sank = place < _FALL or max(levels[place - _FALL : place]) >= low + fall
            if 0 < low <= _coded(recent) + _AS_LOW and sank and max(levels[place:]) >= low + fall:
                return True
        return False


def _level(context: Context, known: Series, fortnight: int) -> int:
    """Return the level of a fortnight, 0 where too few of its working days are known."""
    first, calendar = known.last - len(known.values) + 1, context.calendar
    days = range(max(fortnight * _FORTNIGHT, first), min((fortnight + 1) * _FORTNIGHT, known.last + 1))
    values = sorted(v for day in days if (v := known.values[day - first]) >= 0 and _says_something(calendar, day))
    return _coded(values[len(values) // 2]) if len(values) >= _LEAST_DAYS else 0


def _says_something(calendar: Calendar, day: int) -> bool:
    """Tell whether use of a day shows the level: on a working day that is not near Spring Festival."""
    return calendar.is_workday(day) and abs(calendar.days_from_spring_festival(day)) > _FESTIVAL


def _telling_days(calendar: Calendar, last: int, kept: int) -> list[int]:
    """Return which of the values up to a day the newest telling ones are, from the newest: -1 is that day's."""
    telling = (-1 - back for back in range(kept) if _says_something(calendar, last - back))
    return list(islice(telling, _RECENT_DAYS))


def _coded(use: float) -> int:
    """Return a level as it is kept.

    Examples
    --------
    >>> _coded(1_000.0), _coded(0.0), _coded(1e300)
    (69, 1, 255)
    """
    return max(round(min(_STEPS * log(max(use, 1.0)), 255.0)), 1)


@dataclass(slots=True)
class PowerMemory(DeclineMemory):
    """What :class:`DeclineMemory` holds, and the level of the seasons."""

    seasons: Seasons = field(default_factory=Seasons)

    def dump(self) -> list[Plain]:
        """Return plain values."""
        return [self.fall.dump(), self.before, self.found, self.seasons.running, [*self.seasons.levels]]

    @classmethod
    def load(cls, fall: PageHinkley, state: list[Plain]) -> PowerMemory:
        """Return the memory that :meth:`dump` described; that of version 1 has no seasons yet."""
        inner, before, found, *rest = state
        fall.restore(inner)  # type: ignore[arg-type]  # as dump wrote them
        seasons = Seasons(rest[0], bytes(rest[1])) if rest else Seasons()  # type: ignore[arg-type]  # likewise
        return cls(fall, before, found, seasons)  # type: ignore[arg-type]  # likewise


class PowerDecline:
    """Electricity use that sinks over weeks, and not as a year ago.

    Use that was as low a year ago, up to two months earlier or a month later in the year, and came back since, is the
    enterprise's season: it is told only when it stays low for longer, or sinks lower. Nor is it told while it rises
    again, and days on which the peers are low as well do not count.

    Parameters
    ----------
    config
        Tolerance, threshold and severity.
    """

    name = "electricity-decline"
    version = 2
    family = "electricity"
    series = ("daily_kwh",)

    def __init__(self, config: ElectricityConfig) -> None:
        self._config = config
        self._low = log(config.decline_share) if config.decline_share else -inf

    def memory(self) -> PowerMemory:
        """Return the memory of an enterprise that was never seen."""
        config = self._config
        return PowerMemory(PageHinkley(config.min_history_days, config.decline_delta, config.decline_threshold))

    def dump(self, memory: PowerMemory) -> list[Plain]:
        """Return the memory as plain values."""
        return memory.dump()

    def load(self, state: list[Plain]) -> PowerMemory:
        """Return the memory that ``dump`` described."""
        return PowerMemory.load(self.memory().fall, state)

    def learn_one(self, memory: PowerMemory, context: Context, series: str, index: int) -> None:
        """Learn a settled working day outside the festival."""
        known = context.series[series]
        day = known.period(index)
        if day // _FORTNIGHT > memory.seasons.running:
            memory.seasons.take(context, known, day)
        value = known.values[index]
        if value > 0 and _says_something(context.calendar, day):
            self._learn(memory, value, day, lambda _: self._low_around(context, known, index), 0)

    def learn_many(self, each: Each, cohort: Cohort) -> None:
        """Learn a settled day of each."""
        day, fortnight = cohort.period, cohort.period // _FORTNIGHT
        telling, were_low = _says_something(cohort.calendar, day), partial(self._were_low, cohort)
        for place, memory, value in each:
            if fortnight > memory.seasons.running:
                context = cohort.context_of(place)
                memory.seasons.take(context, context.series[cohort.series], day)
            if telling and value > 0:
                self._learn(memory, value, day, were_low, place)

    def _learn(self, memory: PowerMemory, value: float, day: int, were_low: Callable[[int], bool], place: int) -> None:
        """Learn a telling day; ``were_low`` says whether the peers of whoever is at a place were low as well."""
        level, fall = log(value), memory.fall
        below = level - fall.mean if fall.count else 0.0
        if below >= _LOG_STANDSTILL and (below >= self._low or not were_low(place)):
            memory.learn(level, day)

    def suspects(self, memories: Sequence[PowerMemory], cohort: Cohort) -> Sequence[int]:
        """Return those whose use sank not long ago."""
        since = cohort.period - self._config.decline_days
        behind = _telling_days(cohort.calendar, cohort.period, max(map(len, cohort.histories), default=0))
        return [
            place
            for place, memory in enumerate(memories)
            if memory.found and memory.found >= since and self._may_be_low(memory, cohort.histories[place], behind)
        ]

    def _may_be_low(self, memory: PowerMemory, values: Sequence[float], behind: Sequence[int]) -> bool:
        """Tell whether the mean of the newest telling days is low, or not sure.

        Which days these are is the same for everybody of whom nothing is missing.
        """
        if len(behind) < _RECENT_DAYS or len(values) < -behind[-1]:
            return True
        recent = sum([values[back] for back in behind]) / _RECENT_DAYS
        low, high = (1 - _ROUNDING) * _STANDSTILL * memory.before, (1 + _ROUNDING) * memory.before
        return not (recent < low or recent >= high * self._config.decline_share)

    def judge_one(self, memory: PowerMemory, context: Context) -> Sequence[Opinion]:
        """Return the decline that stands, if one does."""
        config = self._config
        known = context.series.get("daily_kwh")
        if not memory.found or known is None or known.last - memory.found > config.decline_days:
            return ()
        if memory.before < config.min_usual_kwh:
            return ()
        recent = self._recent(context.calendar, known, ())
        if not self._is_low(recent, memory):
            return ()
        peers = context.peers.get("daily_kwh", ())
        if peers:
            recent = self._recent(context.calendar, known, peers)
        if not self._is_low(recent, memory):
            return ()
        if memory.seasons.knows(recent, config.decline_share, known.last):
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

    def _is_low(self, recent: float, memory: PowerMemory) -> bool:
        return _STANDSTILL * memory.before <= recent < self._config.decline_share * memory.before

    def _recent(self, calendar: Calendar, known: Series, peers: Sequence[PeerBaseline | None]) -> float:
        """Return the mean of the newest telling days; NaN when too few are known, or the last ones rise again.

        A day on which the peers were low as well tells nothing.
        """
        is_workday, low = calendar.is_workday, self._config.peers_low
        near = abs(calendar.days_from_spring_festival(known.last)) <= _FESTIVAL + len(known.values)
        left, mean, newest, day = _RECENT_DAYS, 0.0, nan, known.last + 1
        for value in reversed(known.values):
            day -= 1
            if value != value or not is_workday(day) or (near and not _says_something(calendar, day)):
                continue
            baseline = peers[day - known.last - 1] if known.last - day < len(peers) else None
            if baseline is not None and baseline.median < low:
                continue
            mean += value / _RECENT_DAYS
            left -= 1
            if left == _RECENT_DAYS - _NEWEST_DAYS:
                newest = mean * _RECENT_DAYS / _NEWEST_DAYS
            if not left:
                return mean if newest < _RISING * mean else nan
        return nan

    def _were_low(self, cohort: Cohort, place: int) -> bool:
        context = cohort.context_of(place)
        return self._low_around(context, context.series[cohort.series], cohort.index(place))

    def _low_around(self, context: Context, known: Series, index: int) -> bool:
        """Tell whether the peers were low on a day: an outage or rationing, which is not the enterprise's."""
        peers = context.peers.get("daily_kwh", ())
        place = index % len(known.values) + len(peers) - len(known.values)
        baseline = peers[place] if place >= 0 else None
        return baseline is not None and baseline.median < self._config.peers_low


class HeadcountDrift(OneByOne):
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
            memory.learn(log(value), known.period(index))

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
