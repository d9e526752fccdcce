"""The usual value of a series: robust against pauses, gaps and single peaks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import nan

#: Values below this share of the upper quartile are pauses, not use.
_PAUSE = 0.1


def usual(values: Sequence[float], least: int) -> float:
    """Return the median of the values that are no pause, or NaN when fewer than ``least`` are known.

    Pauses are left out, so that two weeks of standstill do not become the new usual. A series of zeros has 0.

    Examples
    --------
    >>> usual([100.0, 0.0, 104.0, float("nan"), 98.0, 0.0], least=3)
    100.0
    """
    known = sorted([v for v in values if v == v])
    count = len(known)
    if count < least or not count:
        return nan
    first = bisect_left(known, _PAUSE * known[(3 * count) // 4])
    middle = first + (count - first) // 2
    return known[middle] if (count - first) % 2 else (known[middle - 1] + known[middle]) / 2
