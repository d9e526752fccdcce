"""How long scoring stood still: gaps between the checkpoints of each partition group, as the journal shows them.

Under steady load a group writes a checkpoint every half second; a longer gap is a pause that somebody waits for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import quantiles
from typing import NamedTuple


@dataclass(slots=True)
class Mark:
    """A moment at which something was done to the scorers.

    Parameters
    ----------
    at_ms
        When.
    moved
        The partition groups that lost their scorer by it. The others kept theirs, with its memory.
    """

    at_ms: int
    moved: Collection[int] = field(default_factory=frozenset)


class Pauses(NamedTuple):
    """Pauses in seconds, one for each mark and partition group."""

    moved: list[float]
    kept: list[float]

    def figures(self) -> dict[str, dict[str, float]]:
        """Return median, 95th percentile, longest and number of each kind that there is."""
        return {name: _spread(found) for name, found in self._asdict().items() if found}


def pauses(times: Mapping[int, Sequence[int]], marks: Sequence[Mark], end_ms: int) -> Pauses:
    """Return the longest gap of each group between each mark and the next.

    Parameters
    ----------
    times
        By partition group, when its checkpoints were written, ascending. Milliseconds.
    marks
        In the order of time.
    end_ms
        When the load ended.

    Examples
    --------
    >>> pauses({0: [0, 500, 6_500, 7_000], 1: [0, 400, 900]}, [Mark(600, {0})], 1_000)
    Pauses(moved=[6.0], kept=[0.5])
    """
    found = Pauses([], [])
    for group, written in times.items():
        longest: dict[int, tuple[float, bool]] = {}
        for before, after in pairwise(written):
            hit = [n for n, mark in enumerate(marks) if before < _end(marks, n, end_ms) and after > mark.at_ms]
            if hit:  # a pause that several marks fall into is the first one's
                moved = any(group in marks[n].moved for n in hit)
                longest[hit[0]] = max(longest.get(hit[0], (0.0, moved)), ((after - before) / 1000, moved))
        for seconds, moved in longest.values():
            (found.moved if moved else found.kept).append(seconds)
    return found


def _end(marks: Sequence[Mark], number: int, end_ms: int) -> int:
    return marks[number + 1].at_ms if number + 1 < len(marks) else end_ms


def _spread(found: Sequence[float]) -> dict[str, float]:
    percentiles = quantiles(found, n=20, method="inclusive") if len(found) > 1 else [found[0]] * 19
    return {
        "p50": round(percentiles[9], 2),
        "p95": round(percentiles[18], 2),
        "max": round(max(found), 2),
        "count": len(found),
    }
