"""Value novelty on the Numenta Anomaly Benchmark (NAB v1.1): 58 streams with labelled windows of trouble, or a part.

The scoring is NAB's own. A window counts once, by the earliest row in it that is told; a row that is told outside costs
less the nearer it follows a window. One threshold holds for all files. A file's first rows are not judged.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.novelty import ValueNovelty
from streams.evaluation.suite import Task, unpacking, write_rows

#: This share of a file's rows, of so many at most, is not judged.
_PROBATION, _PROBATION_OF = 0.15, 5_000
#: Further than this many windows' lengths after a window, a false row costs its full price.
_FAR = 3.0

Array = NDArray[np.float64]


class Profile(NamedTuple):
    """What a window that is found brings, what one that is missed costs, and what a false row costs at most."""

    hit: float
    miss: float
    false: float


PROFILES: Mapping[str, Profile] = {
    "standard": Profile(1.0, 1.0, 0.11),
    "low_fp": Profile(1.0, 1.0, 0.22),
    "low_fn": Profile(1.0, 2.0, 0.11),
}


@dataclass(frozen=True, slots=True)
class Stream:
    """One file.

    Parameters
    ----------
    name
        ``group/file.csv``.
    times
        As they stand in the file.
    values
        One for each time.
    windows
        First and last row of each labelled window, in order.
    """

    name: str
    times: Sequence[str]
    values: Sequence[float]
    windows: Sequence[tuple[int, int]]

    @property
    def judged_from(self) -> int:
        """The first row that is judged."""
        return math.ceil(min(math.floor(_PROBATION * len(self.values)), _PROBATION * _PROBATION_OF))


class Rows(NamedTuple):
    """The judged rows of all files, one after the other.

    Parameters
    ----------
    scores
        How new each is.
    windows
        Number of the window that each lies in; -1: in none.
    worth
        1 to 0 inside of a window, from its first row to its last; 0 to -1 behind one; -1 before the first.
    labelled
        How many windows there are, those included that are not judged.
    """

    scores: Array
    windows: NDArray[np.int64]
    worth: Array
    labelled: int


class Scored(NamedTuple):
    """What one profile gives: 100 is perfect, 0 is silence."""

    score: float
    threshold: float
    windows_hit: int
    fp_rows: int


def evaluate(task: Task, tell: Callable[[int, int], None]) -> Mapping[str, object]:
    """Return NAB's three scores of value novelty, and the thresholds behind them."""
    streams = read(task)
    carried = _thresholds(task.thresholds) if task.thresholds else None
    scores: dict[str, list[float]] = {}
    used = 0.0
    for number, stream in enumerate(streams):
        tell(number, len(streams))
        begun = process_time()
        scores[stream.name] = score(stream.values)
        used += process_time() - begun
        if task.out:
            write_rows(
                task.out / stream.name,
                ("timestamp", "anomaly_score"),
                zip(stream.times, map(repr, scores[stream.name]), strict=True),
            )
    tell(len(streams), len(streams))
    rows = collect(streams, scores)
    scored = {name: judge(rows, profile, carried[name] if carried else None) for name, profile in PROFILES.items()}
    return {
        **{name: round(one.score, 2) for name, one in scored.items()},
        "thresholds": {name: one.threshold for name, one in scored.items()},
        "windows_hit": scored["standard"].windows_hit,
        "fp_rows": scored["standard"].fp_rows,
        "windows": rows.labelled,
        "us_per_obs": round(1e6 * used / sum(len(stream.values) for stream in streams), 2),
    }


def score(values: Sequence[float]) -> list[float]:
    """Return how new each value is, by those before it."""
    novelty = ValueNovelty()
    return [novelty.update(value) for value in values]


def read(task: Task) -> list[Stream]:
    """Return the files that ``nab/windows.json`` names, in its order.

    Raises
    ------
    MissingDataError
        If the windows or a file is missing.
    ValueError
        If one of them cannot be read, or no window is labelled.
    """
    path = task.file("nab", "windows.json")
    labels = _object(path)
    if not any(labels.values()):
        message = f"{path} labels no window, so that there is nothing to find"
        raise ValueError(message)
    return [_stream(name, task.file("nab", "data", *name.split("/")), labels[name]) for name in labels]


def _stream(name: str, path: Path, labels: Any) -> Stream:
    times: list[str] = []
    values: list[float] = []
    rows: dict[datetime, int] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            try:
                moment, value = datetime.fromisoformat(row["timestamp"]), float(row["value"])
            except (KeyError, TypeError, ValueError) as error:
                message = f"{path}, line {reader.line_num}: a timestamp and a value are needed: {error}"
                raise ValueError(message) from None
            rows.setdefault(moment, len(times))
            times.append(row["timestamp"])
            values.append(value)
    try:
        windows = [(rows[datetime.fromisoformat(first)], rows[datetime.fromisoformat(last)]) for first, last in labels]
    except (KeyError, TypeError, ValueError) as error:
        message = f"{path}: windows.json has an edge that is no time of this file: {error}"
        raise ValueError(message) from None
    return Stream(name, times, values, windows)


def _object(path: Path) -> dict[str, Any]:
    with unpacking(path):
        content = path.read_bytes()
    try:
        found = json.loads(content)
    except ValueError as error:
        message = f"{path} is no JSON: {error}"
        raise ValueError(message) from None
    if not isinstance(found, dict):
        message = f"{path} must hold an object"
        raise ValueError(message)
    return found


def _thresholds(path: Path) -> dict[str, float]:
    found = _object(path)
    # What --json printed is taken as a whole, too.
    found = found.get("thresholds", found)
    try:
        return {name: float(found[name]) for name in PROFILES}
    except (KeyError, TypeError, ValueError) as error:
        message = f"{path} must hold a number for each of {', '.join(PROFILES)}: {error}"
        raise ValueError(message) from None


def collect(streams: Sequence[Stream], scores: Mapping[str, Sequence[float]]) -> Rows:
    """Return the judged rows of all files."""
    found, windows, worth = [], [], []
    labelled = 0
    for stream in streams:
        judged = slice(stream.judged_from, None)
        inside, value = _worth(stream)
        found.append(np.asarray(scores[stream.name], float)[judged])
        windows.append(np.where(inside < 0, -1, inside + labelled)[judged])
        worth.append(value[judged])
        labelled += len(stream.windows)
    return Rows(np.concatenate(found), np.concatenate(windows), np.concatenate(worth), labelled)


def _worth(stream: Stream) -> tuple[NDArray[np.int64], Array]:
    """Return of each row of a file the window that it lies in, and what telling it is worth."""
    inside = np.full(len(stream.values), -1)
    worth = np.full(len(stream.values), -1.0)
    begins = [first for first, _ in stream.windows] + [len(stream.values)]
    for number, (first, last) in enumerate(stream.windows):
        length, end = last - first + 1, begins[number + 1]
        inside[first : last + 1] = number
        worth[first : last + 1] = _scaled(np.arange(-length, 0) / length) / _scaled(np.array([-1.0]))
        behind = np.arange(1, end - last)
        worth[last + 1 : end] = _scaled(behind / max(length - 1, 1))
    return inside, worth


def _scaled(position: Array) -> Array:
    """Return NAB's sigmoid of a place relative to a window's end, in windows' lengths: near 1 before, -1 behind it."""
    near = 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, _FAR))) - 1.0
    return np.where(position > _FAR, -1.0, near)


def judge(rows: Rows, profile: Profile, threshold: float | None = None) -> Scored:
    """Return the score at a threshold; without one, at the threshold that is best for these very rows.

    A row is told if its score is at the threshold or above.
    """
    order = np.argsort(-rows.scores, kind="stable")
    gains, null = _gains(rows, profile, order)
    sums = np.concatenate(([0.0], np.cumsum(gains)))
    ordered = rows.scores[order]
    if threshold is None:
        # Rows with the same score are told together. Silence is a threshold just above the highest score.
        together = np.concatenate(([True], ordered[1:] != ordered[:-1], [True]))
        places = np.flatnonzero(together)
        place = int(places[np.argmax(sums[places])])
        threshold = float(ordered[place - 1]) if place else float(np.nextafter(ordered[0], np.inf))
    told = rows.scores >= threshold
    perfect = rows.labelled * profile.hit
    total = null + sums[int(told.sum())]
    return Scored(
        100.0 * float(total - null) / (perfect - null) if perfect > null else math.nan,
        threshold,
        len(np.unique(rows.windows[told & (rows.windows >= 0)])),
        int((told & (rows.windows < 0)).sum()),
    )


def _gains(rows: Rows, profile: Profile, order: NDArray[np.int64]) -> tuple[Array, float]:
    """Return what each row adds, told in this order, and the sum with none."""
    gains = np.where(rows.windows[order] < 0, rows.worth[order] * profile.false, 0.0)
    best = dict.fromkeys(np.unique(rows.windows[rows.windows >= 0]).tolist(), -profile.miss)
    null = sum(best.values())
    for place in np.flatnonzero(rows.windows[order] >= 0).tolist():
        row = order[place]
        window = int(rows.windows[row])
        better = max(best[window], profile.hit * float(rows.worth[row]))
        gains[place] = better - best[window]
        best[window] = better
    return gains, float(null)
