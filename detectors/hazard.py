"""A stop as a hazard: how likely it is, on each of its days, that it will last 30 days.

A logistic regression whose coefficients stand in the configuration, as a prior of what stops of enterprises are like
anywhere; what is learned online is each enterprise's own habit, which goes in as evidence. So a decision depends on
nothing but the enterprise's own readings and its peers'.
"""

from __future__ import annotations

from bisect import bisect_right
from math import exp, log, log1p
from typing import NamedTuple

from detectors.config import StopConfig
from detectors.habits import Habit

_YEAR = 365
#: An enterprise that is known for fewer days is judged as if it were known for so many.
_LEAST_DAYS = 60
#: A stop so much longer than the present one makes it more likely that this one lasts, too; none must be longer.
_LONGER, _LONGEST = 3, 30
#: Public holidays beyond these say nothing more.
_HOLIDAYS = 5
_RESIDUAL_RANGE = 0.02, 1.0
_SIZE_KWH, _SIZE_RANGE = 1000.0, 3.0


class Stop(NamedTuple):
    """A stop so far.

    Parameters
    ----------
    days
        How long it has lasted: days with a reading on which the peers were not low, too.
    holidays
        Public holidays among its days.
    residual
        Mean use during the stop as a share of the limit below which an enterprise stands still.
    """

    days: int
    holidays: int
    residual: float


def chance(stop: Stop, habit: Habit, config: StopConfig) -> float:
    """Return the probability that a stop will last 30 days.

    Parameters
    ----------
    stop
        So far; at least one day.
    habit
        The enterprise's earlier stops, and how it did before this one.
    config
        The coefficients.

    Examples
    --------
    >>> habit = Habit()
    >>> habit.days, habit.usual = 300, 1000.0
    >>> [round(chance(Stop(days, 0, 0.2), habit, StopConfig()), 2) for days in (2, 5, 10)]
    [0.1, 0.36, 0.66]
    >>> habit.stops = 12
    >>> round(chance(Stop(5, 0, 0.2), habit, StopConfig()), 2)
    0.05
    """
    low, high = _RESIDUAL_RANGE
    size = log(max(habit.usual, 1e-9) / _SIZE_KWH)
    odds = (
        config.intercept
        + config.log_days * log(stop.days)
        + config.log_stops_a_year * log1p(habit.stops * _YEAR / max(habit.days, _LEAST_DAYS))
        + config.log_longer_stops * log1p(_reaching(habit.longest, min(stop.days + _LONGER, _LONGEST)))
        + config.idle_share * habit.idle
        + config.log_residual * log(min(max(stop.residual, low), high))
        + config.log_size * min(max(size, -_SIZE_RANGE), _SIZE_RANGE)
        + config.holiday * min(stop.holidays, _HOLIDAYS)
    )
    return 1.0 / (1.0 + exp(-odds))


def _reaching(longest: list[int], days: int) -> int:
    """Return how many stops lasted so many days; they are sorted, longest first."""
    return bisect_right(longest, -days, key=lambda length: -length)
