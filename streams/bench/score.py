"""How fast one scorer process is, against the bare loop and others who do only the bare work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, TopicPartition  # type: ignore[import-untyped]  # ships no types

from connectors.topics import DEAD_LETTERS
from streams.bench.backlog import Backlog, release
from streams.bench.conditions import conditions, load_average
from streams.bench.load import BLOCK, COURT, FLOOD, Fleet, Form, Timetable, counted, history, open_days, quarters
from streams.bench.measure import Pace, cpu_s
from streams.bench.peers import NOT_INSTALLED, PEERS, Job, installed, pace_with
from streams.bench.scoring import ScoringStack
from streams.clock import Clock

#: A Monday without holidays near it, at midnight in Shanghai: the figures do not depend on the day of measuring.
BEGIN_MS = 1_772_985_600_000
BARE_LOOP = "aiokafka"
_TIMEOUT_S = 1_200.0
_PARTITIONS = 16
#: Fewer enterprises do not fill a compact record for each group and slot.
_FEW = BLOCK * _PARTITIONS
NOT_RUN = "asked for with --peers"


@dataclass(frozen=True, slots=True)
class Task:
    """What to measure with.

    Parameters
    ----------
    enterprises
        How many, spread over 16 partition groups.
    signals
        How many at least; rounded up to whole slots of all enterprises, in which the groups' days close evenly.
    form
        Of the readings; court records are JSON.
    days
        How many closed days each enterprise has behind it: after the third its estimators have begun to learn.
    """

    enterprises: int
    signals: int
    form: Form = "json"
    days: int = 4


class Course:
    """The backlogs of one fleet, one after the other.

    Parameters
    ----------
    task
        How much of what.
    say
        Told what is being done.
    """

    def __init__(self, task: Task, say: Callable[[str], None]) -> None:
        self.fleet = Fleet.of(task.enterprises, _PARTITIONS)
        table = Timetable(_PARTITIONS, BEGIN_MS)
        # A stack's clock ticks by the minute. A few enterprises that report each quarter of an hour alone would make it
        # tick thousands of times a second, which no stack ever sees: they report several quarters at once.
        self.table = replace(table, uploads=table.step) if task.enterprises < _FEW else table
        self.slots = self.table.whole(-(-task.signals // task.enterprises))
        self.next = 1  # slot
        self._task = task
        self._say = say
        self._released: list[Backlog] = []

    def warm(self, stack: ScoringStack, clock: Clock, stretches: int = 1) -> int:
        """Let the scorers see every enterprise: closed days, the open one, one slot. Return how many signals."""
        fleet, table, task = self.fleet, self.table, self._task
        chunks = chain(
            history(fleet, table, range(-task.days, 0), task.form),
            open_days(fleet, table, self.slots * stretches, task.form),
            quarters(fleet, table, range(1), task.form),
        )
        backlog = release(stack.kafka, counted(chunks, self._tell("writing what came before")), clock)
        self._say(f"warming up with {backlog.signals:,} signals of {task.enterprises:,} enterprises")
        stack.scored(backlog, _TIMEOUT_S)
        self._released.append(backlog)
        return backlog.signals

    def pace(self, stack: ScoringStack, clock: Clock) -> Pace:
        """Release the next stretch to the running scorers and measure until it is in committed checkpoints."""
        slots = range(self.next, self.next + self.slots)
        self.next = slots.stop
        chunks = quarters(self.fleet, self.table, slots, self._task.form)
        scorers = stack.scorers()
        before: dict[str, float] = {}

        def at_release() -> None:
            before.update(cpu_s(scorers))
            self._say("scoring")

        backlog = release(stack.kafka, counted(chunks, self._tell("writing the backlog")), clock, at_release)
        seconds = stack.scored(backlog, _TIMEOUT_S)
        used = sum(cpu_s(scorers).values()) - sum(before.values())
        self._released.append(backlog)
        return Pace(backlog.signals, seconds, used)

    def job(self, stack: ScoringStack) -> Job:
        """Return the last stretch as a job for others; what lies before it is deleted."""
        *before, measured = self._released
        places = {TopicPartition(*place): end for backlog in before for place, end in backlog.ends.items()}
        with closing(KafkaAdminClient(**stack.kafka.kafka_python())) as client:
            client.delete_records(places)
        return Job(
            stack.kafka.bootstrap, (FLOOD, COURT), _PARTITIONS, measured.records, measured.signals,
            self._task.enterprises, self._task.form,
        )  # fmt: skip

    def _tell(self, what: str) -> Callable[[int], None]:
        return lambda signals: self._say(f"{what}: {signals:,} signals")


def bench_score(
    directory: Path, task: Task, peers: bool, clock: Clock, say: Callable[[str], None]
) -> dict[str, object]:
    """Measure one scorer on a private broker, then the bare loop, and others if wanted, over the same records.

    Each runs alone. A scorer's time counts from the release of the backlog until the last of it is in a committed
    checkpoint; the others', who write nothing, from their first record to their last.

    Parameters
    ----------
    directory
        Where the stack may live.
    task
        How much of what.
    peers
        Whether to measure other libraries, too.
    clock
        To measure by.
    say
        Told what is being done.
    """
    load = load_average()
    course = Course(task, say)
    say("starting a broker and a scorer")
    with ScoringStack(directory / "stack", clock) as stack:
        stack.scale(1)
        warm = course.warm(stack, clock)
        pace = course.pace(stack, clock)
        resident = {name: process.memory_info().rss for name, process in stack.scorers().items()}
        refused = sum(stack.admin.end_offsets([DEAD_LETTERS])[DEAD_LETTERS].values())
        stack.scale(0)
        job = course.job(stack)
        say("the bare loop over the same records")
        bare = pace_with(BARE_LOOP, job, _TIMEOUT_S)
        others = _others(job, bare, peers, say)
    return {
        "signals_per_s": round(pace.signals_per_s, 1),
        "us_per_signal": round(pace.us_per_signal, 3),
        "ratio_to_bare_loop": round(pace.signals_per_s / bare.signals_per_s, 3),
        "ratio_by_cpu": round(bare.us_per_signal / pace.us_per_signal, 3),
        "scorer": pace.as_json() | {"resident_mb": round(sum(resident.values()) / 1e6, 1)},
        "bare_loop": bare.as_json(),
        "peers": others,
        "enterprises": task.enterprises,
        "form": task.form,
        "quarters_at_once": course.table.uploads,
        "warm_up": {"signals": warm, "closed_days": task.days},
        "dead_letters": refused,
        "conditions": conditions(load),
    }


def _others(job: Job, bare: Pace, wanted: bool, say: Callable[[str], None]) -> Mapping[str, Any]:
    found: dict[str, Any] = {BARE_LOOP: bare.as_json()}
    for name in PEERS:
        if name != BARE_LOOP:
            found[name] = not_run(name, wanted=wanted)
            if not found[name]:
                say(f"the bare work with {name}")
                found[name] = pace_with(name, job, _TIMEOUT_S).as_json()
    return found


def not_run(name: str, *, wanted: bool) -> dict[str, str]:
    """Return why a peer is not measured; empty if it can be."""
    if not wanted:
        return {"not_run": NOT_RUN}
    return {} if installed(name) else {"not_run": NOT_INSTALLED}
