"""The usual value of a series: robust against pauses, gaps and single peaks, and finite for every finite input."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import exp, nan

#: Values below this share of the upper quartile are pauses, not use.
_PAUSE = 0.1
#: e to this power is still finite.
_HIGHEST = 700.0


def from_log(level: float) -> float:
    """Return the value of a logarithm; a level beyond every float is the highest one.

    Examples
    --------
    >>> from_log(0.0), from_log(1e9) < float("inf")
    (1.0, True)
    """
    return exp(min(level, _HIGHEST))


def usual(values: Sequence[float], least: int) -> float:
    """Return the median of the values that are no pause, or NaN when fewer than ``least`` are known.

    Pauses are left out, so that two weeks of standstill do not become the new usual. A series of zeros has 0.

    Examples
    --------
    >>> usual([100.0, 0.0, 104.0, float("nan"), 98.0, 0.0], least=3)
    100.0
    """
    total = sum(values)
    # The sum of a list with NaN is NaN; looking at each value costs as much as sorting them.
    return usual_of_ranked(sorted(values) if total == total else sorted([v for v in values if v == v]), least)


def usual_of_ranked(known: Sequence[float], least: int) -> float:
    """Return :func:`usual` of values without NaN that are sorted already.

    Examples
    --------
    >>> usual_of_ranked([0.0, 0.0, 98.0, 100.0, 104.0], least=3)
    100.0
    """
    count = len(known)
    if count < least or not count:
        return nan
    first = bisect_left(known, _PAUSE * known[(3 * count) // 4])
    middle = first + (count - first) // 2
    return known[middle] if (count - first) % 2 else known[middle - 1] / 2 + known[middle] / 2
