"""How much memory enterprises need, and how soon a killed scorer goes on, after load and not on a fresh topic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import numpy as np
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from connectors.catalogue import DAY_MS
from connectors.topics import DEAD_LETTERS, STATE
from streams import metrics
from streams.bench.backlog import release
from streams.bench.conditions import conditions, load_average
from streams.bench.load import Chunk, Fleet, Form, counted, history, other_families, quarters
from streams.bench.score import BEGIN_MS, Course, Task
from streams.bench.scoring import ScoringStack
from streams.checkpoint import read_state
from streams.clock import Clock, millis
from streams.probes import METRICS
from streams.state import COLD

#: One enterprise in so many has a long past: two months of days, a year of months.
LONG_ONE_IN = 500
#: One in so many has something of the four families that are not the flood: an event costs a hundred readings.
OTHERS_ONE_IN = 5
_LONG_DAYS, _LONG_MONTHS = 60, 12
_DAYS = 2
#: Written before it is released: a stretch that fits the page cache.
_STRETCH = 6_000_000
_TIMEOUT_S = 1_200.0
#: No stretch of the load begins so long after the start: the whole, the way back included, shall take 20 minutes.
_LAST_BEGIN_S = 17 * 60.0
_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Load:
    """What the scorer goes through before it is measured.

    Parameters
    ----------
    enterprises
        How many; one in ``OTHERS_ONE_IN`` has something of all five families, the others have electricity.
    minutes, rate
        So many minutes' worth of so many signals a second, or whatever is done of it by 17 minutes after the
        start, warming up included; a stretch at least.
    form
        Of the readings.
    """

    enterprises: int
    minutes: float
    rate: int
    form: Form

    @property
    def signals(self) -> int:
        """How many readings that is."""
        return round(self.minutes * 60 * self.rate)


def bench_state(directory: Path, load: Load, clock: Clock, say: Callable[[str], None]) -> dict[str, object]:
    """Measure one scorer that holds all enterprises: its memory, its checkpoints, and its way back after SIGKILL.

    Parameters
    ----------
    directory
        Where the stack may live.
    load
        What comes before.
    clock
        To measure by.
    say
        Told what is being done.
    """
    before, began = load_average(), clock.monotonic()
    task = Task(load.enterprises, min(load.signals, _STRETCH), load.form, _DAYS)
    course = Course(task, say)
    say("starting a broker and a scorer")
    with ScoringStack(directory / "stack", clock) as stack:
        stack.scale(1)
        empty = _resident(stack)
        _settle(stack, course, load.form, clock, say)
        quiet = _page(stack)
        done, seconds = _work(stack, course, load, clock, began + _LAST_BEGIN_S)
        busy, full = _page(stack), _resident(stack)
        restored = _restore(stack, course, load.form, clock, say)
        say("reading the topic state")
        cold = _cold_sizes(stack, course.fleet)
        refused = sum(stack.admin.end_offsets([DEAD_LETTERS])[DEAD_LETTERS].values())
    return {
        "bytes_per_enterprise": round((full - empty) / load.enterprises),
        "resident_gib": round(full / 2**30, 3),
        **restored,
        "checkpoint_ms": checkpoint_ms(quiet, busy),
        "cold_record_bytes": cold,
        "enterprises": load.enterprises,
        "load": {"signals": done, "seconds": round(seconds, 1), "worth_minutes": round(done / load.rate / 60, 2)},
        "form": load.form,
        "dead_letters": refused,
        "conditions": conditions(before),
    }


def _settle(stack: ScoringStack, course: Course, form: Form, clock: Clock, say: Callable[[str], None]) -> None:
    """Let every enterprise have some closed days and something of each family, and a few a long past."""
    chunks = chain(_past(course, form), quarters(course.fleet, course.table, range(1), form))
    told = counted(chunks, lambda signals: say(f"writing what came before: {signals:,} signals"))
    backlog = release(stack.kafka, told, clock)
    say(f"warming up with {backlog.signals:,} signals")
    stack.scored(backlog, _TIMEOUT_S)


def _past(course: Course, form: Form) -> Iterator[Chunk]:
    few = course.fleet.sample(LONG_ONE_IN)
    for month_ms, published_ms in months_before(BEGIN_MS, _LONG_MONTHS):
        yield from other_families(few, published_ms, month_ms)
    yield from history(few, course.table, range(-_LONG_DAYS, -_DAYS), form)
    month_ms, _ = months_before(BEGIN_MS, 0)[0]
    yield from other_families(course.fleet.sample(OTHERS_ONE_IN), BEGIN_MS - _DAYS * DAY_MS, month_ms)
    yield from history(course.fleet, course.table, range(-_DAYS, 0), form)


def months_before(moment_ms: int, count: int) -> list[tuple[int, int]]:
    """Return the month before a moment and so many before that, oldest first: start, and when it becomes known.

    Examples
    --------
    >>> [datetime.fromtimestamp(start / 1000, _ZONE).strftime("%Y-%m") for start, _ in months_before(BEGIN_MS, 2)]
    ['2025-12', '2026-01', '2026-02']
    """
    now = datetime.fromtimestamp(moment_ms / 1000, UTC).astimezone(_ZONE)
    first = now.year * 12 + now.month - 2 - count
    starts = [
        millis(datetime(month // 12, month % 12 + 1, 1, tzinfo=_ZONE)) for month in range(first, first + count + 2)
    ]
    return [(start, after + 3 * DAY_MS) for start, after in pairwise(starts)]


def _work(stack: ScoringStack, course: Course, load: Load, clock: Clock, until: float) -> tuple[int, float]:
    """Score until the load is done or the time is over; return how much, and how long that took."""
    done, seconds = 0, 0.0
    while not done or (done < load.signals and clock.monotonic() < until):
        pace = course.pace(stack, clock)
        done, seconds = done + pace.signals, seconds + pace.seconds
    return done, seconds


def _restore(
    stack: ScoringStack, course: Course, form: Form, clock: Clock, say: Callable[[str], None]
) -> Mapping[str, float]:
    """Kill the scorer while it has input, and measure until every partition group has gone on."""
    say("killing the scorer")
    stack.kill(0)
    slots = range(course.next, course.next + 1)
    first = Fleet(tuple(group[:1] for group in course.fleet.groups))
    waiting = release(stack.kafka, quarters(first, course.table, slots, form), clock)
    began = clock.monotonic()
    stack.scale(1)
    stack.scored(waiting, _TIMEOUT_S)
    seconds = clock.monotonic() - began
    reading = _value(_page(stack), metrics.RESTORE_SECONDS.name + "_sum")
    return {
        "restore_s": round(seconds, 2),
        "restore_reading_s": round(reading, 2),
        "resident_after_restore_gib": round(_resident(stack) / 2**30, 3),
    }


def _cold_sizes(stack: ScoringStack, fleet: Fleet) -> dict[str, object]:
    """Return how large the records are that enterprises have in the topic ``state``, key and value."""
    sizes: dict[bytes, int] = {}

    def note(_partition: int, key: bytes, value: bytes | None) -> None:
        if key.endswith(COLD):
            sizes[key] = len(key) + len(value or b"")

    asyncio.run(read_state(stack.kafka, range(len(fleet.groups)), note))
    few = {enterprise.encode() + COLD for group in fleet.sample(LONG_ONE_IN).groups for enterprise in group}
    end = sum(stack.admin.end_offsets([STATE])[STATE].values())
    return {
        "all": distribution(list(sizes.values())),
        "long_past": distribution([size for key, size in sizes.items() if key in few]),
        "records_written": end,
    }


def distribution(values: list[int]) -> dict[str, float]:
    """Return count, mean, quantiles and maximum; empty for no values.

    Examples
    --------
    >>> distribution([1, 2, 3])["p50"]
    2.0
    """
    if not values:
        return {}
    p50, p95, p99 = np.quantile(values, [0.5, 0.95, 0.99]).tolist()
    return {
        "count": len(values),
        "mean": round(float(np.mean(values)), 1),
        "p50": p50,
        "p95": p95,
        "p99": p99,
        "max": max(values),
    }


# ---- what the scorer tells of itself ---------------------------------------------------------------------------------


def _resident(stack: ScoringStack) -> int:
    return sum(process.memory_info().rss for process in stack.scorers().values())


def _page(stack: ScoringStack) -> str:
    """Return the scorer's metrics."""
    return httpx.get(f"{stack.probes()[0]}{METRICS}", timeout=30.0).text


def _value(page: str, sample: str) -> float:
    return sum(found.value for found in _samples(page) if found.name == sample)


def _samples(page: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(page):
        yield from family.samples


def checkpoint_ms(before: str, after: str) -> dict[str, float]:
    """Return the quantiles of the checkpoints written between two pages of metrics, interpolated within buckets."""
    name = metrics.CHECKPOINT_SECONDS.name + "_bucket"
    earlier = {found.labels["le"]: found.value for found in _samples(before) if found.name == name}
    counts = [
        (float(found.labels["le"]), found.value - earlier.get(found.labels["le"], 0.0))
        for found in _samples(after)
        if found.name == name
    ]
    return {"p50": _bucket_quantile(counts, 0.5), "p99": _bucket_quantile(counts, 0.99), "count": counts[-1][1]}


def _bucket_quantile(counts: list[tuple[float, float]], share: float) -> float:
    """Return a quantile of cumulative counts by upper bound, milliseconds."""
    wanted = share * counts[-1][1]
    low, below = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted and count > below:
            high = bound if np.isfinite(bound) else low
            return round(1_000 * (low + (high - low) * (wanted - below) / (count - below)), 1)
        low, below = bound, count
    return 0.0
