"""What came later changes nothing that was told before: the engine's input is cut at a random time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.contract import Batch, Item
from connectors.models import Signal
from detectors.calendar import Calendar
from detectors.config import DetectionConfig
from streams.replay import Replayed, replay
from streams.rules import Rules
from tests.streams.city import MONDAY, reading

FIRMS = 12
DAYS = 110


class Meters:
    """Readings of some firms, in the order in which they became known."""

    name, families = "meters", ("electricity",)

    def __init__(self, readings: Sequence[Signal]) -> None:
        self._readings = readings

    def read(self, position: str = "") -> Iterator[Batch]:
        items: Sequence[Item] = self._readings
        yield Batch(items, "end")


def meters(seed: int) -> list[Signal]:
    """Draw firms that run, stop, pause and fade, with days that are missing, late or corrected."""
    random = Random(seed)
    told: list[Signal] = []
    for firm in range(FIRMS):
        size, factor = random.uniform(200, 5000), 1.0
        for day in range(DAYS):
            if random.random() < 0.05:
                factor = random.choice([0.0, 0.01, 0.3, 1.0, 1.0, 3.0])
            known = MONDAY + timedelta(days=day + 1, hours=2)
            if random.random() < 0.03:
                continue
            late = timedelta(days=random.choice([0] * 20 + [1, 4, 9]))
            kwh = round(size * factor * random.uniform(0.9, 1.1), 1)
            told.append(reading(day, kwh, f"E{firm}", published_at=known + late))
            if random.random() < 0.02:
                again = known + late + timedelta(days=random.randint(1, 20))
                told.append(reading(day, size, f"E{firm}", published_at=again, revision=1))
    return sorted(told, key=lambda one: (one.published_at or one.event_time, one.source_id))


def run(readings: Sequence[Signal]) -> Replayed:
    # One group: the clock of a group moves with its own records, and one without any after a cut would stand still.
    rules = Rules(1, Calendar(), DetectionConfig.default())
    return replay([Meters(readings)], rules, "Asia/Shanghai")


def alerts_until(result: Replayed, moment: datetime) -> list[bytes]:
    told = zip(result.alerts, result.transitions(), strict=True)
    return sorted(value for (_, value), alert in told if alert.at <= moment)


@given(st.integers(0, 10_000), st.floats(0.3, 1.0))
@example(1270, 0.5753595553998001)  # a level falls in the night before the cut
@settings(deadline=None, max_examples=6)
def test_a_cut_leaves_earlier_alerts_as_they_were(seed: int, share: float) -> None:
    readings = meters(seed)
    cut = readings[: int(share * len(readings))]
    known = cut[-1].published_at
    assert known is not None
    moment = known - timedelta(minutes=1)  # more of this minute may come
    whole, part = run(readings), run(cut)
    assert alerts_until(part, moment) == alerts_until(whole, moment)
    assert part.messages < whole.messages or share == 1.0


def test_there_is_something_to_compare() -> None:
    assert len(run(meters(1)).alerts) > FIRMS
