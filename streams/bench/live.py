"""What a whole live stack keeps up with: producer, broker, scorers, recorder and ClickHouse on one machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from clickhouse_connect.driver.client import Client

from connectors.kafka.admin import Admin, connected
from connectors.topics import DEAD_LETTERS, STATE
from detectors.calendar import Calendar
from streams.bench import producer, watcher
from streams.bench.companion import Companion
from streams.bench.conditions import conditions, load_average
from streams.bench.load import CASE_EVERY, DECIDES_EVERY, FLOOD, SLOT_MS, Form
from streams.bench.measure import cpu_s
from streams.clock import Clock, moment
from streams.private import PrivateStack, memory_mb

_SAMPLE_S = 1.0
#: Rates are taken after the first part of a run.
_SETTLING = 0.2
#: How long the enterprises may take to become known, besides a millisecond each.
_MEETING_S = 60.0
#: Days close 30 hours after their beginning at the earliest: at four in the morning yesterday is open, for two hours.
_HOUR = 4


@dataclass(frozen=True, slots=True)
class Task:
    """What to keep up with.

    Parameters
    ----------
    rate, seconds
        Signals a second, and for how long.
    enterprises
        How many they are spread over; raised if there are not enough quarters of an hour in the days that are open.
    form
        Of the readings; court records are JSON.
    scorers
        How many scorer processes.
    """

    rate: int
    seconds: float
    enterprises: int
    form: Form
    scorers: int


@dataclass(frozen=True, slots=True)
class Sample:
    """How far everything was at one moment of the monotonic clock.

    Parameters
    ----------
    at_s
        When.
    scored
        Records of readings in committed checkpoints.
    recorded
        Rows of signals in ClickHouse.
    state_bytes
        Bytes that have been appended to the topic ``state``.
    """

    at_s: float
    scored: int
    recorded: int
    state_bytes: int


class LogGrowth:
    """Adds up what is appended to the logs of a topic, from the sizes of their newest segments.

    Compaction rewrites older segments, so the sizes of those say nothing.

    Parameters
    ----------
    directory
        Where the broker keeps its logs.
    topic
        Which topic.
    """

    def __init__(self, directory: Path, topic: str) -> None:
        self._directory = directory
        self._topic = topic
        self._newest: dict[str, tuple[str, int]] = {}
        self.total = 0

    def look(self) -> int:
        """Return all bytes seen so far; look often enough that no segment comes and goes in between."""
        for log in self._directory.glob(f"{self._topic}-[0-9]*"):
            segments = sorted(log.glob("*.log"))
            if segments:
                self._look_at(log.name, segments)
        return self.total

    def _look_at(self, log: str, segments: Sequence[Path]) -> None:
        name, size = segments[-1].name, segments[-1].stat().st_size
        known, seen = self._newest.get(log, (name, 0))
        if known == name:
            self.total += size - seen
        else:
            before = next((path.stat().st_size for path in segments if path.name == known), seen)
            self.total += max(0, before - seen) + size
        self._newest[log] = name, size


def open_zone(now_ms: int) -> tuple[str, int, int]:
    """Return a zone in which much time is open now, the first moment that is, and how many quarters lie behind it.

    Examples
    --------
    >>> zone, begin_ms, slots = open_zone(1_772_985_600_000)  # 16:00 UTC
    >>> zone, slots
    ('Etc/GMT-12', 112)
    """
    offset = (_HOUR - moment(now_ms).astimezone(UTC).hour + 11) % 24 - 11
    zone = f"Etc/GMT{-offset:+d}"
    calendar = Calendar(zone)
    begin_ms = calendar.day_start(calendar.day_of(now_ms) - 1)
    return zone, begin_ms, (now_ms - begin_ms) // SLOT_MS


def bench_live(directory: Path, task: Task, clock: Clock, say: Callable[[str], None]) -> dict[str, object]:
    """Send at a steady rate into a private live stack, watch it, and wait until everything is in ClickHouse.

    Parameters
    ----------
    directory
        Where the stack may live.
    task
        What to keep up with.
    clock
        To measure by.
    say
        Told what is being done.
    """
    load = load_average()
    zone, begin_ms, slots = open_zone(clock.now_ms())
    signals = round(task.rate * task.seconds)
    enterprises = max(task.enterprises, -(-signals // (slots - 1)))
    say("starting a private stack")
    with PrivateStack(directory / "stack", task.scorers, stack_time="live", zone=zone) as stack, ExitStack() as opened:
        bootstrap, partitions = stack.endpoints.kafka.bootstrap, stack.settings.partitions
        job = producer.Job(bootstrap, partitions, enterprises, task.rate, signals, task.form, begin_ms)
        run = Run(stack, job, clock, say, opened)
        run.meet(timeout_s=_MEETING_S + enterprises / 1_000)
        run.send()
        run.finish(timeout_s=max(60.0, 5 * task.seconds))
        return run.result() | {
            "enterprises": enterprises,
            "form": task.form,
            "scorers": task.scorers,
            "conditions": conditions(load),
        }


class Run:
    """One run on a stack that is up.

    Parameters
    ----------
    stack
        Where to send.
    job
        What to send.
    clock, say
        See :func:`bench_live`.
    opened
        Closes what this opens.
    """

    def __init__(
        self, stack: PrivateStack, job: producer.Job, clock: Clock, say: Callable[[str], None], opened: ExitStack
    ) -> None:
        self._stack = stack
        self._job = job
        self._clock = clock
        self._say = say
        self._samples: list[Sample] = []
        self._growth = LogGrowth(stack.settings.data_dir / "kafka" / "records", STATE)
        self._client: Client = opened.enter_context(stack.client())
        self._admin: Admin = opened.enter_context(connected(stack.endpoints.kafka))
        self._introduced = 0  # rows before the time begins
        self._watcher = opened.enter_context(Companion(clock, watcher.__name__, job.bootstrap, str(job.partitions)))
        self._producer = opened.enter_context(Companion(clock, producer.__name__, json.dumps(asdict(job))))
        self._watcher.wait_ready()
        self._producer.wait_ready()

    def meet(self, timeout_s: float) -> None:
        """Wait until every enterprise has been seen: that all are new at once is no part of the load.

        Raises
        ------
        TimeoutError
            If it takes too long.
        """
        known = self._job.enterprises
        self._say(f"introducing {known:,} enterprises")
        app = self._stack.settings.app

        def met() -> bool:
            return self._rows() >= known and not any(topic.lag for topic in self._admin.lag(app, [FLOOD]))

        self._producer.wait_for("introduction", met, timeout_s)
        self._introduced = known

    def send(self) -> None:
        """Have everything sent, taking samples meanwhile."""
        processes = self._processes()
        self._growth.look()
        before = cpu_s(processes)
        self._producer.go()
        while not self._end():
            time.sleep(_SAMPLE_S)
            self._producer.check()
            self._sample()
        used = cpu_s(processes)
        seconds = self._end()["at_s"] - self._end()["began_s"]
        self._cpu = {name: round((used[name] - before[name]) / seconds, 3) for name in used}
        self._memory = memory_mb(self._stack.pids())

    def finish(self, timeout_s: float) -> None:
        """Wait until all is recorded and all alerts are read, or the time is over."""
        deadline = self._clock.monotonic() + timeout_s
        while self._clock.monotonic() < deadline and (self._missing() or self._undecided()):
            time.sleep(0.1)
            self._sample()

    def result(self) -> dict[str, Any]:
        """Return what was found."""
        end, samples = self._end(), self._samples
        seconds = end["at_s"] - end["began_s"]
        per_record = self._job.signals / end["flood_records"]
        known_s = end["began_s"] + _SETTLING * seconds
        sending = [s for s in samples if known_s <= s.at_s <= end["at_s"]] or samples[:2]
        rates = {
            "sent_per_s": end["sent"] / seconds,
            "scored_per_s": _slope([(s.at_s, s.scored * per_record) for s in sending]),
            "recorded_per_s": _slope([(s.at_s, float(s.recorded)) for s in sending]),
        }
        delays = sorted(delay for (delay,) in self._watcher.said)
        missing = self._missing()
        return {
            "rate": self._job.rate,
            "rate_kept": round(min(rates.values()), 1),
            **{name: round(rate, 1) for name, rate in rates.items()},
            "p50_ms": _quantile(delays, 0.5),
            "p99_ms": _quantile(delays, 0.99),
            "max_ms": _quantile(delays, 1.0),
            "decisions": {"expected": self._expected(), "seen": len(delays)},
            "recorded_lag_s": None if missing else round(self._recorded_at() - end["at_s"], 2),
            "not_recorded": missing,
            "worst_recorded_lag_s": round(max(self._lag(sample) for sample in samples), 2),
            "cpu": self._cpu,
            "state_mb_per_s": round(_slope([(s.at_s, float(s.state_bytes)) for s in sending]) / 1e6, 2),
            "memory_mb": self._memory,
            "signals": end["sent"],
            "seconds": round(seconds, 2),
            "dead_letters": sum(self._admin.end_offsets([DEAD_LETTERS])[DEAD_LETTERS].values()),
        }

    # ---- looking -------------------------------------------------------------------------------------------------

    def _sample(self) -> None:
        committed = self._admin.group_offsets(self._stack.settings.app).get(FLOOD, {})
        scored, recorded = sum(committed.values()), self._rows()
        self._samples.append(Sample(self._clock.monotonic(), scored, recorded, self._growth.look()))
        self._say(f"{recorded:,} of {self._job.signals:,} signals recorded")

    def _rows(self) -> int:
        return int(self._client.query("SELECT count() FROM signals").result_rows[0][0]) - self._introduced

    def _processes(self) -> Mapping[str, psutil.Process]:
        pids = self._stack.pids() | {"producer": self._producer.pid, "watcher": self._watcher.pid}
        return {name: psutil.Process(pid) for name, pid in pids.items()}

    def _end(self) -> Mapping[str, Any]:
        """Return the producer's last words; empty while it sends."""
        said: list[Mapping[str, Any]] = self._producer.said
        return said[-1] if said and "began_s" in said[-1] else {}

    def _missing(self) -> int:
        return max(0, int(self._end()["sent"]) - self._samples[-1].recorded)

    def _expected(self) -> int:
        return self._job.signals // CASE_EVERY // DECIDES_EVERY

    def _undecided(self) -> bool:
        return len(self._watcher.said) < self._expected()

    def _recorded_at(self) -> float:
        return next(sample.at_s for sample in self._samples if sample.recorded >= self._end()["sent"])

    def _lag(self, sample: Sample) -> float:
        """Return how old the oldest signal was that had not been recorded."""
        told = self._producer.said
        times = [told[-1]["began_s"], *(line["at_s"] for line in told)]
        sent = [0, *(line["sent"] for line in told)]
        newest = float(np.interp(sample.at_s, times, sent))
        if sample.recorded >= newest:
            return 0.0
        return sample.at_s - float(np.interp(sample.recorded, sent, times))


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the growth per second: of the line with the least squares, since checkpoints and inserts come in leaps.

    Examples
    --------
    >>> round(_slope([(0.0, 0.0), (1.0, 2.0), (2.0, 4.0)]), 6)
    2.0
    """
    if len(points) < 2:
        return 0.0
    times, values = (np.array(column) for column in zip(*points, strict=True))
    away = times - times.mean()
    return float((away * values).sum() / (away * away).sum())


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return float(np.quantile(ordered, share)) if ordered else None
