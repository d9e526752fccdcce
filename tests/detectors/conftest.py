"""A small driver: closes one period after another, as the engine does, and returns what a detector says each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import pytest

from detectors.calendar import Calendar
from detectors.contract import Context, Event, EventDetector, Opinion, PeerBaseline, PeriodDetector, Profile, Series

KEPT, SETTLING = 60, 3

Story = Callable[..., list[Sequence[Opinion]]]
Telling = Callable[..., list[Sequence[Opinion]]]


@pytest.fixture(scope="session")
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture(scope="session")
def story(calendar: Calendar) -> Story:
    """Return a function that plays series and returns the opinions after every period."""

    def play(
        detector: PeriodDetector,
        streams: Mapping[str, Sequence[float]],
        first: Mapping[str, int] | int,
        peers: Sequence[PeerBaseline | None] | None = None,
        unit: str = "kWh",
    ) -> list[Sequence[Opinion]]:
        memory = detector.memory()
        told = []
        for period in range(len(next(iter(streams.values())))):
            start = max(period + 1 - KEPT, 0)
            series = {
                name: Series(
                    (first if isinstance(first, int) else first[name]) + period, values[start : period + 1], unit
                )
                for name, values in streams.items()
            }
            around = {} if peers is None else dict.fromkeys(streams, peers[start : period + 1])
            context = Context(0, calendar, Profile(), series, around)
            settled = len(next(iter(series.values())).values) - 1 - SETTLING
            if settled >= 0:
                for name in detector.series:
                    detector.learn_one(memory, context, name, settled)
            told.append(detector.judge_one(memory, context))
        return told

    return play


@pytest.fixture(scope="session")
def telling(calendar: Calendar) -> Telling:
    """Return a function that plays events, (ISO date, payload), and returns the opinions on each."""

    def play(
        detector: EventDetector, metric: str, events: Sequence[tuple[str, dict[str, Any]]], names: Sequence[str] = ()
    ) -> list[Sequence[Opinion]]:
        memory = detector.memory()
        told = []
        for day, payload in events:
            moment = calendar.day_start(calendar.day_of_date(date.fromisoformat(day)))
            event = Event(metric, payload, moment, moment, "gazette")
            context = Context(moment, calendar, Profile(tuple(names)), {}, {})
            told.append(detector.judge_one(memory, event, context))
            detector.learn_one(memory, event, context)
        return told

    return play
