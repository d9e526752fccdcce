"""One period of one series as it stands for many enterprises at once.

A day closes for a whole partition group. What is the same for everybody then, the calendar above all, is looked up once
instead of once for each enterprise, and a call is made for all of them instead of for each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from detectors.calendar import Calendar
from detectors.contract import Context

#: Place in the cohort, memory, and the value of the period in question, which may be NaN.
Each: TypeAlias = Iterator[tuple[int, Any, float]]


@dataclass(frozen=True, slots=True)
class Cohort:
    """Enterprises of which the same period of a series closed last.

    Parameters
    ----------
    series
        Its name.
    last
        Ordinal of the period that closed last.
    back
        How many periods before it the one in question lies.
    histories
        The closed values of each enterprise, newest last. Treat as read-only.
    values
        Of each, that of the period in question; NaN where nothing came.
    known
        Names of all series of each of which anything has closed.
    calendar
        Days, months, holidays.
    context_of
        Makes the context of the enterprise at a place: for the few that need more than their values.
    """

    series: str
    last: int
    back: int
    histories: Sequence[Sequence[float]]
    values: Sequence[float]
    known: Sequence[Collection[str]]
    calendar: Calendar
    context_of: Callable[[int], Context]

    @property
    def period(self) -> int:
        """Ordinal of the period in question."""
        return self.last - self.back

    def index(self, place: int) -> int:
        """Return where the value of the period stands in the history of an enterprise."""
        return len(self.histories[place]) - 1 - self.back


class OneByOne:
    """The part of the contract for many at once, for detectors that would gain nothing from it."""

    def learn_many(self, each: Each, cohort: Cohort) -> None:
        """Learn from one enterprise after the other."""
        for place, memory, _ in each:
            self.learn_one(memory, cohort.context_of(place), cohort.series, cohort.index(place))

    def learn_one(self, memory: Any, context: Context, series: str, index: int) -> None:
        """Learn one value: what a detector has of its own."""
        raise NotImplementedError

    def suspects(self, memories: Sequence[Any], cohort: Cohort) -> Sequence[int]:
        """Return every place: each is to be asked."""
        del cohort
        return range(len(memories))
