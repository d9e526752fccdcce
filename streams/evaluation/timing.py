"""What detectors cost: the same detectors with a stopwatch around each call, for evaluations only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from time import process_time
from typing import Any, cast

from detectors.contract import AnyDetector, Context, Opinion, PeriodDetector, Plain
from detectors.memoryless import Memoryless

_LOOKS = 10_000


@cache
def own_cost() -> float:
    """Return the processor time that reading the processor time takes, seconds."""
    began = process_time()
    for _ in range(_LOOKS):
        process_time()
    return (process_time() - began) / _LOOKS


class Timed:
    """A period detector that tells how much processor time it took.

    Parameters
    ----------
    detector
        Does the work.
    spent
        By detector: seconds; added to.
    """

    def __init__(self, detector: PeriodDetector, spent: Counter[str]) -> None:
        self._detector, self._spent = detector, cast("dict[str, float]", spent)
        self.name, self.version, self.family = detector.name, detector.version, detector.family
        self.series = detector.series

    def memory(self) -> Any:
        """Return a new enterprise's memory."""
        return self._detector.memory()

    def dump(self, memory: Any) -> list[Plain]:
        """Return the memory as plain values."""
        began = process_time()
        dumped = self._detector.dump(memory)
        self._spent[self.name] += process_time() - began - own_cost()
        return dumped

    def load(self, state: list[Plain]) -> Any:
        """Return the memory that ``dump`` described."""
        return self._detector.load(state)

    def judge_one(self, memory: Any, context: Context) -> Sequence[Opinion]:
        """Judge, and note how long it took."""
        began = process_time()
        opinions = self._detector.judge_one(memory, context)
        self._spent[self.name] += process_time() - began - own_cost()
        return opinions

    def learn_one(self, memory: Any, context: Context, series: str, index: int) -> None:
        """Learn, and note how long it took."""
        began = process_time()
        self._detector.learn_one(memory, context, series, index)
        self._spent[self.name] += process_time() - began - own_cost()


class _TimedMemoryless(Timed, Memoryless):
    """The engine does not ask those without a memory to learn."""


def timed(detectors: Sequence[AnyDetector], spent: Counter[str]) -> tuple[AnyDetector, ...]:
    """Return the detectors with a stopwatch around those of periods.

    Parameters
    ----------
    detectors
        Of a stack.
    spent
        By detector: the seconds that it spends from now on are added here.
    """
    return tuple(
        _with_stopwatch(detector, spent) if hasattr(detector, "series") else detector for detector in detectors
    )


def _with_stopwatch(detector: Any, spent: Counter[str]) -> AnyDetector:
    return (_TimedMemoryless if isinstance(detector, Memoryless) else Timed)(detector, spent)
