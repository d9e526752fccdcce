"""An enterprise's habit of stopping: the stops that it came back from, and the one that is under way.

A stop is a run of days below a share of the median of the 56 days before it. An intermittent user has a low median, so
its pauses are no stops.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import nan

from detectors.calendar import Calendar
from detectors.contract import Plain, Series

#: Days that the usual use before a stop is taken from, and how many of them must be known.
_WINDOW, _LEAST = 56, 7
#: A day below this share of the usual use is nearly idle.
_IDLE = 0.1
#: So many of the longest stops are remembered, from this length on.
_LONGEST, _LONG = 8, 5
#: So many of the newest rests are remembered with their date: stops of this length or more.
_RESTS, _REST = 4, 10
#: A rest of a year before began within so many days of this one, and this one may be so much longer.
_SAME_SEASON, _SAME_LENGTH, _YEAR = 7, 3, 365.25


class Habit:
    """The stops of one enterprise.

    Attributes
    ----------
    last
        The newest day that was taken in.
    days
        Days with a reading that were taken in.
    stops
        Stops that it came back from. Halved with ``days``, so that old ones are forgotten.
    longest
        Length of the longest of them, longest first.
    rests
        First day and length of the newest that lasted ten days or more, newest first.
    begun
        First day of the stop that is under way, 0 if it runs.
    usual, idle
        Median use of the 56 days before that stop in kWh, and the share of nearly idle days among them.
    worked
        Whether that stop has lasted over a working day.
    """

    __slots__ = ("begun", "days", "idle", "last", "longest", "rests", "stops", "usual", "worked")

    def __init__(self) -> None:
        self.last = self.days = self.stops = self.begun = 0
        self.longest: list[int] = []
        self.rests: list[list[int]] = []
        self.usual, self.idle, self.worked = nan, 0.0, False

    def copy(self) -> Habit:
        """Return one that is equal, and changes apart."""
        made = Habit()
        made.last, made.days, made.stops, made.longest = self.last, self.days, self.stops, self.longest
        made.rests = self.rests
        made.begun, made.usual, made.idle, made.worked = self.begun, self.usual, self.idle, self.worked
        return made

    def take(self, values: Sequence[float], index: int, day: int, share: float, *, workday: bool) -> int:
        """Take in a day; return the length of the stop that ended with it, 0 if none did.

        Parameters
        ----------
        values, index
            A series, and which of its values is the day's.
        day
            The day.
        share
            Below this share of the usual use it stands still.
        workday
            Whether people work on that day.
        """
        self.last = day
        value = values[index]
        if not value >= 0:  # NaN, or a meter that ran backwards
            return 0
        self.days += 1
        ended = 0
        if self.begun:
            if value < share * self.usual:
                self.worked = self.worked or workday
                return 0
            ended, self.begun = day - self.begun, 0
        usual, idle = _before(values, index)
        if value < share * usual:
            self.begun, self.usual, self.idle, self.worked = day, usual, idle, workday
        return ended

    def run(self, day: int) -> int:
        """Take in a day of plain use; return the length of the stop that ended with it, 0 if none did."""
        ended = day - self.begun if self.begun else 0
        self.last, self.begun = day, 0
        self.days += 1
        return ended

    def keep(self, first: int, length: int, memory_days: int) -> None:
        """Remember a stop that has ended; what lies ``memory_days`` back counts half."""
        self.stops += 1
        if length >= _LONG:
            self.longest = sorted([*self.longest, length], reverse=True)[:_LONGEST]
        if length >= _REST:
            self.rests = [[first, length], *self.rests][:_RESTS]
        if self.days > memory_days:
            self.days, self.stops, self.longest = self.days // 2, self.stops // 2, self.longest[::2]

    def is_of_season(self, begun: int, day: int) -> bool:
        """Tell whether low use since one day, on another, is like a stop that began at this time of an earlier year."""
        for first, length in self.rests:
            years = round((begun - first) / _YEAR)
            near = abs(begun - first - years * _YEAR) <= _SAME_SEASON
            if years and near and day - begun < length + _SAME_LENGTH:
                return True
        return False

    def at_end_of(self, known: Series, share: float, calendar: Calendar) -> Habit:
        """Return the habit when all closed days are taken in: the last ones have not settled, and any may be restated.

        Parameters
        ----------
        known
            The closed days.
        share
            Below this share of the usual use it stands still.
        calendar
            Knows working days.
        """
        values, first = known.values, known.last - len(known.values) + 1
        now = self.copy()
        if now.begun:
            limit = share * now.usual
            for index in range(min(now.last - first, len(values) - 1), max(now.begun - first, 0) - 1, -1):
                if values[index] >= limit:  # restated
                    now.begun = first + index + 1 if first + index < now.last else 0
                    break
        for index in range(max(now.last + 1 - first, 0), len(values)):
            day, worked = first + index, now.worked
            now.stops += now.take(values, index, day, share, workday=calendar.is_workday(day)) > 0 and worked
        if now.begun:
            limit = share * now.usual
            while now.begun > first and values[now.begun - first - 1] < limit:
                now.begun -= 1
        return now

    def dump(self) -> list[Plain]:
        """Return what :meth:`load` takes."""
        stop: list[Plain] = [self.begun, self.usual, self.idle, self.worked] if self.begun else []
        return [self.last, self.days, self.stops, [*self.longest], [[*rest] for rest in self.rests], *stop]

    @classmethod
    def load(cls, state: list[Plain]) -> Habit:
        """Restore what :meth:`dump` returned."""
        loaded = cls()
        loaded.last, loaded.days, loaded.stops, longest, rests, *stop = state  # type: ignore[assignment]  # as dumped
        loaded.longest = [*longest]  # type: ignore[misc]  # as dump wrote them
        loaded.rests = [[*rest] for rest in rests]  # type: ignore[union-attr, misc]  # as dump wrote them
        if stop:
            loaded.begun, loaded.usual, loaded.idle, loaded.worked = stop  # type: ignore[assignment]  # as above
        return loaded


def _before(values: Sequence[float], index: int) -> tuple[float, float]:
    """Return the median of the 56 days before a value, NaN if too few are known, and the share of nearly idle ones.

    Examples
    --------
    >>> _before([100.0] * 9 + [2.0, 100.0], 10)
    (100.0, 0.1)
    """
    known = sorted([value for value in values[max(index - _WINDOW, 0) : index] if value >= 0])
    count = len(known)
    if count < _LEAST:
        return nan, 0.0
    middle = count // 2
    usual = known[middle] if count % 2 else known[middle - 1] / 2 + known[middle] / 2
    return usual, bisect_left(known, _IDLE * usual) / count
