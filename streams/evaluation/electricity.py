"""``forewarn evaluate electricity``: stops of 30 days or more in real daily use, and how soon they were told.

The label is weak: it comes from the series itself, so it tests detection and not default. A *stop* is a run of days
under 5 % of the median of the 56 days before its first day; an *event* is a stop of 30 days or more. A stop that was
under way when the first 56 days had passed, or a shorter one that goes on to the last day, counts for nothing.
"""

from __future__ import annotations

import csv
import gzip
import statistics
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from connectors.contract import Batch
from connectors.files import FileSource
from connectors.models import Signal, Transition
from detectors.calendar import Calendar
from detectors.registry import default_detectors
from streams.evaluation.electricity_plot import picture
from streams.evaluation.suite import Task, unpacking, write_rows
from streams.evaluation.timing import timed
from streams.replay import Replayed, replay
from streams.rules import Rules, rules_for
from streams.runtime import load_settings
from streams.settings import Settings

#: Days before anything is judged, and that the usual use is taken from.
WARM_UP = 56
_LOW_SHARE, _LONG_DAYS, _LEAST_KWH = 0.05, 30, 50.0
#: Days around Spring Festival whose false alarms are told apart.
_FESTIVAL = range(-25, 46)
#: Enterprises whose detectors are timed.
_MEASURED = 45
#: Operating point → levels that count for it.
POINTS: Mapping[str, frozenset[str]] = {
    "early": frozenset({"yellow", "orange", "red"}),
    "sustained": frozenset({"orange", "red"}),
}
_RISES = {Transition.OPENED, Transition.ESCALATED}


class Rise(NamedTuple):
    """An alert that was opened or escalated: whose, to which level, and the newest day that the decision had seen."""

    enterprise_id: str
    level: str
    decided_on: date


@dataclass(frozen=True, slots=True)
class Truth:
    """The stops of one series, each as (first, end): indices of days, the end excluded."""

    events: Sequence[tuple[int, int]]
    censored: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Use:
    """Daily use.

    Parameters
    ----------
    days
        In order, without a gap.
    series
        By enterprise, one value a day: kWh, NaN where there is none.
    """

    days: Sequence[date]
    series: Mapping[str, Sequence[float]]


def evaluate(task: Task, tell: Callable[[int, int], None]) -> Mapping[str, object]:
    """Stream the daily use through the engine and score its alerts.

    Raises
    ------
    MissingDataError
        If the data is not there.
    ValueError
        If it cannot be read.
    """
    path = task.file("electricity", "daily_kwh_wide.csv.gz")
    settings = load_settings()
    use = read(path)
    result = replay([FileSource([path], zone=settings.zone)], rules_for(settings), settings.zone, tell)
    rises = list(rises_of(result))
    if task.out is not None:
        rows = sorted((rise.enterprise_id, rise.decided_on.isoformat(), rise.level) for rise in rises)
        write_rows(task.out, ("enterprise_id", "level", "decided_on"), [(e, level, day) for e, day, level in rows])
    population = {name: x for name, x in use.series.items() if statistics.median(x) >= _LEAST_KWH}
    truth = {name: stops(x) for name, x in population.items()}
    if task.plots is not None:
        _draw(task.plots, use, truth, rises)
    cost = {
        "us_per_reading": round(result.seconds / result.messages * 1e6, 1),
        "us_by_detector": _cost_by_detector(path, settings, list(use.series)),
    }
    return score(use.days, truth, rises) | cost


def read(path: Path) -> Use:
    """Return what a wide table holds: ``record_date``, then a column for each enterprise.

    Raises
    ------
    ValueError
        If a date or a number cannot be read, or a row is short; the message names file and row.
    """
    with unpacking(path), gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    days: list[date] = []
    columns: list[list[float]] = [[] for _ in header[1:]]
    for number, row in enumerate(rows, 2):
        try:
            days.append(date.fromisoformat(row[0]))
            for column, cell in zip(columns, row[1:], strict=True):
                column.append(float(cell or "nan"))
        except (ValueError, IndexError) as error:
            message = f"{path}, row {number}: {error}"
            raise ValueError(message) from error
    return Use(days, dict(zip(header[1:], columns, strict=True)))


def rises_of(result: Replayed) -> Iterator[Rise]:
    """Yield the alerts of a replay that were opened or escalated."""
    for alert in result.transitions():
        if alert.transition in _RISES:
            yield Rise(alert.enterprise_id, alert.level.value, date.fromisoformat(alert.decided_on))


# ---- the label -------------------------------------------------------------------------------------------------


def stops(use: Sequence[float]) -> Truth:
    """Return the events and the censored stops of a series.

    Examples
    --------
    >>> stops([100.0] * 60 + [1.0] * 40 + [100.0] * 60 + [2.0] * 5)
    Truth(events=[(60, 100)], censored=[(160, 165)])
    """
    events, censored, day = [], [], WARM_UP
    while day < len(use):
        limit = _LOW_SHARE * statistics.median(use[day - WARM_UP : day])
        end = day
        while end < len(use) and use[end] < limit:
            end += 1
        begun = day == WARM_UP and use[day - 1] < limit
        if end - day >= _LONG_DAYS and not begun:
            events.append((day, end))
        elif end > day and (begun or end == len(use)):
            censored.append((day, end))
        day = max(end, day + 1)
    return Truth(events, censored)


def score(days: Sequence[date], truth: Mapping[str, Truth], rises: Collection[Rise]) -> dict[str, object]:
    """Return recall, delay and false alarms of both operating points.

    An event is caught when a rise was decided inside it; the delay is the number of days from its first one. A false
    alarm is a rise outside every event and every censored stop; several within 56 days at one enterprise are one.

    Parameters
    ----------
    days
        In order, without a gap.
    truth
        By enterprise of the population: its stops.
    rises
        Alerts that were opened or escalated.
    """
    years = len(truth) * (len(days) - WARM_UP) / 365.25
    place = {day: index for index, day in enumerate(days)}
    points: dict[str, object] = {}
    for point, levels in POINTS.items():
        told: dict[str, list[int]] = {}
        for rise in rises:
            if rise.level in levels:
                told.setdefault(rise.enterprise_id, []).append(place[rise.decided_on])
        points[point] = _score_point(days, truth, {name: sorted(at) for name, at in told.items()}, years)
    return {
        "enterprises": len(truth),
        "enterprise_years": round(years, 1),
        "events": sum(len(one.events) for one in truth.values()),
        "operating_points": points,
        "alerts_outside_population": len({rise.enterprise_id for rise in rises} - truth.keys()),
    }


def _score_point(
    days: Sequence[date], truth: Mapping[str, Truth], told: Mapping[str, Sequence[int]], years: float
) -> dict[str, float | None]:
    calendar = Calendar()
    delays: list[int] = []
    false: list[int] = []
    for name, known in truth.items():
        at = told.get(name, ())
        inside = [[day - first for day in at if first <= day < end] for first, end in known.events]
        delays += [min(found) for found in inside if found]
        false += _false_alarms(known, at)
    events = sum(len(known.events) for known in truth.values())
    from_festival = [calendar.days_from_spring_festival(calendar.day_of_date(days[day])) for day in false]
    festivals = _festivals(days, calendar)
    near = sum(distance in _FESTIVAL for distance in from_festival)
    return {
        "caught": len(delays),
        "recall": round(len(delays) / events, 4) if events else None,
        "false_alarms_per_enterprise_year": round(len(false) / years, 4),
        "median_delay_days": statistics.median(delays) if delays else None,
        "spring_festival_false_alarms_per_1000": round(1000 * near / len(truth) / festivals, 2) if festivals else None,
    }


def _false_alarms(truth: Truth, at: Iterable[int]) -> list[int]:
    """Return the days on which false alarms began."""
    false: list[int] = []
    last = -2 * WARM_UP
    for day in at:
        excused = day < WARM_UP or any(first <= day < end for first, end in (*truth.events, *truth.censored))
        if not excused and day - last > WARM_UP:
            false.append(day)
            last = day
    return false


def _festivals(days: Sequence[date], calendar: Calendar) -> int:
    """Return how many Spring Festivals lie within the days."""
    return sum(calendar.days_from_spring_festival(calendar.day_of_date(day)) == 0 for day in days)


# ---- cost ------------------------------------------------------------------------------------------------------


class _Some:
    """The daily use of some enterprises."""

    name, families = "some", ("electricity",)

    def __init__(self, source: FileSource, chosen: Collection[str]) -> None:
        self._source, self._chosen = source, chosen

    def read(self, position: str = "") -> Iterator[Batch]:
        """Yield what concerns them."""
        for batch in self._source.read(position):
            items = [item for item in batch.items if isinstance(item, Signal) and item.enterprise_id in self._chosen]
            yield Batch(items, batch.position)


def _cost_by_detector(path: Path, settings: Settings, names: Sequence[str]) -> dict[str, float]:
    """Return the microseconds per daily reading that each detector takes, measured on as many as a group has."""
    chosen = names[:: max(len(names) // _MEASURED, 1)]
    plain, spent = rules_for(settings), Counter[str]()
    rules = Rules(1, plain.calendar, plain.config, timed(default_detectors(plain.config), spent))
    messages = replay([_Some(FileSource([path], zone=settings.zone), set(chosen))], rules, settings.zone).messages
    return {name: round(seconds / max(messages, 1) * 1e6, 2) for name, seconds in spent.most_common()}


# ---- pictures --------------------------------------------------------------------------------------------------


def _draw(directory: Path, use: Use, truth: Mapping[str, Truth], rises: Collection[Rise]) -> None:
    """Draw a collapse that was caught, and a Spring Festival that stayed quiet."""
    directory.mkdir(parents=True, exist_ok=True)
    told: dict[str, list[Rise]] = {}
    for rise in rises:
        told.setdefault(rise.enterprise_id, []).append(rise)
    place = {day: index for index, day in enumerate(use.days)}
    for name in sorted(truth):
        seen = [(place[rise.decided_on], rise.level) for rise in told.get(name, ())]
        for first, end in truth[name].events:
            inside = {level for day, level in seen if first <= day < end}
            if {"yellow", "orange"} <= inside and first >= 2 * WARM_UP:
                stretch = slice(first - 2 * WARM_UP, min(end, first + 2 * WARM_UP))
                _write(directory / "electricity-collapse.svg", "A stop, and when it was told", use, name, stretch, seen)
                break
    calendar = Calendar()
    ordinals = [calendar.day_of_date(day) for day in use.days]
    festivals = [index for index, day in enumerate(ordinals) if calendar.days_from_spring_festival(day) == 0]
    for name in sorted(truth):
        for festival in festivals:
            around = use.series[name][max(festival - 5, 0) : festival + 10]
            before = use.series[name][max(festival - WARM_UP, 0) : festival]
            stretch = slice(max(festival - WARM_UP, 0), festival + WARM_UP)
            quiet = not any(stretch.start <= place[rise.decided_on] < stretch.stop for rise in told.get(name, ()))
            if quiet and festival >= WARM_UP and max(around) < _LOW_SHARE * statistics.median(before):
                title = "A Spring Festival that stayed quiet"
                _write(directory / "electricity-spring-festival.svg", title, use, name, stretch, [])
                return


def _write(path: Path, title: str, use: Use, name: str, stretch: slice, seen: Sequence[tuple[int, str]]) -> None:
    first = stretch.start
    marks = [(day - first, level) for day, level in seen if first <= day < stretch.stop]
    path.write_text(picture(title, use.days[stretch], use.series[name][stretch], marks), encoding="utf-8")
