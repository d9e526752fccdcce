"""Whether a signal costs more where there are more enterprises, or more scorers: there must be no cliff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streams.bench.conditions import conditions, load_average
from streams.bench.load import Form
from streams.bench.measure import Pace
from streams.bench.peers import pace_with
from streams.bench.score import BARE_LOOP, Course, Task
from streams.bench.scoring import ScoringStack
from streams.clock import Clock

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SCORERS = (1, 2, 4)
QUICK_SIZES, QUICK_SCORERS = (1_000, 10_000), (1, 2)
#: Signals of a stretch at least; where there are many enterprises, six turns of all of them.
_SIGNALS, _QUICK_SIGNALS = 600_000, 60_000
#: Closed days behind every enterprise: with more, warming up a million would take longer than all else.
_DAYS = 1
_TIMEOUT_S = 600.0
#: No stretch begins so long after the start: the whole shall take 20 minutes at most, on a slow machine, too.
_LAST_BEGIN_S = 14 * 60.0


@dataclass(frozen=True, slots=True)
class Point:
    """Processor time per signal at one size, of all scorers together and of the bare loop. Microseconds."""

    enterprises: int
    scorers: int
    us_per_signal: float
    bare_us_per_signal: float
    ratio: float
    signals_per_s: float


def bench_growth(directory: Path, quick: bool, form: Form, clock: Clock, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure from 1,000 to 1,000,000 enterprises with 1, 2 and 4 scorers, and the bare loop at each size.

    Parameters
    ----------
    directory
        Where the stacks may live, one after the other.
    quick
        Only two sizes, 1 and 2 scorers, and few signals.
    form
        Of the readings.
    clock
        To measure by.
    say
        Told what is being done.
    """
    load, until = load_average(), clock.monotonic() + _LAST_BEGIN_S
    sizes, scorers = (QUICK_SIZES, QUICK_SCORERS) if quick else (SIZES, SCORERS)
    points: list[Point] = []
    for size in sizes:
        task = Task(size, _QUICK_SIGNALS if quick else _SIGNALS, form, _DAYS)
        if clock.monotonic() < until:
            points += _points(directory / f"{size}", task, scorers, clock, until, say)
    ratios = [point.ratio for point in points]
    done = {(point.enterprises, point.scorers) for point in points}
    return {
        "points": [asdict(point) for point in points],
        "max_over_min": round(max(ratios) / min(ratios), 2),
        "no_time_for": [
            {"enterprises": size, "scorers": count} for size in sizes for count in scorers if (size, count) not in done
        ],
        "form": form,
        "closed_days": _DAYS,
        "conditions": conditions(load),
    }


def _points(
    directory: Path, task: Task, scorers: Sequence[int], clock: Clock, until: float, say: Callable[[str], None]
) -> list[Point]:
    def tell(text: str) -> None:
        say(f"{task.enterprises:,} enterprises: {text}")

    directory.mkdir()
    course = Course(task, tell)
    tell("starting a broker and a scorer")
    with ScoringStack(directory, clock) as stack:
        stack.scale(scorers[0])
        course.warm(stack, clock, len(scorers))
        paces: dict[int, Pace] = {}
        for count in scorers:
            if paces and clock.monotonic() > until:
                break
            stack.scale(count)
            paces[count] = course.pace(stack, clock)
        stack.scale(0)
        tell("the bare loop over the same records")
        bare = pace_with(BARE_LOOP, course.job(stack), _TIMEOUT_S)
    return [
        Point(
            enterprises=task.enterprises,
            scorers=count,
            us_per_signal=round(pace.us_per_signal, 3),
            bare_us_per_signal=round(bare.us_per_signal, 3),
            ratio=round(pace.us_per_signal / bare.us_per_signal, 2),
            signals_per_s=round(pace.signals_per_s, 1),
        )
        for count, pace in paces.items()
    ]
