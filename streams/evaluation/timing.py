"""What detectors cost: the same detectors with a stopwatch around each call, for evaluations only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from time import process_time
from typing import Any, TypeVar, cast

from detectors.cohort import Cohort, Each
from detectors.contract import AnyDetector, Context, Event, EventDetector, Opinion, PeriodDetector, Plain
from detectors.memoryless import Memoryless

_LOOKS = 10_000
Result = TypeVar("Result")


@cache
def own_cost() -> float:
    """Return the processor time that reading the processor time takes, seconds."""
    began = process_time()
    for _ in range(_LOOKS):
        process_time()
    return (process_time() - began) / _LOOKS


class _Watched:
    """A detector whose saving is timed; what it judges and learns is for the two kinds to say."""

    def __init__(self, detector: AnyDetector, spent: Counter[str]) -> None:
        self._detector, self._spent = detector, cast("dict[str, float]", spent)
        self.name, self.version, self.family = detector.name, detector.version, detector.family

    def memory(self) -> Any:
        """Return a new enterprise's memory."""
        return self._detector.memory()

    def dump(self, memory: Any) -> list[Plain]:
        """Return the memory as plain values."""
        return self._timed(self._detector.dump, memory)

    def load(self, state: list[Plain]) -> Any:
        """Return the memory that ``dump`` described."""
        return self._detector.load(state)

    def _timed(self, work: Callable[..., Result], *arguments: Any) -> Result:
        began = process_time()
        result = work(*arguments)
        self._spent[self.name] += process_time() - began - own_cost()
        return result


class _Periods(_Watched):
    """A detector of periods."""

    def __init__(self, detector: PeriodDetector, spent: Counter[str]) -> None:
        super().__init__(detector, spent)
        self.series, self._of_many = detector.series, detector

    def judge_one(self, memory: Any, context: Context) -> Sequence[Opinion]:
        """Judge, and note how long it took."""
        return self._timed(self._detector.judge_one, memory, context)

    def learn_one(self, memory: Any, context: Context, series: str, index: int) -> None:
        """Learn, and note how long it took."""
        self._timed(self._detector.learn_one, memory, context, series, index)

    def learn_many(self, each: Each, cohort: Cohort) -> None:
        """Learn of many, and note how long it took."""
        self._timed(self._of_many.learn_many, each, cohort)

    def suspects(self, memories: Sequence[Any], cohort: Cohort) -> Sequence[int]:
        """Tell who is suspected, and note how long it took."""
        return self._timed(self._of_many.suspects, memories, cohort)


class _MemorylessPeriods(_Periods, Memoryless):
    """The engine does not ask those without a memory to learn."""


class _Events(_Watched):
    """A detector of events."""

    def __init__(self, detector: EventDetector, spent: Counter[str]) -> None:
        super().__init__(detector, spent)
        self.events = detector.events

    def judge_one(self, memory: Any, event: Event, context: Context) -> Sequence[Opinion]:
        """Judge, and note how long it took."""
        return self._timed(self._detector.judge_one, memory, event, context)

    def learn_one(self, memory: Any, event: Event, context: Context) -> None:
        """Learn, and note how long it took."""
        self._timed(self._detector.learn_one, memory, event, context)


def timed(detectors: Sequence[AnyDetector], spent: Counter[str]) -> tuple[AnyDetector, ...]:
    """Return the detectors with a stopwatch around each.

    Parameters
    ----------
    detectors
        Of a stack.
    spent
        By detector: the seconds that it spends from now on are added here.
    """
    return tuple(_with_stopwatch(detector, spent) for detector in detectors)


def _with_stopwatch(detector: Any, spent: Counter[str]) -> AnyDetector:
    if hasattr(detector, "events"):
        return _Events(detector, spent)
    return (_MemorylessPeriods if isinstance(detector, Memoryless) else _Periods)(detector, spent)
