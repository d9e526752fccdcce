"""Detectors and many enterprises at once: what they learn of a period that has settled, and whom they suspect.

An exception of a detector concerns one enterprise and leaves the others as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import length_hint
from typing import Any, NamedTuple, TypeAlias

from detectors.calendar import Calendar
from detectors.cohort import Cohort
from detectors.contract import Context, PeriodDetector
from streams.rules import SeriesRule
from streams.state import EnterpriseState

ContextOf: TypeAlias = Callable[[EnterpriseState], Context]


class Failure(NamedTuple):
    """A detector that raised over a series, and on whom."""

    state: EnterpriseState
    detector: PeriodDetector
    series: str
    error: Exception


class Cohorts:
    """What the detectors of one stack make of enterprises of which the same period has closed.

    Parameters
    ----------
    calendar
        Of the stack.
    context_of
        Makes the context of an enterprise.
    """

    def __init__(self, calendar: Calendar, context_of: ContextOf) -> None:
        self._calendar = calendar
        self._context_of = context_of

    def learn(self, states: Sequence[EnterpriseState], rule: SeriesRule) -> list[Failure]:
        """Let the detectors that remember a series learn what has settled of it and was not learned.

        Nearly always that is one period. Whoever has more of them to learn, since figures came late, learns alone.
        """
        together: dict[int, list[EnterpriseState]] = {}
        failures: list[Failure] = []
        name, settling = rule.name, rule.settling
        for state in states:
            closed = state.closed.get(name)
            if closed is None:
                continue
            newest = closed.last - settling
            oldest = max(closed.settled + 1, closed.last - len(closed.values) + 1)
            if oldest == newest:
                together.setdefault(closed.last, []).append(state)
            for period in range(oldest, newest + 1) if oldest < newest else ():
                failures += self._learn_period([state], rule, closed.last, closed.last - period)
        for last, alike in together.items():
            failures += self._learn_period(alike, rule, last, rule.settling)
        return failures

    def _learn_period(
        self, states: Sequence[EnterpriseState], rule: SeriesRule, last: int, back: int
    ) -> Iterator[Failure]:
        cohort = self._cohort(states, rule, last, back)
        for detector in rule.learners:
            learning = list(zip(range(len(states)), _memories(states, detector), cohort.values, strict=True))
            each = iter(learning)
            while length_hint(each):
                before = length_hint(each)
                try:
                    detector.learn_many(each, cohort)
                    break
                except Exception as error:
                    if length_hint(each) == before:
                        next(each)  # it came before anybody's value was looked at
                    state = states[len(states) - length_hint(each) - 1]
                    del state.memories[detector.name]  # half learned: begin anew
                    yield Failure(state, detector, rule.name, error)
        for state in states:
            state.closed[rule.name].settled = last - back

    def suspects(
        self, states: Sequence[EnterpriseState], rule: SeriesRule, last: int
    ) -> tuple[set[int], list[Failure]]:
        """Return the numbers of those of whom a detector might say something, by the period that closed last.

        Where a detector fails to tell, that is everybody, and the failure is on each.
        """
        mine = [state for state in states if rule.name in state.closed]
        if not mine:
            return set(), []
        cohort = self._cohort(mine, rule, last, 0)
        numbers = [state.row for state in mine]
        rows: set[int] = set()
        failures: list[Failure] = []
        for detector in rule.detectors:
            name, blank = detector.name, detector.memory()
            remembers = detector in rule.learners
            memories = [state.memories.get(name, blank) for state in mine] if remembers else [blank] * len(mine)
            try:
                rows.update([numbers[place] for place in detector.suspects(memories, cohort)])
            except Exception as error:
                rows.update(numbers)
                failures += [Failure(state, detector, rule.name, error) for state in mine]
        return rows, failures

    def _cohort(self, states: Sequence[EnterpriseState], rule: SeriesRule, last: int, back: int) -> Cohort:
        closed = [state.closed for state in states]
        histories = [known[rule.name].values for known in closed]
        values = [history[-1 - back] for history in histories]
        return Cohort(
            rule.name, last, back, histories, values, closed, self._calendar,
            lambda place: self._context_of(states[place]),
        )  # fmt: skip


def _memories(states: Sequence[EnterpriseState], detector: PeriodDetector) -> list[Any]:
    """Return what a detector remembers of each, a new memory where it has none."""
    name = detector.name
    memories = [state.memories.get(name) for state in states]
    for place, memory in enumerate(memories):
        if memory is None:
            memories[place] = states[place].memories[name] = detector.memory()
    return memories
