"""What came later changes nothing that was told before: the engine's input is cut at a random time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.catalogue import FAMILIES
from connectors.contract import Batch, Item, Rejected
from connectors.models import Enterprise, Signal
from connectors.recordtime import order_key, record_time_ms
from connectors.simulator import CitySource
from detectors.calendar import Calendar
from detectors.config import DetectionConfig
from streams.replay import Replayed, replay
from streams.rules import Rules
from tests.streams.city import MONDAY, reading

FIRMS = 12
DAYS = 110
ZONE = ZoneInfo("Asia/Shanghai")


class Known:
    """Messages in the order in which they became known."""

    name, families = "known", tuple(FAMILIES)

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items

    def read(self, position: str = "") -> Iterator[Batch]:
        yield Batch(self._items, "end")


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


def run(items: Sequence[Item]) -> Replayed:
    # One group: the clock of a group moves with its own records, and one without any after a cut would stand still.
    rules = Rules(1, Calendar(), DetectionConfig.default())
    return replay([Known(items)], rules, "Asia/Shanghai")


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


@lru_cache
def town() -> tuple[Signal | Enterprise, ...]:
    """Return what a small city of all five families makes known, with its stories, in the order of knowing."""
    city = CitySource(enterprises=40, days=220, seed=5, start=date(2025, 9, 1), fine_share=0.0)
    items = chain.from_iterable(batch.items for batch in city.read())
    return tuple(
        sorted((item for item in items if not isinstance(item, Rejected)), key=lambda one: order_key(one, ZONE))
    )


@lru_cache
def all_of_the_town() -> Replayed:
    return run(town())


@given(st.floats(0.5, 1.0))
@settings(deadline=None, max_examples=4)
def test_a_cut_of_all_families_leaves_earlier_alerts_as_they_were(share: float) -> None:
    cut = town()[: int(share * len(town()))]
    moment = datetime.fromtimestamp(record_time_ms(cut[-1], ZONE) / 1000, UTC) - timedelta(minutes=1)
    assert alerts_until(run(cut), moment) == alerts_until(all_of_the_town(), moment)


def test_a_town_has_alerts_of_several_families() -> None:
    families = {reason.family for alert in all_of_the_town().transitions() for reason in alert.reasons}
    assert len(families) >= 4


def test_there_is_something_to_compare() -> None:
    assert len(run(meters(1)).alerts) > FIRMS
